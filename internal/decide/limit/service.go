package limit

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/journal"
	"github.com/slipwayhq/slipway/internal/pure/rate"
)

// Service is what the doors call. The actor of a method is audited, not checked: doors check.
type Service struct {
	db     *db.DB
	log    *journal.Journal
	logger *slog.Logger

	loading sync.Mutex
	apps    atomic.Pointer[map[string]*app]
	sets    sync.Map // *rate.Set by place, of what is in apps
	configs sync.Map // *envoylimit.Config by configured, of what is in apps
	counts  counts
}

// app is what there is of one app, as it is asked.
type app struct {
	limits  []*Limit
	domains map[string]*Domain
}

type place struct{ app, env string }

// New makes the Service on a store and the log.
func New(d *db.DB, log *journal.Journal, logger *slog.Logger) *Service {
	s := &Service{db: d, log: log, logger: logger}
	s.apps.Store(&map[string]*app{})
	return s
}

// For is what an environment is limited by now. It is never nil.
func (s *Service) For(app, env string) *rate.Set {
	if set, ok := s.sets.Load(place{app, env}); ok {
		return set.(*rate.Set) //nolint:forcetypeassert // nothing else is in there
	}
	return s.makeSet(app, env)
}

func (s *Service) makeSet(name, env string) *rate.Set {
	s.loading.Lock()
	defer s.loading.Unlock()
	set := s.compile(name, env)
	s.sets.Store(place{name, env}, set)
	return set
}

// compile makes a set of what is known. What could not be read back was refused when it was saved.
func (s *Service) compile(name, env string) *rate.Set {
	var all []*rate.Defined
	if a := (*s.apps.Load())[name]; a != nil {
		for _, l := range a.limits {
			d, err := l.defined(env, s.db.Now())
			if err != nil {
				s.logger.Error("a limit is not asked, as it is faulty", "app", name, "group", l.Group, "error", err)
				continue
			}
			all = append(all, d)
		}
	}
	return rate.NewSet(all)
}

// Find gives the limit of exactly that group: what takes that are read back were taken of. A limit of Envoy's descriptors has its domain before it.
func (s *Service) Find(app, env, group string) *rate.Defined {
	if d := s.For(app, env).Find(group); d != nil && d.Group == group {
		return d
	}
	return s.described(app, env, group)
}

// Load reads the limits of an app anew; of all apps where it is empty.
func (s *Service) Load(ctx context.Context, name string) error {
	s.loading.Lock()
	defer s.loading.Unlock()
	read, err := load(ctx, s.db, name)
	if err != nil {
		return err
	}
	if err := loadDomains(ctx, s.db, name, read); err != nil {
		return err
	}
	all := map[string]*app{}
	for n, a := range *s.apps.Load() {
		if name != "" && n != name {
			all[n] = a
		}
	}
	for n, a := range read {
		all[n] = a
	}
	s.apps.Store(&all)
	s.reread(name)
	s.sets.Range(func(k, _ any) bool {
		if p := k.(place); name == "" || p.app == name { //nolint:forcetypeassert // nothing else is in there
			s.sets.Store(k, s.compile(p.app, p.env))
		}
		return true
	})
	return nil
}

// Run follows what becomes of limits, whoever changes them, and lifts overrides whose time is over, until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	from, err := s.log.LastPosition(ctx) // first: what is told between the two is read twice, which does nothing
	if err != nil {
		return err
	}
	if err := s.Load(ctx, ""); err != nil {
		return err
	}
	var wg sync.WaitGroup
	wg.Go(func() { s.lift(ctx) })
	err = s.log.ReadState(ctx, from, func(ev event.Event) error {
		if ev.Type != (event.LimitChanged{}).EventType() {
			return nil
		}
		for wait := time.Second; ; wait = min(2*wait, time.Minute) {
			err := s.Load(ctx, ev.App)
			if err == nil || ctx.Err() != nil {
				return nil //nolint:nilerr // it ends
			}
			s.logger.Error("the limits cannot be read just now; what was known counts until they are", "event", ev.ID, "error", err)
			select {
			case <-ctx.Done():
			case <-time.After(wait):
			}
		}
	})
	wg.Wait()
	return err
}

// lift makes sets anew when the time of an override is over.
func (s *Service) lift(ctx context.Context) {
	last := s.db.Now()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := s.db.Now()
		for name, a := range *s.apps.Load() {
			if a.ended(last, now) {
				s.remake(name)
			}
		}
		last = now
	}
}

func (a *app) ended(last, now time.Time) bool {
	return slices.ContainsFunc(a.limits, func(l *Limit) bool {
		return slices.ContainsFunc(l.Overrides, func(o Override) bool { return o.Until.After(last) && !o.Until.After(now) })
	})
}

func (s *Service) remake(name string) {
	s.loading.Lock()
	defer s.loading.Unlock()
	s.sets.Range(func(k, _ any) bool {
		if p := k.(place); p.app == name { //nolint:forcetypeassert // nothing else is in there
			s.sets.Store(k, s.compile(p.app, p.env))
		}
		return true
	})
}

// Limits lists those of an app by group.
func (s *Service) Limits(ctx context.Context, name string) ([]Limit, error) {
	read, err := load(ctx, s.db, name)
	if err != nil {
		return nil, err
	}
	out := []Limit{}
	if a := read[name]; a != nil {
		for _, l := range a.limits {
			out = append(out, *l)
		}
	}
	slices.SortFunc(out, func(a, b Limit) int { return strings.Compare(a.Group, b.Group) })
	return out, nil
}
