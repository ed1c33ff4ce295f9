package rollout_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/db/dbtest"
	"github.com/slipwayhq/slipway/internal/decide/rollout"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/journal"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
	"github.com/slipwayhq/slipway/internal/wire"
)

const (
	app = "shop"
	env = "production"
	ana = "person:ana"
)

// clock goes with the real one and can be moved by a test.
type clock struct {
	mu    sync.Mutex
	ahead time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
}

// world is the slice on a real store and a real log. Hosts and edges are events, as the slices beside it emit them.
type world struct {
	t     *testing.T
	clock *clock
	db    *db.DB
	j     *journal.Journal
	*rollout.Service
	stop func() // ends the service

	releases, seconds int

	mu       sync.Mutex
	wish     map[string][]string // host → what it was last asked to run
	split    event.TrafficRequested
	deaf     map[string]bool                  // hosts that do not answer
	missed   map[string][]event.Payload       // what deaf hosts would have answered
	asks     map[string]string                // host → what was last asked of it, by id
	starts   map[string]int64                 // host → the number for which it started the release that serves
	errors   func(host, release string) int64 // of a hundred requests, where a test says so
	stubborn int                              // so many hosts do not answer when they are asked to start the release that serves anew
}

// each runs a test on both stores, at once: it mostly waits. It is to be the last that a test does.
func each(t *testing.T, fn func(t *testing.T, w *world)) {
	t.Helper()
	for name, open := range map[string]func(testing.TB, db.Options) *db.DB{"sqlite": dbtest.SQLite, "postgres": dbtest.Postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &clock{}
			d := open(t, db.Options{Now: c.now, Logger: slog.New(slog.NewTextHandler(t.Output(), nil))})
			w := &world{t: t, clock: c, db: d, j: dbtest.Journal(t, d), wish: map[string][]string{}, deaf: map[string]bool{}, missed: map[string][]event.Payload{}, asks: map[string]string{}, starts: map[string]int64{}}
			w.start()
			dbtest.Run(t, w.outside)
			w.emit(event.EnvironmentCreated{Name: env, Spec: event.EnvironmentSpec{Branch: "main"}})
			w.until("the environment is known", func() bool {
				_, err := w.Env(t.Context(), app, env)
				return err == nil
			})
			fn(t, w)
		})
	}
}

// start runs the service until stop or the end of the test.
func (w *world) start() {
	ctx, cancel := context.WithCancel(context.Background())
	s := rollout.New(w.db, w.j, slog.New(slog.NewTextHandler(w.t.Output(), nil)))
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	w.Service = s
	w.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			w.t.Errorf("the service ended with: %v", err)
		}
	})
	w.t.Cleanup(w.stop)
}

// outside answers for hosts and edges.
func (w *world) outside(ctx context.Context) error {
	return w.db.Consume(ctx, w.j, db.Consumer{Name: "outside", Types: []event.Type{"deploy.requested", "traffic.requested"}, Handle: func(ctx context.Context, tx *db.Tx, ev event.Event) error {
		if d, err := event.Decode[event.DeployRequested](ev); err == nil {
			return w.deploy(ctx, tx, ev, d)
		}
		r, err := event.Decode[event.TrafficRequested](ev)
		if err != nil {
			return err
		}
		tx.OnCommit(func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.split = r
		})
		_, err = tx.Emit(ctx, ev.By("system:traffic", tx.Now()), event.TrafficApplied{Traffic: r.Traffic, Rollout: r.Rollout})
		return err
	}})
}

func (w *world) deploy(ctx context.Context, tx *db.Tx, ev event.Event, d event.DeployRequested) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, h := range d.Hosts {
		before := w.wish[h]
		w.wish[h], w.asks[h] = d.Run, d.Deploy
		if len(d.Starts) > 0 && w.stubborn > 0 {
			w.stubborn--
			continue
		}
		var out []event.Payload
		for _, r := range d.Run {
			if !slices.Contains(before, r) {
				out = append(out, event.ProcessChanged{Host: h, Release: r, Process: "web", State: wire.ProcessUp, Addr: "127.0.0.1:1"})
			}
		}
		for r, n := range d.Starts {
			if w.starts[h] != n {
				w.starts[h] = n
				out = append(out, event.ProcessChanged{Host: h, Release: r, Process: "web", Start: n, State: wire.ProcessUp, Addr: "127.0.0.1:2"})
			}
		}
		for _, r := range before {
			if !slices.Contains(d.Run, r) {
				out = append(out, event.ProcessChanged{Host: h, Release: r, Process: "web", State: wire.ProcessStopped})
			}
		}
		out = append(out, event.DeployApplied{Deploy: d.Deploy, Host: h})
		if w.deaf[h] {
			w.missed[h] = append(w.missed[h], out...)
			continue
		}
		for _, p := range out {
			if _, err := tx.Emit(ctx, ev.By("agent:"+h, tx.Now()), p); err != nil {
				return err
			}
		}
	}
	return nil
}

