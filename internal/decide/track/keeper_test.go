//go:build cgo

package track_test

import (
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/analytics"
	"github.com/slipwayhq/slipway/internal/analytics/duck"
	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/db/dbtest"
	"github.com/slipwayhq/slipway/internal/decide/track"
	"github.com/slipwayhq/slipway/internal/pure/capture"
)

func engine(t *testing.T) analytics.Engine {
	t.Helper()
	e, err := duck.Open(duck.Options{Dir: t.TempDir(), Memory: 128, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

// count asks a store for one number.
func count(t *testing.T, e analytics.Engine, app, sql string, args ...any) string {
	t.Helper()
	store, err := e.Store(t.Context(), app)
	if err != nil {
		t.Fatal(err)
	}
	table, err := store.Query(t.Context(), analytics.Query{SQL: sql, Args: args})
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(table.Rows)
}

func TestEventsAreKeptAsLongAsTheAppSays(t *testing.T) {
	var clock atomic.Int64
	begin := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	clock.Store(begin.UnixMicro())
	d := dbtest.SQLite(t, db.Options{Now: func() time.Time { return time.UnixMicro(clock.Load()) }})
	s, e := track.New(d), engine(t)
	for _, app := range []string{"shop", "blog"} {
		store, err := e.Store(t.Context(), app)
		if err != nil {
			t.Fatal(err)
		}
		batch := analytics.Batch{Through: 10}
		for day := range 10 { // received 0 to 9 days ago
			at := begin.AddDate(0, 0, -day)
			batch.Rows = append(batch.Rows, analytics.Row{Sequence: uint64(10 - day), Event: capture.Event{ID: fmt.Sprint(day), Kind: capture.Track, Name: "a", User: "u", Time: at, Received: at}})
		}
		if err := store.Append(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
	}
	dbtest.Run(t, (&track.Keeper{Sources: s, Engine: e, Logger: slog.New(slog.DiscardHandler), Every: 20 * time.Millisecond}).Run)
	const all = `SELECT count(*) FROM events`
	if _, err := s.SetSettings(t.Context(), "person:ana", "shop", "", track.Settings{KeepDays: 7, IP: track.IPFull}); err != nil {
		t.Fatal(err)
	}
	until(t, "eight are left", func() bool { return count(t, e, "shop", all) == "[[8]]" }) // the eighth is seven days old to the microsecond
	clock.Store(begin.AddDate(0, 0, 3).UnixMicro())
	until(t, "time goes on", func() bool { return count(t, e, "shop", all) == "[[5]]" })
	if got := count(t, e, "blog", all); got != "[[10]]" {
		t.Errorf("the other app has %s", got)
	}
	if old := (&capture.Event{Received: begin.AddDate(0, 0, -5)}); !s.Leave("shop", old) || s.Leave("blog", old) || s.Leave("shop", &capture.Event{Received: begin}) {
		t.Error("what is too old is left out, and nothing else")
	}
}
