package archive_test

import (
	"bytes"
	"database/sql"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/analytics"
	"github.com/slipwayhq/slipway/internal/analytics/archive"
)

// columns are pairs of a name and a type.
func columns(pairs ...string) (out []analytics.Column) {
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, analytics.Column{Name: pairs[i], Type: pairs[i+1]})
	}
	return out
}

func TestAnAnswerIsWrittenAsParquet(t *testing.T) {
	at := time.Date(2026, 11, 29, 12, 30, 0, 123_456_000, time.UTC)
	table := analytics.Table{
		Columns: columns("z", "VARCHAR", `it's, a "name"`, "BIGINT", "n", "DOUBLE", "n", "DECIMAL(5,2)", "yes", "BOOLEAN", "at", "TIMESTAMP", "day", "DATE", "o'clock", "TIME", "mixed", "HUGEINT", "none", "BIGINT", "nothing", `"NULL"`),
		Rows: [][]any{
			{"ä\n\"x\"", int64(math.MaxInt64), 0.5, int64(1), true, at, at.Truncate(24 * time.Hour), time.Date(1, 1, 1, 8, 15, 0, 0, time.UTC), int64(7), nil, nil},
			{nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil},
			{"", int64(-1), math.Inf(1), 2.25, false, time.Date(1969, 12, 31, 23, 0, 0, 0, time.UTC), time.Date(1969, 12, 31, 0, 0, 0, 0, time.UTC), time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), "170141183460469231731687303715884105727", nil, nil},
		},
	}
	var file bytes.Buffer
	must(t, archive.WriteTable(&file, table))
	path := filepath.Join(t.TempDir(), "a.parquet")
	must(t, os.WriteFile(path, file.Bytes(), 0o600))
	if got := duckReads(t, `SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM '`+path+`')`); got != `[[z VARCHAR] [it's, a "name" BIGINT] [n DOUBLE] [n_2 DOUBLE] [yes BOOLEAN] [at TIMESTAMP WITH TIME ZONE] [day DATE] [o'clock VARCHAR] [mixed VARCHAR] [none BIGINT] [nothing VARCHAR]]` {
		t.Errorf("the columns are %s", got)
	}
	if got := duckReads(t, `SELECT z, "it's, a ""name""", n, n_2, yes, epoch_us("at"), day::VARCHAR, "o'clock", mixed, none, nothing FROM '`+path+`'`); got != fmt.Sprintf(
		"[[ä\n\"x\" 9223372036854775807 0.5 1 true %d 2026-11-29 08:15:00 7 <nil> <nil>] [<nil> <nil> <nil> <nil> <nil> <nil> <nil> <nil> <nil> <nil> <nil>] [ -1 +Inf 2.25 false -3600000000 1969-12-31 00:00:00 170141183460469231731687303715884105727 <nil> <nil>]]", at.UnixMicro()) {
		t.Errorf("the rows are %s", got)
	}
}

func TestAnAnswerWithoutRowsHasItsColumns(t *testing.T) {
	var file bytes.Buffer
	must(t, archive.WriteTable(&file, analytics.Table{Columns: columns("b", "TIMESTAMPTZ", "a", "INT8", "c", "INTERVAL", "d", "bool", "e", "NUMERIC")}))
	path := filepath.Join(t.TempDir(), "a.parquet")
	must(t, os.WriteFile(path, file.Bytes(), 0o600))
	if got := duckReads(t, `SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM '`+path+`')`); got != `[[b TIMESTAMP WITH TIME ZONE] [a BIGINT] [c VARCHAR] [d BOOLEAN] [e DOUBLE]]` {
		t.Errorf("the columns are %s", got)
	}
	if got := duckReads(t, `SELECT * FROM '`+path+`'`); got != "[]" {
		t.Errorf("the rows are %s", got)
	}
}

// duckReads is DuckDB's answer, as any other tool's would be.
func duckReads(t *testing.T, query string) string {
	t.Helper()
	db, err := sql.Open("duckdb", "")
	must(t, err)
	defer db.Close()
	rows, err := db.QueryContext(t.Context(), query)
	must(t, err)
	defer rows.Close()
	names, err := rows.Columns()
	must(t, err)
	all := [][]any{}
	for rows.Next() {
		values, at := make([]any, len(names)), make([]any, len(names))
		for i := range values {
			at[i] = &values[i]
		}
		must(t, rows.Scan(at...))
		all = append(all, values)
	}
	must(t, rows.Err())
	return fmt.Sprint(all)
}
