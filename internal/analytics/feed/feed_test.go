//go:build cgo

package feed_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/analytics"
	"github.com/slipwayhq/slipway/internal/analytics/archive"
	"github.com/slipwayhq/slipway/internal/analytics/duck"
	"github.com/slipwayhq/slipway/internal/analytics/feed"
	"github.com/slipwayhq/slipway/internal/analytics/pg"
	"github.com/slipwayhq/slipway/internal/journal"
	"github.com/slipwayhq/slipway/internal/pure/capture"
)

// patience is how long a test waits for what must happen before it gives up.
const patience = 60 * time.Second

// plant is a log with stores behind it, and an archive that takes today for a day that has ended.
type plant struct {
	t   *testing.T
	dir string
	// postgres is the address of the database where the stores are; empty for files.
	postgres string
	log      *journal.Journal
	engine   analytics.Engine
	archive  *archive.Archive
	*feed.Feeder
	leave             func(string, *capture.Event) bool
	stop, stopAndShut func()
	cancel            context.CancelFunc // of the feeder's run
}

func start(t *testing.T) *plant {
	t.Helper()
	return startOn(t, "")
}

func startOn(t *testing.T, postgres string) *plant {
	t.Helper()
	p := &plant{t: t, dir: t.TempDir(), postgres: postgres}
	p.open()
	t.Cleanup(func() { p.stopAndShut() })
	p.run()
	return p
}