// hear lets a host that was deaf do what it was asked meanwhile.
func (w *world) hear(host string) {
	w.t.Helper()
	w.mu.Lock()
	missed := w.missed[host]
	w.deaf[host], w.missed[host] = false, nil
	w.mu.Unlock()
	w.emit(missed...)
}

// emit emits events as other slices would.
func (w *world) emit(list ...event.Payload) {
	w.t.Helper()
	for _, p := range list {
		dbtest.Emit(w.t, w.db, event.Meta{App: app, Env: env, Actor: "system:test"}, p)
	}
}

func (w *world) until(what string, ok func() bool) {
	w.t.Helper()
	for end := time.Now().Add(time.Minute); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			v, _ := w.newest()
			w.t.Fatalf("waited in vain until %s; rollout #%d is %s: %v", what, v.Number, v.State, v.Reasons)
		}
	}
}

// join lets hosts join; those of a name that begins with "eu" are labelled so.
func (w *world) join(hosts ...string) {
	w.t.Helper()
	for _, h := range hosts {
		labels := map[string]string{"zone": "us"}
		if strings.HasPrefix(h, "eu") {
			labels["zone"] = "eu"
		}
		dbtest.Emit(w.t, w.db, event.Meta{Actor: "agent:" + h}, event.AgentJoined{Agent: h, Name: h, Roles: []string{wire.RoleHost}, Labels: labels})
	}
}

func policy() manifest.Rollout {
	p := manifest.DefaultRollout()
	p.Steps = []manifest.Step{{Share: .5, Watch: manifest.Every(6 * time.Second)}, {Share: 1, HoldBack: .2, Watch: manifest.Every(6 * time.Second)}}
	p.Settle = manifest.Every(time.Second)
	p.Alpha, p.FalseAlarms = .01, manifest.Rate{}
	p.Vitals = []manifest.Vital{{Name: manifest.VitalErrors, Weight: 1}}
	return p
}

// slow makes a release take its time.
func slow(_ *event.ReleaseCreated, m *manifest.Manifest) {
	m.Rollout.Settle = manifest.Every(5 * time.Second)
	m.Rollout.Steps[0].Watch = manifest.Every(20 * time.Second)
}

// release makes a release of one new commit and gives its id.
func (w *world) release(change ...func(*event.ReleaseCreated, *manifest.Manifest)) string {
	w.t.Helper()
	w.releases++
	n := w.releases
	c := event.Commit{SHA: fmt.Sprintf("%040x", n), Author: "Ana", Email: "ana@example.com", Subject: fmt.Sprintf("Change %d", n)}
	r := event.ReleaseCreated{Release: fmt.Sprintf("rel_%d", n), Number: n, Commit: c.SHA, Commits: []event.Commit{c}, Artifact: fmt.Sprintf("%064x", n), Why: "push"}
	m := manifest.Manifest{App: app, Processes: map[string]manifest.Process{"web": {Run: "./shop"}}, Rollout: policy()}
	for _, f := range change {
		f(&r, &m)
	}
	text, err := json.Marshal(m)
	if err != nil {
		w.t.Fatal(err)
	}
	r.Manifest = text
	w.emit(r)
	return r.Release
}

func (w *world) newest() (v rollout.View, ok bool) {
	list, err := w.List(w.t.Context(), app, env, 0, 1)
	if err != nil || len(list) == 0 {
		return v, false
	}
	return list[0], true
}

// nth gives the rollout of this number.
func (w *world) nth(n int) rollout.View {
	w.t.Helper()
	var list []rollout.View
	w.until(fmt.Sprintf("there is rollout #%d", n), func() bool {
		var err error
		list, err = w.List(w.t.Context(), app, env, n+1, 1)
		return err == nil && len(list) == 1 && list[0].Number == n
	})
	v, err := w.Get(w.t.Context(), list[0].ID)
	if err != nil {
		w.t.Fatal(err)
	}
	return v
}

