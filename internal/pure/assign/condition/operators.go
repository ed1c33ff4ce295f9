package condition

import (
	"encoding/json"
	"strings"

	"github.com/slipwayhq/slipway/internal/pure/assign/span"
)

// value reads what an attribute must be: a constant, or an object of operators.
func (c *Compiler) value(r *span.Reader, fold bool) (n node, ok bool, err error) {
	switch r.Kind() {
	case '"':
		s, err := r.String()
		n = node{op: opString, kind: text, str: s}
		if fold {
			n.op = opFold
		}
		return n, true, err
	case '{':
		if only, _, err := operators(r); only || err != nil {
			return c.operators(r)
		}
	case '0', 't', 'f', 'n':
		n, err = constant(r)
		return n, true, err
	}
	raw, err := r.Skip()
	n = node{op: opDeep, more: &more{}}
	if err == nil {
		_ = json.Unmarshal([]byte(raw), &n.more.deep) // Skip has checked it; what is left is a number beyond float64
	}
	return n, true, err
}

// constant reads a number, a boolean or null.
func constant(r *span.Reader) (n node, err error) {
	n.op = opSame
	switch r.Kind() {
	case '0':
		n.kind = number
		n.num, err = r.Number()
		return n, err
	case 't':
		n.kind, n.num = boolean, 1
	case 'f':
		n.kind = boolean
	}
	_, err = r.Skip()
	return n, err
}

// operators looks ahead at an object: whether it has only operators, and whether one of them is asked about an object's attributes.
func operators(r *span.Reader) (only, tests bool, err error) {
	only = true
	ahead := *r
	err = ahead.Object(func(key string) error {
		switch key {
		case "$or", "$nor", "$and", "$savedGroup":
			tests = true
		}
		only = only && strings.HasPrefix(key, "$")
		_, err := ahead.Skip()
		return err
	})
	return only, tests, err
}

func (c *Compiler) operators(r *span.Reader) (node, bool, error) {
	return c.tests(r, func(key string) (node, bool, error) { return c.operator(r, key) })
}

// isOperator tells whether a key is one of the operators that ask about a value.
func isOperator(key string) bool {
	switch key {
	case "$eq", "$ne", "$lt", "$lte", "$gt", "$gte", "$veq", "$vne", "$vlt", "$vlte", "$vgt", "$vgte", "$in", "$nin", "$ini", "$nini", "$inGroup", "$notInGroup",
		"$regex", "$regexi", "$size", "$type", "$exists", "$elemMatch", "$all", "$alli":
		return true
	}
	return false
}

func (c *Compiler) operator(r *span.Reader, key string) (node, bool, error) {
	switch key {
	case "$eq", "$ne":
		return c.equal(r, key == "$ne")
	case "$lt":
		return c.compared(r, opLess)
	case "$lte":
		return c.compared(r, opAtMost)
	case "$gt":
		return c.compared(r, opMore)
	case "$gte":
		return c.compared(r, opAtLeast)
	case "$in", "$nin":
		return c.in(r, opIn, key == "$nin")
	case "$ini", "$nini":
		return c.in(r, opInFold, key == "$nini")
	case "$inGroup":
		return c.inGroup(r, opInGroup)
	case "$notInGroup":
		return c.inGroup(r, opOutGroup)
	case "$regex", "$regexi":
		return c.regex(r, key == "$regexi")
	case "$exists":
		yes, err := truthy(r)
		return node{op: opExists, not: !yes}, true, err
	case "$type":
		return c.isType(r)
	case "$size":
		return c.wrap(r, opSize)
	case "$not":
		return c.wrap(r, opNot)
	case "$elemMatch":
		return c.elemMatch(r)
	case "$all", "$alli":
		return c.each(r, key == "$alli")
	case "$and", "$or", "$nor", "$savedGroup":
		return c.never(r, "%s holds conditions: it stands beside the attributes, not below one", key)
	}
	if strings.HasPrefix(key, "$v") && isOperator(key) {
		return c.version(r, key)
	}
	c.faults.At(r, "%s is no operator; there are $eq, $ne, $lt, $lte, $gt, $gte, $veq, $vne, $vlt, $vlte, $vgt, $vgte, $in, $nin, $ini, $nini, $inGroup, $notInGroup, $regex, $regexi, "+
		"$exists, $type, $size, $all, $alli, $elemMatch and $not", span.Short(key))
	_, err := r.Skip()
	return node{op: opUnknown}, true, err
}

// equal reads the constant of $eq and $ne. Lists and objects are equal to none.
func (c *Compiler) equal(r *span.Reader, not bool) (n node, ok bool, err error) {
	switch r.Kind() {
	case '{', '[':
		c.faults.At(r, "this is never equal to a list or an object; give a string, a number, true, false or null")
		_, err = r.Skip()
		return node{op: opFail, not: not}.turned(), true, err
	case '"':
		n, _, err = c.value(r, false)
	default:
		n, err = constant(r)
	}
	n.not = not
	return n, true, err
}

// turned gives a node that always passes where one that always fails is turned round.
func (n node) turned() node {
	if n.op == opFail && n.not {
		return node{op: opPass}
	}
	return n
}

