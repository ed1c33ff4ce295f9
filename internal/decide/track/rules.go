package track

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/slipwayhq/slipway/internal/pure/capture"
)

// Rules are what the doors follow of an app's wishes, at hand. They never change: another wish makes others.
type Rules struct {
	Settings Settings
	Privacy  capture.Privacy // what Settings.Hidden says

	users, anonymous map[string]*absent // who is forgotten, by their ids
	plan             *schemas
	key              string // tells whether plan is the same
	faults           *tally
}

// absent is somebody who is forgotten.
type absent struct {
	at         time.Time
	suppressed bool
	dropped    *atomic.Int64
}

// Rules gives those of an app.
func (s *Service) Rules(app string) *Rules {
	if r := (*s.rules.Load())[app]; r != nil {
		return r
	}
	return &Rules{Settings: usual()}
}

// Leave tells that an event, read from the log, is not to be stored: it is older than its app keeps events, or of somebody who was forgotten since it came.
func (s *Service) Leave(app string, e *capture.Event) bool {
	r := s.Rules(app)
	if r.Settings.KeepDays > 0 && e.Received.Before(r.Settings.keptFrom(s.db.Now())) {
		return true
	}
	who := r.absent(e)
	return who != nil && !e.Received.After(who.at)
}

// Drop tells that an event that comes is not to be taken, as its user is suppressed, and counts it.
func (r *Rules) Drop(e *capture.Event) bool {
	who := r.absent(e)
	if who == nil || !who.suppressed {
		return false
	}
	who.dropped.Add(1)
	return true
}

// DropRaw is Drop for what is no event.
func (r *Rules) DropRaw(raw []byte) bool {
	if len(r.users) == 0 {
		return false
	}
	for _, id := range capture.Ids(raw) {
		if r.Drop(&capture.Event{User: id}) || r.Drop(&capture.Event{Anonymous: id}) {
			return true
		}
	}
	return false
}

// absent finds who is forgotten of those that an event names. An anonymous id counts where nobody is signed in: somebody else may use the same device.
func (r *Rules) absent(e *capture.Event) *absent {
	if len(r.users) == 0 {
		return nil
	}
	for _, id := range []string{e.User, e.Anonymous, e.Previous} {
		if who := r.users[id]; who != nil {
			return who
		}
	}
	if e.User == "" {
		return r.anonymous[e.Anonymous]
	}
	return nil
}

// keptFrom is when what was received before is removed.
func (s Settings) keptFrom(now time.Time) time.Time { return now.UTC().AddDate(0, 0, -s.KeepDays) }

// dropped counts what is not taken of a suppressed user.
func (s *Service) dropped(app, user string) *atomic.Int64 {
	n, _ := s.drops.LoadOrStore(app+"\x00"+user, &atomic.Int64{})
	return n.(*atomic.Int64) //nolint:forcetypeassert // nothing else is put there
}

// loadRules reads those of all apps.
func (s *Service) loadRules(ctx context.Context) error {
	settings, err := allSettings(ctx, s.db)
	if err != nil {
		return err
	}
	gone, err := forgotten(ctx, s.db, "")
	if err != nil {
		return err
	}
	rules := map[string]*Rules{}
	of := func(app string) *Rules {
		if rules[app] == nil {
			rules[app] = &Rules{Settings: usual()}
		}
		return rules[app]
	}
	for app, wanted := range settings {
		r := of(app)
		r.Settings, r.Privacy = wanted, capture.NewPrivacy(wanted.Hidden)
	}
	for app, list := range gone {
		of(app).forget(list, func(user string) *atomic.Int64 { return s.dropped(app, user) })
	}
	err = s.loadPlans(ctx, of)
	s.rules.Store(&rules)
	select {
	case s.changed <- struct{}{}:
	default: // somebody is told already
	}
	return err
}

// loadPlans compiles what is not compiled yet.
func (s *Service) loadPlans(ctx context.Context, of func(app string) *Rules) error {
	pages, err := plans(ctx, s.db, "")
	if err != nil {
		return err
	}
	declared, err := releases(ctx, s.db, "")
	if err != nil {
		return err
	}
	apps := map[string]bool{}
	for app := range pages {
		apps[app] = true
	}
	for app := range declared {
		apps[app] = true
	}
	before := *s.rules.Load()
	for app := range apps {
		r, c := of(app), choose(pageOf(pages, app), declared[app])
		r.faults = s.tally(app)
		if had := before[app]; had != nil && had.plan != nil && had.key == c.key() {
			r.plan, r.key = had.plan, had.key
			continue
		}
		compiled, failed := compileAll(c)
		if failed != nil { // an older program took it, and this one checks nothing by it
			err = errors.Join(err, fmt.Errorf("the plan of the events of %s: %w", app, failed))
		}
		r.plan, r.key = compiled, c.key()
	}
	return err
}

func compileAll(c counting) (*schemas, error) {
	out, err := compile(c.plan)
	if err != nil {
		return nil, err
	}
	for _, p := range c.beside {
		b, err := compile(p)
		if err != nil {
			return nil, err
		}
		out.beside = append(out.beside, b)
	}
	return out, nil
}

// forget adds who is forgotten. An id of several of them is that of who is suppressed, or was forgotten last.
func (r *Rules) forget(list []Forgotten, dropped func(user string) *atomic.Int64) {
	r.users, r.anonymous = map[string]*absent{}, map[string]*absent{}
	add := func(to map[string]*absent, ids []string, who *absent) {
		for _, id := range ids {
			if had := to[id]; id != "" && (had == nil || who.suppressed || !had.suppressed) {
				to[id] = who
			}
		}
	}
	for _, f := range list {
		who := &absent{at: f.At, suppressed: f.Suppressed, dropped: dropped(f.User)}
		add(r.users, append([]string{f.User}, f.Aliases...), who)
		add(r.anonymous, f.Anonymous, who)
	}
}
