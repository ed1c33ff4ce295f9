package build

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/pure/shard"
)

// The steps that are no tests have lengths too, under names that no suite and no unit has.
const (
	stepPackage = "package" // a unit of the suite ""
	stepList    = ""        // a unit of each suite
)

// estimates reads what is known of the lengths of an app's units in a suite.
func estimates(ctx context.Context, q db.Querier, app, suite string) (map[string]shard.Estimate, error) {
	return readEstimates(ctx, q, `app = $1 AND suite = $2`, app, suite)
}

func readEstimates(ctx context.Context, q db.Querier, where string, args ...any) (map[string]shard.Estimate, error) {
	rows, err := q.Query(ctx, `SELECT unit, log_mean, runs FROM build_estimates WHERE `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read the expected lengths: %w", err)
	}
	defer rows.Close()
	known := map[string]shard.Estimate{}
	for rows.Next() {
		var unit string
		var e shard.Estimate
		if err := rows.Scan(&unit, &e.LogMean, &e.Runs); err != nil {
			return nil, fmt.Errorf("read the expected lengths: %w", err)
		}
		known[unit] = e
	}
	return known, rows.Err()
}

// run is one run that passed.
type run struct {
	Unit     string
	Duration time.Duration
}

// observe moves the estimates by runs that passed.
func observe(ctx context.Context, tx *db.Tx, app, suite string, runs []run) error {
	for part := range slices.Chunk(runs, chunk) {
		names := []any{app, suite}
		for _, r := range part {
			names = append(names, r.Unit)
		}
		known, err := readEstimates(ctx, tx, `app = $1 AND suite = $2 AND unit IN `+oneOf(len(part), 3), names...)
		if err != nil {
			return err
		}
		args := make([]any, 0, 6*len(part))
		for _, r := range part {
			e := shard.Observe(known[r.Unit], r.Duration)
			args = append(args, app, suite, r.Unit, e.LogMean, e.Runs, db.Micros(tx.Now()))
		}
		_, err = tx.Exec(ctx, `INSERT INTO build_estimates (app, suite, unit, log_mean, runs, seen_at) VALUES `+tuples(len(part), 6)+`
			ON CONFLICT (app, suite, unit) DO UPDATE SET log_mean = excluded.log_mean, runs = excluded.runs, seen_at = excluded.seen_at`, args...)
		if err != nil {
			return fmt.Errorf("keep the expected lengths: %w", err)
		}
	}
	return nil
}
