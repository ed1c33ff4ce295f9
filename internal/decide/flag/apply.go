package flag

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/fault"
)

// Step is one thing that applying a list of flags does.
type Step struct {
	Flag        string `json:"flag"`
	Kind        Kind   `json:"kind"`
	Environment string `json:"environment,omitempty" doc:"Empty for what is said of the flag everywhere"`
	Do          string `json:"do" enum:"create,change,archive,bring_back"`
	Words       string `json:"words"`
}

// errDry undoes what was only tried.
var errDry = errors.New("only tried")

// Apply makes an app's flags what a list says, all or none. Flags that it does not name stay, unless the others are to be taken out of use; so do states of environments that it does not name. dry: only tell.
func (s *Service) Apply(ctx context.Context, actor, app, reason string, want []Flag, others, dry bool) ([]Step, error) {
	steps := []Step{}
	err := s.db.Tx(ctx, func(tx *db.Tx) error {
		steps = steps[:0]
		have, err := flags(ctx, tx, app, false)
		if err != nil {
			return err
		}
		byName := make(map[string]Flag, len(have))
		for _, f := range have {
			byName[string(f.Kind)+":"+f.Name] = f
		}
		a := applying{Service: s, tx: tx, actor: actor, reason: reason, steps: &steps}
		seen := map[string]bool{}
		for i, f := range want {
			if f.App = app; f.Kind == "" {
				f.Kind = Rules
			}
			name := string(f.Kind) + ":" + f.Name
			if seen[name] {
				return fault.Invalid("the list has two flags of kind %s and name %s", f.Kind, f.Name).At(fmt.Sprintf("body.flags[%d].name", i))
			}
			seen[name] = true
			now, there := byName[name]
			if err := a.one(ctx, f, now, there); err != nil {
				return within(err, f, i)
			}
		}
		for _, f := range have {
			if others && !seen[string(f.Kind)+":"+f.Name] && f.ArchivedAt.IsZero() {
				if err := a.everywhere(ctx, f, archived, "archive", "taken out of use", func(f *Flag) { f.ArchivedAt = tx.Now() }); err != nil {
					return err
				}
			}
		}
		slices.Sort(a.touched)
		for _, env := range slices.Compact(a.touched) {
			if err := s.check(ctx, tx, app, env); err != nil {
				return whose(err, want)
			}
		}
		if dry {
			return errDry
		}
		return nil
	})
	if dry && errors.Is(err, errDry) {
		return steps, nil
	}
	if err != nil {
		return nil, err
	}
	return steps, s.Load(ctx, app)
}

// within says which flag of a list an error is about.
func within(err error, f Flag, i int) error {
	var e *fault.Error
	if !errors.As(err, &e) || e.Code == fault.CodeInternal {
		return err
	}
	return fault.New(e.Code, "%s: %s", f.Name, e.Message).At(fmt.Sprintf("body.flags[%d]", i)).Because(err)
}

// whose says which flag of a list a fault is in that the compiler found when all were there.
func whose(err error, want []Flag) error {
	for i, f := range want {
		if strings.Contains(fault.Message(err), "features."+f.Name+".") {
			return within(err, f, i)
		}
	}
	return err
}

// applying is a list that is being applied, in one transaction. Flags lean on one another, so that they are checked when all are there.
type applying struct {
	*Service
	tx            *db.Tx
	actor, reason string
	steps         *[]Step
	touched       []string
}

