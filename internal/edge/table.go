package edge

import (
	"context"
	"net"
	"slices"
	"strings"
	"sync"

	"github.com/slipwayhq/slipway/internal/edge/count"
	"github.com/slipwayhq/slipway/internal/edge/split"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/wire"
)

// table is a snapshot, made ready for use. It never changes.
type table struct {
	snapshot wire.Snapshot
	routes   []*route
	byHost   map[string]*route
	rest     *route // takes what no host name wants; may be nil
}

// route is one environment under one split.
type route struct {
	wire.Route
	epoch    *count.Epoch
	share    float64
	old, new arm
}

// arm is one release of a route and what can answer for it.
type arm struct {
	release string
	header  []string    // the release as a header's value, shared by all answers
	none    *count.Cell // for requests that no backend of the arm could be found for
	members []member
}

// find gives the route for a Host header, nil when there is none.
func (t *table) find(host string) *route {
	if r := t.named(host); r != nil {
		return r
	}
	return t.rest
}

// named is find, without the route that takes the rest.
func (t *table) named(host string) *route {
	if len(t.byHost) == 0 {
		return nil
	}
	if r := t.byHost[host]; r != nil {
		return r
	}
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return t.byHost[strings.ToLower(strings.TrimSuffix(host, "."))]
}

// tables makes tables and keeps what outlives one: the backends with their health.
type tables struct {
	counter *count.Counter
	host    string // the only one, where it is not empty

	mu       sync.Mutex
	backends map[backendKey]*watched
	group    sync.WaitGroup
}

// watched is a backend with its running check.
type watched struct {
	*backend
	stop context.CancelFunc
}

// build makes the table of a snapshot. Backends that were in the last one keep their state, those that are new are checked from now on, those that
// are gone no more. An error with a table concerns the disk only.
func (ts *tables) build(ctx context.Context, s wire.Snapshot) (*table, error) {
	if err := check(s); err != nil {
		return nil, err
	}
	ts.mu.Lock()
	defer ts.mu.Unlock()
	keys, own := make([]count.Key, len(s.Routes)), make([]wire.Route, len(s.Routes))
	for i, r := range s.Routes {
		r = ts.own(r)
		own[i] = r
		keys[i] = count.Key{App: r.App, Env: r.Env, Traffic: r.Traffic, Rollout: r.Rollout, Split: r.Split, Assets: r.Assets}
	}
	epochs, err := ts.counter.Apply(keys)
	t := &table{snapshot: s, byHost: map[string]*route{}}
	live := map[backendKey]bool{}
	for i, wanted := range own {
		r := ts.route(ctx, wanted, epochs[i], live)
		t.routes = append(t.routes, r)
		for _, h := range r.Hosts {
			t.byHost[strings.ToLower(h)] = r
		}
		if len(r.Hosts) == 0 && t.rest == nil {
			t.rest = r
		}
	}
	for key, b := range ts.backends {
		if !live[key] {
			b.stop()
			delete(ts.backends, key)
		}
	}
	return t, err
}

func (ts *tables) route(ctx context.Context, wanted wire.Route, epoch *count.Epoch, live map[backendKey]bool) *route {
	r := &route{Route: wanted, epoch: epoch, share: ts.share(wanted)}
	r.old, r.new = ts.newArm(epoch, wanted.Split.Old), ts.newArm(epoch, wanted.Split.New)
	for _, wb := range wanted.Backends {
		for _, fresh := range []bool{false, true} {
			if !ts.serves(wanted.Split, fresh, wb) {
				continue
			}
			key := backendKey{app: wanted.App, env: wanted.Env, health: wanted.Health, Backend: wb}
			live[key] = true
			if standsBy(wanted, wb) {
				ts.backend(ctx, key) // checked, so that it is ready when the rollout is over
				continue
			}
			m := member{
				backend: ts.backend(ctx, key), cell: epoch.Cell(wb.Release, wb.Host),
				served: wire.TimingServed + `;desc="` + wire.Served(wb.Release, wb.Host, wanted.Traffic) + `"`,
			}
			if fresh {
				r.new.members = append(r.new.members, m)
			} else {
				r.old.members = append(r.old.members, m)
			}
		}
	}
	return r
}

// standsBy tells whether a backend gets nobody while two releases are compared. A host that was left out runs the old release only: with visitors or requests drawn,
// whoever it served would be on one side of the comparison alone, on a machine that the other side never meets. Where no other host runs the old release it serves.
func standsBy(r wire.Route, b wire.Backend) bool {
	s := r.Split
	if s.New == "" || s.Mode == split.Hosts || !slices.Contains(s.LeftOut, b.Host) {
		return false
	}
	return slices.ContainsFunc(r.Backends, func(o wire.Backend) bool { return o.Release == b.Release && !slices.Contains(s.LeftOut, o.Host) })
}

func (ts *tables) newArm(epoch *count.Epoch, release string) arm {
	if release == "" {
		return arm{}
	}
	return arm{release: release, header: []string{release}, none: epoch.Cell(release, ts.host)}
}

// backend gives the running one, or a new one under checks.
func (ts *tables) backend(ctx context.Context, key backendKey) *backend {
	if b := ts.backends[key]; b != nil {
		return b.backend
	}
	ctx, stop := context.WithCancel(ctx)
	b := &backend{key: key}
	ts.backends[key] = &watched{backend: b, stop: stop}
	client := newCheckClient()
	ts.group.Go(func() { b.watch(ctx, client) })
	return b
}

// close ends the checks.
func (ts *tables) close() {
	ts.mu.Lock()
	for _, b := range ts.backends {
		b.stop()
	}
	ts.mu.Unlock()
	ts.group.Wait()
}

// check refuses a snapshot that cannot be meant, so that a mistake of the server never replaces what works.
func check(s wire.Snapshot) error {
	hosts, environments := map[string]bool{}, map[[2]string]bool{}
	for _, r := range s.Routes {
		name := [2]string{r.App, r.Env}
		if environments[name] {
			return fault.Invalid("The snapshot holds %s/%s twice.", r.App, r.Env)
		}
		environments[name] = true
		for _, h := range r.Hosts {
			if h = strings.ToLower(h); hosts[h] {
				return fault.Invalid("The snapshot gives the host name %s to two environments.", h)
			}
			hosts[h] = true
		}
		if err := checkSplit(r.Split); err != nil {
			return fault.Invalid("The split of %s/%s is broken: %s", r.App, r.Env, err.Message)
		}
		for _, b := range r.Backends {
			if _, _, err := net.SplitHostPort(b.Addr); err != nil {
				return fault.Invalid("The backend address %q of %s/%s is none.", b.Addr, r.App, r.Env).Because(err)
			}
		}
	}
	return nil
}

func checkSplit(s event.Split) *fault.Error {
	if s.New == "" {
		return nil
	}
	if !slices.Contains([]string{split.Visitors, split.Hosts, split.Requests}, s.Mode) {
		return fault.Invalid("unknown mode %q.", s.Mode)
	}
	if !(s.Share >= 0 && s.Share <= 1) {
		return fault.Invalid("a share of %v.", s.Share)
	}
	if len(s.Slow) > event.Thresholds {
		return fault.Invalid("%d thresholds, at most %d are counted.", len(s.Slow), event.Thresholds)
	}
	return nil
}
