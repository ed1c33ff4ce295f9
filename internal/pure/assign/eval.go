package assign

import (
	"github.com/slipwayhq/slipway/internal/pure/assign/circle"
	"github.com/slipwayhq/slipway/internal/pure/assign/condition"
)

// Visitor is who is asking, and how. The evaluation reads it only.
type Visitor struct {
	Attributes map[string]any    // as encoding/json decodes them
	URL        string            // of the page, for what is forced in its query and for experiments on some pages only
	Off        bool              // experiments include nobody
	QA         bool              // only what is forced
	Forced     map[string]int    // the variation of an experiment, by its key
	Values     map[string]Value  // the value of a flag, by its name, whatever its rules say
	Groups     map[string]bool   // the groups of older experiments
	Sticky     map[string]Sticky // what was assigned earlier, by Sticky.Key; nil: assignments are not kept
}

// Trail is what an evaluation leaves behind, for those who want to know. One may serve several evaluations for the same visitor.
type Trail struct {
	Exposures []Assignment      // the visitor was placed, on the way to the value of a flag: to be recorded
	Sticky    map[string]Sticky // what was assigned and is to be kept: each replaces what the caller had
}

// Source is where a value comes from.
type Source uint8

// The zero Source is that of a flag that nobody knows.
const (
	UnknownFeature Source = iota
	DefaultValue
	Force
	ByExperiment
	Override
	Prerequisite
	CyclicPrerequisite
)

// String is GrowthBook's name of the source.
func (s Source) String() string {
	switch s {
	case DefaultValue:
		return "defaultValue"
	case Force:
		return "force"
	case ByExperiment:
		return "experiment"
	case Override:
		return "override"
	case Prerequisite:
		return "prerequisite"
	case CyclicPrerequisite:
		return "cyclicPrerequisite"
	}
	return "unknownFeature"
}

// What went wrong in an evaluation; the value is good all the same.
const (
	problemBroken  = "a condition is none, and lets nobody in"
	problemUnknown = "a condition has an operator or a group that this version does not know, and lets nobody in"
	problemFuel    = "the conditions take too many steps; the default value counts"
	problemDeep    = "the prerequisites are nested too deep; the default value counts"
	problemCircle  = "the flag is its own prerequisite"
)

// Result is the value of a flag for a visitor, and why.
type Result struct {
	Value      Value
	Source     Source
	On         bool
	Rule       string     // the id of the rule that decided
	Place      int        // its place among the flag's rules, from 1; 0 where none decided
	Problem    string     // what is wrong with the flag, if anything is: to be counted
	Assignment Assignment // what the experiment says; none where Source is another
}

// state is one evaluation.
type state struct {
	visitor *Visitor
	trail   *Trail
	budget  condition.Run
	within  int        // flags that are being looked into
	seen    circle.Set // those of them that are part of a circle
	odd     bool       // there is more to the visitor than attributes
}

// Eval gives the value of a flag. t may be nil.
func (f *Flags) Eval(key string, v *Visitor, t *Trail) (r Result) {
	s := newState(v, t)
	if one := f.byKey[key]; one == nil || one.odd || s.odd {
		s.named(key, one, &r)
	} else {
		s.rules(one, &r)
	}
	return r
}

func newState(v *Visitor, t *Trail) state {
	return state{
		visitor: v, trail: t, budget: condition.Run{Fuel: condition.Fuel},
		odd: v.URL != "" || v.Off || v.QA || v.Forced != nil || v.Values != nil || v.Sticky != nil,
	}
}

func (s *state) named(key string, f *flag, r *Result) {
	if s.odd {
		if v, ok := s.visitor.Values[key]; ok {
			r.give(v, Override)
			return
		}
	}
	switch {
	case f == nil:
	case f.odd:
		s.oddFlag(f, r)
	default:
		s.rules(f, r)
	}
}

// give sets the value.
func (r *Result) give(v Value, by Source) { r.Value, r.Source, r.On = v, by, v.On() }

