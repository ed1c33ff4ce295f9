package db

import (
	"context"
	"fmt"
	"slices"

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
	lags := map[string]int64{}
	var err error
	d.consuming.Range(func(name, types any) bool {
		lags[name.(string)], err = d.lag(ctx, name.(string), types.([]event.Type))
		return err == nil
	})
	return lags, err
}

func (d *DB) lag(ctx context.Context, name string, types []event.Type) (n int64, err error) {
	rows, err := d.Query(ctx, `SELECT type, COUNT(*) FROM events WHERE position IS NULL
		OR position > COALESCE((SELECT position FROM checkpoints WHERE name = $1), 0) GROUP BY type`, name)
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
