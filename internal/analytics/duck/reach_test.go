//go:build cgo

package duck_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/analytics"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/pure/capture"
)

// secret is in the file of a store alone: who it is of was forgotten.
const secret = "zoe-4711-was-here"

// forgetful is a store whose files still have what it forgot.
func forgetful(t *testing.T) (s analytics.Store, dir string) {
	t.Helper()
	dir = t.TempDir()
	s, err := open(t, dir).Store(t.Context(), "shop")
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	var rows []analytics.Row
	for i, user := range []string{secret, "ana"} {
		rows = append(rows, analytics.Row{Sequence: uint64(i + 1), Event: capture.Event{ID: user, App: "shop", Environment: "production", Kind: capture.Track, Name: "paid", User: user, Time: at, Received: at, Properties: []byte(`{"list":[1,2]}`)}})
	}
	if err := s.Append(t.Context(), analytics.Batch{Rows: rows, Through: 2}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Forget(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(dir, "shop.duckdb.wal"))
	if err != nil || !strings.Contains(string(raw), secret) {
		t.Fatalf("the file has nothing that must not be read: %v", err)
	}
	return s, dir
}

func (p person) asks(sql string) (string, error) {
	table, err := p.s.Query(p.t.Context(), analytics.Query{SQL: sql, Foreign: true, Time: 10 * time.Second})
	return fmt.Sprint(table.Rows), err
}

// person asks in words of their own.
type person struct {
	t *testing.T
	s analytics.Store
}

// refused asks what must be refused before it is done.
func (p person) refused(sql, says string) {
	p.t.Helper()
	if rows, err := p.asks(sql); !fault.Is(err, fault.CodeInvalid) || !strings.Contains(fault.Message(err), says) {
		p.t.Errorf("%s\n is answered with %.200s, %v", sql, rows, err)
	}
}

// listed are names that DuckDB itself gives.
func (p person) listed(sql string) (names []string) {
	p.t.Helper()
	table, err := p.s.Query(p.t.Context(), analytics.Query{SQL: sql})
	if err != nil {
		p.t.Fatal(err)
	}
	for _, row := range table.Rows {
		names = append(names, row[0].(string))
	}
	return names
}

const far = "cannot be reached"

// All functions that DuckDB has are tried, so that a newer one brings nothing in unseen.
func TestNoFunctionReachesFurtherThanTheStore(t *testing.T) {
	s, dir := forgetful(t)
	p := person{t, s}
	t.Setenv("HOME", secret)
	functions := p.listed(`SELECT DISTINCT function_name FROM duckdb_functions() WHERE function_type IN ('table', 'table_macro', 'pragma')`)
	if len(functions) < 100 || !slices.Contains(functions, "read_blob") {
		t.Fatalf("DuckDB lists %v", functions)
	}
	allowed := []string{"unnest", "range", "generate_series", "repeat", "repeat_row", "json_each", "json_tree", "pg_timezone_names"}
	wal := filepath.Join(dir, "shop.duckdb.wal")
	for _, function := range functions {
		for _, args := range []string{"", "'" + wal + "'", "'SELECT 1'", "'events'", "'events', name"} {
			sql := fmt.Sprintf(`SELECT * FROM "%s"(%s)`, function, args)
			if !slices.Contains(allowed, function) {
				p.refused(sql, far)
				p.refused(strings.Replace(sql, function, strings.ToUpper(function), 1), far)
				p.refused(strings.Replace(sql, "FROM ", "FROM main.", 1), far)
			} else if rows, _ := p.asks(sql); strings.Contains(rows, secret) {
				t.Errorf("%s gives %.200s", sql, rows)
			}
		}
	}
	read := `SELECT * FROM read_csv('` + wal + `', delim = '\x01', header = true, ignore_errors = true, strict_mode = false)`
	for _, function := range p.listed(`SELECT DISTINCT function_name FROM duckdb_functions() WHERE function_type IN ('scalar', 'macro', 'aggregate') AND regexp_matches(function_name, '^[a-z]') AND function_name NOT IN ('sleep_ms', 'pg_sleep')`) {
		for _, args := range []string{"", "'" + wal + "'", "'" + strings.ReplaceAll(read, "'", "''") + "'", "'allowed_paths'", "'temp_directory'", "'HOME'", "'a', '" + wal + "'"} {
			sql := fmt.Sprintf(`SELECT "%s"(%s)`, function, args)
			rows, _ := p.asks(sql)
			if strings.Contains(rows, secret) || strings.Contains(rows, dir) && !strings.Contains(args, dir) {
				t.Errorf("%s gives %.200s", sql, rows)
			}
		}
	}
	for _, function := range []string{"current_setting('allowed_paths')", "main.current_setting('threads')", "Current_Setting('threads')", "json_serialize_plan('SELECT 1')", "write_log('x')"} {
		p.refused("SELECT "+function, far)
	}
}

func TestNoNameReachesFurtherThanTheStore(t *testing.T) {
	s, dir := forgetful(t)
	p := person{t, s}
	views := p.listed(`SELECT CASE WHEN schema_name = 'main' THEN view_name ELSE schema_name || '.' || view_name END FROM duckdb_views() WHERE internal`)
	if len(views) < 20 {
		t.Fatalf("DuckDB lists %v", views)
	}
	for _, view := range views {
		if view == "information_schema.tables" || view == "information_schema.columns" {
			continue
		}
		p.refused(`SELECT * FROM `+view, far)
		_, bare, _ := strings.Cut(view, ".")
		if bare == "" || strings.HasPrefix(bare, "pg_") {
			bare = strings.TrimPrefix(view, "pg_catalog.")
			p.refused(`SELECT * FROM (WITH `+bare+` AS (SELECT 1) SELECT 1), `+bare, far) // a name that holds elsewhere alone
			p.refused(`WITH `+bare+` AS (SELECT * FROM `+bare+`) SELECT * FROM `+bare, far)
		}
	}
	wal := filepath.Join(dir, "shop.duckdb.wal")
	if err := os.WriteFile(filepath.Join(dir, "people.csv"), []byte("a\n"+secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	read := `read_blob('` + wal + `')`
	for _, sql := range []string{
		`SELECT * FROM '` + wal + `'`, `SELECT * FROM "` + wal + `"`, `FROM '` + filepath.Join(dir, "people.csv") + `'`, `SELECT * FROM '*.csv'`, `SELECT * FROM 'x.duckdb'`, `SELECT * FROM shop.main.stored`, `SELECT * FROM system.duckdb_settings`,
		`SELECT * FROM (WITH "` + wal + `" AS (SELECT 1) SELECT 1), "` + wal + `"`,
		`SELECT * FROM events, ` + read, `SELECT (SELECT content FROM ` + read + `)`, `SELECT 1 WHERE EXISTS (SELECT 1 FROM ` + read + `)`, `WITH a AS (FROM ` + read + `) SELECT * FROM a`, `SELECT 1 UNION ALL SELECT 2 FROM ` + read,
		`SELECT * FROM events e, LATERAL (SELECT * FROM ` + read + `)`, `SELECT 1 ORDER BY (SELECT size FROM ` + read + `)`, `SELECT 1 LIMIT (SELECT size FROM ` + read + `)`, `SELECT list_transform([1], lambda x: (SELECT size FROM ` + read + `))`,
		`FROM (PIVOT ` + read + ` ON filename IN ('a') USING count(*))`, `FROM (UNPIVOT ` + read + ` ON size INTO NAME n VALUE v)`, `VALUES ((SELECT size FROM ` + read + `))`, `SELECT count(*) FILTER (1 IN (SELECT size FROM ` + read + `))`,
		`SELECT sum(1) OVER (ORDER BY (SELECT size FROM ` + read + `))`, `WITH RECURSIVE a AS (SELECT 1 AS x UNION ALL SELECT size FROM ` + read + `) SELECT * FROM a`, `SELECT CASE WHEN 1 THEN (SELECT size FROM ` + read + `) END`,
		`DESCRIBE '` + wal + `'`, `SUMMARIZE '` + wal + `'`, `FROM (SUMMARIZE FROM ` + read + `)`, `SHOW DATABASES`, `SHOW ALL TABLES`, `FROM (SHOW DATABASES)`, `FROM query('FROM duckdb_settings()')`, `FROM query_table('duckdb_databases')`,
		`FROM histogram('duckdb_databases', path)`, `FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))`, `SELECT * FROM glob('` + dir + `/*')`, `FROM events JOIN read_text('` + wal + `') ON true`, `SELECT COLUMNS(c -> c IN (SELECT filename FROM ` + read + `)) FROM events`,
	} {
		p.refused(sql, far)
	}
	for _, sql := range []string{
		`COPY (SELECT 1) TO '` + dir + `/x.csv'`, `COPY stored FROM '` + wal + `'`, `COPY FROM DATABASE shop TO memory`, `ATTACH '` + wal + `'`, `DETACH shop`, `INSTALL httpfs`, `LOAD httpfs`, `PRAGMA database_list`, `PRAGMA show_tables`, `SET threads = 1`, `RESET threads`,
		`SET VARIABLE x = 1`, `CALL duckdb_settings()`, `EXPORT DATABASE '` + dir + `'`, `IMPORT DATABASE '` + dir + `'`, `CREATE TEMP TABLE t AS FROM ` + read, `CREATE MACRO m() AS TABLE FROM ` + read, `INSERT INTO stored FROM ` + read, `EXPLAIN FROM ` + read,
		`EXPLAIN ANALYZE SELECT 1`, `PREPARE p AS SELECT 1`, `EXECUTE p`, `CHECKPOINT`, `VACUUM`, `USE memory`, `CREATE SECRET s (TYPE http)`, `SELECT 1; SELECT 2`, `PIVOT events ON name`,
	} {
		p.refused(sql, "only one SELECT")
	}
	p.refused(`SELECT * FROM orders`, `there is no table "orders"`)
}

// What a person may ask is as wide as SQL is.
func TestWhatPeopleAskIsAnswered(t *testing.T) {
	s, _ := forgetful(t)
	p := person{t, s}
	for sql, want := range map[string]string{
		`SELECT user_id FROM main.events`: "[[ana]]", `FROM (TABLE position)`: "[[2]]", `SELECT COUNT(*) FROM Activity AS a LEFT JOIN people USING (anonymous_id)`: "[[1]]", `VALUES (1), (2)`: "[[1] [2]]",
		`WITH a AS (SELECT 1 AS x), "B" AS (SELECT x + 1 AS y FROM a) SELECT y FROM b WHERE y IN (SELECT y FROM "B")`:                                           "[[2]]",
		`WITH RECURSIVE n AS (SELECT 1 AS x UNION ALL SELECT x + 1 FROM n WHERE x < 3) SELECT max(x) FROM n`:                                                    "[[3]]",
		`WITH events AS (SELECT 'x' AS name FROM events) SELECT name FROM events`:                                                                               "[[x]]",
		`SELECT x FROM events, unnest(CAST(obj(properties, 'list') AS INT[])) AS u(x) ORDER BY ALL DESC`:                                                        "[[2] [1]]",
		`SELECT key, value FROM events, json_each(properties)`:                                                                                                  `[[list [1,2]]]`,
		`SELECT unnest([1, 2]) AS x, [y * 2 FOR y IN [3]][1] ORDER BY x NULLS LAST LIMIT 1 OFFSET 1`:                                                            "[[2 6]]",
		`SELECT i FROM range(5) r(i) UNION SELECT g FROM generate_series(1, 6, 5) s(g) EXCEPT SELECT 0 ORDER BY 1 LIMIT 50%`:                                    "[[1] [2]]",
		`SELECT DISTINCT ON (name) name, row_number() OVER (PARTITION BY kind ORDER BY seq ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM stored QUALIFY 1 = 1`: "[[paid 1]]",
		`SELECT kind, count(*) FILTER (name = 'paid'), grouping(kind) FROM events GROUP BY CUBE (kind) HAVING count(*) > 0 ORDER BY 3 DESC`:                     "[[<nil> 1 1] [track 1 0]]",
		`FROM (PIVOT events ON name IN ('paid') USING count(*) GROUP BY kind)`:                                                                                  "[[track 1]]",
		`FROM (UNPIVOT (SELECT 1 AS a, 2 AS b) ON a, b INTO NAME n VALUE v)`:                                                                                    "[[a 1] [b 2]]",
		`SELECT * FROM (SELECT 1 AS t, 2 AS x) ASOF JOIN (SELECT 0 AS t, 5 AS y) USING (t)`:                                                                     "[[1 2 5]]",
		`SELECT CAST({'a': 1, 'b': [2]} AS STRUCT(a INT, b VARCHAR[])).b[1], 1::DECIMAL(3, 1), MAP {'k': 1}['k'], CASE WHEN 1 BETWEEN 0 AND 2 THEN 'in' END`:    "[[2 1 1 in]]",
		`SELECT column_name FROM (DESCRIBE SELECT seq FROM events)`:                                                                                             "[[seq]]",
		`SELECT count(*) > 10 FROM information_schema.columns WHERE table_name = 'events'`:                                                                      "[[true]]",
		`SELECT count(*) > 4 FROM (SHOW TABLES)`:                                                                                                                "[[true]]",
		`SELECT approx_unique FROM (SUMMARIZE SELECT seq FROM events)`:                                                                                          "[[1]]",
		`SELECT e.name FROM events e TABLESAMPLE 100% WHERE e.time AT TIME ZONE 'UTC' < now()`:                                                                  "[[paid]]",
		"SELECT seq FROM events; -- with a word behind":                                                                                                         "", "SELECT 1 -- ; DROP TABLE events": "[[1]]", `SELECT '/etc/passwd', 'read_blob(''x'')' AS "read_text"`: "[[/etc/passwd read_blob('x')]]",
	} {
		rows, err := p.asks(sql)
		if want == "" { // it is refused, but not for what it names
			if strings.Contains(fmt.Sprint(err), far) {
				t.Errorf("%s: %v", sql, err)
			}
		} else if rows != want || err != nil {
			t.Errorf("%s\n is answered with %s, %v, not %s", sql, rows, err, want)
		}
	}
}
