package condition

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/slipwayhq/slipway/internal/pure/assign/span"
)

const (
	// MaxNested is how deep conditions may be nested.
	MaxNested = 50
	// MaxNodes is how many tests one condition may have.
	MaxNodes = 10_000
)

// Compiler compiles the conditions and the groups of one payload. Equal texts give one Condition.
type Compiler struct {
	faults  *span.Faults
	groups  map[string]*Group
	regexes map[string]*regexp.Regexp
	known   map[string]*Condition
	entries []entry // of the objects and lists that are being read
	within  *Group  // the group whose condition is being read
	nested  int
	nodes   int // of the condition that is being read
	steps   int // of the regular expressions
}

// entry is one key of an object of tests, or one element of a list of them.
type entry struct {
	key string
	node
}

// NewCompiler returns a compiler that tells faults what is wrong.
func NewCompiler(faults *span.Faults) *Compiler {
	return &Compiler{faults: faults, groups: map[string]*Group{}, regexes: map[string]*regexp.Regexp{}, known: map[string]*Condition{}}
}

// Compile reads a condition of its own, which may name the given saved groups (an object, or nothing). What is wrong with it is a fault; only text that is no JSON is an error.
func Compile(text, groups string, faults *span.Faults) (*Condition, error) {
	c := NewCompiler(faults)
	if groups != "" {
		if err := c.Groups(span.New(groups, "savedGroups")); err != nil {
			return nil, err
		}
	}
	r := span.New(text)
	cond, err := c.Condition(r)
	if err == nil {
		err = r.End()
	}
	c.Finish()
	return cond, err
}

// Condition reads the condition where the reader stands. Null is none.
func (c *Compiler) Condition(r *span.Reader) (*Condition, error) {
	before := *r
	raw, err := r.Skip()
	if err != nil || raw == "null" {
		return nil, err
	}
	if cond, ok := c.known[raw]; ok {
		return cond, nil
	}
	count := c.faults.Count
	cond := &Condition{}
	if cond.root, err = c.root(&before); err != nil {
		return nil, err
	}
	if c.faults.Count == count { // the next one with this fault has it at another place
		c.known[raw] = cond
	}
	return cond, nil
}

func (c *Compiler) root(r *span.Reader) (node, error) {
	c.nodes = 0
	n, ok, err := c.object(r)
	if err == nil && c.nodes > MaxNodes {
		c.faults.At(r, "the condition has more than %d tests; put the values in a list ($in) or in a saved group", MaxNodes)
		ok = false
	}
	if !ok {
		n = node{op: opBroken}
	}
	return n, err
}

// object reads a condition: not ok if it is none.
func (c *Compiler) object(r *span.Reader) (n node, ok bool, err error) {
	if r.Kind() != '{' {
		return c.none(r, `a condition must be an object, such as {"country": "US"}`)
	}
	return c.tests(r, func(key string) (node, bool, error) {
		n, ok, err := c.test(r, key)
		if !ok {
			n = node{op: opBroken}
		}
		return n, true, err
	})
}

// none says what is wrong with the value where the reader stands, and steps over it.
func (c *Compiler) none(r *span.Reader, format string, args ...any) (node, bool, error) {
	c.faults.At(r, format, args...)
	_, err := r.Skip()
	return node{}, false, err
}

// never is none for what is a test, but one that nobody passes.
func (c *Compiler) never(r *span.Reader, format string, args ...any) (node, bool, error) {
	_, _, err := c.none(r, format, args...)
	return node{op: opFail}, true, err
}

