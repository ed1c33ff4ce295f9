package flag

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/journal"
)

// Service is what the doors call. The actor of a method is audited, not checked: doors check.
type Service struct {
	// Logger is told of what fails and is tried again; nil: nobody.
	Logger *slog.Logger
	// Ramps are asked before a state is saved that a ramp may be moving.
	Ramps Ramps

	db      *db.DB
	loading sync.Mutex // what was read first is not put in the place of what was read after
	keys    atomic.Pointer[map[string]Key]
	places  sync.Map // *place by app and environment
}

// place is an environment whose Set changes.
type place struct {
	app, env string
	now      atomic.Pointer[dated]
}

type dated struct {
	set  *Set
	gone chan struct{} // closed when another Set has taken its place
}

// New makes the Service on a store. It knows no key before Run.
func New(d *db.DB) *Service {
	s := &Service{db: d}
	s.keys.Store(&map[string]Key{})
	return s
}

func (s *Service) logger() *slog.Logger {
	if s.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return s.Logger
}

// Set gives what an environment evaluates with now.
func (s *Service) Set(ctx context.Context, app, env string) (*Set, error) {
	set, _, err := s.Watch(ctx, app, env)
	return set, err
}

// Watch gives what an environment evaluates with now, and what is closed when that is another one.
func (s *Service) Watch(ctx context.Context, app, env string) (*Set, <-chan struct{}, error) {
	name := app + "\x00" + env
	if p, ok := s.places.Load(name); ok {
		d := p.(*place).now.Load() //nolint:forcetypeassert // nothing else is in there
		return d.set, d.gone, nil
	}
	s.loading.Lock()
	defer s.loading.Unlock()
	if p, ok := s.places.Load(name); ok {
		d := p.(*place).now.Load() //nolint:forcetypeassert // nothing else is in there
		return d.set, d.gone, nil
	}
	st, err := load(ctx, s.db, app)
	if err != nil {
		return nil, nil, err
	}
	set, err := st.set(env)
	if err != nil {
		return nil, nil, fmt.Errorf("compile the flags of %s in %s: %w", app, env, err)
	}
	p := &place{app: app, env: env}
	d := &dated{set, make(chan struct{})}
	p.now.Store(d)
	s.places.Store(name, p)
	return set, d.gone, nil
}

// Try gives what an environment would evaluate with, were a flag of it in a state. Nothing is kept.
func (s *Service) Try(ctx context.Context, app, id, env string, state State) (*Set, error) {
	f, err := find(ctx, s.db, app, id)
	if err != nil {
		return nil, err
	}
	return tried(ctx, s.db, f, env, state)
}

// tried compiles a state as if it were there.
func tried(ctx context.Context, q db.Querier, f Flag, env string, state State) (*Set, error) {
	if err := state.clean(f.Kind, f.Type); err != nil {
		return nil, err
	}
	if err := checkRules(f.States[env], state); err != nil {
		return nil, err
	}
	st, err := load(ctx, q, f.App)
	if err != nil {
		return nil, err
	}
	for i := range st.flags {
		if st.flags[i].ID == f.ID {
			st.flags[i].States[env] = state
		}
	}
	return st.set(env)
}

// Load makes the Sets of an app anew, those that somebody has asked for; of all apps where it is empty.
func (s *Service) Load(ctx context.Context, app string) error {
	s.loading.Lock()
	defer s.loading.Unlock()
	read := map[string]*stored{}
	var failed error
	s.places.Range(func(_, v any) bool {
		p := v.(*place) //nolint:forcetypeassert // nothing else is in there
		if app != "" && p.app != app {
			return true
		}
		st := read[p.app]
		if st == nil {
			var changes int64
			if changes, failed = count(ctx, s.db, p.app); failed != nil {
				return false
			}
			if p.now.Load().set.Revision >= changes { // as most often: who changed it has loaded it
				return true
			}
			if st, failed = load(ctx, s.db, p.app); failed != nil {
				return false
			}
			read[p.app] = st
		}
		before := p.now.Load()
		if before.set.Revision >= st.changes {
			return true
		}
		set, err := st.set(p.env)
		if err != nil {
			failed = fmt.Errorf("compile the flags of %s in %s: %w", p.app, p.env, err)
			return false
		}
		p.now.Store(&dated{set, make(chan struct{})})
		close(before.gone)
		return true
	})
	return failed
}

