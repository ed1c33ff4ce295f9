package db_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/db/dbtest"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/journal"
)

func emitOn(t *testing.T, d *db.DB, names ...string) {
	t.Helper()
	for _, n := range names {
		dbtest.Emit(t, d, event.Meta{App: n, Actor: "system:test"}, event.AppCreated{Name: n})
	}
}

// openLog opens a log and runs it until the test ends.
func openLog(t *testing.T, dir string) *journal.Journal {
	t.Helper()
	j, err := journal.Open(t.Context(), journal.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(j.Close)
	dbtest.Run(t, j.Run)
	return j
}

// TestOneServerAtATime has two servers on one PostgreSQL: one holds the lease, and the other takes over when it is given back.
func TestOneServerAtATime(t *testing.T) {
	url := dbtest.PostgresURL(t)
	var mu sync.Mutex
	inside, most := 0, 0
	began := make(chan string, 2)
	serve := func(name string) (stop func()) {
		d, err := db.Open(t.Context(), db.Options{URL: url})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		var wg sync.WaitGroup
		wg.Go(func() {
			err := d.Single(ctx, "work", func(ctx context.Context) error {
				mu.Lock()
				inside++
				most = max(most, inside)
				mu.Unlock()
				began <- name
				<-ctx.Done()
				mu.Lock()
				inside--
				mu.Unlock()
				return nil
			})
			if err != nil {
				t.Errorf("server %s: %v", name, err)
			}
		})
		stop = sync.OnceFunc(func() {
			cancel()
			wg.Wait()
			if err := d.Close(); err != nil {
				t.Error(err)
			}
		})
		t.Cleanup(stop)
		return stop
	}
	next := func(want string) {
		t.Helper()
		select {
		case got := <-began:
			if got != want {
				t.Fatalf("server %s works, want %s", got, want)
			}
		case <-time.After(30 * time.Second):
			t.Fatalf("server %s does not take over", want)
		}
	}
	stopA := serve("a")
	next("a")
	stopB := serve("b")
	stopA()
	next("b")
	stopB()
	if most != 1 {
		t.Errorf("%d servers worked at once", most)
	}
}

// TestServersShareOnePump has two servers emit; whichever pumps, all events get positions without gaps.
func TestServersShareOnePump(t *testing.T) {
	url := dbtest.PostgresURL(t)
	j := openLog(t, t.TempDir())
	var emitters sync.WaitGroup
	for _, name := range []string{"a", "b"} {
		d, err := db.Open(t.Context(), db.Options{URL: url})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = d.Close() })
		dbtest.Run(t, func(ctx context.Context) error { return d.Pump(ctx, j) })
		for range 4 {
			emitters.Go(func() {
				for range 25 {
					emitOn(t, d, name)
				}
			})
		}
	}
	emitters.Wait()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	from := map[string]int{}
	last := int64(0)
	err := j.ReadState(ctx, 0, func(ev event.Event) error {
		if from[ev.App]++; ev.Position == 200 {
			cancel()
		}
		last = ev.Position
		return nil
	})
	if err != nil || last != 200 || from["a"] != 100 || from["b"] != 100 {
		t.Errorf("the log ends at %d, with %v (%v)", last, from, err)
	}
}

// TestAnUnnotedPublishDoesNothingTwice is a crash between publishing and noting it: the next pump may publish again.
func TestAnUnnotedPublishDoesNothingTwice(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		j := dbtest.Journal(t, d)
		emitOn(t, d, "a", "b", "c")
		ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
		defer cancel()
		handled := map[string]int{}
		err := d.Consume(ctx, j, db.Consumer{Name: "once", Handle: func(ctx context.Context, tx *db.Tx, ev event.Event) error {
			handled[ev.App]++
			if ev.App == "c" {
				again, err := db.Events(ctx, tx, `SELECT position, body FROM events WHERE position > $1 ORDER BY position`, 1)
				if err != nil {
					return err
				}
				if err := j.PublishState(ctx, again); err != nil {
					return err
				}
				_, err = tx.Emit(ctx, event.Meta{App: "d", Actor: "system:test", Cause: ev.ID}, event.AppCreated{Name: "d"})
				return err
			}
			if ev.App == "d" {
				tx.OnCommit(cancel)
			}
			return nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		for _, app := range []string{"a", "b", "c", "d"} {
			if handled[app] != 1 {
				t.Errorf("%s was handled %d times", app, handled[app])
			}
		}
	})
}

func TestALogAheadOfItsStoreIsRefused(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		j := openLog(t, t.TempDir())
		ev, err := event.New(event.Meta{Actor: "system:test", Time: d.Now()}, event.AppCreated{Name: "x"})
		if err != nil {
			t.Fatal(err)
		}
		ev.Position = 1
		if err := j.PublishState(t.Context(), []event.Event{ev}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
		defer cancel()
		err = d.Pump(ctx, j)
		if err == nil || !strings.Contains(err.Error(), "the log ends at 1, the store at 0") {
			t.Errorf("the pump ended with: %v", err)
		}
	})
}

func TestOpenedAgainAllMigrationsStay(t *testing.T) {
	url := dbtest.PostgresURL(t)
	file := t.TempDir() + "/state.db"
	for _, opts := range []db.Options{{URL: url}, {Path: file}} {
		for range 2 {
			d, err := db.Open(t.Context(), opts)
			if err != nil {
				t.Fatal(err)
			}
			emitOn(t, d, "kept")
			if err := d.Close(); err != nil {
				t.Fatal(err)
			}
		}
		d, err := db.Open(t.Context(), opts)
		if err != nil {
			t.Fatal(err)
		}
		var n int
		if err := d.QueryRow(t.Context(), `SELECT COUNT(*) FROM events WHERE app = $1`, "kept").Scan(&n); err != nil || n != 2 {
			t.Errorf("%d events after opening three times (%v)", n, err)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestAStoreOfANewerProgramIsRefused(t *testing.T) {
	for _, opts := range []db.Options{{URL: dbtest.PostgresURL(t)}, {Path: t.TempDir() + "/state.db"}} {
		d, err := db.Open(t.Context(), opts)
		if err != nil {
			t.Fatal(err)
		}
		err = d.Tx(t.Context(), func(tx *db.Tx) error {
			_, err := tx.Exec(t.Context(), `INSERT INTO goose_db_version (version_id, is_applied) VALUES ($1, $2)`, 9999, true)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		if d, err := db.Open(t.Context(), opts); err == nil || !strings.Contains(err.Error(), "newer Slipway (version 9999") {
			t.Errorf("opened: %v, %v", d, err)
		}
	}
}
