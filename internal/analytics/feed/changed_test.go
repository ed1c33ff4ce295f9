//go:build cgo

package feed_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/analytics"
	"github.com/slipwayhq/slipway/internal/analytics/feed"
	"github.com/slipwayhq/slipway/internal/db/dbtest"
	"github.com/slipwayhq/slipway/internal/journal"
	"github.com/slipwayhq/slipway/internal/pure/capture"
)

// brokenOn is a failed event that was received so many days ago.
func brokenOn(ago int) journal.Record {
	raw, _ := json.Marshal(capture.Failed{
		Failure: capture.Failure{Reason: capture.NoName, Message: "no name", Raw: []byte(`{"a":1}`)}, App: "shop", Environment: "production", Source: "src_1", Dialect: capture.InSegment, Kind: capture.Track,
		Received: time.Now().UTC().AddDate(0, 0, -ago).Truncate(time.Microsecond),
	})
	return journal.Record{Subject: "shop.failed", Data: raw}
}

// changes has what a store is made anew from, and failed events that were repaired and dropped since the archive looked: some of days that are archived, one of a day that is not.
func (p *plant) changes() {
	p.t.Helper()
	var some []journal.Record
	for n := range 15 {
		some = append(some, onDay(3, n))
	}
	p.wait(p.write(append(some, brokenOn(3), brokenOn(3), brokenOn(3))...))
	p.mark(analytics.Dropped, 16)
	p.keep("1,18")
	p.wait(p.write(onDay(0, 30), brokenOn(0), brokenOn(0)))
	p.mark(analytics.Repaired, 17, 20)
	p.answers("shop", states, "[[16 dropped] [17 repaired] [18 open] [20 repaired] [21 open]]")
}

const states = `SELECT seq, state FROM failed ORDER BY seq`

func (p *plant) mark(to analytics.FailedState, sequences ...uint64) {
	p.t.Helper()
	store, err := p.engine.Store(p.t.Context(), "shop")
	if err == nil {
		_, err = store.Mark(p.t.Context(), sequences, to, time.Now().UTC().Truncate(time.Microsecond))
	}
	if err != nil {
		p.t.Fatal(err)
	}
}

// left are the files that are there while a store is made anew.
func (p *plant) left() []string {
	p.t.Helper()
	files, err := filepath.Glob(filepath.Join(p.dir, "mark.*"))
	if err != nil {
		p.t.Fatal(err)
	}
	return files
}

// What became of failed events is in a store that is made anew as it was, also what the archive and the log do not know.
func TestARebuildKeepsWhatBecameOfFailedEvents(t *testing.T) {
	for name, postgres := range map[string]func() string{"duck": func() string { return "" }, "postgres": func() string { return dbtest.PostgresURL(t) }} {
		t.Run(name, func(t *testing.T) {
			p := startOn(t, postgres())
			p.changes()
			before := p.all()
			if err := p.Rebuild(t.Context(), "shop"); err != nil {
				t.Fatal(err)
			}
			if r := p.rebuilt(); r.State != feed.Done {
				t.Fatalf("it ended as %+v", r)
			}
			p.same(before)
			p.mark(analytics.Dropped, 18)
			p.wait(p.write(onDay(0, 31)))
			if left := p.left(); len(left) > 0 {
				t.Errorf("there is still %v", left)
			}
			p.answers("shop", states, "[[16 dropped] [17 repaired] [18 dropped] [20 repaired] [21 open]]")
		})
	}
}

// It is so, too, where the server goes down in the middle, and somebody asks for the same once more.
func TestARebuildThatBreaksOffKeepsWhatBecameOfFailedEvents(t *testing.T) {
	p := start(t)
	p.changes()
	before := p.all()
	ended := make(chan struct{})
	n := 0
	p.leave = func(string, *capture.Event) bool {
		if n++; n == 3 {
			p.cancel() // so that nothing of this is stored
			go func() { p.stop(); close(ended) }()
		}
		return false
	}
	p.run()
	if err := p.Rebuild(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ended:
	case <-time.After(patience):
		t.Fatal("it never came to the third event")
	}
	p.answers("shop", `SELECT count(*) FROM failed WHERE seq > 18`, "[[0]]")
	if left := p.left(); len(left) != 1 {
		t.Fatalf("there is %v", left)
	}
	p.leave = nil
	p.reopen()
	if err := os.WriteFile(p.left()[0]+".new", []byte("{"), 0o600); err != nil { // of a server that went down while it wrote
		t.Fatal(err)
	}
	p.run(func() {
		if err := p.Rebuild(t.Context(), "shop"); err != nil {
			t.Fatal(err)
		}
	})
	p.rebuilt()
	p.same(before)
}

// One that cannot be read stays for who can tell what it says, and holds up no events.
func TestWhatCannotBeReadOfFailedEventsStays(t *testing.T) {
	p := start(t)
	p.stop()
	path := filepath.Join(p.dir, "mark"+".failed.shop")
	if err := os.WriteFile(path, []byte(`{"sequence":1,"state":"dropped"}`+"\n"+`{"sequ`), 0o600); err != nil {
		t.Fatal(err)
	}
	p.reopen()
	p.run()
	p.wait(p.write(onDay(0, 1)))
	if left := p.left(); len(left) != 1 {
		t.Errorf("there is %v", left)
	}
}
