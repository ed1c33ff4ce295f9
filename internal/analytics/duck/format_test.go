//go:build cgo

package duck

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/slipwayhq/slipway/internal/analytics"
)

// shown are rows as browsers send them.
func shown(n int) (out []analytics.Row) {
	for i := range n {
		r := did(uint64(i+1), fmt.Sprint("u", i), `{"price":12.5}`)
		r.Context = fmt.Appendf(nil, `{"page":{"path":"/products/%[1]d","url":"https://shop.example/products/%[1]d","title":"Product %[1]d"},"locale":"de-AT"}`, i*7919%3001)
		out = append(out, r)
	}
	return out
}

// packing is how a column's strings are kept, and the version of the file.
func packing(t *testing.T, s *store, column string) (how, version string) {
	t.Helper()
	if _, err := s.db.ExecContext(t.Context(), `CHECKPOINT`); err != nil {
		t.Fatal(err)
	}
	if err := s.db.QueryRowContext(t.Context(), `SELECT string_agg(DISTINCT compression, ' ') FROM pragma_storage_info('stored') WHERE column_name = $1 AND segment_type = 'VARCHAR'`, column).Scan(&how); err != nil {
		t.Fatal(err)
	}
	if err := s.db.QueryRowContext(t.Context(), `SELECT tags['storage_version'] FROM duckdb_databases() WHERE database_name = 'shop'`).Scan(&version); err != nil {
		t.Fatal(err)
	}
	return how, version
}

// What browsers say is most of what there is, and is packed as well as DuckDB can.
func TestJSONIsPacked(t *testing.T) {
	_, open := place(t)
	s, _ := open()
	added(t, s, 5000, shown(5000)...)
	for _, column := range []string{"properties", "context"} {
		if how, version := packing(t, s, column); how != "ZSTD" || version != format+"+" {
			t.Errorf("%s is kept by %s, in a file of %s", column, how, version)
		}
	}
}

// A file of before the form was named is used on.
func TestAFileOfBeforeIsUsed(t *testing.T) {
	dir, open := place(t)
	db, err := sql.Open("duckdb", filepath.Join(dir, "shop.duckdb"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), `CREATE TABLE events (
		seq BIGINT NOT NULL, received TIMESTAMP NOT NULL, time TIMESTAMP NOT NULL, client_time TIMESTAMP, environment VARCHAR NOT NULL, source VARCHAR NOT NULL, kind VARCHAR NOT NULL, name VARCHAR NOT NULL,
		visitor VARCHAR NOT NULL, user_id VARCHAR, anonymous_id VARCHAR, previous_id VARCHAR, group_id VARCHAR, release VARCHAR, message_id VARCHAR NOT NULL, properties VARCHAR, context VARCHAR)`); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	s, e := open()
	added(t, s, 5000, shown(5000)...)
	how, version := packing(t, s, "context")
	if how == "ZSTD" || version == format+"+" {
		t.Errorf("the file is of %s and keeps by %s: it is none of before", version, how)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	s, _ = open()
	table, err := s.Query(t.Context(), analytics.Query{SQL: `SELECT count(*), count(DISTINCT prop(context, 'locale')) FROM events`})
	if err != nil || fmt.Sprint(table.Rows) != "[[5000 1]]" {
		t.Errorf("%v, %v", table.Rows, err)
	}
}
