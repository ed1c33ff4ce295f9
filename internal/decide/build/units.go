package build

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/pure/shard"
)

// chunk is how many rows one statement takes: SQLite looks each of its variables up among all of them, so that more cost more.
const chunk = 100

// insertUnits adds units to a build with what is known of their lengths, and of the sizes of their tests. Those that passed in the build that this one retries are taken over.
func insertUnits(ctx context.Context, tx *db.Tx, b *row, suite string, names []string, sizes map[string]int64) error {
	known, err := estimates(ctx, tx, b.App, suite)
	if err != nil {
		return err
	}
	for part := range slices.Chunk(names, chunk) {
		args := make([]any, 0, 5*len(part))
		for _, name := range part {
			args = append(args, b.ID, suite, name, known[name].Duration().Microseconds(), sizes[name])
		}
		_, err := tx.Exec(ctx, `INSERT INTO build_units (build, suite, unit, expected_us, size, status, lease, agent, losses, faults, attempts, duration_us,
			started_at, output, failed_tests) `+selectUnits(len(part)), args...)
		if err != nil {
			return fmt.Errorf("add units to build %s: %w", b.ID, err)
		}
	}
	b.Total += len(names)
	if b.RetryOf == "" {
		return nil
	}
	return takeOver(ctx, tx, b, suite)
}

// selectUnits is the tail of insertUnits' statement: the given columns and the defaults of the rest.
func selectUnits(n int) string {
	out := make([]byte, 0, 80*n)
	out = append(out, "VALUES "...)
	for i := range n {
		if i > 0 {
			out = append(out, ", "...)
		}
		out = fmt.Appendf(out, "($%d, $%d, $%d, $%d, $%d, 'waiting', '', '', 0, 0, 0, 0, 0, '', '')", 5*i+1, 5*i+2, 5*i+3, 5*i+4, 5*i+5)
	}
	return string(out)
}

// takeOver gives units the result they had in the build that is retried, if they passed: the tree is the same.
func takeOver(ctx context.Context, tx *db.Tx, b *row, suite string) error {
	res, err := tx.Exec(ctx, `UPDATE build_units SET status = old.status, agent = old.agent, lease = old.lease, duration_us = old.duration_us, started_at = old.started_at
		FROM (SELECT unit, status, agent, lease, duration_us, started_at FROM build_units WHERE build = $1 AND suite = $2 AND status IN ('passed', 'skipped')) old
		WHERE build_units.build = $3 AND build_units.suite = $2 AND build_units.unit = old.unit`, b.RetryOf, suite, b.ID)
	if err != nil {
		return fmt.Errorf("take results over from build %s: %w", b.RetryOf, err)
	}
	n, err := res.RowsAffected()
	if err != nil {
		return fmt.Errorf("take results over from build %s: %w", b.RetryOf, err)
	}
	b.Done += int(n)
	return nil
}

// waitingUnits reads what is there to lease, by suite, each in the order of shard.Sort.
func waitingUnits(ctx context.Context, q db.Querier, build string) (map[string][]shard.Unit, error) {
	rows, err := q.Query(ctx, `SELECT suite, unit, expected_us, size, losses FROM build_units WHERE build = $1 AND status = 'waiting'`, build)
	if err != nil {
		return nil, fmt.Errorf("read the waiting units of build %s: %w", build, err)
	}
	defer rows.Close()
	bySuite := map[string][]shard.Unit{}
	for rows.Next() {
		var suite string
		var us int64
		var u shard.Unit
		if err := rows.Scan(&suite, &u.Name, &us, &u.Size, &u.Returns); err != nil {
			return nil, fmt.Errorf("read the waiting units of build %s: %w", build, err)
		}
		u.Estimate = estimateOf(us)
		bySuite[suite] = append(bySuite[suite], u)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read the waiting units of build %s: %w", build, err)
	}
	for _, units := range bySuite {
		shard.Sort(units)
	}
	return bySuite, nil
}

