package db_test

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/journal"
)

// bundle is a store and a log in a temporary folder, with the pump running.
type bundle struct {
	dir  string
	db   *db.DB
	j    *journal.Journal
	stop func()
}

func open(t testing.TB, dir string) *bundle {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	d, err := db.Open(ctx, db.Options{Path: filepath.Join(dir, "state.db")})
	if err != nil {
		t.Fatal(err)
	}
	j, err := journal.Open(ctx, journal.Options{Dir: filepath.Join(dir, "log")})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() { _ = j.Run(ctx) })
	wg.Go(func() { _ = d.Pump(ctx, j) })
	b := &bundle{dir: dir, db: d, j: j}
	b.stop = sync.OnceFunc(func() {
		cancel()
		wg.Wait()
		j.Close()
		d.Close()
	})
	t.Cleanup(b.stop)
	return b
}

func emit(t testing.TB, b *bundle, names ...string) {
	t.Helper()
	err := b.db.Tx(context.Background(), func(tx *db.Tx) error {
		for _, n := range names {
			if _, err := tx.Emit(context.Background(), event.Meta{App: n, Actor: "system:test"}, event.AppCreated{Name: n}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// collect consumes until n events came, failing the handler once before each so that retries are exercised.
func collect(t *testing.T, b *bundle, name string, n int) []event.Event {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	var got []event.Event
	_ = b.db.Consume(ctx, b.j, db.Consumer{Name: name, Handle: func(_ context.Context, tx *db.Tx, ev event.Event) error {
		tx.OnCommit(func() {
			if got = append(got, ev); len(got) == n {
				cancel()
			}
		})
		return nil
	}})
	if len(got) != n {
		t.Fatalf("got %d events, want %d", len(got), n)
	}
	return got
}

func TestEventsArriveInOrderWithoutGaps(t *testing.T) {
	b := open(t, t.TempDir())
	emit(t, b, "a", "b", "c")
	emit(t, b, "d")
	for i, ev := range collect(t, b, "one", 4) {
		if ev.Position != int64(i+1) || ev.App != string(rune('a'+i)) {
			t.Errorf("event %d is %s at %d", i, ev.App, ev.Position)
		}
	}
}

func TestConsumerGoesOnBehindItsCheckpoint(t *testing.T) {
	dir := t.TempDir()
	b := open(t, dir)
	emit(t, b, "a", "b")
	collect(t, b, "one", 2)
	b.stop()
	b = open(t, dir)
	emit(t, b, "c")
	if got := collect(t, b, "one", 1); got[0].App != "c" || got[0].Position != 3 {
		t.Errorf("after a restart came %s at %d", got[0].App, got[0].Position)
	}
}

func TestLostLogIsFilledFromTheStore(t *testing.T) {
	dir := t.TempDir()
	b := open(t, dir)
	emit(t, b, "a", "b")
	collect(t, b, "one", 2)
	b.stop()
	// The log's folder is gone; the store has every event.
	moved := filepath.Join(dir, "elsewhere")
	copyStore(t, dir, moved)
	b = open(t, moved)
	emit(t, b, "c")
	if got := collect(t, b, "two", 3); got[2].App != "c" || got[2].Position != 3 {
		t.Errorf("the rebuilt log ends with %s at %d", got[2].App, got[2].Position)
	}
}

func TestFailedTxEmitsNothing(t *testing.T) {
	b := open(t, t.TempDir())
	boom := errors.New("boom")
	err := b.db.Tx(context.Background(), func(tx *db.Tx) error {
		if _, err := tx.Emit(context.Background(), event.Meta{Actor: "system:test"}, event.AppCreated{Name: "x"}); err != nil {
			return err
		}
		return boom
	})
	if !errors.Is(err, boom) {
		t.Fatal(err)
	}
	emit(t, b, "kept")
	if got := collect(t, b, "one", 1); got[0].App != "kept" || got[0].Position != 1 {
		t.Errorf("got %+v", got[0])
	}
}

func TestTelemetryOnceAndInOrder(t *testing.T) {
	b := open(t, t.TempDir())
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			if err := b.j.Append(ctx, "edge", []byte{byte(i)}, []byte{byte(i)}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	seen := map[byte]int{}
	n := 0
	_ = b.db.ConsumeTelemetry(ctx, b.j, db.TelemetryConsumer{Name: "t", Subject: "edge", Handle: func(_ context.Context, tx *db.Tx, m journal.Telemetry) error {
		tx.OnCommit(func() {
			seen[m.Data[0]]++
			if n++; n == 80 {
				cancel()
			}
		})
		return nil
	}})
	for k, v := range seen {
		if v != 2 {
			t.Errorf("message %d came %d times", k, v)
		}
	}
	if n != 80 {
		t.Errorf("%d messages", n)
	}
}

func BenchmarkHop(b *testing.B) {
	bb := open(b, b.TempDir())
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	came := make(chan struct{}, 1)
	var wg sync.WaitGroup
	wg.Go(func() {
		_ = bb.db.Consume(ctx, bb.j, db.Consumer{Name: "hop", Handle: func(_ context.Context, tx *db.Tx, _ event.Event) error {
			tx.OnCommit(func() { came <- struct{}{} })
			return nil
		}})
	})
	for b.Loop() {
		emit(b, bb, "x")
		<-came
	}
	cancel()
	wg.Wait()
}
