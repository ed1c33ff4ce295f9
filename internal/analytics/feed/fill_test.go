//go:build cgo

package feed_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipwayhq/slipway/internal/analytics"
	"github.com/slipwayhq/slipway/internal/analytics/feed"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/journal"
	"github.com/slipwayhq/slipway/internal/pure/capture"
)

// onDay is an event that was received so many days ago.
func onDay(ago, n int) journal.Record {
	at := time.Now().UTC().AddDate(0, 0, -ago).Truncate(time.Microsecond)
	raw, _ := json.Marshal(capture.Event{
		ID: fmt.Sprintf("id-%d", n), App: "shop", Source: "src_1", Kind: capture.Track, Name: "clicked", User: fmt.Sprintf("u%d", n%7), Anonymous: fmt.Sprintf("a%d", n%9), Time: at, Received: at,
		Properties: json.RawMessage(fmt.Sprintf(`{"n":%d,"plan":"pro"}`, n)),
	})
	return journal.Record{Subject: "shop.event", Data: raw}
}

// threeDays writes thirty events of three days, and archives them.
func (p *plant) threeDays() {
	p.t.Helper()
	for ago := 3; ago > 0; ago-- {
		var some []journal.Record
		for n := range 10 {
			some = append(some, onDay(ago, ago*10+n))
		}
		p.wait(p.write(some...))
	}
	p.keep("1,10 11,20 21,30")
}

// keep archives what there is, and checks which sequences the files have.
func (p *plant) keep(want string) {
	p.t.Helper()
	if err := p.archive.KeepAll(p.t.Context()); err != nil {
		p.t.Fatal(err)
	}
	files, err := p.archive.Files(p.t.Context(), "shop")
	if err != nil {
		p.t.Fatal(err)
	}
	var got []string
	for _, f := range files {
		got = append(got, fmt.Sprintf("%d,%d", f.After+1, f.Through))
	}
	if strings.Join(got, " ") != want {
		p.t.Fatalf("archived are %s, not %s", strings.Join(got, " "), want)
	}
}

// all is everything that is made of an app's events.
func (p *plant) all() (all []analytics.Table) {
	p.t.Helper()
	store, err := p.engine.Store(p.t.Context(), "shop")
	if err != nil {
		p.t.Fatal(err)
	}
	for _, sql := range []string{`SELECT * FROM events ORDER BY seq`, `SELECT * FROM people ORDER BY 1`, `SELECT * FROM learned ORDER BY 1, 2, 3, 4`, `SELECT * FROM failed ORDER BY seq`} {
		table, err := store.Query(p.t.Context(), analytics.Query{SQL: sql})
		if err != nil {
			p.t.Fatal(err)
		}
		table.Took = 0
		all = append(all, table)
	}
	return all
}

func (p *plant) same(want []analytics.Table) {
	p.t.Helper()
	if diff := cmp.Diff(want, p.all()); diff != "" {
		p.t.Error("the store is not what it was:", diff)
	}
}

// rebuilt waits until an app was made anew, or was refused.
func (p *plant) rebuilt() feed.Rebuilding {
	p.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		r, ok := p.Rebuilding("shop")
		if ok && (r.State == feed.Done || r.State == feed.Refused) {
			return r
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("it is not done: %+v, %+v", r, p.Behind())
		}
	}
}

func TestAStoreIsMadeAnew(t *testing.T) {
	p := start(t)
	p.threeDays()
	failed, _ := json.Marshal(capture.Failed{Failure: capture.Failure{Reason: capture.NoName, Raw: []byte(`{"a":1}`)}, App: "shop", Received: time.Now().UTC()})
	p.wait(p.write(event("shop", 131, `{"n":"x"}`), event("blog", 132, ""), journal.Record{Subject: "shop.failed", Data: failed}))
	before := p.all()
	if _, ok := p.Rebuilding("shop"); ok {
		t.Error("nobody asked for it yet")
	}
	for range 2 {
		if err := p.Rebuild(t.Context(), "shop"); err != nil {
			t.Fatal(err)
		}
		if r := p.rebuilt(); r.State != feed.Done || r.Events != 30 {
			t.Errorf("it ended as %+v", r)
		}
		if b := p.Behind(); b.Again != 0 {
			t.Errorf("when it is done it tells %+v", b)
		}
		p.same(before)
	}
	p.answers("blog", counts, "[[1 1]]")
	p.wait(p.write(event("shop", 133, "")))
	p.answers("shop", counts, "[[32 32]]")
}

