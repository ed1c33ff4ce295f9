package condition

import (
	"strings"

	"github.com/slipwayhq/slipway/internal/pure/assign/circle"
)

// Fuel is the budget of one evaluation, in nodes.
const Fuel = 500_000

// MaxGroups is how deep groups may name one another.
const MaxGroups = 50

// Run is one evaluation of one or more conditions for one visitor.
type Run struct {
	Fuel   int        // nodes that may still be looked at; below 0 everything is Broken
	within int        // groups that are being looked into
	seen   circle.Set // those of them that are part of a circle
}

// Match asks a condition about an object, which is the visitor's attributes, or a *Holder.
func (c *Condition) Match(run *Run, about any) Outcome {
	if c == nil {
		return Pass
	}
	return run.node(&c.root, about)
}

func (r *Run) node(n *node, v any) Outcome {
	if r.Fuel--; r.Fuel < 0 {
		return Broken
	}
	if n.path {
		if m, ok := v.(map[string]any); ok {
			v = m[n.attr]
		} else {
			v = step(v, n.attr)
		}
		if n.more != nil {
			v = follow(v, n.more.rest)
		}
	}
	if n.op == opString {
		s, ok := v.(string)
		return outcome((ok && s == n.str) != n.not)
	}
	switch n.op {
	case opAnd:
		return r.all(n.more.kids, v)
	case opOr:
		return r.any(n.more.kids, v)
	case opNor:
		return r.any(n.more.kids, v).not()
	case opNot:
		return r.node(&n.more.kids[0], v).not()
	case opEach:
		return r.each(n.more.kids, v)
	case opElem:
		return r.elem(&n.more.kids[0], v)
	case opSize:
		size, ok := elements(v)
		if !ok {
			return Fail
		}
		return r.node(&n.more.kids[0], size)
	case opGroup:
		return r.group(n, v)
	case opInGroup, opOutGroup:
		return n.inGroup(v)
	case opUnknown:
		return Unknown
	case opBroken:
		return Broken
	case opPass:
		return Pass
	case opFail:
		return Fail
	}
	return outcome(n.test(v) != n.not)
}

// test asks a node that looks at nothing but the value.
func (n *node) test(v any) bool {
	switch n.op {
	case opSame:
		return n.same(v)
	case opIn:
		return n.more.list.any(v, false)
	case opInFold:
		return n.more.list.any(v, true)
	case opLess, opAtMost, opMore, opAtLeast:
		c, ok := n.order(v)
		return ok && (n.op == opLess && c < 0 || n.op == opAtMost && c <= 0 || n.op == opMore && c > 0 || n.op == opAtLeast && c >= 0)
	case opVersion:
		return n.version(v)
	case opRegex:
		s, ok := v.(string)
		return ok && n.more.regex.MatchString(s)
	case opFold:
		s, ok := v.(string)
		return ok && strings.EqualFold(s, n.str)
	case opType:
		return kindOf(v) == n.kind
	case opExists:
		return v != nil && kindOf(v) != null
	case opDeep:
		return equal(v, n.more.deep)
	}
	return false
}

// all is $and: one that fails decides.
func (r *Run) all(kids []node, v any) Outcome {
	res := Pass
	for i := range kids {
		switch o := r.node(&kids[i], v); o {
		case Fail, Broken:
			return o
		case Unknown:
			res = Unknown
		}
	}
	return res
}

// any is $or: one that passes decides, and none at all passes.
func (r *Run) any(kids []node, v any) Outcome {
	if len(kids) == 0 {
		return Pass
	}
	res := Fail
	for i := range kids {
		switch o := r.node(&kids[i], v); o {
		case Pass, Broken:
			return o
		case Unknown:
			res = Unknown
		}
	}
	return res
}

// elem wants one element, other than null, that passes.
func (r *Run) elem(kid *node, v any) Outcome {
	n, ok := elements(v)
	if !ok {
		return Fail
	}
	res := Fail
	for i := range n {
		one := at(v, i)
		if one == nil || kindOf(one) == null {
			continue
		}
		switch o := r.node(kid, one); o {
		case Pass, Broken:
			return o
		case Unknown:
			res = Unknown
		}
	}
	return res
}

// each wants, for every kid, an element that passes it.
func (r *Run) each(kids []node, v any) Outcome {
	n, ok := elements(v)
	if !ok {
		return Fail
	}
	res := Pass
	for k := range kids {
		found := Fail
		for i := 0; i < n && found != Pass; i++ {
			switch o := r.node(&kids[k], at(v, i)); o {
			case Broken:
				return Broken
			case Pass, Unknown:
				found = o
			}
		}
		switch found {
		case Fail:
			return Fail
		case Unknown:
			res = Unknown
		}
	}
	return res
}
