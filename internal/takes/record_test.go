package takes_test

import (
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/journal"
	"github.com/slipwayhq/slipway/internal/pure/rate"
	"github.com/slipwayhq/slipway/internal/takes"
)

// What another store was asked is in the log, as what is asked of the table is; who was not denied by itself asked for nothing.
func TestRecorder(t *testing.T) {
	w := newWorld(t)
	few, many := w.limit(t, "few", rate.Limit{Kind: rate.Rolling, Amount: 1, Unit: rate.Hour}), w.limit(t, "many", rate.Limit{Kind: rate.Rolling, Amount: 1_000_000, Unit: rate.Hour})
	m := w.open(t) // another store, whose own blocks are not looked at: it does not run, and takes that wait for no disk are enough
	var mu sync.Mutex
	var told []takes.Row
	r := &takes.Recorder{Store: m, Journal: w.log, Now: w.now, Logger: slog.New(slog.DiscardHandler), Watch: func(_ time.Time, rows []takes.Row) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, rows...)
	}}
	stop := running(t, r.Run)
	both := []takes.Ask{{Limit: few, Group: "few:ana", Amount: 2}, {Limit: many, Group: "many:ana", Amount: 1}}
	answers := make([]rate.Answer, 2)
	if err := r.Take(t.Context(), both, answers); err != nil || answers[0].Passed || !answers[1].Passed {
		t.Fatalf("%+v %v", answers, err)
	}
	for range 3 {
		take(t, r, many, "many:ana", 2)
	}
	take(t, r, many, "many:ana", 0)
	stop()
	_, last, err := w.log.TakesHeld(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var logged []takes.Row
	err = w.log.ReadTakes(t.Context(), 0, last, 10, func(batch []journal.Telemetry) error {
		for _, b := range batch {
			_, rows, err := new(takes.Reader).Block(b.Data)
			if err != nil {
				return err
			}
			logged = append(logged, rows...)
		}
		return nil
	})
	byGroup := func(a, b takes.Row) int { return int(a.Series) - int(b.Series) }
	slices.SortFunc(logged, byGroup)
	slices.SortFunc(told, byGroup)
	want := []takes.Row{
		{App: "shop", Env: "production", Limit: "few", Series: 1, Group: "few:ana", Asks: 1, Asked: 2, Denied: 1},
		{App: "shop", Env: "production", Limit: "many", Series: 2, Group: "many:ana", Asks: 3, Asked: 6, Given: 6, Counted: 6},
	}
	if err != nil || !slices.Equal(logged, want) || !slices.Equal(told, want) {
		t.Errorf("%v\nlogged %+v\ntold   %+v", err, logged, told)
	}
}

// Blocks that are cut, or are of another version, are errors and no panic.
func FuzzBlock(f *testing.F) {
	f.Add([]byte{1, 2, 1, 1, 'a', 1, 'b', 1, 'c', 7, 1, 0, 0, 1, 'd', 2, 2, 2, 0, 0})
	f.Add([]byte{2})
	f.Fuzz(func(t *testing.T, b []byte) {
		_, rows, err := new(takes.Reader).Block(b)
		if err != nil && rows != nil && len(rows) > len(b) {
			t.Errorf("%d rows of %d bytes", len(rows), len(b))
		}
	})
}

// The first block at a time or behind it is where a simulation begins.
func TestTakesSince(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	if n, err := w.log.TakesSince(ctx, time.Now()); err != nil || n > 1 {
		t.Errorf("an empty log: %d %v", n, err)
	}
	var times []time.Time
	for range 5 {
		times = append(times, time.Now())
		if _, err := w.log.AppendTakes(ctx, []byte("x")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Millisecond)
	}
	for i, at := range times {
		if n, err := w.log.TakesSince(ctx, at); err != nil || n != uint64(i+1) {
			t.Errorf("since block %d: %d %v", i+1, n, err)
		}
	}
	if n, err := w.log.TakesSince(ctx, time.Now().Add(time.Hour)); err != nil || n != 6 {
		t.Errorf("behind the last: %d %v", n, err)
	}
}
