package db

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/slipwayhq/slipway/internal/event"
)

// listen notes that a consumer runs, until over is called.
func (d *DB) listen(c Consumer) (over func()) {
	d.consuming.Store(c.Name, c.Types)
	return func() { d.consuming.Delete(c.Name) }
}

// Lags tells of each consumer that this process runs, or would take over, how many events it still has to see. Its checkpoint alone does not say that: it moves with what
// the consumer handles, and events that it does not want are passed over a thousand at a time, since each move costs a write.
func (d *DB) Lags(ctx context.Context) (map[string]int64, error) {
	return d.lags(ctx, math.MaxInt64)
}

// settleEvery is how often Settle looks: nothing tells of a checkpoint.
const settleEvery = 5 * time.Millisecond

// Settle waits until the consumers of this process have seen every event that was emitted before: then what one slice has made is known to the others. Ask it where
// somebody names what may be new, not before every answer.
func (d *DB) Settle(ctx context.Context) error {
	var newest int64
	if err := d.QueryRow(ctx, `SELECT COALESCE(MAX(seq), 0) FROM events`).Scan(&newest); err != nil {
		return fmt.Errorf("find the newest event: %w", err)
	}
	for {
		lags, err := d.lags(ctx, newest)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(slices.Collect(maps.Values(lags)), func(n int64) bool { return n > 0 }) {
			return nil
		}
		select {
		case <-time.After(settleEvery):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// lags counts the events up to a sequence that each consumer still has to see.
func (d *DB) lags(ctx context.Context, last int64) (map[string]int64, error) {
	lags := map[string]int64{}
	var err error
	d.consuming.Range(func(name, types any) bool {
		lags[name.(string)], err = d.lag(ctx, name.(string), types.([]event.Type), last)
		return err == nil
	})
	return lags, err
}

func (d *DB) lag(ctx context.Context, name string, types []event.Type, last int64) (n int64, err error) {
	rows, err := d.Query(ctx, `SELECT type, COUNT(*) FROM events WHERE seq <= $2 AND (position IS NULL
		OR position > COALESCE((SELECT position FROM checkpoints WHERE name = $1), 0)) GROUP BY type`, name, last)
	if err != nil {
		return 0, fmt.Errorf("count the events that %s has yet to see: %w", name, err)
	}
	defer rows.Close()
	for rows.Next() {
		var t event.Type
		var some int64
		if err := rows.Scan(&t, &some); err != nil {
			return 0, fmt.Errorf("count the events that %s has yet to see: %w", name, err)
		}
		if len(types) == 0 || slices.Contains(types, t) {
			n += some
		}
	}
	return n, rows.Err()
}