// Failed events that only the archive has come back with their state, but for those of who is forgotten.
func TestFailedEventsComeFromTheArchive(t *testing.T) {
	p := start(t)
	broken := func(ago int, user string) journal.Record {
		raw, _ := json.Marshal(capture.Failed{
			Failure: capture.Failure{Reason: capture.NoName, Message: "no name", Raw: []byte(`{"userId":"` + user + `"}`)}, App: "shop", Environment: "production", Source: "src_1", Dialect: capture.InSegment, Kind: capture.Track,
			Received: time.Now().UTC().AddDate(0, 0, -ago).Truncate(time.Microsecond),
		})
		return journal.Record{Subject: "shop.failed", Data: raw}
	}
	p.wait(p.write(onDay(3, 1), broken(3, "u1"), onDay(3, 3), broken(3, "gone"), broken(2, "u2")))
	store, err := p.engine.Store(t.Context(), "shop")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Mark(t.Context(), []uint64{2}, analytics.Repaired, time.Now().UTC().Truncate(time.Microsecond)); err != nil {
		t.Fatal(err)
	}
	p.keep("1,4 5,5")
	if _, err := store.Mark(t.Context(), []uint64{5}, analytics.Dropped, time.Now().UTC().Truncate(time.Microsecond)); err != nil {
		t.Fatal(err)
	}
	p.keep("1,4 5,5") // as they are now
	const failed = `SELECT seq, state, raw FROM failed ORDER BY seq`
	p.answers("shop", failed, `[[2 repaired {"userId":"u1"}] [4 open {"userId":"gone"}] [5 dropped {"userId":"u2"}]]`)
	before := p.all()
	p.reopen("log", "events", "mark")
	p.run()
	p.wait(p.write(event("shop", 131, "")))
	after := p.all()
	if diff := cmp.Diff(before[3], after[3]); diff != "" {
		t.Error("the failed events are not what they were:", diff)
	}
	p.leave = func(_ string, e *capture.Event) bool { return e.User == "gone" }
	p.reopen("log", "events", "mark")
	p.run()
	p.wait(p.write(event("shop", 132, "")))
	p.answers("shop", failed, `[[2 repaired {"userId":"u1"}] [5 dropped {"userId":"u2"}]]`)
}

// What only the archive has comes from there, after the log, the stores and the mark were lost; and the log goes on behind it.
func TestAllButTheArchiveIsLost(t *testing.T) {
	p := start(t)
	p.threeDays()
	before := p.all()
	p.reopen("log", "events", "mark")
	p.run()
	if got := p.write(event("shop", 131, "")); got != 31 {
		t.Errorf("the log goes on at %d, not at 31", got)
	}
	p.wait(31)
	p.answers("shop", counts, "[[31 31]]")
	if got := p.all(); len(got[0].Rows) == 31 {
		got[0].Rows = got[0].Rows[:30]
		if diff := cmp.Diff(before[:2], got[:2]); diff != "" {
			t.Error(diff)
		}
	}
	// The stores alone are enough for the log to go on behind them.
	p.reopen("log", "archive")
	p.run()
	p.wait(p.write(event("shop", 132, "")))
	p.answers("shop", counts, "[[32 32]]")
}

func TestAFillThatBreaksOffGoesOn(t *testing.T) {
	p := start(t)
	p.threeDays()
	before := p.all()
	p.reopen("log", "events") // the mark is that of before
	// It ends at the second day.
	ended := make(chan struct{})
	n := 0
	p.leave = func(string, *capture.Event) bool {
		if b := p.Behind(); b.Stored != 0 || b.Again != 30 {
			t.Errorf("while it is filled it tells %+v", b)
		}
		if n++; n == 11 {
			go func() { p.stop(); close(ended) }()
			time.Sleep(50 * time.Millisecond) // or it may be stored before it ends; then the test sees less
		}
		return false
	}
	p.run()
	select {
	case <-ended:
	case <-time.After(patience):
		t.Fatal("it never came to the second day")
	}
	p.answers("shop", counts, "[[10 10]]")
	p.leave = nil
	p.reopen()
	p.run()
	p.wait(p.write(event("blog", 131, "")))
	p.same(before)
}

func TestWhoIsForgottenDoesNotComeBackFromTheArchive(t *testing.T) {
	p := start(t)
	p.threeDays()
	p.reopen("log", "events", "mark")
	p.leave = func(app string, e *capture.Event) bool { return app == "shop" && e.User != "u1" }
	p.run()
	p.wait(p.write(event("shop", 1, "")))
	p.answers("shop", `SELECT DISTINCT user_id FROM events`, "[[u1]]")
}

func TestARebuildThatWouldLoseEventsIsRefused(t *testing.T) {
	p := start(t)
	p.threeDays()
	p.wait(p.write(event("shop", 131, ""))) // is not archived
	p.reopen("log")
	p.run()
	before := p.all()
	lost := p.Rebuild(t.Context(), "shop")
	if !fault.Is(lost, fault.CodeConflict) || !strings.Contains(fault.Message(lost), time.Now().UTC().Format(time.DateOnly)) {
		t.Errorf("what only the store has is given up: %v", lost)
	}
	p.archive = nil
	p.run()
	if err := p.Rebuild(t.Context(), "shop"); !fault.Is(err, fault.CodeConflict) {
		t.Errorf("without an archive: %v", err)
	}
	p.same(before)
}

func TestABrokenArchiveIsNoneToRebuildFrom(t *testing.T) {
	p := start(t)
	p.threeDays()
	before := p.all()
	path, err := filepath.Glob(filepath.Join(p.dir, "archive", "shop", "*.parquet"))
	if err != nil || len(path) != 3 {
		t.Fatal(path, err)
	}
	text, err := os.ReadFile(path[1])
	if err != nil {
		t.Fatal(err)
	}
	text[len(text)/3] ^= 1
	if err := os.WriteFile(path[1], text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := p.Rebuild(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	if r := p.rebuilt(); r.State != feed.Refused || !strings.Contains(r.Message, filepath.Base(path[1])) {
		t.Errorf("it ended as %+v", r)
	}
	p.same(before)
	p.wait(p.write(event("shop", 131, "")))
	// A store that is lost is not passed off as whole.
	p.reopen("log", "events", "mark")
	p.run()
	for deadline := time.Now().Add(patience); p.Behind().Trouble == nil; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("a broken file is no trouble")
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := p.WaitFor(ctx, 1); err == nil {
		t.Error("what is broken is called stored")
	}
}
