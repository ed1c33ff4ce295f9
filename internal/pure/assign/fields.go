package assign

import (
	"math"

	"github.com/slipwayhq/slipway/internal/pure/assign/condition"
)

// draft is a rule or an experiment as it is read. Its lists are kept from rule to rule, and copied by whoever needs them.
type draft struct {
	id, key, seed, status, attribute, fallback, address, bandit string

	value                    Value
	forces, fleeting, off    bool
	persist                  bool // the query goes along to where a redirect leads
	hasRange, hasContextual  bool
	hasCoverage, hasWeights  bool
	cond                     *condition.Condition
	coverage                 float64
	version, bucket, minimum int
	portion                  Range
	space                    *namespace
	parents                  []parent
	filters                  []filter
	variations, contextual   []Value
	weights                  []float64
	ranges                   []Range
	meta                     []meta
	groups                   []string
	targets                  []target

	problem string // why it cannot be evaluated
}

func (d *draft) reset() {
	*d = draft{
		parents: d.parents[:0], filters: d.filters[:0], variations: d.variations[:0], contextual: d.contextual[:0], weights: d.weights[:0], ranges: d.ranges[:0],
		meta: d.meta[:0], groups: d.groups[:0], targets: d.targets[:0],
	}
}

// field reads one field of a rule or of an experiment. Null is a field that is not there, but for force.
func (l *loader) field(key string) (err error) {
	d := &l.draft
	if l.Kind() == 'n' && key != "force" && key != "condition" {
		_, err = l.Skip()
		return err
	}
	switch key {
	case "condition":
		d.cond, err = l.conds.Condition(l.Reader)
		return err
	case "force":
		raw, err := l.Skip()
		d.value, d.forces = Value{raw}, true
		return err
	case "variations":
		return l.values(&d.variations)
	case "contextualVariations":
		d.hasContextual = true
		return l.values(&d.contextual)
	case "weights":
		d.hasWeights, d.weights = true, d.weights[:0]
		return l.list("weights, which are numbers", func() error {
			n, err := l.number()
			d.weights = append(d.weights, n)
			return err
		})
	case "coverage":
		d.hasCoverage = true
		d.coverage, err = l.number()
		return err
	case "range":
		d.hasRange = true
		d.portion, err = l.span()
		return err
	case "ranges":
		return l.spans(&d.ranges)
	}
	return l.fieldOfText(key)
}

func (l *loader) fieldOfText(key string) (err error) {
	d := &l.draft
	switch key {
	case "id":
		return l.text(&d.id)
	case "key":
		return l.text(&d.key)
	case "seed":
		return l.text(&d.seed)
	case "status":
		return l.text(&d.status)
	case "hashAttribute":
		return l.text(&d.attribute)
	case "fallbackAttribute":
		return l.text(&d.fallback)
	case "contextualBanditRef":
		return l.text(&d.bandit)
	case "url":
		return l.text(&d.address)
	case "hashVersion":
		return l.whole(&d.version)
	case "bucketVersion":
		return l.whole(&d.bucket)
	case "minBucketVersion":
		return l.whole(&d.minimum)
	case "disableStickyBucketing":
		return l.boolean(&d.fleeting)
	case "persistQueryString":
		return l.boolean(&d.persist)
	case "active":
		active := true
		err = l.boolean(&active)
		d.off = !active
		return err
	case "parentConditions":
		return l.parents()
	case "filters":
		return l.filters()
	case "namespace":
		return l.namespace()
	case "meta":
		return l.meta()
	case "groups":
		return l.list("the names of groups", func() error {
			d.groups = append(d.groups, "")
			return l.text(&d.groups[len(d.groups)-1])
		})
	case "urlPatterns":
		return l.targets()
	}
	_, err = l.Skip()
	return err
}

// broken keeps a fault that leaves the rule without meaning.
func (l *loader) broken(what string) error {
	if l.draft.problem == "" {
		l.draft.problem = l.Path() + ": " + what
	}
	return l.wrong("%s", what)
}

func (l *loader) text(into *string) (err error) {
	if l.Kind() != '"' {
		return l.broken("this must be a string")
	}
	*into, err = l.String()
	l.name(*into)
	return err
}