// ordered reads a constant that has an order: a string or a number. Otherwise it is a fault.
func (c *Compiler) ordered(r *span.Reader) (n node, ok bool, err error) {
	switch r.Kind() {
	case '"':
		n.kind = text
		n.str, err = r.String()
		return n, true, err
	case '0':
		n.kind = number
		n.num, err = r.Number()
		return n, true, err
	}
	c.faults.At(r, "only a string or a number can be compared")
	_, err = r.Skip()
	return n, false, err
}

func (c *Compiler) compared(r *span.Reader, o op) (node, bool, error) {
	n, ok, err := c.ordered(r)
	if n.op = o; !ok {
		n.op = opFail
	}
	return n, true, err
}

func (c *Compiler) version(r *span.Reader, key string) (node, bool, error) {
	n, ok, err := c.ordered(r)
	n.not = key == "$vne"
	if !ok {
		return node{op: opFail, not: n.not}.turned(), true, err
	}
	n.op = opVersion
	if n.kind == number {
		n.str = string(span.AppendNumber(nil, n.num))
	}
	n.str = string(appendVersion(nil, n.str))
	switch n.num = versionEqual; key {
	case "$vlt":
		n.num = versionLess
	case "$vlte":
		n.num = versionAtMost
	case "$vgt":
		n.num = versionMore
	case "$vgte":
		n.num = versionAtLeast
	}
	return n, true, err
}

func (c *Compiler) in(r *span.Reader, o op, not bool) (node, bool, error) {
	if r.Kind() != '[' {
		return c.never(r, `this must be a list, such as ["US", "CA"]`)
	}
	l, err := scalars(r)
	l.finish(o == opInFold)
	return node{op: o, not: not, more: &more{list: l}}, true, err
}

// scalars reads a list for lookups.
func scalars(r *span.Reader) (*list, error) {
	l := &list{}
	err := r.Array(func(int) error {
		switch r.Kind() {
		case '"':
			s, err := r.String()
			l.strings = append(l.strings, s)
			return err
		case '0':
			f, err := r.Number()
			if l.numbers == nil {
				l.numbers = map[float64]struct{}{}
			}
			l.numbers[f] = struct{}{}
			return err
		case 't':
			l.yes = true
		case 'f':
			l.no = true
		case 'n':
			l.null = true
		}
		_, err := r.Skip()
		return err
	})
	return l, err
}

func (c *Compiler) inGroup(r *span.Reader, o op) (node, bool, error) {
	if r.Kind() != '"' {
		return c.none(r, "this must be the id of a saved group, a string")
	}
	id, err := r.String()
	return node{op: o, more: &more{group: c.named(r, id)}}, true, err
}

// truthy reads a value as JavaScript would where it wants true or false.
func truthy(r *span.Reader) (bool, error) {
	kind := r.Kind()
	raw, err := r.Skip()
	if kind == '0' {
		f, _ := span.New(raw).Number()
		return f != 0, err
	}
	return kind != 'n' && kind != 'f' && raw != `""`, err
}

func (c *Compiler) isType(r *span.Reader) (node, bool, error) {
	if r.Kind() != '"' {
		return c.none(r, "this must be a type, a string: string, number, boolean, array, object or null")
	}
	name, err := r.String()
	n := node{op: opType}
	switch name {
	case "string":
		n.kind = text
	case "number":
		n.kind = number
	case "boolean":
		n.kind = boolean
	case "array":
		n.kind = array
	case "object":
		n.kind = object
	case "null":
		n.kind = null
	default:
		c.faults.At(r, "%q is no type; there are string, number, boolean, array, object and null", span.Short(name))
		n.op = opFail
	}
	return n, true, err
}

// wrap reads what an attribute must be, for an operator that asks about something else than the attribute.
func (c *Compiler) wrap(r *span.Reader, o op) (node, bool, error) {
	if c.nested++; c.nested > MaxNested {
		c.nested--
		return c.none(r, "conditions may be nested %d levels deep, no more", MaxNested)
	}
	n, ok, err := c.value(r, false)
	c.nested--
	return node{op: o, more: &more{kids: []node{n}}}, ok, err
}

func (c *Compiler) elemMatch(r *span.Reader) (n node, ok bool, err error) {
	if r.Kind() != '{' {
		return c.none(r, `this must be an object: {"$eq": "a"}, or the condition that an element has to meet`)
	}
	only, tests, err := operators(r)
	if err != nil {
		return n, false, err
	}
	if only && !tests {
		n, ok, err = c.operators(r)
	} else {
		n, ok, err = c.object(r)
	}
	return node{op: opElem, more: &more{kids: []node{n}}}, ok, err
}

// each reads the list of $all: each entry must be met by an element.
func (c *Compiler) each(r *span.Reader, fold bool) (node, bool, error) {
	if r.Kind() != '[' {
		return c.none(r, "this must be a list")
	}
	start, ok := len(c.entries), true
	err := r.Array(func(int) error {
		n, good, err := c.value(r, fold)
		ok = ok && good
		c.add("", n)
		return err
	})
	return c.join(opEach, start), ok, err
}
