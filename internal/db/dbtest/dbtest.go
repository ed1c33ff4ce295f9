package dbtest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/journal"
)

// Each runs fn as two subtests, "sqlite" and "postgres", each with an empty store that is closed behind it.
func Each(t *testing.T, fn func(t *testing.T, d *db.DB)) {
	t.Helper()
	EachWith(t, db.Options{}, fn)
}

// EachWith is Each with a clock or a logger of the test's own; Path and URL are filled in.
func EachWith(t *testing.T, opts db.Options, fn func(t *testing.T, d *db.DB)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { fn(t, SQLite(t, opts)) })
	t.Run("postgres", func(t *testing.T) { fn(t, Postgres(t, opts)) })
}

// SQLite opens a store in a new file.
func SQLite(t testing.TB, opts db.Options) *db.DB {
	t.Helper()
	opts.Path, opts.URL = filepath.Join(t.TempDir(), "slipway.db"), ""
	return open(t, opts)
}

// Postgres opens a store in a new database.
func Postgres(t testing.TB, opts db.Options) *db.DB {
	t.Helper()
	opts.URL = PostgresURL(t)
	return open(t, opts)
}

// PostgresURL makes a new, empty database and gives its address, for tests that open it several times.
func PostgresURL(t testing.TB) string {
	t.Helper()
	c, err := shared()
	if errors.Is(err, errNoPostgres) && os.Getenv("CI") == "" && os.Getenv("SLIPWAY_REQUIRE") == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	url, err := c.create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return url
}

func open(t testing.TB, opts db.Options) *db.DB {
	t.Helper()
	d, err := db.Open(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Errorf("close the store: %v", err)
		}
	})
	return d
}

// Journal opens an embedded log for the store and runs it and the store's pump until the test ends.
func Journal(t testing.TB, d *db.DB) *journal.Journal {
	t.Helper()
	j, err := journal.Open(t.Context(), journal.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(j.Close)
	Run(t, j.Run)
	Run(t, func(ctx context.Context) error { return d.Pump(ctx, j) })
	return j
}

// Run runs fn beside the test, ends it with the test, and reports its error. It runs until the cleanups that were registered later are done.
func Run(t testing.TB, fn func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := fn(ctx); err != nil && ctx.Err() == nil {
			t.Errorf("ended early: %v", err)
		}
	})
	t.Cleanup(func() {
		cancel()
		wg.Wait()
	})
}

// Emit emits one event in a transaction of its own, as another slice would.
func Emit(t testing.TB, d *db.DB, m event.Meta, p event.Payload) event.Event {
	t.Helper()
	var ev event.Event
	err := d.Tx(t.Context(), func(tx *db.Tx) (err error) {
		ev, err = tx.Emit(t.Context(), m, p)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return ev
}
