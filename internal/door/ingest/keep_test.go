package ingest_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/db/dbtest"
	"github.com/slipwayhq/slipway/internal/decide/track"
	"github.com/slipwayhq/slipway/internal/door/ingest"
	"github.com/slipwayhq/slipway/internal/journal"
	"github.com/slipwayhq/slipway/internal/seen"
)

// quiet is what a door stands on, with a log that can be made to take nothing more.
type quiet struct {
	ctx     context.Context //nolint:containedctx // it is what the log runs by
	stop    func()          // ends the log's commits
	journal *journal.Journal
	sources *track.Service
	source  track.Source
	ids     *seen.Index
}

func aboutToStop(t *testing.T) *quiet {
	t.Helper()
	d := dbtest.SQLite(t, db.Options{})
	j, err := journal.Open(t.Context(), journal.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(j.Close)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { _ = j.Run(ctx) })
	q := &quiet{ctx: ctx, journal: j, sources: track.New(d), stop: func() { cancel(); wg.Wait() }}
	t.Cleanup(q.stop)
	if q.source, err = q.sources.Create(t.Context(), "person:ana", "shop", "production", "web"); err != nil {
		t.Fatal(err)
	}
	if q.ids, err = seen.Open(t.TempDir(), time.Now, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = q.ids.Close() })
	return q
}

// A request may outlive the loop that settles doubts. What it leaves open is left to the next start at once: neither who sends it again nor the end of the server waits for it.
func TestDoubtsAfterTheEndAreLeft(t *testing.T) {
	q := aboutToStop(t)
	ctx, j, sources, src, ids := q.ctx, q.journal, q.sources, q.source, q.ids
	q.stop() // from here on the log takes nothing
	door := ingest.NewEvents(j, sources, ids, time.Now, slog.New(slog.DiscardHandler))
	if err := door.Run(ctx); err != nil { // ctx has ended
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	door.Mount(mux)
	soon, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for range 2 {
		rec := httptest.NewRecorder()
		req := httptest.NewRequestWithContext(soon, http.MethodPost, "/v1/events", strings.NewReader(`{"id":"1","name":"x","user":"u"}`))
		req.Header.Set("Authorization", "Bearer "+src.Key)
		mux.ServeHTTP(rec, req)
		if rec.Code != http.StatusServiceUnavailable || soon.Err() != nil {
			t.Fatalf("%d %s, %v", rec.Code, rec.Body, soon.Err())
		}
	}
	err := ids.Settle(soon, func(context.Context) (uint64, error) { return 1, nil })
	if err == nil || soon.Err() != nil {
		t.Errorf("settled, or still waiting: %v, %v", err, soon.Err())
	}
}

// A call that panics gives back what it held: who sends the event again is served, and ids are settled.
func TestACallThatPanicsHoldsNothing(t *testing.T) {
	s := opened(t)
	var calls, panicAt atomic.Int64
	s.door.Clock(func() time.Time {
		if calls.Add(1) == panicAt.Load() {
			panic("the clock is broken")
		}
		return time.Now()
	})
	send := func(ctx context.Context, id string) (code int, panicked any) {
		defer func() { panicked = recover() }()
		rec := httptest.NewRecorder()
		req := httptest.NewRequestWithContext(ctx, http.MethodPost, "/v1/events", strings.NewReader(`[{"id":"`+id+`","name":"x","user":"u"},{"kind":"nonsense"}]`))
		req.Header.Set("Authorization", "Bearer "+s.key)
		s.Config.Handler.ServeHTTP(rec, req)
		return rec.Code, nil
	}
	if code, panicked := send(t.Context(), "1"); code != http.StatusOK || panicked != nil {
		t.Fatal(code, panicked)
	}
	panicAt.Store(2 * calls.Load()) // the last that a body asks is when its failed event came
	if _, panicked := send(t.Context(), "2"); panicked == nil {
		t.Fatal("nothing panicked")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if code, panicked := send(ctx, "2"); code != http.StatusOK || panicked != nil {
		t.Errorf("sent again: %d, %v", code, panicked)
	}
	if err := s.ids.Settle(ctx, s.door.Position); err != nil {
		t.Error(err)
	}
}
