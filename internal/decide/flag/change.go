package flag

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/fault"
)

// How a flag came to be as it is.
const (
	created     = "created"
	edited      = "edited"
	restored    = "restored"
	planned     = "planned"
	archived    = "archived"
	broughtBack = "brought_back"
	applied     = "applied"
	ramped      = "ramped"
	planFailed  = "plan_failed" // it is not: a planned change could not be made
)

// most is how many flags, switches and samples an app can have.
const most = 20_000

// Flags lists those of an app by name, with those that are out of use if they are wanted.
func (s *Service) Flags(ctx context.Context, app string, all bool) ([]Flag, error) {
	return flags(ctx, s.db, app, !all)
}

// Find gives one of an app by its id, or by its kind and name, such as "switch:maintenance"; a name alone is that of a flag, or else of a switch, or of a sample.
func (s *Service) Find(ctx context.Context, app, name string) (Flag, error) {
	return find(ctx, s.db, app, name)
}

// FindIn is Find within the caller's transaction.
func (s *Service) FindIn(ctx context.Context, q db.Querier, app, name string) (Flag, error) {
	return find(ctx, q, app, name)
}

func find(ctx context.Context, q db.Querier, app, name string) (Flag, error) {
	if strings.HasPrefix(name, "flg_") {
		if f, err := one(ctx, q, app, name); err == nil || !fault.Is(err, fault.CodeNotFound) {
			return f, err
		}
	}
	rows, err := q.Query(ctx, flagColumns+` WHERE app = $1 AND (name = $2 OR kind || ':' || name = $2)`, app, name)
	all, err := each(rows, err, "flags", scanFlag)
	if err != nil {
		return Flag{}, err
	}
	if len(all) == 0 {
		return Flag{}, fault.NotFound("%s has no flag, switch or sample %q", app, name)
	}
	slices.SortFunc(all, func(a, b Flag) int {
		return cmp.Or(cmp.Compare(rank(a, name), rank(b, name)), cmp.Compare(order(a.Kind), order(b.Kind)))
	})
	return one(ctx, q, app, all[0].ID)
}

func rank(f Flag, name string) int {
	if string(f.Kind)+":"+f.Name == name {
		return 0 // what is said in full
	}
	return 1
}

func order(k Kind) int { return slices.Index([]Kind{Rules, Switch, Sample}, k) }

// Create adds a flag, with the states that it begins with; it is off where none is given.
func (s *Service) Create(ctx context.Context, actor, reason string, f Flag) (Flag, error) {
	err := s.db.Tx(ctx, func(tx *db.Tx) error {
		var err error
		f, err = s.create(ctx, tx, actor, created, reason, f)
		return err
	})
	if err != nil {
		return Flag{}, err
	}
	return f, s.Load(ctx, f.App)
}