// open opens what is in the folder.
func (p *plant) open() {
	p.t.Helper()
	var err error
	if p.log, err = journal.Open(p.t.Context(), journal.Options{Dir: filepath.Join(p.dir, "log")}); err != nil {
		p.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	log := p.log
	wg.Go(func() { _ = log.Run(ctx) })
	if p.postgres != "" {
		p.engine, err = pg.Open(p.t.Context(), pg.Options{URL: p.postgres, Secret: []byte("of the test")})
	} else {
		p.engine, err = duck.Open(duck.Options{Dir: filepath.Join(p.dir, "events"), Memory: 128, Threads: 1})
	}
	if err != nil {
		p.t.Fatal(err)
	}
	place, err := archive.OpenPlace(filepath.Join(p.dir, "archive"), os.Getenv)
	if err != nil {
		p.t.Fatal(err)
	}
	p.archive = archive.New(archive.Options{Place: place, Engine: p.engine, Scratch: p.dir, Now: func() time.Time { return time.Now().Add(48 * time.Hour) }})
	p.stop = func() {}
	p.stopAndShut = func() {
		p.stop()
		_ = p.engine.Close()
		cancel()
		wg.Wait()
		log.Close()
	}
}

// reopen ends everything, and begins anew without what is lost.
func (p *plant) reopen(lost ...string) {
	p.t.Helper()
	p.stopAndShut()
	for _, name := range lost {
		if err := os.RemoveAll(filepath.Join(p.dir, name)); err != nil {
			p.t.Fatal(err)
		}
	}
	p.open()
}

// run starts a feeder, in the place of the one before, once it was asked for something.
func (p *plant) run(asked ...func()) {
	p.t.Helper()
	p.stop()
	p.Feeder = feed.New(feed.Options{
		Journal: p.log, Engine: p.engine, Archive: p.archive, Mark: filepath.Join(p.dir, "mark"), Leave: p.leave, Every: 5 * time.Millisecond, Logger: slog.New(slog.DiscardHandler),
	})
	if err := p.Prepare(p.t.Context()); err != nil {
		p.t.Fatal(err)
	}
	for _, ask := range asked {
		ask()
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	f := p.Feeder
	wg.Go(func() { _ = f.Run(ctx) })
	p.cancel, p.stop = cancel, func() { cancel(); wg.Wait() }
}

func event(app string, n int, properties string) journal.Record {
	now := time.Now().UTC().Truncate(time.Microsecond)
	raw, _ := json.Marshal(capture.Event{
		ID: fmt.Sprintf("id-%d", n), App: app, Source: "src_1", Kind: capture.Track, Name: "clicked", User: fmt.Sprintf("u%d", n), Time: now, Received: now, Properties: json.RawMessage(properties),
	})
	return journal.Record{Subject: app + ".event", Data: raw}
}

func (p *plant) write(records ...journal.Record) uint64 {
	p.t.Helper()
	last, err := p.log.AppendEvents(p.t.Context(), records...)
	if err != nil {
		p.t.Fatal(err)
	}
	return last
}

func (p *plant) wait(sequence uint64) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	if err := p.WaitFor(ctx, sequence); err != nil {
		p.t.Fatalf("not stored up to %d: %v, %+v", sequence, err, p.Behind())
	}
}

func (p *plant) answers(app, sql, want string) {
	p.t.Helper()
	store, err := p.engine.Store(p.t.Context(), app)
	if err != nil {
		p.t.Fatal(err)
	}
	table, err := store.Query(p.t.Context(), analytics.Query{SQL: sql})
	if err != nil {
		p.t.Fatal(err)
	}
	if got := fmt.Sprint(table.Rows); got != want {
		p.t.Errorf("%s of %s is %s, not %s", sql, app, got, want)
	}
}

const counts = `SELECT count(*), count(DISTINCT message_id) FROM events`

func TestEachEventIsStoredOnce(t *testing.T) {
	p := start(t)
	n := 0
	for range 20 {
		var some []journal.Record
		for range 50 {
			n++
			some = append(some, event([]string{"shop", "blog"}[n%2], n, `{"n":1}`))
		}
		p.write(some...)
		p.run() // what the one before had not stored is stored by this one, and nothing twice
	}
	_, last, err := p.log.EventsHeld(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p.wait(last)
	p.answers("shop", counts, "[[500 500]]")
	p.answers("blog", counts, "[[500 500]]")
}

func TestAStoreThatBeginsAnewIsFedFromTheBeginning(t *testing.T) {
	p := start(t)
	p.wait(p.write(event("shop", 1, ""), event("blog", 2, "")))
	if err := p.engine.Drop(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	p.wait(p.write(event("shop", 3, ""), event("blog", 4, "")))
	p.answers("shop", counts, "[[2 2]]")
	p.answers("blog", counts, "[[2 2]]")
	p.stop()
	if err := p.engine.Drop(t.Context(), "blog"); err != nil {
		t.Fatal(err)
	}
	p.answers("blog", counts, "[[0 0]]") // there is an empty one
	p.run()
	p.wait(p.write(event("shop", 5, "")))
	p.answers("shop", counts, "[[3 3]]")
	p.answers("blog", counts, "[[2 2]]")
}

func TestAnotherLogIsNoticed(t *testing.T) {
	p := start(t)
	p.wait(p.write(event("shop", 1, "")))
	p.stop()
	if err := os.WriteFile(filepath.Join(p.dir, "mark"), []byte("1000\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.run()
	for deadline := time.Now().Add(patience); p.Behind().Trouble == nil; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("a log that ends before the mark is taken")
		}
	}
}

func TestFailuresAndWhatCannotBeReadAreKept(t *testing.T) {
	p := start(t)
	failed, err := json.Marshal(capture.Failed{Failure: capture.Failure{Reason: capture.NoName, Message: "no name", Raw: []byte(`{"a":1}`)}, App: "shop", Received: time.Now().UTC()})
	if err != nil {
		t.Fatal(err)
	}
	p.wait(p.write(journal.Record{Subject: "shop.failed", Data: failed}, journal.Record{Subject: "shop.event", Data: []byte(`{"id":`)}, event("shop", 1, "")))
	p.answers("shop", `SELECT reason, raw FROM failed ORDER BY seq`, `[[no_name {"a":1}] [malformed "{\"id\":"]]`)
	p.answers("shop", counts, "[[1 1]]")
}

func TestShapesAreLearnt(t *testing.T) {
	p := start(t)
	p.wait(p.write(event("shop", 1, `{"price":1.5,"plan":"pro","tags":[],"who":{},"new":true,"left":null}`), event("shop", 2, `{"price":"2"}`)))
	p.answers("shop", `SELECT property, type, count FROM learned ORDER BY 1, 2`, "[[  2] [left null 1] [new boolean 1] [plan string 1] [price number 1] [price string 1] [tags array 1] [who object 1]]")
	var many []journal.Record
	for n := range 11 {
		properties := map[string]int{}
		for i := range 999 {
			properties[fmt.Sprintf("p%d", n*999+i)] = i
		}
		raw, _ := json.Marshal(properties)
		many = append(many, event("shop", n+3, string(raw)))
	}
	p.wait(p.write(many...))
	p.answers("shop", `SELECT (SELECT count(*) FROM learned), (SELECT sum(count) FROM learned WHERE name = '(more)'), (SELECT count(*) FROM events)`, fmt.Sprintf("[[%d %d 13]]", feed.MaxLearned+1, 11*999+8-feed.MaxLearned))
	p.run()
	p.wait(p.write(event("shop", 20, `{"yet_another":1}`)))
	p.answers("shop", `SELECT count(*) FROM learned`, fmt.Sprintf("[[%d]]", feed.MaxLearned+1))
}

func TestWhoIsForgottenIsLeftOut(t *testing.T) {
	p := start(t)
	p.leave = func(app string, e *capture.Event) bool { return app == "shop" && e.User == "u2" }
	p.run()
	p.wait(p.write(event("shop", 1, ""), event("shop", 2, ""), event("blog", 2, "")))
	p.answers("shop", `SELECT user_id FROM events`, "[[u1]]")
	p.answers("blog", `SELECT user_id FROM events`, "[[u2]]")
}
