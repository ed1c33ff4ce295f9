package archive_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipwayhq/slipway/internal/analytics"
	"github.com/slipwayhq/slipway/internal/analytics/archive"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/pure/capture"
)

func broken(seq uint64, at time.Time, user string) analytics.Failed {
	return analytics.Failed{Sequence: seq, State: analytics.Open, Failed: capture.Failed{
		Failure: capture.Failure{Reason: capture.NoName, Message: "the event has no name", Raw: fmt.Appendf(nil, `{"userId":"%s","note":"é 🚢"}`, user)},
		Dialect: capture.InSegment, Kind: capture.Track, App: "shop", Environment: "production", Source: "src_1", Received: at,
	}}
}

func (w *world) addFailed(through uint64, failed ...analytics.Failed) {
	w.t.Helper()
	must(w.t, w.store(w.engine).Append(w.t.Context(), analytics.Batch{Failed: failed, Through: through}))
}

func (w *world) failedFiles(want string) {
	w.t.Helper()
	files, err := w.FailedFiles(w.t.Context(), "shop")
	must(w.t, err)
	got := ""
	for _, f := range files {
		got += fmt.Sprintf("%d:(%d,%d]%d ", f.Day.Day(), f.After, f.Through, f.Events)
	}
	if got != want {
		w.t.Errorf("the files of failed events are %s, not %s", got, want)
	}
}

func (w *world) failedOf(s analytics.Store) analytics.Table {
	w.t.Helper()
	table, err := s.Query(w.t.Context(), analytics.Query{SQL: `SELECT * FROM failed ORDER BY seq`, Rows: 1_000_000})
	must(w.t, err)
	table.Took = 0
	return table
}

// fillFailed makes failed events of two days with events, and of one without.
func (w *world) fillFailed() {
	w.add(row(1, midnight(1)))
	w.addFailed(3, broken(2, midnight(1).Add(time.Hour), "u1"), broken(3, midnight(1).Add(2*time.Hour), "u2"))
	w.add(row(4, midnight(1).Add(3*time.Hour)), row(5, midnight(2)))
	w.addFailed(6, broken(6, midnight(2).Add(time.Hour), "u1"))
	w.addFailed(7, broken(7, midnight(3).Add(time.Hour), "u3"))
	w.add(row(8, midnight(4)))
}

func TestFailedEventsAreArchivedBeside(t *testing.T) {
	for kind, open := range places() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w := start(t, open(t))
			w.fillFailed()
			must(t, w.KeepAll(t.Context()))
			w.files("1:(0,4]2 2:(4,6]1 3:(6,7]0")
			w.failedFiles("1:(0,4]2 2:(4,6]1 3:(6,7]1 ")
			must(t, w.Verify(t.Context(), "shop"))
			other := w.store(stores(t))
			must(t, w.restore(t.Context(), other))
			if diff := cmp.Diff(w.failedOf(w.store(w.engine)), w.failedOf(other)); diff != "" {
				t.Error(diff)
			}

			// What became of them is archived when it is looked at next; a store that has fewer takes nothing away.
			n, err := w.store(w.engine).Mark(t.Context(), []uint64{2, 7}, analytics.Repaired, midnight(4).Add(time.Hour))
			if must(t, err); n != 2 {
				t.Errorf("%d are marked", n)
			}
			must(t, w.KeepAll(t.Context()))
			another := w.store(stores(t))
			must(t, w.restore(t.Context(), another))
			if diff := cmp.Diff(w.failedOf(w.store(w.engine)), w.failedOf(another)); diff != "" {
				t.Error(diff)
			}
			must(t, w.engine.Drop(t.Context(), "shop"))
			w.addFailed(8, broken(3, midnight(1).Add(2*time.Hour), "u2"))
			must(t, w.KeepAll(t.Context()))
			w.failedFiles("1:(0,4]2 2:(4,6]1 3:(6,7]1 ")
		})
	}
}

func TestFailedEventsGoWithTheirPersonAndTheirDay(t *testing.T) {
	w := start(t, openPlace(t, t.TempDir(), nil))
	w.fillFailed()
	must(t, w.KeepAll(t.Context()))
	_, err := w.store(w.engine).Forget(t.Context(), "u1")
	must(t, err)
	_, err = w.Forget(t.Context(), "shop", "u1", nil)
	must(t, err)
	w.failedFiles("1:(0,4]1 3:(6,7]1 ")
	must(t, w.Verify(t.Context(), "shop"))
	must(t, w.KeepAll(t.Context()))
	w.failedFiles("1:(0,4]1 3:(6,7]1 ")
	other := w.store(stores(t))
	must(t, w.restore(t.Context(), other))
	if diff := cmp.Diff(w.failedOf(w.store(w.engine)), w.failedOf(other)); diff != "" {
		t.Error(diff)
	}
	removed, err := w.Retain(t.Context(), "shop", midnight(2))
	if must(t, err); removed != 1 {
		t.Errorf("%d days are removed, not 1", removed)
	}
	w.failedFiles("3:(6,7]1 ")
	must(t, w.Drop(t.Context(), "shop"))
	w.failedFiles("")
}

