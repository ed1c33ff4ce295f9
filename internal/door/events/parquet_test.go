package events_test

import (
	"bytes"
	"database/sql"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/slipwayhq/slipway/internal/access"
)

func TestAnAnswerIsAParquetFile(t *testing.T) {
	w := open(t)
	vera := w.person("vera", "shop", access.Viewer)
	w.tell("shop", "u1 viewed", "u2 paid")
	const path = "/v1/apps/shop/events/sql/parquet"
	r := w.do("POST", path, vera, `{"sql":"SELECT seq, time, name, properties, seq > 1 AS later, seq / 2 AS half, NULL AS nothing FROM events ORDER BY seq"}`)
	refused(t, r, http.StatusOK)
	if r.Header.Get("Content-Type") != "application/vnd.apache.parquet" || r.Header.Get("Slipway-More") != "false" || r.Header.Get("Content-Length") != fmt.Sprint(len(r.body)) {
		t.Errorf("%v", r.Header)
	}
	if !bytes.HasPrefix(r.body, []byte("PAR1")) {
		t.Fatalf("%q is no Parquet", r.body)
	}
	file := filepath.Join(t.TempDir(), "a.parquet")
	if err := os.WriteFile(file, r.body, 0o600); err != nil {
		t.Fatal(err)
	}
	const want = `[[seq BIGINT] [time TIMESTAMP WITH TIME ZONE] [name VARCHAR] [properties VARCHAR] [later BOOLEAN] [half DOUBLE] [nothing BIGINT]]`
	if got := duckReads(t, `SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM '`+file+`')`); got != want {
		t.Errorf("the columns are %s", got)
	}
	if got := duckReads(t, `SELECT seq, epoch_us("time"), name, properties, later, half, nothing FROM '`+file+`'`); got != fmt.Sprintf(`[[1 %d viewed {"n":1} false 0.5 <nil>] [2 %d paid {"n":1} true 1 <nil>]]`, noon.UnixMicro(), noon.UnixMicro()+60_000_000) {
		t.Errorf("the rows are %s", got)
	}
	if r := w.do("POST", path, vera, `{"sql":"SELECT * FROM events","limit":1}`); r.StatusCode != http.StatusOK || r.Header.Get("Slipway-More") != "true" {
		t.Errorf("%d, %v", r.StatusCode, r.Header)
	}
	refused(t, w.do("POST", path, vera, `{"sql":"SELECT nothing FROM events"}`), http.StatusUnprocessableEntity)
	refused(t, w.do("POST", path, vera, `{"sql":"COPY events TO 'x'"}`), http.StatusUnprocessableEntity)
	refused(t, w.do("POST", "/v1/apps/none/events/sql/parquet", vera, `{"sql":"SELECT 1"}`), http.StatusNotFound)
}

// duckReads is DuckDB's answer about a file, as any other tool's would be.
func duckReads(t *testing.T, query string) string {
	t.Helper()
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	all := [][]any{}
	for rows.Next() {
		values, at := make([]any, len(names)), make([]any, len(names))
		for i := range values {
			at[i] = &values[i]
		}
		if err := rows.Scan(at...); err != nil {
			t.Fatal(err)
		}
		all = append(all, values)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(all)
}
