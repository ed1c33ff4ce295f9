package app

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/analytics/archive"
	"github.com/slipwayhq/slipway/internal/analytics/duck"
	"github.com/slipwayhq/slipway/internal/analytics/feed"
	"github.com/slipwayhq/slipway/internal/journal"
)

// An event that waits for days to be stored stops the door. The same event, read a second time for a store that begins anew, does not.
func TestAStoreThatIsFilledAgainDoesNotStopTheDoor(t *testing.T) {
	dir := t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	log, err := journal.Open(t.Context(), journal.Options{Dir: filepath.Join(dir, "log")})
	must(err)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = log.Run(ctx) })
	engine, err := duck.Open(duck.Options{Dir: filepath.Join(dir, "events"), Memory: 128, Threads: 1})
	must(err)
	t.Cleanup(func() { cancel(); wg.Wait(); _ = engine.Close(); log.Close() })
	last, err := log.AppendEvents(t.Context(), journal.Record{Subject: "shop.event", Data: []byte(`{}`)})
	must(err)
	// The store of shop is gone, and the archive breaks off its filling.
	must(os.MkdirAll(filepath.Join(dir, "archive", "shop"), 0o700))
	must(os.WriteFile(filepath.Join(dir, "archive", "shop", "2026-11-01.parquet"), []byte("broken"), 0o600))
	must(os.WriteFile(filepath.Join(dir, "mark"), []byte("1\nshop\n"), 0o600))
	place, err := archive.OpenPlace(filepath.Join(dir, "archive"), os.Getenv)
	must(err)
	quiet := slog.New(slog.DiscardHandler)
	f := feed.New(feed.Options{Journal: log, Engine: engine, Archive: archive.New(archive.Options{Place: place, Engine: engine}), Mark: filepath.Join(dir, "mark"), Logger: quiet})
	r := &room{dir: dir, log: log, feeder: f, now: func() time.Time { return time.Now().Add(longestBehind + time.Hour) }, logger: quiet}
	if r.look() == nil {
		t.Error("an event that was never stored does not stop the door")
	}
	wg.Go(func() { _ = f.Run(ctx) })
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