// An id may be a number, or be written with escapes.
func TestFailedEventsGoHoweverTheirPersonIsWritten(t *testing.T) {
	w := start(t, openPlace(t, t.TempDir(), nil))
	w.add(row(1, midnight(1)))
	var some []analytics.Failed
	for i, raw := range []string{`{"userId":4711}`, `{"userId":"Zo\u00eb"}`, `{"userId":47110}`} {
		one := broken(uint64(i+2), midnight(1).Add(time.Hour), "")
		one.Raw = []byte(raw)
		some = append(some, one)
	}
	w.addFailed(4, some...)
	w.add(row(5, midnight(3)))
	must(t, w.KeepAll(t.Context()))
	w.failedFiles("1:(0,4]3 ")
	for _, user := range []string{"4711", "Zoë"} {
		_, err := w.Forget(t.Context(), "shop", user, nil)
		must(t, err)
	}
	w.failedFiles("1:(0,4]1 ")
}

// A store whose failed events are nowhere else is not dropped, and those of days that were archived before failed ones were are caught up on.
func TestFailedEventsThatAreNowhereElse(t *testing.T) {
	dir := t.TempDir()
	w := start(t, openPlace(t, dir, nil))
	w.fillFailed()
	must(t, w.KeepAll(t.Context()))
	s := w.store(w.engine)
	must(t, w.Covers(t.Context(), "shop", s, 8))
	must(t, os.Remove(filepath.Join(dir, "shop", "failed", "2026-11-02.parquet")))
	if err := w.Covers(t.Context(), "shop", s, 8); !fault.Is(err, fault.CodeConflict) {
		t.Errorf("failed events of one day are only in the store: %v", err)
	}
	must(t, w.Covers(t.Context(), "shop", s, 5))
	fresh := archive.New(archive.Options{Place: w.place, Engine: w.engine, Scratch: t.TempDir(), Now: func() time.Time { return w.now }}) // as of the next start
	must(t, fresh.KeepAll(t.Context()))
	w.failedFiles("1:(0,4]2 2:(4,6]1 3:(6,7]1 ")
	must(t, os.WriteFile(filepath.Join(dir, "shop", "failed", "2026-11-02.parquet"), []byte("PAR1 it is not"), 0o600))
	if err := w.Verify(t.Context(), "shop"); !fault.Is(err, fault.CodeConflict) {
		t.Errorf("a broken file: %v", err)
	}
	if err := w.restore(t.Context(), w.store(stores(t))); !fault.Is(err, fault.CodeConflict) {
		t.Errorf("restored from a broken file: %v", err)
	}
}

// Events and failed events lie between one another in the log: whenever it breaks off, neither is left out.
func TestAMergedImportThatBreaksOffGoesOn(t *testing.T) {
	w := start(t, openPlace(t, t.TempDir(), nil))
	var failed []analytics.Failed
	for seq := uint64(2); seq <= 50_000; seq += 4 {
		failed = append(failed, broken(seq, midnight(1).Add(time.Duration(seq)*time.Millisecond), "u1"))
	}
	for seq := uint64(60_002); seq <= 85_000; seq++ { // behind all events
		failed = append(failed, broken(seq, midnight(1).Add(time.Duration(seq)*time.Millisecond), "u2"))
	}
	must(t, w.store(w.engine).Append(t.Context(), analytics.Batch{Rows: many(30_000), Failed: failed, Through: 85_000}))
	must(t, w.KeepAll(t.Context()))
	w.files("1:(0,85000]30000")
	other, broke, batches := stores(t), errors.New("the power went off"), 0
	for {
		s := w.store(other)
		at, err := s.Position(t.Context())
		must(t, err)
		err = w.Read(t.Context(), "shop", at, func(b analytics.Batch) error {
			if len(b.Rows)+len(b.Failed) > 20_000 {
				t.Fatalf("%d come at once", len(b.Rows)+len(b.Failed))
			}
			must(t, s.Append(t.Context(), b))
			batches++
			return broke
		})
		if err == nil {
			break
		}
		if !errors.Is(err, broke) {
			t.Fatal(err)
		}
	}
	if batches < 4 {
		t.Errorf("%d batches", batches)
	}
	if diff := cmp.Diff(w.failedOf(w.store(w.engine)), w.failedOf(w.store(other))); diff != "" {
		t.Errorf("the failed events are others: %.500s", diff)
	}
	if diff := cmp.Diff(w.contents(w.store(w.engine)), w.contents(w.store(other))); diff != "" {
		t.Errorf("the events are others: %.500s", diff)
	}
}

// counting is a place that counts how often it is listed.
type counting struct {
	archive.Place
	lists int
}

func (c *counting) List(ctx context.Context, prefix string) ([]string, error) {
	c.lists++
	return c.Place.List(ctx, prefix)
}

// However many days there are, the place is listed no more often: it may have years of them, and a price for each look.
func TestAPlaceIsListedOnceForAllDays(t *testing.T) {
	lists := func(days int) (kept, read int) {
		place := &counting{Place: openPlace(t, t.TempDir(), nil)}
		w := start(t, place)
		w.now = midnight(days + 2).Add(12 * time.Hour)
		for d := 1; d <= days; d++ {
			seq := uint64(2 * d)
			w.add(row(seq-1, midnight(d)))
			w.addFailed(seq, broken(seq, midnight(d).Add(time.Hour), "u1"))
		}
		must(t, w.KeepAll(t.Context()))
		kept, place.lists = place.lists, 0
		other := w.store(stores(t))
		must(t, w.restore(t.Context(), other))
		if diff := cmp.Diff(w.failedOf(w.store(w.engine)), w.failedOf(other)); diff != "" {
			t.Error(diff)
		}
		return kept, place.lists
	}
	kept, read := lists(2)
	if keptMore, readMore := lists(12); keptMore != kept || readMore != read {
		t.Errorf("of 2 days it is listed %d times to keep and %d to read, of 12 days %d and %d", kept, read, keptMore, readMore)
	}
}
