package analyticstest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/slipwayhq/slipway/internal/analytics"
	"github.com/slipwayhq/slipway/internal/fault"
)

// What a person asks, and what is in events, comes from anybody. These tests are of what nobody means well by.

// answersNoMoreThanFits asks for few rows that are large, in either engine's words.
func answersNoMoreThanFits(t *testing.T, w *world) {
	w.append("shop", analytics.Batch{Rows: rows(1, 100), Through: 100})
	for _, sql := range []string{
		`SELECT repeat('x', 1000000) FROM events`, `SELECT seq, name, repeat('x', 1000000 + CAST(seq AS INTEGER)) AS "answer" FROM events ORDER BY seq DESC`, `SELECT repeat('x', 100000000)`,
		`SELECT repeat('x', 500000), 1, repeat('y', 500000), NULL FROM events`,
	} {
		table, err := w.store("shop").Query(t.Context(), analytics.Query{SQL: sql, Foreign: true})
		ordered := strings.Contains(sql, "ORDER BY") // before it is counted, which may be too much by itself
		if !fault.Is(err, fault.CodeLimited) || !ordered && !strings.Contains(fault.Message(err), "64 MiB") {
			t.Errorf("%s is answered with %d rows, %v", sql, len(table.Rows), err)
		}
	}
	// Of the server's own questions only those are, that any may be.
	if _, err := w.store("shop").Query(t.Context(), analytics.Query{SQL: `SELECT repeat('x', 1000000 + CAST(seq AS INTEGER)) FROM events`}); !fault.Is(err, fault.CodeLimited) {
		t.Errorf("the server is answered with %v", err)
	}
	table, err := w.store("shop").Query(t.Context(), analytics.Query{SQL: `SELECT a.seq * 1000 + b.seq AS "the answer", repeat('x', 5000) FROM events a, events b ORDER BY 1 DESC`, Foreign: true})
	must(t, err)
	if len(table.Rows) != 10_000 || fmt.Sprint(table.Rows[0][0], table.Rows[9999][0]) != "100100 1001" || table.Columns[0].Name != "the answer" {
		t.Errorf("what fits is %d rows of %v, from %v on", len(table.Rows), table.Columns, table.Rows[0][0])
	}
}
