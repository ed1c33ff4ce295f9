package app

import (
	"context"
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
	"github.com/slipwayhq/slipway/internal/journal"
)

var quiet = slog.New(slog.DiscardHandler)

// roomSetup is a log and an engine in a folder, for the time of a test.
type roomSetup struct {
	dir    string
	log    *journal.Journal
	engine analytics.Engine
	must   func(error)
	run    func(func(context.Context) error) // until the test ends
}

func newRoomSetup(t *testing.T) *roomSetup {
	s := &roomSetup{dir: t.TempDir()}
	s.must = func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var err error
	s.log, err = journal.Open(t.Context(), journal.Options{Dir: filepath.Join(s.dir, "log")})
	s.must(err)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	s.run = func(do func(context.Context) error) { wg.Go(func() { _ = do(ctx) }) }
	s.run(s.log.Run)
	s.engine, err = duck.Open(duck.Options{Dir: filepath.Join(s.dir, "events"), Memory: 128, Threads: 1})
	s.must(err)
	t.Cleanup(func() { cancel(); wg.Wait(); _ = s.engine.Close(); s.log.Close() })
	return s
}

// The door is shut once an event waits for too long, however young it was when it was first looked at, and however the clock is set.
func TestAnEventGrowsOldWhileItWaits(t *testing.T) {
	s := newRoomSetup(t)
	var later time.Duration
	f := feed.New(feed.Options{Journal: s.log, Engine: s.engine, Mark: filepath.Join(s.dir, "mark"), Logger: quiet}) // which does not run
	r := &room{dir: s.dir, log: s.log, feeder: f, now: func() time.Time { return time.Now().Add(later) }, logger: quiet}
	looks := func(at time.Duration, open bool) {
		t.Helper()
		later = at
		if err := r.full(); (err == nil) != open {
			t.Errorf("after %v: %v", at, err)
		}
	}
	looks(0, true) // nothing waits
	_, err := s.log.AppendEvents(t.Context(), journal.Record{Subject: "shop.event", Data: []byte(`{}`)})
	s.must(err)
	looks(time.Hour, true)
	looks(longestBehind-time.Hour, true)
	looks(longestBehind+time.Hour, false)
	looks(longestBehind+2*time.Hour, false)
	looks(-time.Hour, true) // the clock is set back, to before it was written
	looks(longestBehind-time.Hour, true)
	looks(longestBehind+time.Hour, false)
}

// An event that waits for days to be stored stops the door. The same event, read a second time for a store that begins anew, does not.
func TestAStoreThatIsFilledAgainDoesNotStopTheDoor(t *testing.T) {
	s := newRoomSetup(t)
	dir, log, engine, must := s.dir, s.log, s.engine, s.must
	last, err := log.AppendEvents(t.Context(), journal.Record{Subject: "shop.event", Data: []byte(`{}`)})
	must(err)
	// The store of shop is gone, and the archive breaks off its filling.
	must(os.MkdirAll(filepath.Join(dir, "archive", "shop"), 0o700))
	must(os.WriteFile(filepath.Join(dir, "archive", "shop", "2026-11-01.parquet"), []byte("broken"), 0o600))
	must(os.WriteFile(filepath.Join(dir, "mark"), []byte("1\nshop\n"), 0o600))
	place, err := archive.OpenPlace(filepath.Join(dir, "archive"), os.Getenv)
	must(err)
	f := feed.New(feed.Options{Journal: log, Engine: engine, Archive: archive.New(archive.Options{Place: place, Engine: engine}), Mark: filepath.Join(dir, "mark"), Logger: quiet})
	r := &room{dir: dir, log: log, feeder: f, now: func() time.Time { return time.Now().Add(longestBehind + time.Hour) }, logger: quiet}
	if r.look() == nil {
		t.Error("an event that was never stored does not stop the door")
	}
	s.run(f.Run)
	for deadline := time.Now().Add(time.Minute); f.Behind().Trouble == nil; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("a broken file is no trouble")
		}
	}
	if b := f.Behind(); b.Stored != 0 || b.Again != last {
		t.Errorf("%+v", b)
	}
	if err := r.look(); err != nil {
		t.Errorf("a store that is filled again stops the door: %v", err)
	}
}