func (l *loader) boolean(into *bool) error {
	switch l.Kind() {
	case 't':
		*into = true
	case 'f':
		*into = false
	default:
		return l.broken("this must be true or false")
	}
	_, err := l.Skip()
	return err
}

func (l *loader) number() (float64, error) {
	if l.Kind() != '0' {
		return 0, l.broken("this must be a number")
	}
	return l.Number()
}

func (l *loader) whole(into *int) error {
	f, err := l.number()
	if err == nil && (f != math.Trunc(f) || math.Abs(f) > math.MaxInt32) {
		l.faults.At(l.Reader, "this must be a whole number")
		f = -1
	}
	*into = int(f)
	return err
}

// list reads a list, each element of which one reads.
func (l *loader) list(of string, one func() error) error {
	if l.Kind() != '[' {
		return l.broken("this must be a list of " + of)
	}
	return l.Array(func(i int) error {
		switch {
		case i < MaxList:
			return one()
		case i == MaxList:
			return l.broken("the list has more than 1,000 entries")
		}
		_, err := l.Skip()
		return err
	})
}

func (l *loader) values(into *[]Value) error {
	*into = (*into)[:0]
	return l.list("values", func() error {
		raw, err := l.Skip()
		*into = append(*into, Value{raw})
		return err
	})
}

// span reads the two ends of a range.
func (l *loader) span() (r Range, err error) {
	var ends [2]float64
	n := 0
	err = l.list("two numbers, such as [0, 0.5]", func() error {
		f, err := l.number()
		if n < len(ends) {
			ends[n] = f
		}
		n++
		return err
	})
	r = Range{ends[0], ends[1]}
	if err == nil && (n != 2 || !(0 <= r.From && r.From <= r.To && r.To <= 1)) {
		l.faults.At(l.Reader, "a range is two numbers from 0 to 1, the smaller one first")
	}
	return r, err
}

func (l *loader) spans(into *[]Range) error {
	*into = (*into)[:0]
	return l.list("ranges, such as [[0, 0.5], [0.5, 1]]", func() error {
		r, err := l.span()
		*into = append(*into, r)
		return err
	})
}

// fields reads an object, each field of which one reads.
func (l *loader) fields(what string, one func(key string) error) error {
	if l.Kind() != '{' {
		return l.broken(what)
	}
	return l.Object(one)
}

func (l *loader) parents() error {
	l.draft.parents = l.draft.parents[:0]
	return l.list("prerequisites", func() error {
		var p parent
		err := l.fields(`a prerequisite is an object: {"id": "other-flag", "condition": {"value": true}}`, func(key string) (err error) {
			switch key {
			case "id":
				return l.text(&p.id)
			case "condition":
				p.cond, err = l.conds.Condition(l.Reader)
				return err
			case "gate":
				return l.boolean(&p.gate)
			}
			_, err = l.Skip()
			return err
		})
		l.draft.parents = append(l.draft.parents, p)
		return err
	})
}

func (l *loader) filters() error {
	l.draft.filters = l.draft.filters[:0]
	return l.list("filters", func() error {
		f := filter{hashing: hashing{attribute: "id", version: 2}}
		err := l.fields(`a filter is an object: {"seed": "…", "ranges": [[0, 0.5]]}`, func(key string) (err error) {
			switch key {
			case "seed":
				return l.text(&f.seed)
			case "attribute":
				return l.text(&f.attribute)
			case "hashVersion":
				return l.whole(&f.version)
			case "ranges":
				return l.spans(&f.ranges)
			}
			_, err = l.Skip()
			return err
		})
		f.hashing = l.hashing(f.attribute, "", f.seed, f.version, 2)
		l.draft.filters = append(l.draft.filters, f)
		return err
	})
}

// hashing completes how visitors are placed.
func (l *loader) hashing(attribute, fallback, seed string, version, usual int) hashing {
	if attribute == "" {
		attribute = "id"
	}
	if version == 0 {
		version = usual
	}
	if version != 1 && version != 2 {
		l.faults.At(l.Reader, "there are hashVersion 1 and 2, and nobody is placed by another")
	}
	return hashing{attribute: attribute, fallback: fallback, seed: seed, state: fnv(fnvStart, seed), version: version}
}
