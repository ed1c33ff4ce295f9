package build_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/blob"
	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/db/dbtest"
	"github.com/slipwayhq/slipway/internal/decide/build"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/journal"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
	"github.com/slipwayhq/slipway/internal/wire"
)

// clock can be moved by a test.
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

// patience is how long a test waits for what must happen before it gives up: machines are shared.
const patience = 2 * time.Minute

// world is a real store, log and service.
type world struct {
	t     *testing.T
	clock *clock
	db    *db.DB
	j     *journal.Journal
	blobs *blob.Store
	*build.Service
	pushes int
}

// each runs a test on both stores.
func each(t *testing.T, fn func(w *world)) {
	t.Helper()
	c := &clock{}
	dbtest.EachWith(t, db.Options{Now: c.now}, func(t *testing.T, d *db.DB) {
		w := &world{t: t, clock: c, db: d, j: dbtest.Journal(t, d)}
		var err error
		if w.blobs, err = blob.Open(t.TempDir()); err != nil {
			t.Fatal(err)
		}
		w.Service = build.New(d, w.j, w.blobs, build.Options{})
		dbtest.Run(t, w.Run)
		fn(w)
	})
}

func goSuite() manifest.Test {
	return manifest.Test{Name: "go", List: "go list ./...", Run: "go test -json {units}", Format: manifest.FormatGoTest, Timeout: manifest.Every(time.Minute)}
}

func shop(tests ...manifest.Test) manifest.Manifest {
	return manifest.Manifest{App: "shop", Tests: tests, Package: manifest.Package{Run: "make dist", Path: "dist", Timeout: manifest.Every(time.Minute)}}
}

func commit(n int) event.Commit {
	return event.Commit{SHA: fmt.Sprintf("%040x", n), Author: "Ana", Email: "ana@example.com", Subject: fmt.Sprintf("Change %d", n), Time: time.Unix(int64(n), 0).UTC()}
}

// push pushes one commit to production and returns it.
func (w *world) push(m manifest.Manifest, change ...func(*event.GitPushed)) event.Commit {
	w.t.Helper()
	w.pushes++
	c := commit(w.pushes)
	text, err := json.Marshal(m)
	if err != nil {
		w.t.Fatal(err)
	}
	p := event.GitPushed{Branch: "main", After: c.SHA, Tree: fmt.Sprintf("%040x", 1000+w.pushes), Commits: []event.Commit{c}, Manifest: text}
	for _, f := range change {
		f(&p)
	}
	dbtest.Emit(w.t, w.db, event.Meta{App: m.App, Env: "production", Actor: "person:ana"}, p)
	return c
}

func hotfix(p *event.GitPushed) {
	p.Hotfix = &event.Hotfix{SkipTests: true, Reason: "the shop is down"}
}

// wait polls until ok.
func (w *world) wait(what string, ok func() bool) {
	w.t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			w.t.Fatalf("waited in vain for %s", what)
		}
	}
}

// newest waits for the nth build and returns it.
func (w *world) nth(n int) build.Detail {
	w.t.Helper()
	var id string
	w.wait(fmt.Sprintf("build #%d", n), func() bool {
		var err error
		id, err = w.Find(w.t.Context(), "shop", "production", fmt.Sprint(n))
		return err == nil
	})
	return w.build(id)
}

func (w *world) build(id string) build.Detail {
	w.t.Helper()
	d, err := w.Build(w.t.Context(), "shop", id)
	if err != nil {
		w.t.Fatal(err)
	}
	return d
}

// lease takes work as a worker; it must come.
func (w *world) lease(agent string) wire.Lease {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	l, err := w.Lease(ctx, agent, wire.LeaseRequest{})
	if err != nil {
		w.t.Fatal(err)
	}
	if l == nil {
		w.t.Fatal("no work came")
	}
	return *l
}

// idle checks that there is nothing to lend.
func (w *world) idle(agent string) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 30*time.Millisecond)
	defer cancel()
	if l, err := w.Lease(ctx, agent, wire.LeaseRequest{}); err == nil && l != nil {
		w.t.Fatalf("got %s work of %v, want none", l.Kind, l.Units)
	}
}

// there has a worker ask for work, of which there is none, until it is known to be there.
func (w *world) there(agent string) {
	w.t.Helper()
	w.wait(agent+" to be there", func() bool {
		w.idle(agent) // on a busy machine it may hang up before it was heard
		var n int
		err := w.db.QueryRow(w.t.Context(), `SELECT COUNT(*) FROM build_workers WHERE agent = $1`, agent).Scan(&n)
		return err == nil && n == 1
	})
}

func (w *world) done(agent string, l wire.Lease, r wire.LeaseResult) {
	w.t.Helper()
	if err := w.Done(w.t.Context(), agent, l.ID, r); err != nil {
		w.t.Fatal(err)
	}
}

func units(status string, names ...string) []wire.UnitResult {
	var out []wire.UnitResult
	for _, n := range names {
		u := wire.UnitResult{Unit: n, Status: status, Duration: 100 * time.Millisecond}
		if status != "passed" {
			u.Output = "FAIL " + n
		}
		out = append(out, u)
	}
	return out
}

func (w *world) artifact() string {
	w.t.Helper()
	sha, _, err := w.blobs.Put(strings.NewReader("artifact"))
	if err != nil {
		w.t.Fatal(err)
	}
	return sha
}

// work answers a lease as a worker does for whom everything passes but the units in bad.
func (w *world) work(agent string, l wire.Lease, list []string, bad ...string) {
	w.t.Helper()
	r := wire.LeaseResult{Started: w.db.Now(), Ran: 100 * time.Millisecond}
	switch l.Kind {
	case wire.LeaseList:
		r.Listed = list
	case wire.LeaseTest:
		for _, u := range l.Units {
			status := "passed"
			for _, b := range bad {
				if u == b {
					status = "failed"
				}
			}
			r.Units = append(r.Units, units(status, u)...)
		}
	case wire.LeasePackage:
		r.Artifact = w.artifact()
	}
	w.done(agent, l, r)
}

// finish works until the build with that number is over.
func (w *world) finish(agent string, n int, list []string, bad ...string) build.Detail {
	w.t.Helper()
	for b := w.nth(n); b.State.Open(); b = w.build(b.ID) {
		w.work(agent, w.lease(agent), list, bad...)
	}
	return w.nth(n)
}

// events reads all state events so far of a type.
func events[T event.Payload](w *world) []T {
	w.t.Helper()
	var kind T
	all, err := db.Events(w.t.Context(), w.db, `SELECT COALESCE(position, 0), body FROM events WHERE type = $1 ORDER BY seq`, string(kind.EventType()))
	if err != nil {
		w.t.Fatal(err)
	}
	var out []T
	for _, ev := range all {
		p, err := event.Decode[T](ev)
		if err != nil {
			w.t.Fatal(err)
		}
		out = append(out, p)
	}
	return out
}

func shas(commits []event.Commit) string {
	var out []string
	for _, c := range commits {
		out = append(out, strings.TrimLeft(c.SHA, "0"))
	}
	return strings.Join(out, " ")
}