func (a *applying) one(ctx context.Context, want, now Flag, there bool) error {
	if !there {
		states := want.States
		want.States = nil
		made, err := a.create(ctx, a.tx, a.actor, created, a.reason, want)
		if err != nil {
			return err
		}
		*a.steps = append(*a.steps, Step{Flag: want.Name, Kind: want.Kind, Do: "create", Words: string(want.Kind) + " created"})
		return a.states(ctx, made, states)
	}
	if !now.ArchivedAt.IsZero() {
		if err := anywhere(ctx, a.tx, now.App, &now, func(s State) bool { return s.On }); err != nil {
			return err
		}
		if err := a.everywhere(ctx, now, broughtBack, "bring_back", "brought back into use", func(f *Flag) { f.ArchivedAt = db.Time(0) }); err != nil {
			return err
		}
		now.ArchivedAt = db.Time(0)
		now.Revision++
	}
	if err := want.clean(want.Kind); err != nil {
		return err
	}
	if !now.equal(want.About) {
		if err := now.retyped(want.Type, want.States); err != nil {
			return err
		}
		if want.Type != now.Type || want.Server != now.Server {
			if err := anywhere(ctx, a.tx, now.App, &now, func(State) bool { return true }); err != nil {
				return err
			}
		}
		if err := a.everywhere(ctx, now, applied, "change", "description, owner and such changed", func(f *Flag) { f.About = want.About }); err != nil {
			return err
		}
		now.About, now.Revision = want.About, now.Revision+1
	}
	return a.states(ctx, now, want.States)
}

func (a *About) equal(b About) bool {
	return a.Description == b.Description && a.Owner == b.Owner && slices.Equal(a.Tags, b.Tags) && a.Type == b.Type && a.Server == b.Server && a.Permanent == b.Permanent && a.StaleDays == b.StaleDays
}

func (a *applying) states(ctx context.Context, f Flag, want map[string]State) error {
	for _, env := range slices.Sorted(maps.Keys(want)) {
		to := want[env]
		to.Revision = f.States[env].Revision
		if err := to.clean(f.Kind, f.Type); err != nil {
			return err
		}
		beneath, ramp, err := a.beneath(ctx, f, env)
		if err != nil {
			return err
		}
		patch, before := difference(beneath, to)
		if len(patch) == 0 { // as a list says that was written beside a ramp, which goes on
			continue
		}
		needs, err := approvals(ctx, a.tx, f.App, env)
		if err != nil {
			return err
		}
		if needs && !offOnly(patch) {
			return errNeedsApproval(env)
		}
		at, err := bump(ctx, a.tx, f.App)
		if err != nil {
			return err
		}
		if f, _, err = a.put(ctx, a.tx, f, env, to, Change{At: at, By: a.actor, How: applied, Reason: a.reason, unchecked: true}); err != nil {
			return err
		}
		a.touched = append(a.touched, env)
		*a.steps = append(*a.steps, Step{Flag: f.Name, Kind: f.Kind, Environment: env, Do: "change", Words: words(patch, before) + ends(ramp)})
	}
	return nil
}

// beneath is what a flag is without the ramp under way, which lists do not have.
func (a *applying) beneath(ctx context.Context, f Flag, env string) (State, string, error) {
	if a.Ramps.Beneath == nil {
		return f.States[env], "", nil
	}
	return a.Ramps.Beneath(ctx, a.tx, f, env)
}

// ends says that a ramp ends with a change.
func ends(ramp string) string {
	if ramp == "" {
		return ""
	}
	return "; the ramp " + ramp + " ends"
}

// everywhere changes what is said of a flag in all environments.
func (a *applying) everywhere(ctx context.Context, f Flag, how, do, said string, change func(*Flag)) error {
	for env := range f.States {
		a.touched = append(a.touched, env)
	}
	if how == archived {
		tell := []string{said}
		for _, env := range slices.Sorted(maps.Keys(f.States)) {
			_, ramp, err := a.beneath(ctx, f, env)
			if err != nil {
				return err
			}
			tell = append(tell, ends(ramp))
		}
		said = strings.Join(tell, "")
	}
	if how == broughtBack {
		change(&f)
	}
	if how == archived || how == broughtBack {
		var err error
		if f, err = a.settle(ctx, a.tx, f, Change{By: a.actor, How: how, Reason: a.reason, unchecked: true}); err != nil {
			return err
		}
	}
	at, err := bump(ctx, a.tx, f.App)
	if err != nil {
		return err
	}
	change(&f)
	f.ChangedAt, f.ChangedBy = at, a.actor
	if err := updateFlag(ctx, a.tx, f); err != nil {
		return err
	}
	*a.steps = append(*a.steps, Step{Flag: f.Name, Kind: f.Kind, Do: do, Words: said})
	return a.keep(ctx, a.tx, done{f, Change{At: at, By: a.actor, How: how, Reason: a.reason, Words: said, unchecked: true}})
}