// Run follows what becomes of flags and keys, whoever changes them, until ctx ends.
func (s *Service) Run(ctx context.Context, j *journal.Journal) error {
	from, err := j.LastPosition(ctx) // first: what is told between the two is read twice, which does nothing
	if err != nil {
		return err
	}
	if err := s.loadKeys(ctx); err != nil {
		return err
	}
	if err := s.Load(ctx, ""); err != nil {
		return err
	}
	return j.ReadState(ctx, from, func(ev event.Event) error {
		for wait := time.Second; ; wait = min(2*wait, time.Minute) {
			err := s.heard(ctx, ev)
			if err == nil || ctx.Err() != nil {
				return nil //nolint:nilerr // it ends
			}
			s.logger().Error("the flags cannot be read just now; what was known counts until they are", "event", ev.ID, "error", err)
			select {
			case <-ctx.Done():
			case <-time.After(wait):
			}
		}
	})
}

// heard reads anew what an event is about.
func (s *Service) heard(ctx context.Context, ev event.Event) error {
	switch ev.Type {
	case event.FlagCreated{}.EventType(), event.FlagChanged{}.EventType(), event.FlagGroupChanged{}.EventType(), event.FlagsConfigured{}.EventType():
		return s.Load(ctx, ev.App)
	case event.FlagKeyChanged{}.EventType():
		return s.loadKeys(ctx)
	}
	return nil
}

// done is a change that is in the transaction: it is checked, told, audited and kept.
type done struct {
	flag   Flag
	change Change
}

// keep finishes a change of a flag: the history, the log and the audit have it, and what it makes can be evaluated, everywhere.
func (s *Service) keep(ctx context.Context, tx *db.Tx, d done) error {
	c := &d.change
	c.ID = idAt("chg_", c.At)
	if err := insertChange(ctx, tx, d.flag.ID, *c); err != nil {
		return err
	}
	told := event.FlagChanged{Flag: d.flag.ID, Name: d.flag.Name, Kind: string(d.flag.Kind), How: c.How, Words: c.Words, Revision: c.Revision, Reason: c.Reason}
	if c.After != nil {
		told.On = c.After.On
	}
	meta := event.Meta{App: d.flag.App, Env: c.Environment, Actor: c.By}
	var err error
	if c.How == created {
		_, err = tx.Emit(ctx, meta, event.FlagCreated{Flag: d.flag.ID, Name: d.flag.Name, Kind: string(d.flag.Kind), Reason: c.Reason})
	} else {
		_, err = tx.Emit(ctx, meta, told)
	}
	if err != nil {
		return err
	}
	if !c.unchecked {
		if err := s.check(ctx, tx, d.flag.App, c.Environment); err != nil {
			return err
		}
	}
	return access.Audit(ctx, tx, access.Entry{Actor: c.By, Action: "flag." + c.How, App: d.flag.App, Env: c.Environment, Target: d.flag.Name, Reason: c.Reason, Detail: map[string]any{"change": c.Words}})
}

// check compiles what is in the transaction: one environment, or each where some flag has a state.
func (s *Service) check(ctx context.Context, tx *db.Tx, app, env string) error {
	st, err := load(ctx, tx, app)
	if err != nil {
		return err
	}
	envs := map[string]bool{env: true}
	if env == "" {
		for _, f := range st.flags {
			for e := range f.States {
				envs[e] = true
			}
		}
	}
	for e := range envs {
		if _, err := st.set(e); err != nil {
			return err
		}
	}
	return nil
}

func newID(prefix string, tx *db.Tx) string { return idAt(prefix, tx.Now()) }

// idAt is an id that is sorted by a time.
func idAt(prefix string, at time.Time) string {
	return prefix + strings.ReplaceAll(event.NewID(at), "-", "")
}
