package db_test

import (
	"context"
	"path/filepath"
	"sync"
	"testing"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/db/dbtest"
)

// TestTransactionsTakeTurns: what one transaction has read under a lock is still so when it writes, also where another one wants the same. On SQLite, where the lock does
// nothing, it is the beginning of a transaction that waits; so it is for two programs on one file, too.
func TestTransactionsTakeTurns(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	url := dbtest.PostgresURL(t)
	for name, open := range map[string]func() (*db.DB, error){
		"sqlite":   func() (*db.DB, error) { return db.Open(t.Context(), db.Options{Path: path}) },
		"postgres": func() (*db.DB, error) { return db.Open(t.Context(), db.Options{URL: url}) },
	} {
		t.Run(name, func(t *testing.T) {
			const servers, each = 3, 25
			var stores []*db.DB
			for range servers {
				d, err := open()
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = d.Close() })
				stores = append(stores, d)
			}
			first := stores[0]
			write(t, first, `CREATE TABLE turns (n INTEGER)`)
			write(t, first, `INSERT INTO turns (n) VALUES (0)`)
			var all sync.WaitGroup
			for _, d := range stores {
				all.Go(func() {
					for range each {
						if err := count(t.Context(), d); err != nil {
							t.Error(err)
							return
						}
					}
				})
			}
			all.Wait()
			var n int
			if err := first.QueryRow(t.Context(), `SELECT n FROM turns`).Scan(&n); err != nil || n != servers*each {
				t.Errorf("of %d counts %d were kept (%v)", servers*each, n, err)
			}
		})
	}
}

// count adds one to what it has read.
func count(ctx context.Context, d *db.DB) error {
	return d.Tx(ctx, func(tx *db.Tx) error {
		if err := tx.Lock(ctx, "turns"); err != nil {
			return err
		}
		var n int
		if err := tx.QueryRow(ctx, `SELECT n FROM turns`).Scan(&n); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `UPDATE turns SET n = $1`, n+1)
		return err
	})
}

func write(t *testing.T, d *db.DB, statement string) {
	t.Helper()
	err := d.Tx(t.Context(), func(tx *db.Tx) error {
		_, err := tx.Exec(t.Context(), statement)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