// second lets one second pass in which the edge counted by the present split, and waits until it is folded.
func (w *world) second(oldRate, newRate float64) {
	w.t.Helper()
	w.clock.pass(time.Second)
	w.feed(w.counted(oldRate, newRate))
}

// counted is what the edge counts in a second: 1,000 visitors' requests.
func (w *world) counted(oldRate, newRate float64) event.EdgeSecond {
	w.seconds++
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.split
	sec := event.EdgeSecond{Edge: "edge", Boot: "boot", Number: int64(w.seconds), Second: w.clock.now().Unix() - 1}
	rs := event.RouteSecond{App: app, Env: env, Traffic: r.Traffic, Rollout: r.Rollout, Split: r.Split}
	for release, share := range map[string]float64{r.Split.Old: 1 - r.Split.Share, r.Split.New: r.Split.Share} {
		rate := oldRate
		if release == r.Split.New {
			rate = newRate
		}
		n := int64(math.Round(1000 * share))
		if release != "" && n > 0 {
			bad := int64(math.Round(rate * float64(n)))
			rs.Hosts = append(rs.Hosts, event.HostCount{Release: release, Host: w.server(release), Counts: event.Counts{Requests: n, AtRisk: n, Errors: bad, FirstErrors: bad}})
		}
	}
	sec.Routes = []event.RouteSecond{rs}
	return sec
}

// server is the host that answers for a release: the first that runs it.
func (w *world) server(release string) string {
	for _, h := range slices.Sorted(maps.Keys(w.wish)) {
		if slices.Contains(w.wish[h], release) {
			return h
		}
	}
	return "us1"
}

// feed puts seconds into the log and waits until the last is folded.
func (w *world) feed(list ...event.EdgeSecond) {
	w.t.Helper()
	for _, sec := range list {
		data, err := json.Marshal(sec)
		if err == nil {
			err = w.j.Append(w.t.Context(), "edge", data)
		}
		if err != nil {
			w.t.Fatal(err)
		}
	}
	last := list[len(list)-1]
	w.until("the second is folded", func() bool {
		var n int64
		err := w.db.QueryRow(w.t.Context(), `SELECT number FROM rollout_edges WHERE edge = $1 AND boot = $2`, last.Edge, last.Boot).Scan(&n)
		return err == nil && n >= last.Number
	})
}

// end lets seconds pass until the rollout of this number has ended.
func (w *world) end(n int, oldRate, newRate float64) rollout.View {
	w.t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		if v := w.nth(n); v.State.Ended() {
			return v
		}
		w.second(oldRate, newRate)
	}
	v := w.nth(n)
	w.t.Fatalf("rollout #%d does not end; it is %s: %v", n, v.State, v.Reasons)
	return v
}

// ship makes a release and takes it to its end. It must end as said.
func (w *world) ship(number int, newRate float64, want string) string {
	w.t.Helper()
	id := w.release()
	if v := w.end(number, .02, newRate); v.Outcome != want {
		w.t.Fatalf("rollout #%d ended %s, want %s: %v", number, v.Outcome, want, v.Reasons)
	}
	return id
}

// runs gives what a host was last asked to run.
func (w *world) runs(host string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Join(w.wish[host], ",")
}

// alone waits until edges have heard that one release serves alone: what they count before says nothing of it.
func (w *world) alone() {
	w.t.Helper()
	w.until("one release serves alone", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.split.Split.Old != "" && w.split.Split.New == ""
	})
}

// asked waits until a host is asked to run exactly this.
func (w *world) asked(host, releases string) {
	w.t.Helper()
	w.until(fmt.Sprintf("host %s is asked to run %q", host, releases), func() bool { return w.runs(host) == releases })
}

// reach lets time pass without a visitor until the rollout is in a state, or another that will do: what is short may be over before one looks.
func (w *world) reach(n int, states ...string) rollout.View {
	w.t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		if v := w.nth(n); slices.Contains(states, string(v.State)) {
			return v
		}
		w.second(.02, .02)
	}
	w.t.Fatalf("rollout #%d does not come to be %s: it is %s", n, strings.Join(states, " or "), w.nth(n).State)
	return rollout.View{}
}
