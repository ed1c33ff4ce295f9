package traffic_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/act/traffic"
	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/db/dbtest"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/journal"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
	"github.com/slipwayhq/slipway/internal/wire"
)

type world struct {
	t  *testing.T
	db *db.DB
	j  *journal.Journal
	*traffic.Service
	splits int
	gen    int64 // of the newest split
}

func each(t *testing.T, fn func(t *testing.T, w *world)) {
	t.Helper()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := &world{t: t, db: d, j: dbtest.Journal(t, d)}
		w.Service = traffic.New(d, w.j, slog.New(slog.NewTextHandler(t.Output(), nil)))
		dbtest.Run(t, w.Run)
		fn(t, w)
	})
}

func (w *world) emit(p event.Payload) {
	w.t.Helper()
	dbtest.Emit(w.t, w.db, event.Meta{App: "shop", Env: "production", Actor: "system:test"}, p)
}

// handled waits until the slice has handled everything that was emitted for it before.
func (w *world) handled() {
	w.t.Helper()
	w.emit(event.ProcessChanged{Host: "marker", Release: "rel_x", Process: "worker", State: wire.ProcessUp})
	w.until("events are handled", func() bool {
		var behind int
		err := w.db.QueryRow(w.t.Context(), `SELECT COUNT(*) FROM events WHERE type IN ('traffic.requested', 'process.changed', 'release.created', 'environment.created', 'agent.joined', 'agent.lost', 'agent.returned', 'agent.removed')
			AND COALESCE(position, 9999999) > COALESCE((SELECT position FROM checkpoints WHERE name = 'traffic'), 0)`).Scan(&behind)
		return err == nil && behind == 0
	})
}

func (w *world) until(what string, ok func() bool) {
	w.t.Helper()
	for end := time.Now().Add(30 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			w.t.Fatalf("waited in vain until %s; told: %v", what, w.told())
		}
	}
}

// split asks for a new split and gives its id.
func (w *world) split() string {
	w.t.Helper()
	w.splits++
	id := fmt.Sprintf("trf_%d", w.splits)
	w.emit(event.TrafficRequested{Traffic: id, Rollout: "rol_1", Split: event.Split{Old: "rel_1"}})
	w.handled()
	if err := w.db.QueryRow(w.t.Context(), `SELECT generation FROM traffic_generation`).Scan(&w.gen); err != nil {
		w.t.Fatal(err)
	}
	return id
}

// applies is a poll by an edge that splits by the generation.
func (w *world) applies(edge string, gen int64) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if _, _, err := w.Snapshot(ctx, edge, -1, gen); err != nil { // a snapshot is there for the asking, so it does not wait
		w.t.Error(err)
	}
}

func (w *world) edge(p event.Payload) {
	w.t.Helper()
	w.emit(p)
	w.handled()
}

func joined(id string) event.AgentJoined {
	return event.AgentJoined{Agent: id, Name: id, Roles: []string{wire.RoleEdge}}
}

func lost(id string) event.AgentLost {
	return event.AgentLost{Agent: id, Name: id, Roles: []string{wire.RoleEdge}}
}

// told lists the splits that were said to be in force.
func (w *world) told() []string {
	w.t.Helper()
	events, err := db.Events(w.t.Context(), w.db, `SELECT COALESCE(position, 0), body FROM events WHERE type = 'traffic.applied' ORDER BY seq`)
	if err != nil {
		w.t.Fatal(err)
	}
	out := []string{}
	for _, ev := range events {
		a, err := event.Decode[event.TrafficApplied](ev)
		if err != nil || ev.Cause == "" || a.Rollout != "rol_1" {
			w.t.Errorf("%+v: %v", ev, err)
		}
		out = append(out, a.Traffic)
	}
	return out
}

func (w *world) want(told ...string) {
	w.t.Helper()
	if got := w.told(); !slices.Equal(got, told) {
		w.t.Errorf("in force are %v, want %v", got, told)
	}
}

func TestWithoutEdgesThereIsNothingToWaitFor(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.want()
		w.want(w.split())
	})
}

