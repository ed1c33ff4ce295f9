//go:build cgo

package duck

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"github.com/slipwayhq/slipway/internal/analytics/relational"
)

// What events look like is kept as it came, a row for each sight of a name: DuckDB adds rows in 1 ms, and takes 3 to 30 to change them, each second for each app. The view "learned" sums them up for who asks, and before they
// are many the sums take their place.

// mostSights is how many rows there may be beyond the sums.
const mostSights = 20_000

const sightsTable = `CREATE TABLE IF NOT EXISTS sights (` + relational.LearnedDefinition + `)`

// learnedView makes "learned", in which no sum is too much to be read.
func learnedView() string {
	return `CREATE OR REPLACE VIEW learned AS ` + summed(`least(sum(count), 9223372036854775807)`)
}

// summed are the sums of the sights; a count of more than 64 bits is an error.
func summed(count string) string {
	return `SELECT kind, name, property, type, min(first) AS first, max(last) AS last, ` + count + `::BIGINT AS count FROM sights GROUP BY ALL`
}

// takeOver makes sights of the table "learned" of a file in which the sums were changed in place.
func takeOver(ctx context.Context, db *sql.DB) error {
	var tables int
	err := db.QueryRowContext(ctx, `SELECT count(*) FROM duckdb_tables() WHERE NOT internal AND table_name = 'learned'`).Scan(&tables)
	if err != nil || tables == 0 {
		return err
	}
	columns := strings.Join(relational.LearnedColumns(), ", ")
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	for _, statement := range []string{sightsTable, `INSERT INTO sights SELECT ` + columns + ` FROM learned`, `DROP TABLE learned`} {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("keep what is learnt of events in another way: %w", err)
		}
	}
	return tx.Commit()
}

// learn adds sights, and puts their sums in their place when they are many.
func (s *store) learn(ctx context.Context, conn *sql.Conn, rows [][]any) error {
	if s.beyondSums < 0 {
		if err := conn.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM sights) - (SELECT count(*) FROM learned)`).Scan(&s.beyondSums); err != nil {
			return fmt.Errorf("count what is learnt of events: %w", err)
		}
	}
	if err := bulk(ctx, conn, "sights", relational.LearnedColumns(), slices.Values(rows)); err != nil {
		return fmt.Errorf("keep what is learnt of events: %w", err)
	}
	if s.beyondSums += len(rows); s.beyondSums <= mostSights && !slices.ContainsFunc(rows, huge) {
		return nil
	}
	s.beyondSums = -1 // what is summed up here may yet be taken back
	for _, statement := range []string{`CREATE OR REPLACE TEMP TABLE summed AS ` + summed(`sum(count)`), `DELETE FROM sights`, `INSERT INTO sights BY NAME SELECT * FROM summed`, `DROP TABLE summed`} {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("sum up what is learnt of events: %w", err)
		}
	}
	return nil
}

// huge tells of a count that may be too much together with what there is, which is found out before it is kept.
func huge(row []any) bool {
	count, _ := row[len(row)-1].(int64)
	return count >= 1<<40
}