// oddFlag is a flag that cannot be evaluated, or one that is its own prerequisite.
func (s *state) oddFlag(f *flag, r *Result) {
	switch {
	case f.problem != "":
		r.give(f.value, DefaultValue)
		r.Problem = f.problem
	case s.seen.Has(f.circle):
		r.Source, r.Problem = CyclicPrerequisite, problemCircle
	default:
		s.seen.Flip(f.circle)
		s.rules(f, r)
		s.seen.Flip(f.circle)
	}
}

// rules goes through the rules of a flag; r is empty before.
func (s *state) rules(f *flag, r *Result) {
	for i := range f.rules {
		if s.rule(f, &f.rules[i], r) {
			r.Place = i + 1
			return
		}
		if s.budget.Fuel < 0 {
			r.Problem = problemFuel
			break
		}
	}
	r.give(f.value, DefaultValue)
}

// rule tells whether a rule decides.
func (s *state) rule(f *flag, ru *rule, r *Result) bool {
	if ru.more != nil {
		switch s.parents(ru.more.parents, r) {
		case met:
		case gated:
			r.Source = Prerequisite
			return true
		case inCircle:
			r.Source = CyclicPrerequisite
			return true
		default:
			return false
		}
		if s.filtered(ru.more.filters) {
			return false
		}
	}
	switch {
	case ru.forces:
		if !s.meant(ru.cond, r) || ru.part != nil && !s.included(ru.part) {
			return false
		}
		r.give(ru.value, Force)
	case ru.exp != nil:
		a := &r.Assignment
		if s.assign(ru.exp, f.key, a, r); !a.In || len(ru.exp.meta) > 0 && a.Passthrough() {
			*a = Assignment{}
			return false
		}
		r.give(ru.exp.Variations[a.Variation], ByExperiment)
	default:
		return false
	}
	r.Rule = ru.id
	return true
}

// meant tells whether a condition means the visitor.
func (s *state) meant(c *condition.Condition, r *Result) bool {
	switch c.Match(&s.budget, s.visitor.Attributes) {
	case condition.Pass:
		return true
	case condition.Unknown:
		r.Problem = problemUnknown
	case condition.Broken:
		r.Problem = problemBroken
	}
	return false
}

// subject finds by what a visitor is placed: the attribute's name, and its value, which is empty where it is missing.
func (s *state) subject(h *hashing) (name, value string) {
	v := s.visitor.Attributes[h.attribute]
	if value, ok := v.(string); ok && value != "" {
		return h.attribute, value
	}
	if value = hashable(v); value != "" {
		return h.attribute, value
	}
	if h.fallback != "" && s.visitor.Sticky != nil && !h.fleeting {
		if value = hashable(s.visitor.Attributes[h.fallback]); value != "" {
			return h.fallback, value
		}
	}
	return h.attribute, ""
}

func (s *state) included(p *part) bool {
	_, value := s.subject(&p.hashing)
	if value == "" {
		return false
	}
	n, ok := p.place(value)
	return ok && p.has(n)
}

// filtered tells whether a filter keeps the visitor away.
func (s *state) filtered(filters []filter) bool {
	for i := range filters {
		f := &filters[i]
		_, value := s.subject(&f.hashing)
		if value == "" {
			return true
		}
		if n, ok := f.place(value); !ok || Choose(n, f.ranges) < 0 {
			return true
		}
	}
	return false
}

// costOfFlag is what a prerequisite takes of the budget of an evaluation.
const costOfFlag = 20

type prerequisites uint8

const (
	met prerequisites = iota
	unmet
	gated
	inCircle
)

// parents asks the prerequisites, one after the other.
func (s *state) parents(parents []parent, r *Result) prerequisites {
	for i := range parents {
		p := &parents[i]
		var pr Result
		if s.budget.Fuel -= costOfFlag; s.budget.Fuel < 0 {
			return unmet
		}
		if s.within >= 2*MaxParents {
			r.Problem = problemDeep
			return unmet
		}
		s.within++
		s.named(p.id, p.flag, &pr)
		s.within--
		if pr.Problem != "" {
			r.Problem = pr.Problem
		}
		if pr.Source == CyclicPrerequisite {
			return inCircle
		}
		if c := p.cond.Match(&s.budget, &condition.Holder{Value: pr.Value.Any()}); c != condition.Pass {
			if p.gate {
				return gated
			}
			return unmet
		}
	}
	return met
}