func TestASplitIsInForceWhenAllLiveEdgesHaveIt(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.edge(joined("e1"))
		w.edge(joined("e2"))
		one := w.split()
		w.applies("e1", w.gen)
		w.want()
		w.applies("e2", w.gen-1) // it is behind
		w.want()
		w.applies("e2", w.gen)
		w.applies("e2", w.gen)
		w.want(one)

		// A lost edge is not waited for; one that comes back is.
		two := w.split()
		w.applies("e1", w.gen)
		w.want(one)
		w.edge(lost("e2"))
		w.want(one, two)
		three := w.split()
		w.edge(event.AgentReturned{Agent: "e2", Name: "e2", Roles: []string{wire.RoleEdge}})
		w.applies("e1", w.gen)
		w.want(one, two)
		w.applies("e2", w.gen)
		w.want(one, two, three)

		// Where all are lost nobody knows, until one is heard of.
		w.edge(lost("e1"))
		w.edge(lost("e2"))
		four := w.split()
		w.want(one, two, three)
		w.applies("e1", w.gen)
		w.want(one, two, three, four)

		// A removed one is not waited for; the last one's end sets free what waits.
		w.split() // replaced before anybody had it, so never in force
		five := w.split()
		w.edge(event.AgentRemoved{Agent: "e2", Name: "e2", Roles: []string{wire.RoleEdge}})
		w.want(one, two, three, four)
		w.edge(event.AgentRemoved{Agent: "e1", Name: "e1", Roles: []string{wire.RoleEdge}})
		w.want(one, two, three, four, five)
	})
}

func TestHostsAreNoEdges(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.edge(event.AgentJoined{Agent: "h1", Name: "h1", Roles: []string{wire.RoleHost}})
		w.want(w.split())
	})
}

// TestEdgesApplyAtOnce lets all edges tell in the same moment that they have a split: one of them must be the last.
func TestEdgesApplyAtOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		edges := []string{"e1", "e2", "e3"}
		for _, e := range edges {
			w.edge(joined(e))
		}
		want := []string{}
		for range 10 {
			want = append(want, w.split())
			var wg sync.WaitGroup
			for _, e := range edges {
				wg.Go(func() { w.applies(e, w.gen) })
			}
			wg.Wait()
			if got := w.told(); !slices.Equal(got, want) {
				t.Fatalf("in force are %v, want %v", got, want)
			}
		}
	})
}

func TestSnapshot(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		text, err := json.Marshal(manifest.Manifest{App: "shop", Assets: []string{"/assets/"}, Processes: map[string]manifest.Process{"web": {Run: "./shop", Health: "/healthz"}}})
		if err != nil {
			t.Fatal(err)
		}
		w.emit(event.EnvironmentCreated{Name: "production", Spec: event.EnvironmentSpec{Branch: "main", Domains: []string{"shop.example.com"}}})
		w.emit(event.ReleaseCreated{Release: "rel_1", Manifest: text})
		w.emit(event.ProcessChanged{Host: "h1", Release: "rel_1", Process: "web", State: wire.ProcessStarting, Addr: "10.0.0.1:1"})
		w.emit(event.ProcessChanged{Host: "h2", Release: "rel_1", Process: "web", State: wire.ProcessUp, Addr: "10.0.0.2:1"})
		w.emit(event.ProcessChanged{Host: "h3", Release: "rel_1", Process: "web", State: wire.ProcessUp, Addr: "10.0.0.3:1"})
		w.emit(event.ProcessChanged{Host: "h3", Release: "rel_1", Process: "web", State: wire.ProcessUnhealthy, Addr: "10.0.0.3:1"})
		w.split()
		snap := w.snapshot(0)
		if len(snap.Routes) != 1 {
			t.Fatalf("routes %+v", snap.Routes)
		}
		r := snap.Routes[0]
		if r.Traffic != "trf_1" || r.Split.Old != "rel_1" || r.Health != "/healthz" || !slices.Equal(r.Assets, []string{"/assets/"}) || !slices.Equal(r.Hosts, []string{"shop.example.com"}) {
			t.Errorf("route %+v", r)
		}
		if got := addresses(r); got != "10.0.0.2:1 10.0.0.3:1" {
			t.Errorf("backends %s", got)
		}

		// What stops gets nobody new: that is a snapshot of its own, and wakes who waits.
		got := make(chan wire.Snapshot, 1)
		go func() { got <- w.snapshot(snap.Generation) }()
		w.emit(event.ProcessChanged{Host: "h2", Release: "rel_1", Process: "web", State: wire.ProcessStopping, Addr: "10.0.0.2:1"})
		if next := <-got; next.Generation <= snap.Generation || addresses(next.Routes[0]) != "10.0.0.3:1" {
			t.Errorf("the next snapshot is %+v", next)
		}
	})
}

func (w *world) snapshot(after int64) wire.Snapshot {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	snap, ok, err := w.Snapshot(ctx, "e1", after, 0)
	if err != nil || !ok {
		w.t.Errorf("no snapshot behind %d: %v", after, err)
	}
	return snap
}

func addresses(r wire.Route) string {
	var out []string
	for _, b := range r.Backends {
		out = append(out, b.Addr)
	}
	return strings.Join(out, " ")
}
