package db

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/journal"
)

// pumpBatch is how many events are moved at once.
const pumpBatch = 500

// Pump publishes events to the journal, in order, as one server's singleton, until ctx ends. It is woken by every Tx that emits, and looks by itself now and
// then for what other servers emitted.
func (d *DB) Pump(ctx context.Context, j *journal.Journal) error {
	return d.Single(ctx, "pump", func(ctx context.Context) error {
		return d.pump(ctx, j)
	})
}

func (d *DB) pump(ctx context.Context, j *journal.Journal) error {
	every := time.Minute
	if d.postgres {
		every = 200 * time.Millisecond // other servers cannot wake this one
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	published, synced := int64(0), false
	for {
		var err error
		if !synced {
			published, err = d.syncWith(ctx, j)
			if errors.Is(err, errLogAhead) {
				return err
			}
			synced = err == nil
		}
		if err == nil {
			published, err = d.pumpAll(ctx, j, published)
		}
		if err != nil && ctx.Err() == nil {
			synced = false
			d.log.Error("events wait for the log", "error", err)
			d.retryLater(ctx)
			continue
		}
		select {
		case <-d.wake:
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// errLogAhead means that the log tells a future that this store does not have.
var errLogAhead = errors.New("the log is ahead of the store, which seems to be an older copy: restore the store and the log of one time, " +
	"or move the log's folder away, and it is filled from the store")

// syncWith asks the log for its last position. Positions are committed before they are published, so the store has had each of them.
func (d *DB) syncWith(ctx context.Context, j *journal.Journal) (int64, error) {
	published, err := j.LastPosition(ctx)
	if err != nil {
		return 0, err
	}
	var last int64
	if err := d.read.QueryRowContext(ctx, `SELECT COALESCE(MAX(position), 0) FROM events`).Scan(&last); err != nil {
		return 0, fmt.Errorf("look for the last event in the store: %w", err)
	}
	if published > last {
		return 0, fmt.Errorf("%w (the log ends at %d, the store at %d)", errLogAhead, published, last)
	}
	return published, nil
}

func (d *DB) retryLater(ctx context.Context) {
	select {
	case <-time.After(500 * time.Millisecond):
	case <-ctx.Done():
	}
}

// pumpAll positions and publishes until nothing waits. published is the last position known to be in the journal; what the store has beyond it
// goes out first, so that a journal that lost its end (or was made anew) is filled from the store.
func (d *DB) pumpAll(ctx context.Context, j *journal.Journal, published int64) (int64, error) {
	for ctx.Err() == nil {
		if err := d.position(ctx); err != nil {
			return published, err
		}
		events, err := d.positioned(ctx, published)
		if err != nil {
			return published, err
		}
		if len(events) == 0 {
			return published, nil
		}
		if err := j.PublishState(ctx, events); err != nil {
			return published, err
		}
		published = events[len(events)-1].Position
	}
	return published, nil
}

// position numbers waiting events in the order they were inserted.
func (d *DB) position(ctx context.Context) error {
	var waiting int
	if err := d.read.QueryRowContext(ctx, `SELECT COUNT(*) FROM (SELECT 1 FROM events WHERE position IS NULL LIMIT 1) w`).Scan(&waiting); err != nil {
		return fmt.Errorf("look for waiting events: %w", err)
	}
	if waiting == 0 {
		return nil
	}
	return d.Tx(ctx, func(tx *Tx) error {
		if err := tx.Lock(ctx, "pump"); err != nil { // a server that was taken for dead may be at it still
			return err
		}
		_, err := tx.Exec(ctx, `UPDATE events SET position = n.rank + (SELECT COALESCE(MAX(position), 0) FROM events)
			FROM (SELECT seq, ROW_NUMBER() OVER (ORDER BY seq) AS rank FROM events WHERE position IS NULL ORDER BY seq LIMIT $1) n
			WHERE events.seq = n.seq`, pumpBatch)
		if err != nil {
			return fmt.Errorf("number waiting events: %w", err)
		}
		return nil
	})
}

// positioned reads the events behind a position.
func (d *DB) positioned(ctx context.Context, after int64) ([]event.Event, error) {
	return Events(ctx, d, `SELECT position, body FROM events WHERE position > $1 ORDER BY position LIMIT $2`, after, pumpBatch)
}

// Events reads events by a query that gives position and body.
func Events(ctx context.Context, q Querier, query string, args ...any) ([]event.Event, error) {
	rows, err := q.Query(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	defer rows.Close()
	var out []event.Event
	for rows.Next() {
		var position int64
		var body string
		if err := rows.Scan(&position, &body); err != nil {
			return nil, fmt.Errorf("read events: %w", err)
		}
		var ev event.Event
		if err := json.Unmarshal([]byte(body), &ev); err != nil {
			return nil, fmt.Errorf("decode the event at position %d: %w", position, err)
		}
		ev.Position = position
		out = append(out, ev)
	}
	return out, rows.Err()
}
