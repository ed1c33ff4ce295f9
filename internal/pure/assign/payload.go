package assign

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/slipwayhq/slipway/internal/pure/assign/circle"
	"github.com/slipwayhq/slipway/internal/pure/assign/condition"
	"github.com/slipwayhq/slipway/internal/pure/assign/span"
)

const (
	// MaxBytes is how large a payload may be that people save: four times what ten thousand flags of ten rules take.
	MaxBytes = 64 << 20
	// MaxName is how long the name of a flag, a rule, an experiment or a group may be, in bytes.
	MaxName = 256
	// MaxList is how many entries the lists of a rule may have: variations, filters, prerequisites.
	MaxList = 1000
	// MaxParents is how deep flags may be each other's prerequisites.
	MaxParents = 50
)

// Options say how a payload is compiled.
type Options struct {
	Strict   bool // refuse a payload with any fault, as one that somebody saves; otherwise evaluate what can be
	MaxBytes int  // 0: MaxBytes, and twice as much where not Strict
}

func (o Options) limit() int {
	switch {
	case o.MaxBytes > 0:
		return o.MaxBytes
	case o.Strict:
		return MaxBytes
	}
	return 2 * MaxBytes
}

// loader compiles one payload.
type loader struct {
	*span.Reader
	flags   *Flags
	faults  *Faults
	conds   *condition.Compiler
	bandits map[string]*bandit
	guided  []*Experiment // those that follow a bandit
	related []*flag       // those with prerequisites
	rules   []rule        // of the flag that is being read
	draft   draft
}

// Compile reads a payload in GrowthBook's form: {"features": {…}, "savedGroups": {…}, "contextualBandits": {…}, "experiments": […]}.
//
// The error is a *span.Error where it is no JSON, and *Faults where it is too large, or has a fault and Strict is asked for.
func Compile(payload []byte, o Options) (*Flags, error) {
	faults := &Faults{}
	if limit := o.limit(); len(payload) > limit {
		faults.Add("", fmt.Sprintf("the payload has %d bytes, %d are allowed; move long lists into saved groups, or split it by project", len(payload), limit))
		return nil, faults
	}
	text, clean := span.Clean(payload)
	if !clean {
		faults.Add("", "the payload is not UTF-8; what is not was replaced")
	}
	l := &loader{
		Reader: span.New(text), faults: faults, conds: condition.NewCompiler(faults), bandits: map[string]*bandit{},
		flags: &Flags{byKey: map[string]*flag{}, faults: faults},
	}
	if err := l.payload(); err != nil {
		return nil, err
	}
	l.finish()
	if o.Strict && faults.Count > 0 {
		return nil, faults
	}
	return l.flags, nil
}

func (l *loader) payload() error {
	if l.Kind() != '{' {
		if err := l.wrong(`the payload must be an object: {"features": {…}}`); err != nil {
			return err
		}
		return l.End()
	}
	err := l.Object(func(key string) error {
		switch key {
		case "features":
			return l.features()
		case "savedGroups":
			if l.Kind() == 'n' {
				break
			}
			return l.conds.Groups(l.Reader)
		case "contextualBandits":
			return l.allBandits()
		case "experiments":
			return l.autoExperiments()
		}
		_, err := l.Skip()
		return err
	})
	if err != nil {
		return err
	}
	return l.End()
}

// wrong keeps a fault about the value where the loader stands, and steps over it.
func (l *loader) wrong(format string, args ...any) error {
	l.faults.At(l.Reader, format, args...)
	_, err := l.Skip()
	return err
}

// name checks the length of a name.
func (l *loader) name(s string) {
	if len(s) > MaxName {
		l.faults.At(l.Reader, "this name has %d bytes; %d are enough for any", len(s), MaxName)
	}
}

func (l *loader) features() error {
	if l.Kind() != '{' {
		return l.wrong("the features must be an object of flags by name")
	}
	return l.Object(func(key string) error {
		l.name(key)
		if key == "" {
			l.faults.At(l.Reader, "a flag needs a name")
		}
		if l.flags.byKey[key] != nil {
			l.faults.At(l.Reader, "there are two flags of this name; the last one counts")
		}
		f := &flag{key: key}
		l.flags.byKey[key] = f
		return l.feature(f)
	})
}

func (l *loader) feature(f *flag) error {
	if l.Kind() != '{' {
		f.problem = "the flag is no object"
		return l.wrong(`a flag must be an object: {"defaultValue": false, "rules": […]}`)
	}
	l.rules = l.rules[:0]
	related := false
	err := l.Object(func(key string) error {
		switch key {
		case "defaultValue":
			raw, err := l.Skip()
			f.value = Value{raw}
			return err
		case "rules":
			l.rules, related = l.rules[:0], false
			switch l.Kind() {
			case '[':
				return l.Array(func(i int) error {
					ru, err := l.rule(f)
					if ru.more != nil {
						ru.more.at = i
						related = related || len(ru.more.parents) > 0
					}
					if ru.forces || ru.exp != nil || ru.more != nil { // others do nothing
						l.rules = append(l.rules, ru)
					}
					return err
				})
			case 'n':
			default:
				f.problem = "its rules are no list"
				return l.wrong("the rules must be a list")
			}
		}
		_, err := l.Skip()
		return err
	})
	f.rules = slices.Clone(l.rules)
	if related {
		l.related = append(l.related, f)
	}
	return err
}

// finish ties together what the payload names: flags, groups, bandits.
func (l *loader) finish() {
	l.conds.Finish()
	for _, e := range l.guided {
		l.guide(e)
	}
	parents := map[*flag][]*flag{}
	tie := func(f *flag, list []parent, where string) {
		for i := range list {
			p := &list[i]
			if p.flag = l.flags.byKey[p.id]; p.flag == nil {
				l.faults.Add(where, "there is no flag "+span.Short(p.id)+", which must come first; make it, or take it out")
			} else if f != nil {
				parents[f] = append(parents[f], p.flag)
			}
		}
	}
	for _, f := range l.related {
		if l.flags.byKey[f.key] != f {
			continue // another one of the same name came later
		}
		for i := range f.rules {
			if m := f.rules[i].more; m != nil {
				tie(f, m.parents, fmt.Sprintf("features.%s.rules[%d].parentConditions", span.Short(f.key), m.at))
			}
		}
	}
	for i, e := range l.flags.experiments {
		tie(nil, e.parents, fmt.Sprintf("experiments[%d].parentConditions", i))
	}
	found := circle.Find(l.related, func(f *flag) []*flag { return parents[f] })
	circles := 0
	for _, f := range l.related {
		switch where := "features." + span.Short(f.key); {
		case found.In[f]:
			circles++
			f.circle = circles
			l.faults.Add(where, "the flag must come before itself, directly or by way of others; take one of the prerequisites out")
		case found.Depth[f] > MaxParents:
			l.faults.Add(where, fmt.Sprintf("flags may be each other's prerequisites %d levels deep, no more", MaxParents))
		}
	}
	all := slices.SortedFunc(maps.Values(l.flags.byKey), func(a, b *flag) int { return strings.Compare(a.key, b.key) })
	for _, f := range all {
		f.odd = f.problem != "" || f.circle > 0
	}
	l.flags.inOrder = all
}
