package assign

import (
	"math"
	"slices"
)

// rule reads one rule of a flag.
func (l *loader) rule(f *flag) (ru rule, err error) {
	if l.Kind() != '{' {
		if f.problem == "" {
			f.problem = l.Path() + " is no object"
		}
		return ru, l.wrong(`a rule must be an object: {"condition": {…}, "force": true}`)
	}
	raw := l.Rest()
	l.draft.reset()
	if err := l.Object(l.field); err != nil {
		return ru, err
	}
	d := &l.draft
	if d.problem != "" {
		if f.problem == "" {
			f.problem = d.problem
		}
		return ru, nil
	}
	ru = rule{id: d.id, value: d.value, forces: d.forces}
	if len(d.parents)+len(d.filters) > 0 {
		ru.more = &conditions{parents: slices.Clone(d.parents), filters: slices.Clone(d.filters)}
	}
	switch {
	case d.forces:
		ru.cond = d.cond
		ru.part = l.part(f.key)
	case len(d.variations) > 0 || d.hasContextual:
		if d.hasContextual {
			d.variations, d.contextual = d.contextual, d.variations
		}
		d.parents = d.parents[:0] // the rule asks for them
		ru.exp = l.experiment(f.key, raw[:len(raw)-len(l.Rest())])
		if ru.more != nil {
			ru.exp.filters = ru.more.filters
		}
	case !slices.ContainsFunc(d.parents, func(p parent) bool { return p.gate }):
		l.faults.At(l.Reader, "the rule does nothing: give it a value (force), or variations")
	}
	return ru, nil
}

// part is how many get the value of a rule that forces one; nil is all.
func (l *loader) part(key string) *part {
	d := &l.draft
	if !d.hasRange && !d.hasCoverage {
		return nil
	}
	p := part{Range: Range{math.Inf(-1), d.coverage}}
	if d.hasRange {
		p.Range = d.portion
	} else {
		l.covered()
	}
	if d.seed == "" {
		d.seed = key
	}
	p.hashing = l.hashing(d.attribute, d.fallback, d.seed, d.version, 1)
	p.fleeting = d.fleeting
	return &p
}

func (l *loader) covered() {
	if c := l.draft.coverage; !(c >= 0 && c <= 1) {
		l.faults.At(l.Reader, "the coverage is %v; it is a share, from 0 to 1", c)
	}
}
