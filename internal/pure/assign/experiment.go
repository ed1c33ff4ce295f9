package assign

import (
	"slices"
	"strconv"

	"github.com/slipwayhq/slipway/internal/pure/assign/condition"
)

// Experiment shares visitors out among variations.
type Experiment struct {
	Key        string
	Variations []Value

	hashing
	odd      bool // it is never run, or has rare
	narrow   bool // it has filters, a namespace, parents or groups
	explicit bool // the ranges stand in the payload, and weights say nothing
	ranges   []Range
	cond     *condition.Condition
	bandit   *bandit
	rare     *rare
	meta     []meta
	coverage float64
	weights  []float64 // of the variations, for a bandit
	aside    *Leaf     // where no leaf of the bandit matches
	space    *namespace
	filters  []filter
	parents  []parent
	sticky   string // under what an assignment is kept
	minimum  int    // of an earlier version than this whoever was assigned is out
	ref      string
	raw      string
}

// rare is what experiments have that stand beside the flags.
type rare struct {
	status  string
	off     bool
	force   int
	forces  bool
	groups  []string
	address string
	pattern *pattern // the address as an expression
	targets []target
	persist bool
}

// meta is what a variation is called.
type meta struct {
	key, name   string
	passthrough bool // who gets it goes on to the next rule
}

// namespace is the part of a namespace that an experiment has.
type namespace struct {
	id       string
	from, to float64
}

func (l *loader) namespace() error {
	var s namespace
	n := 0
	err := l.list(`a name and two numbers, such as ["checkout", 0, 0.5]`, func() (err error) {
		switch n++; n {
		case 1:
			return l.text(&s.id)
		case 2:
			s.from, err = l.number()
			return err
		case 3:
			s.to, err = l.number()
			return err
		}
		_, err = l.Skip()
		return err
	})
	if err == nil && l.draft.problem == "" && (n != 3 || !(0 <= s.from && s.from <= s.to && s.to <= 1)) {
		l.faults.At(l.Reader, `a namespace is its name and two numbers from 0 to 1, the smaller one first, such as ["checkout", 0, 0.5]`)
		if n != 3 {
			l.draft.problem = l.Path() + ": no namespace"
		}
	}
	l.draft.space = &s
	return err
}

func (l *loader) meta() error {
	l.draft.meta = l.draft.meta[:0]
	return l.list("what the variations are called", func() error {
		var m meta
		err := l.fields(`this must be an object, such as {"key": "blue"}`, func(key string) error {
			if l.Kind() != 'n' {
				switch key {
				case "key":
					return l.text(&m.key)
				case "name":
					return l.text(&m.name)
				case "passthrough":
					return l.boolean(&m.passthrough)
				}
			}
			_, err := l.Skip()
			return err
		})
		l.draft.meta = append(l.draft.meta, m)
		return err
	})
}

// experiment makes an experiment of what was read.
func (l *loader) experiment(key, raw string) *Experiment {
	d := &l.draft
	if d.key != "" {
		key = d.key
	}
	if d.seed == "" {
		d.seed = key
	}
	e := &Experiment{
		Key: key, Variations: slices.Clone(d.variations), coverage: 1, cond: d.cond, space: d.space, filters: slices.Clone(d.filters), meta: slices.Clone(d.meta),
		parents: slices.Clone(d.parents), minimum: d.minimum, sticky: key + "__" + strconv.Itoa(max(d.bucket, 0)), ref: d.bandit, raw: raw,
	}
	e.hashing = l.hashing(d.attribute, d.fallback, d.seed, d.version, 1)
	e.fleeting = d.fleeting
	if d.hasCoverage {
		l.covered()
		e.coverage = min(max(d.coverage, 0), 1)
	}
	e.narrow = len(e.filters)+len(e.parents)+len(d.groups) > 0 || e.space != nil
	if e.odd = len(d.variations) < 2; e.odd {
		l.faults.At(l.Reader, "an experiment needs two variations at least")
	}
	l.weighed()
	if e.explicit = len(d.ranges) > 0; e.explicit {
		e.ranges = slices.Clone(d.ranges)
	} else {
		e.ranges = Ranges(len(d.variations), e.coverage, d.weights)
	}
	if e.ref != "" {
		if e.weights = slices.Clone(d.weights); !goodWeights(e.weights, len(e.Variations)) {
			e.weights = EqualWeights(len(e.Variations))
		}
		l.guided = append(l.guided, e)
	}
	return e
}

// weighed checks the weights of the variations.
func (l *loader) weighed() {
	d := &l.draft
	if !d.hasWeights || goodWeights(d.weights, len(d.variations)) {
		return
	}
	if len(d.weights) != len(d.variations) {
		l.faults.At(l.Reader, "there are %d weights for %d variations; each needs one", len(d.weights), len(d.variations))
		return
	}
	sum := 0.0
	for _, w := range d.weights {
		sum += w
	}
	l.faults.At(l.Reader, "the weights add up to %.4g; none may be below 0, and together they must be 1", sum)
}

// autoExperiments reads the experiments that stand beside the flags.
func (l *loader) autoExperiments() error {
	if l.Kind() == 'n' {
		_, err := l.Skip()
		return err
	}
	if l.Kind() != '[' {
		return l.wrong("the experiments must be a list")
	}
	return l.Array(func(int) error {
		if l.Kind() != '{' {
			return l.wrong(`an experiment must be an object: {"key": "…", "variations": […]}`)
		}
		raw := l.Rest()
		l.draft.reset()
		if err := l.Object(l.field); err != nil || l.draft.problem != "" {
			return err // without meaning it is left out
		}
		e := l.experiment("", raw[:len(raw)-len(l.Rest())])
		d := &l.draft
		e.odd = true
		e.rare = &rare{status: d.status, off: d.off, forces: d.forces, groups: slices.Clone(d.groups), address: d.address, targets: slices.Clone(d.targets), persist: d.persist}
		if f, ok := d.value.Number(); ok {
			e.rare.force = int(f)
		} else if d.forces = d.value.JSON() != "null"; d.forces {
			l.faults.At(l.Reader, "force is the number of a variation, from 0 on")
		}
		e.rare.forces = d.forces
		if d.address != "" {
			e.rare.pattern = l.pattern(d.address)
		}
		l.flags.experiments = append(l.flags.experiments, e)
		return nil
	})
}

// name is what a variation is called: its key where it has one, and its number.
func (e *Experiment) name(variation int) string {
	if variation < len(e.meta) && e.meta[variation].key != "" {
		return e.meta[variation].key
	}
	return strconv.Itoa(variation)
}