// estimateOf is the estimate behind a predicted length in microseconds; 0 means unknown.
func estimateOf(us int64) shard.Estimate {
	if us <= 0 {
		return shard.Estimate{}
	}
	return shard.Estimate{LogMean: math.Log(float64(us) / 1e6), Runs: 1}
}

// lendUnits marks units as part of a lease.
func lendUnits(ctx context.Context, tx *db.Tx, l lease, names []string) error {
	for part := range slices.Chunk(names, chunk) {
		args := []any{l.ID, l.Agent, db.Micros(tx.Now()), l.Build, l.Suite}
		for _, name := range part {
			args = append(args, name)
		}
		_, err := tx.Exec(ctx, `UPDATE build_units SET status = 'running', lease = $1, agent = $2, started_at = $3, attempts = attempts + 1
			WHERE build = $4 AND suite = $5 AND unit IN `+oneOf(len(part), 6), args...)
		if err != nil {
			return fmt.Errorf("lend units of build %s: %w", l.Build, err)
		}
	}
	return nil
}

// lentUnit is a unit whose result is out.
type lentUnit struct {
	Name           string
	Losses, Faults int
}

func lentUnits(ctx context.Context, q db.Querier, l lease) ([]lentUnit, error) {
	rows, err := q.Query(ctx, `SELECT unit, losses, faults FROM build_units WHERE build = $1 AND suite = $2 AND lease = $3 AND status = 'running' ORDER BY unit`,
		l.Build, l.Suite, l.ID)
	if err != nil {
		return nil, fmt.Errorf("read the units of lease %s: %w", l.ID, err)
	}
	defer rows.Close()
	var all []lentUnit
	for rows.Next() {
		var u lentUnit
		if err := rows.Scan(&u.Name, &u.Losses, &u.Faults); err != nil {
			return nil, fmt.Errorf("read the units of lease %s: %w", l.ID, err)
		}
		all = append(all, u)
	}
	return all, rows.Err()
}

// unitResult is what becomes of a unit that was lent.
type unitResult struct {
	Name           string
	Status         string // unitWaiting when it goes out again
	Losses, Faults int
	Duration       time.Duration
	Occupied       time.Duration // what to predict by; 0 when it tells nothing
	Output         string
	FailedTests    []string
}

// storeResults writes what became of units.
func storeResults(ctx context.Context, tx *db.Tx, l lease, results []unitResult) error {
	for part := range slices.Chunk(results, chunk) {
		args := make([]any, 0, 9*len(part))
		for _, r := range part {
			tests := ""
			if len(r.FailedTests) > 0 {
				text, err := json.Marshal(r.FailedTests)
				if err != nil {
					return fmt.Errorf("keep the result of %s: %w", r.Name, err)
				}
				tests = clean(string(text))
			}
			args = append(args, l.Build, l.Suite, r.Name, r.Status, r.Losses, r.Faults, r.Duration.Microseconds(), clean(r.Output), tests)
		}
		// The rows are there already: the insert is only the form in which both stores take many changes in one statement.
		_, err := tx.Exec(ctx, `INSERT INTO build_units (build, suite, unit, status, losses, faults, duration_us, output, failed_tests,
			lease, agent, expected_us, attempts, started_at) `+selectResults(len(part))+`
			ON CONFLICT (build, suite, unit) DO UPDATE SET status = excluded.status, losses = excluded.losses, faults = excluded.faults,
			duration_us = excluded.duration_us, output = excluded.output, failed_tests = excluded.failed_tests`, args...)
		if err != nil {
			return fmt.Errorf("keep the results of lease %s: %w", l.ID, err)
		}
	}
	return nil
}

func selectResults(n int) string {
	out := make([]byte, 0, 80*n)
	out = append(out, "VALUES "...)
	for i := range n {
		if i > 0 {
			out = append(out, ", "...)
		}
		out = append(out, '(')
		for j := range 9 {
			out = fmt.Appendf(out, "$%d, ", 9*i+j+1)
		}
		out = append(out, "'', '', 0, 0, 0)"...)
	}
	return string(out)
}