// tests reads an object, each of whose keys is a test, all of which must pass.
func (c *Compiler) tests(r *span.Reader, each func(key string) (node, bool, error)) (n node, ok bool, err error) {
	if c.nested++; c.nested > MaxNested {
		c.nested--
		return c.none(r, "conditions may be nested %d levels deep, no more", MaxNested)
	}
	start, ok := len(c.entries), true
	err = r.Object(func(key string) error {
		one, good, err := each(key)
		ok = ok && good
		c.add(key, one)
		return err
	})
	c.nested--
	mine := c.entries[start:]
	slices.SortStableFunc(mine, func(a, b entry) int {
		return cmp.Or(cmp.Compare(rank(a.key), rank(b.key)), strings.Compare(a.key, b.key))
	})
	// Of a key that stands there twice the last counts.
	kept := 0
	for i := range mine {
		if i+1 == len(mine) || mine[i].key != mine[i+1].key {
			mine[kept] = mine[i]
			kept++
		}
	}
	c.entries = c.entries[:start+kept]
	if kept == 1 {
		n = c.entries[start].node
		c.entries = c.entries[:start]
		return n, ok, err
	}
	return c.join(opAnd, start), ok, err
}

func (c *Compiler) add(key string, n node) {
	if c.nodes++; c.nodes <= MaxNodes { // the rest is counted, and lost with the whole
		c.entries = append(c.entries, entry{key, n})
	}
}

// rank puts the tests that hold other tests first.
func rank(key string) int {
	switch key {
	case "$and":
		return 0
	case "$or":
		return 1
	case "$nor":
		return 2
	case "$not":
		return 3
	}
	return 4
}

// join makes one node of the entries from start on.
func (c *Compiler) join(o op, start int) node {
	mine := c.entries[start:]
	kids := make([]node, len(mine))
	for i := range mine {
		kids[i] = mine[i].node
	}
	clear(mine)
	c.entries = c.entries[:start]
	return node{op: o, more: &more{kids: kids}}
}

// test reads one entry of a condition: a test of tests, a group, or an attribute.
func (c *Compiler) test(r *span.Reader, key string) (node, bool, error) {
	switch key {
	case "$and":
		return c.list(r, opAnd)
	case "$or":
		return c.list(r, opOr)
	case "$nor":
		return c.list(r, opNor)
	case "$not":
		n, ok, err := c.object(r)
		return node{op: opNot, more: &more{kids: []node{n}}}, ok, err
	case "$savedGroup":
		return c.savedGroup(r)
	case "$savedGroups":
		return c.never(r, `$savedGroups is for editors; write {"$savedGroup": {"id": …}}, one for each`)
	}
	if isOperator(key) {
		c.faults.At(r, `%s is asked about an attribute: write {"attribute": {"%s": …}}`, key, key)
	}
	n, ok, err := c.value(r, false)
	rest := strings.Split(key, ".")
	n.path, n.attr = true, rest[0]
	if len(rest) > 1 {
		if n.more == nil {
			n.more = &more{}
		}
		n.more.rest = rest[1:]
	}
	return n, ok, err
}

// list reads a list of conditions.
func (c *Compiler) list(r *span.Reader, o op) (n node, ok bool, err error) {
	if r.Kind() != '[' {
		return c.none(r, "this must be a list of conditions, such as [{…}, {…}]")
	}
	start := len(c.entries)
	err = r.Array(func(int) error {
		one, ok, err := c.object(r)
		if !ok {
			one = node{op: opBroken}
		}
		c.add("", one)
		return err
	})
	return c.join(o, start), true, err
}

// savedGroup reads the reference to a group: {"id": …}, with the attributeKey that is looked up instead of the group's own.
func (c *Compiler) savedGroup(r *span.Reader) (node, bool, error) {
	const form = `name the group: {"id": "grp_…"}`
	if r.Kind() != '{' {
		return c.never(r, form)
	}
	var id string
	var instead []string
	found, wrong := false, false
	err := r.Object(func(key string) error {
		switch {
		case key != "id" && key != "attributeKey":
		case r.Kind() != '"':
			c.faults.At(r, "this must be a string")
			wrong = true
		default:
			s, err := r.String()
			if key == "id" {
				id, found = s, true
			} else {
				instead = strings.Split(s, ".")
			}
			return err
		}
		_, err := r.Skip()
		return err
	})
	if wrong || !found {
		if !wrong {
			c.faults.At(r, form)
		}
		return node{op: opFail}, true, err
	}
	return node{op: opGroup, more: &more{group: c.named(r, id), instead: instead}}, true, err
}
