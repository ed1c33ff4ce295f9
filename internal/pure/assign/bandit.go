package assign

import (
	"slices"

	"github.com/slipwayhq/slipway/internal/pure/assign/condition"
	"github.com/slipwayhq/slipway/internal/pure/assign/span"
)

// bandit weighs the variations of an experiment anew for each kind of visitor.
type bandit struct {
	version  *int
	contexts []leafContext
}

// leafContext is one kind of visitor.
type leafContext struct {
	cond   *condition.Condition
	leaf   Leaf
	known  bool // it has a number, and weights that are some
	broken bool // nobody can say whom it means: the search ends here
}

// Leaf is by what weights a visitor was given a variation. Weights are the payload's: read them only.
type Leaf struct {
	ID      int // -1: no kind of visitor matched, and the experiment's own weights counted
	Weights []float64
	Version *int
}

// allBandits reads the bandits. What is wrong with one costs its experiments their weights, never the flag.
func (l *loader) allBandits() error {
	if l.Kind() != '{' {
		if l.Kind() == 'n' {
			_, err := l.Skip()
			return err
		}
		return l.wrong("the contextual bandits must be an object of bandits by name")
	}
	return l.Object(func(ref string) error {
		delete(l.bandits, ref)
		if l.Kind() == '{' {
			b, err := l.oneBandit()
			l.bandits[ref] = b
			return err
		}
		raw, err := l.Skip()
		if err == nil && (Value{raw}).On() {
			l.bandits[ref] = &bandit{}
			l.faults.At(l.Reader, `a bandit must be an object: {"contexts": […]}`)
		}
		return err
	})
}

func (l *loader) oneBandit() (*bandit, error) {
	b := &bandit{}
	err := l.Object(func(key string) (err error) {
		switch {
		case key == "banditVersion":
			b.version, err = l.wholeOrNone()
			return err
		case key == "contexts" && l.Kind() == '[':
			b.contexts = nil
			return l.Array(func(i int) error {
				if i >= MaxList {
					return l.wrong("a bandit may have 1,000 contexts; this one does not count")
				}
				c, err := l.leafContext()
				b.contexts = append(b.contexts, c)
				return err
			})
		case key == "contexts":
			return l.wrong("the contexts must be a list")
		}
		_, err = l.Skip()
		return err
	})
	for i := range b.contexts {
		b.contexts[i].leaf.Version = b.version
	}
	return b, err
}

func (l *loader) wholeOrNone() (*int, error) {
	if l.Kind() == 'n' {
		_, err := l.Skip()
		return nil, err
	}
	if l.Kind() != '0' {
		return nil, l.wrong("this must be a whole number")
	}
	f, err := l.Number()
	i := int(f)
	if float64(i) != f {
		l.faults.At(l.Reader, "this must be a whole number")
		return nil, err
	}
	return &i, err
}

func (l *loader) leafContext() (c leafContext, err error) {
	if l.Kind() != '{' {
		c.broken = true
		return c, l.wrong(`a context must be an object: {"leafId": 1, "condition": {…}, "weights": […]}`)
	}
	var id *int
	err = l.Object(func(key string) (err error) {
		switch key {
		case "leafId":
			id, err = l.wholeOrNone()
			return err
		case "condition":
			c.cond, err = l.conds.Condition(l.Reader)
			return err
		case "weights":
			c.leaf.Weights, err = l.numbersOrNone()
			return err
		}
		_, err = l.Skip()
		return err
	})
	if c.known = id != nil && goodWeights(c.leaf.Weights, len(c.leaf.Weights)); c.known {
		c.leaf.ID = *id
	} else if err == nil {
		l.faults.At(l.Reader, "a context needs a leafId, and weights that add up to 1")
	}
	return c, err
}

// numbersOrNone reads a list of numbers; one that holds anything else is none at all.
func (l *loader) numbersOrNone() ([]float64, error) {
	if l.Kind() != '[' {
		_, err := l.Skip()
		return nil, err
	}
	out, good := []float64{}, true
	err := l.Array(func(int) error {
		if l.Kind() != '0' {
			good = false
			_, err := l.Skip()
			return err
		}
		f, err := l.Number()
		out = append(out, f)
		return err
	})
	if !good {
		return nil, err
	}
	return out, err
}

// guide gives an experiment its bandit.
func (l *loader) guide(e *Experiment) {
	if e.bandit = l.bandits[e.ref]; e.bandit == nil {
		l.faults.Add("contextualBandits", "there is no bandit "+span.Short(e.ref)+"; the experiment's own weights count")
		return
	}
	e.aside = &Leaf{ID: -1, Weights: e.weights, Version: e.bandit.version}
	if slices.ContainsFunc(e.bandit.contexts, func(c leafContext) bool { return c.known && len(c.leaf.Weights) != len(e.Variations) }) {
		l.faults.Add("contextualBandits."+span.Short(e.ref), "a context has not as many weights as the experiment "+span.Short(e.Key)+" has variations")
	}
}

// leaf finds the kind of visitor that somebody is.
func (s *state) leaf(e *Experiment) *Leaf {
	for i := range e.bandit.contexts {
		c := &e.bandit.contexts[i]
		if c.broken {
			break
		}
		switch c.cond.Match(&s.budget, s.visitor.Attributes) {
		case condition.Broken:
			return e.aside
		case condition.Pass:
			if !c.known || len(c.leaf.Weights) != len(e.Variations) {
				return e.aside
			}
			return &c.leaf
		}
	}
	return e.aside
}