func (s *Service) create(ctx context.Context, tx *db.Tx, actor, how, reason string, f Flag) (Flag, error) {
	if !slices.Contains([]Kind{Rules, Switch, Sample}, f.Kind) {
		return f, fault.Invalid("a flag is of kind flag, switch or sample; %q is none", f.Kind).At("body.kind")
	}
	if err := checkNew(f.Name); err != nil {
		return f, err
	}
	if err := f.clean(f.Kind); err != nil {
		return f, err
	}
	at, err := bump(ctx, tx, f.App)
	if err != nil {
		return f, err
	}
	var n int
	if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM flag_flags WHERE app = $1`, f.App).Scan(&n); err != nil {
		return f, fmt.Errorf("count the flags of %s: %w", f.App, err)
	}
	if n >= most {
		return f, fault.Conflict("%s has %d flags, and more are not kept", f.App, n)
	}
	states := f.States
	f.ID, f.CreatedAt, f.CreatedBy, f.ChangedAt, f.ChangedBy, f.Revision, f.States = newID("flg_", tx), at, actor, at, actor, 1, map[string]State{}
	if err := insertFlag(ctx, tx, f); err != nil {
		return f, err
	}
	if err := s.keep(ctx, tx, done{f, Change{At: at, By: actor, How: created, Reason: reason, Words: string(f.Kind) + " created", unchecked: true}}); err != nil {
		return f, err
	}
	for _, env := range slices.Sorted(maps.Keys(states)) {
		state := states[env]
		state.Revision = 0
		needs, err := approvals(ctx, tx, f.App, env)
		if err != nil {
			return f, err
		}
		if needs && how != planned {
			return f, errNeedsApproval(env)
		}
		if at, err = bump(ctx, tx, f.App); err != nil { // a time of its own, so that the history has an order
			return f, err
		}
		if f, _, err = s.put(ctx, tx, f, env, state, Change{At: at, By: actor, How: how, Reason: reason}); err != nil {
			return f, err
		}
	}
	return f, nil
}

// SetState makes a flag another one in an environment. Revision of the state is the one that the caller saw; another one means that somebody else was faster.
func (s *Service) SetState(ctx context.Context, actor, app, id, env, reason string, to State) (Flag, error) {
	return s.change(ctx, actor, app, id, env, edited, reason, func(Flag, State) (State, error) { return to, nil })
}

// Restore makes a flag what it was after an earlier change, in that change's environment.
func (s *Service) Restore(ctx context.Context, actor, app, id, change, reason string) (Flag, error) {
	c, err := oneChange(ctx, s.db, id, change)
	if err != nil {
		return Flag{}, err
	}
	if c.After == nil {
		return Flag{}, fault.Conflict("this change (%s) left no state that could be restored", c.Words)
	}
	return s.change(ctx, actor, app, id, c.Environment, restored, reason, func(_ Flag, now State) (State, error) {
		to := *c.After
		to.Revision = now.Revision
		return to, nil
	})
}

// change sets the state of an environment, where nobody else has to look at it first.
func (s *Service) change(ctx context.Context, actor, app, id, env, how, reason string, do func(Flag, State) (State, error)) (Flag, error) {
	var f Flag
	err := s.db.Tx(ctx, func(tx *db.Tx) error {
		at, err := bump(ctx, tx, app)
		if err != nil {
			return err
		}
		if f, err = find(ctx, tx, app, id); err != nil {
			return err
		}
		to, err := do(f, f.States[env])
		if err != nil {
			return err
		}
		needs, err := approvals(ctx, tx, app, env)
		if err != nil {
			return err
		}
		var patch members
		f, patch, err = s.put(ctx, tx, f, env, to, Change{At: at, By: actor, How: how, Reason: reason})
		if err == nil && needs && !offOnly(patch) {
			err = errNeedsApproval(env)
		}
		return err
	})
	if err != nil {
		return Flag{}, err
	}
	return f, s.Load(ctx, app)
}

// Within changes a state within the caller's transaction, which keeps what it is for beside it. Afterwards the caller calls Load.
func (s *Service) Within(ctx context.Context, tx *db.Tx, actor, app, id, env, reason string, do func(Flag, State) (State, error)) (Flag, error) {
	at, err := bump(ctx, tx, app)
	if err != nil {
		return Flag{}, err
	}
	f, err := find(ctx, tx, app, id)
	if err != nil {
		return f, err
	}
	now := f.States[env]
	to, err := do(f, now)
	if err != nil {
		return f, err
	}
	to.Revision = now.Revision
	f, _, err = s.put(ctx, tx, f, env, to, Change{At: at, By: actor, How: ramped, Reason: reason})
	return f, err
}

// NeedsApproval is the error of a change in an environment where somebody else has to approve it; nil elsewhere.
func NeedsApproval(ctx context.Context, q db.Querier, app, env string) error {
	needs, err := approvals(ctx, q, app, env)
	if err == nil && needs {
		err = errNeedsApproval(env)
	}
	return err
}

// OffValue is the value of the flag while it is off.
func (f *Flag) OffValue(s State) string { return s.off(&f.About) }

// OnValue is the value where no rule decides, while it is on.
func (f *Flag) OnValue(s State) string { return s.on(f) }

// offOnly tells whether a change only switches off: that never waits for anybody.
func offOnly(patch members) bool {
	return len(patch) == 0 || len(patch) == 1 && string(patch["on"]) == "false"
}

func errNeedsApproval(env string) error {
	return fault.Conflict("changes of flags in %s need an approval; plan the change, and have somebody else approve it. Switching a flag off needs none", env)
}

// put writes a state, and keeps what changed; a ramp that the change overtakes ends with it. What is the same already is not written. The patch is what was wished.
func (s *Service) put(ctx context.Context, tx *db.Tx, f Flag, env string, to State, c Change) (Flag, members, error) {
	if !f.ArchivedAt.IsZero() {
		return f, nil, fault.Conflict("%s is out of use; bring it back first", f.Name)
	}
	if err := to.clean(f.Kind, f.Type); err != nil {
		return f, nil, err
	}
	from, had := f.States[env]
	if to.Revision != from.Revision {
		return f, nil, errFaster(f.Name)
	}
	if err := checkRules(from, to); err != nil {
		return f, nil, err
	}
	wish, _ := difference(from, to)
	to, said, err := s.yield(ctx, tx, f, env, to, c)
	if err != nil {
		return f, wish, err
	}
	patch, before := difference(from, to)
	if len(patch) == 0 && had {
		return f, wish, nil
	}
	to.ChangedAt, to.ChangedBy = c.At, c.By
	if err := setState(ctx, tx, f, env, to); err != nil {
		return f, wish, err
	}
	to.Revision++
	if had {
		c.Before = &from
	}
	c.Environment, c.After, c.Words, c.Revision = env, &to, words(patch, before), to.Revision
	if said != "" {
		c.Words += "; " + said
	}
	f.States[env], f.ChangedAt, f.ChangedBy = to, c.At, c.By
	return f, wish, s.keep(ctx, tx, done{f, c})
}

// SetAbout changes what is said of a flag everywhere. Its Revision is the one that the caller saw.
func (s *Service) SetAbout(ctx context.Context, actor, app, id, reason string, revision int64, to About) (Flag, error) {
	return s.everywhere(ctx, actor, app, id, edited, reason, revision, func(tx *db.Tx, f *Flag) (string, error) {
		if err := to.clean(f.Kind); err != nil {
			return "", err
		}
		if err := f.retyped(to.Type, nil); err != nil {
			return "", err
		}
		if to.Type != f.Type || to.Server != f.Server { // what clients are told changes, everywhere
			if err := anywhere(ctx, tx, app, f, func(State) bool { return true }); err != nil {
				return "", err
			}
		}
		f.About = to
		return "description, owner and such changed", nil
	})
}

// retyped says which state's values are of another type; but those that take the place of others are the caller's.
func (f *Flag) retyped(kind string, but map[string]State) error {
	if kind == f.Type {
		return nil
	}
	for env, state := range f.States {
		if _, replaced := but[env]; replaced {
			continue
		}
		if err := state.clean(f.Kind, kind); err != nil {
			return fault.Conflict("its values are not of type %s in %s: %s", kind, env, fault.Message(err)).At("body.type")
		}
	}
	return nil
}

// anywhere refuses a change of what clients are told where some state that matters is in an environment whose changes need an approval.
func anywhere(ctx context.Context, q db.Querier, app string, f *Flag, matters func(State) bool) error {
	for env, state := range f.States {
		if !matters(state) {
			continue
		}
		if err := NeedsApproval(ctx, q, app, env); err != nil {
			return err
		}
	}
	return nil
}

// BringBack puts an archived flag into use again, as it was.
func (s *Service) BringBack(ctx context.Context, actor, app, id, reason string, revision int64) (Flag, error) {
	return s.everywhere(ctx, actor, app, id, broughtBack, reason, revision, func(tx *db.Tx, f *Flag) (string, error) {
		if err := anywhere(ctx, tx, app, f, func(s State) bool { return s.On }); err != nil {
			return "", err
		}
		f.ArchivedAt = time.Time{}
		var err error
		*f, err = s.settle(ctx, tx, *f, Change{By: actor, How: broughtBack, Reason: reason, unchecked: true})
		return "brought back into use", err
	})
}

func (s *Service) everywhere(ctx context.Context, actor, app, id, how, reason string, revision int64, do func(*db.Tx, *Flag) (string, error)) (Flag, error) {
	var f Flag
	err := s.db.Tx(ctx, func(tx *db.Tx) error {
		at, err := bump(ctx, tx, app)
		if err != nil {
			return err
		}
		if f, err = find(ctx, tx, app, id); err != nil {
			return err
		}
		if f.Revision != revision {
			return errFaster(f.Name)
		}
		said, err := do(tx, &f)
		if err != nil {
			return err
		}
		if f.ChangedAt.After(at) { // its states changed first: what follows comes after that in the history
			if at, err = bump(ctx, tx, app); err != nil {
				return err
			}
		}
		f.ChangedAt, f.ChangedBy = at, actor
		if err := updateFlag(ctx, tx, f); err != nil {
			return err
		}
		f.Revision++
		return s.keep(ctx, tx, done{f, Change{At: at, By: actor, How: how, Reason: reason, Words: said}})
	})
	if err != nil {
		return Flag{}, err
	}
	return f, s.Load(ctx, app)
}

// Changes gives what became of a flag, newest first, from behind a change on where one is named.
func (s *Service) Changes(ctx context.Context, app, id, after string, limit int) ([]Change, error) {
	f, err := find(ctx, s.db, app, id)
	if err != nil {
		return nil, err
	}
	return changes(ctx, s.db, f.ID, after, limit)
}

// Marks gives the changes of an app's flags in a time, oldest first, for whatever is drawn over time: of one environment, or of all where it is empty.
func (s *Service) Marks(ctx context.Context, app, env string, from, to time.Time) ([]Mark, error) {
	return marks(ctx, s.db, app, env, from, to)
}
