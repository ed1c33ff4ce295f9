package condition

import "regexp"

type op uint8

const (
	opPass op = iota
	opFail
	opUnknown // an operator that this version does not know
	opBroken  // a part that is no condition
	opAnd
	opOr
	opNor
	opNot
	opEach // $all, $alli
	opElem
	opSize
	opString // equal to a string: what most conditions are
	opSame   // equal to a number, a boolean or null
	opDeep   // equal to a list or an object
	opFold   // equal to a string, but for case
	opLess
	opAtMost
	opMore
	opAtLeast
	opVersion // the kind says how it is compared
	opIn
	opInFold
	opGroup   // $savedGroup
	opInGroup // $inGroup
	opOutGroup
	opRegex
	opType
	opExists
)

// node is one test. With path it is asked about what stands there instead of about the value that it is given.
type node struct {
	op   op
	kind kind // of the constant
	path bool
	not  bool // the answer is turned round: $ne, $nin, $nini, $vne
	attr string
	str  string
	num  float64
	more *more
}

// more is what few nodes have.
type more struct {
	rest    []string // the way on, below attr
	kids    []node
	list    *list
	deep    any
	regex   *regexp.Regexp
	group   *Group
	instead []string // the attribute that is looked up in a group's list instead of the group's own
}

// kind is the type of a value in JSON.
type kind uint8

const (
	null kind = iota
	boolean
	number
	text
	array
	object
)

// kindOf is the type of an attribute.
func kindOf(v any) kind {
	switch v.(type) {
	case string:
		return text
	case bool:
		return boolean
	case []any, []string:
		return array
	case map[string]any, map[string]string, *Holder:
		return object
	}
	if _, ok := Number(v); ok {
		return number
	}
	return null
}

// Condition is a compiled condition. The zero Condition, and nil, pass for everyone.
type Condition struct {
	root node
}

// Holder is an object with one key, value: what the condition of a prerequisite is asked about.
type Holder struct {
	Value any
}

// Outcome is what a condition says.
type Outcome uint8

// Fail comes first: what was not decided lets nobody in.
const (
	Fail Outcome = iota
	Pass
	Unknown
	Broken
)

func outcome(pass bool) Outcome {
	if pass {
		return Pass
	}
	return Fail
}

func (o Outcome) not() Outcome {
	switch o {
	case Pass:
		return Fail
	case Fail:
		return Pass
	}
	return o
}
