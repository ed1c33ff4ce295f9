package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

const (
	// batchSize is how many events are read, and so handled in one transaction, at most.
	batchSize = 256
	// batchTime is how long a transaction takes in further events. Others wait for it: on SQLite all that write, on PostgreSQL those that need its lock.
	batchTime = 25 * time.Millisecond
)

// taker puts what it is given through a handler, in order, each once, and moves the checkpoint in the same transactions.
type taker[T any] struct {
	db       *DB
	key      string // of the checkpoint
	lock     string // empty: each item has a transaction of its own
	at       int64  // the checkpoint, as committed
	position func(T) int64
	handle   func(ctx context.Context, tx *Tx, item T) error
}

// take handles all items. Those that fail together are handled one by one, so that only the one at fault is undone; it ends there.
func (t *taker[T]) take(ctx context.Context, items []T) error {
	for len(items) > 0 {
		tried, err := t.commit(ctx, items)
		if err == nil {
			items = items[tried:]
			continue
		}
		if tried <= 1 || ctx.Err() != nil {
			return err
		}
		t.db.log.Warn("events not handled together, taking them one by one", "consumer", t.key, "events", tried, "error", err)
		for i := range tried {
			if _, err := t.commit(ctx, items[i:i+1]); err != nil {
				return err
			}
		}
		items = items[tried:]
	}
	return nil
}

// commit handles the first items in one transaction, as many as its time allows, and tells how many it tried.
func (t *taker[T]) commit(ctx context.Context, items []T) (tried int, err error) {
	var last int64
	err = t.db.Tx(ctx, func(tx *Tx) error {
		if t.lock != "" {
			if err := tx.Lock(ctx, t.lock); err != nil {
				return err
			}
		}
		began := time.Now()
		for _, item := range items {
			tried++
			if err := t.handle(ctx, tx, item); err != nil {
				return err
			}
			last = t.position(item)
			if t.lock == "" || time.Since(began) > batchTime {
				break
			}
		}
		return tx.moveCheckpoint(ctx, t.key, t.at, last)
	})
	if err == nil {
		t.at = last
	}
	return tried, err
}

// skip moves the checkpoint over what nobody wanted.
func (t *taker[T]) skip(ctx context.Context, to int64) error {
	err := t.db.Tx(ctx, func(tx *Tx) error { return tx.moveCheckpoint(ctx, t.key, t.at, to) })
	if err == nil {
		t.at = to
	}
	return err
}

func (d *DB) checkpoint(ctx context.Context, name string) (int64, error) {
	var at int64
	err := d.write.QueryRowContext(ctx, `SELECT position FROM checkpoints WHERE name = $1`, name).Scan(&at)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("read the checkpoint of %s: %w", name, err)
	}
	return at, nil
}

// moveCheckpoint fails when the checkpoint is not where it was left: then another server has handled the events, and what this one did with them is undone. Leases
// make that rare (a server that was taken for dead), not impossible.
func (t *Tx) moveCheckpoint(ctx context.Context, name string, from, to int64) error {
	res, err := t.Exec(ctx, `INSERT INTO checkpoints (name, position) VALUES ($1, $2)
		ON CONFLICT (name) DO UPDATE SET position = excluded.position WHERE checkpoints.position = $3`, name, to, from)
	if err != nil {
		return fmt.Errorf("keep the checkpoint of %s: %w", name, err)
	}
	moved, err := res.RowsAffected()
	if err != nil {
		return fmt.Errorf("keep the checkpoint of %s: %w", name, err)
	}
	if moved == 0 {
		return fmt.Errorf("the checkpoint of %s is not at %d any more: another server goes on from there", name, from)
	}
	return nil
}
