package assign

import (
	"iter"

	"github.com/slipwayhq/slipway/internal/pure/assign/condition"
	"github.com/slipwayhq/slipway/internal/pure/assign/span"
)

// Fault is something wrong with a payload: where it is, and what to do about it.
type Fault = span.Fault

// Faults are all that is wrong with a payload. A strict Compile gives them as its error.
type Faults = span.Faults

// Flags are the flags of one payload, compiled. They do not change, so that many may ask at once.
type Flags struct {
	byKey       map[string]*flag
	inOrder     []*flag
	experiments []*Experiment
	faults      *Faults
}

type flag struct {
	key     string
	value   Value // where no rule decides
	rules   []rule
	odd     bool   // it has a problem, or is part of a circle
	problem string // why it cannot be evaluated
	circle  int    // it is its own prerequisite, by whatever way: its number among those that are, from 1
}

// rule decides for those whom it means, or leaves them to the next rule.
type rule struct {
	id     string
	value  Value
	forces bool // the rule gives its value; otherwise its experiment decides, if it has one
	cond   *condition.Condition
	part   *part
	more   *conditions
	exp    *Experiment
}

// part is how many of those whom a rule means get its value.
type part struct {
	hashing
	Range
}

// conditions are what few rules have.
type conditions struct {
	at      int // which of the flag's rules in the payload this is
	parents []parent
	filters []filter
}

// parent is a prerequisite: a flag whose value must meet a condition.
type parent struct {
	id   string
	flag *flag
	cond *condition.Condition
	gate bool // without it the whole flag has no value; otherwise the rule alone is skipped
}

// filter keeps those who stand outside of its ranges away.
type filter struct {
	hashing
	ranges []Range
}

// Faults are what is wrong with the payload; what can be evaluated all the same is.
func (f *Flags) Faults() *Faults { return f.faults }

// Len is how many flags there are.
func (f *Flags) Len() int { return len(f.inOrder) }

// Keys are the names of the flags, in order.
func (f *Flags) Keys() iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, one := range f.inOrder {
			if !yield(one.key) {
				return
			}
		}
	}
}

// Experiments are the experiments that stand beside the flags.
func (f *Flags) Experiments() []*Experiment { return f.experiments }

// All evaluates each flag for one visitor, in the order of their names.
func (f *Flags) All(v *Visitor, t *Trail) iter.Seq2[string, Result] {
	return func(yield func(string, Result) bool) {
		for _, one := range f.inOrder {
			var r Result
			s := newState(v, t)
			s.named(one.key, one, &r)
			if !yield(one.key, r) {
				return
			}
		}
	}
}
