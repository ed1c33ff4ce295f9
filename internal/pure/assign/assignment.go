package assign

import "slices"

// Assignment is what an experiment says of a visitor.
type Assignment struct {
	Experiment    *Experiment
	Flag          string // the flag that the experiment belongs to
	Variation     int    // its number, 0 for whoever is not in the experiment
	In            bool   // in the experiment
	Placed        bool   // by hashing, and so to be recorded; not by force
	Kept          bool   // as it was assigned earlier
	HashAttribute string
	HashValue     string
	Bucket        float64 // where the visitor stands between 0 and 1, where Placed
	leaf          *Leaf
}

// Value is the variation's value.
func (a *Assignment) Value() Value {
	if a.Experiment == nil || a.Variation >= len(a.Experiment.Variations) {
		return Value{}
	}
	return a.Experiment.Variations[a.Variation]
}

// Key is what the variation is called in reports: its own key, or its number.
func (a *Assignment) Key() string { return a.Experiment.name(a.Variation) }

// Name is what people call the variation, if they do.
func (a *Assignment) Name() string {
	if a.Variation < len(a.Experiment.meta) {
		return a.Experiment.meta[a.Variation].name
	}
	return ""
}

// Passthrough tells whether the variation leaves the decision to the next rule, as one of a holdout does.
func (a *Assignment) Passthrough() bool {
	return a.Variation < len(a.Experiment.meta) && a.Experiment.meta[a.Variation].passthrough
}

// Leaf says by what weights a bandit gave the variation. It is nil where it did not: without a bandit, by force, or as assigned earlier.
func (a *Assignment) Leaf() *Leaf {
	if !a.In || !a.Placed || a.Kept || a.Experiment.explicit {
		return nil
	}
	return a.leaf
}

// Run asks one of the experiments that stand beside the flags.
func (f *Flags) Run(e *Experiment, v *Visitor, t *Trail) (a Assignment) {
	s := newState(v, t)
	var r Result
	s.assign(e, "", &a, &r)
	return a
}

// assign asks an experiment, and leaves its traces.
func (s *state) assign(e *Experiment, flag string, a *Assignment, r *Result) {
	a.Experiment, a.Flag = e, flag
	a.HashAttribute, a.HashValue = s.subject(&e.hashing)
	if e.bandit != nil {
		a.leaf = s.leaf(e)
	}
	variation := s.choose(e, a, r)
	if a.In = variation >= 0 && variation < len(e.Variations); a.In {
		a.Variation = variation
	}
	if s.trail == nil || !a.In || !a.Placed {
		return
	}
	s.trail.Exposures = append(s.trail.Exposures, *a)
	if s.keeps(e) {
		s.keep(a)
	}
}

// choose gives the number of the visitor's variation, or -1.
func (s *state) choose(e *Experiment, a *Assignment, r *Result) int {
	odd := s.odd || e.odd
	if odd {
		if i, decided := s.beforehand(e); decided {
			return i
		}
	}
	if a.HashValue == "" {
		return -1
	}
	earlier := -1
	if odd && s.keeps(e) {
		var out bool
		if earlier, out = s.earlier(e, a); out {
			a.Kept = true
			return -1
		}
	}
	// The condition is asked first, since it says no most often; the order of the two changes nothing.
	if earlier < 0 && (e.cond != nil && !s.meant(e.cond, r) || e.narrow && !s.admitted(e, a, r)) || odd && e.rare != nil && !e.rare.onOldPage(s.visitor.URL) {
		return -1
	}
	n, ok := e.place(a.HashValue)
	if !ok {
		return -1
	}
	i := earlier
	if i < 0 {
		i = e.at(n, a.leaf)
	}
	switch {
	case i < 0:
		return -1
	case odd && e.rare != nil && e.rare.forces:
		return e.rare.force
	case odd && s.visitor.QA:
		return -1
	}
	a.Placed, a.Bucket, a.Kept = true, n, earlier >= 0
	return i
}

// beforehand is what decides whoever the visitor is: who is forced, and experiments that do not run.
func (s *state) beforehand(e *Experiment) (i int, decided bool) {
	v := s.visitor
	if len(e.Variations) < 2 || v.Off || e.rare != nil && !e.rare.onPage(v.URL) {
		return -1, true
	}
	if v.URL != "" {
		if i, ok := Queried(e.Key, v.URL, len(e.Variations)); ok {
			return i, true
		}
	}
	if i, ok := v.Forced[e.Key]; ok {
		return i, true
	}
	idle := e.rare != nil && (e.rare.off || e.rare.status == "draft" || e.rare.status == "stopped" && !e.rare.forces)
	return -1, idle
}

// admitted tells whether a narrow experiment is for the visitor at all.
func (s *state) admitted(e *Experiment, a *Assignment, r *Result) bool {
	if len(e.filters) > 0 {
		if s.filtered(e.filters) {
			return false
		}
	} else if e.space != nil && !InNamespace(a.HashValue, e.space.id, e.space.from, e.space.to) {
		return false
	}
	if len(e.parents) > 0 && s.parents(e.parents, r) != met {
		return false
	}
	return e.rare == nil || len(e.rare.groups) == 0 || slices.ContainsFunc(e.rare.groups, func(g string) bool { return s.visitor.Groups[g] })
}

// at gives the variation of a place.
func (e *Experiment) at(n float64, leaf *Leaf) int {
	if leaf == nil || leaf == e.aside || e.explicit {
		return Choose(n, e.ranges)
	}
	start := 0.0
	for i, w := range leaf.Weights {
		width := e.coverage * w
		if (Range{start, start + float64(width)}).has(n) {
			return i
		}
		start += w
	}
	return -1
}
