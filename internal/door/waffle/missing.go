package waffle

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/slipwayhq/slipway/internal/decide/flag"
	"github.com/slipwayhq/slipway/internal/fault"
)

const (
	// creator is who creates what was missing, and mostCreated how many an app can have of it.
	creator     = "system:waffle"
	mostCreated = 1000
	// mostAtOnce is how many one question creates; the others come with the next.
	mostAtOnce = 50
	// againAfter is how long a name that could not be created rests, and mostMissing how many names are remembered.
	againAfter  = time.Minute
	mostMissing = 10_000
)

// missing remembers which names were missing: each is logged once, and created by one request alone.
type missing struct {
	mu       sync.Mutex
	names    map[string]time.Time // when somebody took care of it
	creating sync.Mutex           // so that never more are created than may be
}

// take tells whether the caller is to take care of a name, and whether it is the first to do so.
func (m *missing) take(app string, kind flag.Kind, name string, now time.Time) (mine, first bool) {
	key := app + "\x00" + string(kind) + "\x00" + name
	m.mu.Lock()
	defer m.mu.Unlock()
	last, known := m.names[key]
	if known && now.Sub(last) < againAfter {
		return false, false
	}
	if m.names == nil || len(m.names) >= mostMissing {
		m.names = map[string]time.Time{}
	}
	m.names[key] = now
	return true, !known
}

// absent is a name that there is not.
type absent struct {
	kind  flag.Kind
	name  string
	first bool // nobody has asked for it before
}

// miss takes care of the names of an answer that there are not: they are logged, and created if the app wants that.
func (d *Door) miss(ctx context.Context, a *asked, out *answer) {
	if a.who.ReadOnly {
		return
	}
	var mine []absent
	for _, one := range []struct {
		kind flag.Kind
		of   map[string]decision
	}{{flag.Rules, out.Flags}, {flag.Switch, out.Switches}, {flag.Sample, out.Samples}} {
		for name, is := range one.of {
			if !is.Missing || len(mine) >= mostAtOnce {
				continue
			}
			if take, first := d.missing.take(a.set.App, one.kind, name, d.Now()); take {
				mine = append(mine, absent{one.kind, name, first})
			}
		}
	}
	if len(mine) == 0 {
		return
	}
	var failed []error
	if a.set.Settings.CreateMissing {
		failed = d.create(ctx, a.set, mine)
	}
	for i, m := range mine {
		log := d.Logger.With("app", a.set.App, "environment", a.set.Environment, "kind", string(m.kind), "name", m.name)
		switch {
		case failed == nil && m.first:
			log.Warn("a client asks for what there is not; the default counts")
		case failed != nil && failed[i] == nil:
			log.Info("what a client asked for, and there was not, is created")
		case m.first:
			log.Warn("a client asks for what there is not, and it cannot be created; the default counts", "error", failed[i])
		}
	}
}

// create creates names as they are where they are missing, and says of each why not.
func (d *Door) create(ctx context.Context, set *flag.Set, some []absent) []error {
	d.missing.creating.Lock()
	defer d.missing.creating.Unlock()
	failed := make([]error, len(some))
	left, on, err := d.room(ctx, set)
	for i, m := range some {
		switch {
		case err != nil:
			failed[i] = err
		case left <= 0:
			failed[i] = fault.Conflict("%d were created so already, and more are not; create it by hand", cmp.Or(d.most, mostCreated))
		default:
			f := flag.Flag{App: set.App, Kind: m.kind, Name: m.name}
			if m.kind == flag.Rules {
				f.States = on
			}
			if _, failed[i] = d.Flags.Create(ctx, creator, "a client asked for it, and there was none", f); failed[i] == nil {
				left--
			}
		}
	}
	return failed
}

// room tells how many more may be created, and what a flag is where it is missing: off, or on in each environment that clients have keys of.
func (d *Door) room(ctx context.Context, set *flag.Set) (left int, on map[string]flag.State, err error) {
	all, err := d.Flags.Flags(ctx, set.App, true)
	if err != nil {
		return 0, nil, err
	}
	left = cmp.Or(d.most, mostCreated)
	for i := range all {
		if all[i].CreatedBy == creator {
			left--
		}
	}
	if !set.Settings.MissingOn {
		return left, nil, nil
	}
	keys, err := d.Flags.Keys(ctx, set.App)
	if err != nil {
		return 0, nil, fmt.Errorf("find where a flag is to be on: %w", err)
	}
	yes := true
	on = map[string]flag.State{}
	for _, k := range keys {
		on[k.Environment] = flag.State{On: true, Audience: &flag.Audience{Everyone: &yes}}
	}
	return left, on, nil
}
