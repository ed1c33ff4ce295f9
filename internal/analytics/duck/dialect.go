//go:build cgo

package duck

import (
	"context"
	"crypto/rand"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math/big"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/duckdb/duckdb-go/v2"

	"github.com/slipwayhq/slipway/internal/analytics"
	"github.com/slipwayhq/slipway/internal/analytics/relational"
	"github.com/slipwayhq/slipway/internal/fault"
)

func (e *Engine) dialect(app string, f *file) relational.Dialect {
	return relational.Dialect{
		Events: "stored",
		// Text, not DuckDB's JSON: the appender would encode it a second time, and its operators read either. What browsers say of their page with each event
		// takes a quarter of the room that it does as DuckDB would pack it (ADR 131).
		JSON: "VARCHAR USING COMPRESSION zstd",
		// A key as a JSON Pointer (RFC 6901): by itself one with a $ before it would be a path, and in a path a * means all keys.
		Functions: []string{
			`CREATE OR REPLACE MACRO prop(j, k) AS json_extract_string(j, '/' || replace(replace(k, '~', '~0'), '/', '~1'))`,
			`CREATE OR REPLACE MACRO obj(j, k) AS json_extract(j, '/' || replace(replace(k, '~', '~0'), '/', '~1'))`,
			`CREATE OR REPLACE MACRO num(t) AS CASE WHEN abs(TRY_CAST(t AS DOUBLE)) <= 1e100 THEN TRY_CAST(t AS DOUBLE) END`,
		},
		Tables:    ownTables(),
		Removed:   func(ctx context.Context, conn *sql.Conn) error { return f.store.removed(ctx, conn) },
		Bulk:      bulk,
		Learn:     func(ctx context.Context, conn *sql.Conn, rows [][]any) error { return f.store.learn(ctx, conn, rows) },
		Ask:       func(ctx context.Context, q analytics.Query) (*sql.Rows, func(), error) { return ask(ctx, f.db, q) },
		Value:     plain,
		Complaint: complaint,
		Refused:   refused,
		Failed:    func(err error) { e.failed(app, f, err) },
		Size: func(context.Context) (int64, error) {
			var size int64
			for _, end := range []string{"", ".wal"} {
				info, err := os.Stat(e.path(app) + end)
				if err == nil {
					size += info.Size()
				} else if !errors.Is(err, os.ErrNotExist) {
					return 0, fmt.Errorf("look at the stored events: %w", err)
				}
			}
			return size, nil
		},
	}
}

// bulk adds rows by the appender, which is ten times as fast as statements, within the connection's transaction.
func bulk(_ context.Context, conn *sql.Conn, table string, columns []string, rows iter.Seq[[]any]) error {
	return conn.Raw(func(c any) error {
		dc, ok := c.(driver.Conn)
		if !ok {
			return fmt.Errorf("the connection is a %T", c)
		}
		// The id of a visitor is another column's: see ownTables.
		without := slices.Index(columns, "visitor")
		if without >= 0 {
			columns = slices.Delete(slices.Clone(columns), without, without+1)
		}
		appender, err := duckdb.NewAppenderWithColumns(dc, "", "", table, columns)
		if err != nil {
			return err
		}
		values := make([]driver.Value, 0, 32)
		for row := range rows {
			values = values[:0]
			for i, v := range row {
				if i != without {
					values = append(values, v)
				}
			}
			if err := appender.AppendRow(values...); err != nil {
				return errors.Join(err, appender.Close())
			}
		}
		return appender.Close()
	})
}

// errNotSelect is the answer to what would do more than read.
func errNotSelect() *fault.Error {
	return fault.Invalid("only one SELECT is answered here; nothing can be changed").At("sql")
}

// ask answers one SELECT in a transaction that cannot write.
func ask(ctx context.Context, db *sql.DB, q analytics.Query) (*sql.Rows, func(), error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, nil, err
	}
	back := func() { _ = conn.Close() }
	if q.Foreign {
		if err := within(ctx, conn, q.SQL); err != nil {
			back()
			return nil, nil, err
		}
	}
	if err := conn.Raw(func(c any) error { return onlySelect(c, q) }); err != nil {
		back()
		return nil, nil, err
	}
	if _, err := conn.ExecContext(ctx, `BEGIN TRANSACTION READ ONLY`); err != nil {
		back()
		return nil, nil, err
	}
	done := func() {
		_, _ = conn.ExecContext(context.WithoutCancel(ctx), `ROLLBACK`) // there is nothing to keep
		back()
	}
	// DuckDB computes all of an answer before it gives the first row: the limits must be its own.
	answer := "answer_" + rand.Text() // no column has that name, which would hide the row in it
	rows, err := conn.QueryContext(ctx, fmt.Sprintf("SELECT * FROM (\n%s\n) AS %s %s LIMIT %d", strings.TrimRight(strings.TrimSpace(q.SQL), ";"), answer, bounded(q, answer), q.Rows+1), q.Args...)
	if err != nil {
		done()
		return nil, nil, err
	}
	return rows, done, nil
}

// tooLarge is what DuckDB is made to say when an answer is too large.
const tooLarge = "slipway: the answer is too large"

// bounded ends a person's question when its rows so far, as text, are too large: what DuckDB holds of an answer is not in its limit of memory.
func bounded(q analytics.Query, answer string) string {
	if !q.Foreign {
		return ""
	}
	return fmt.Sprintf(`QUALIFY CASE WHEN sum(strlen(CAST(%s AS VARCHAR))) OVER (ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) > %d THEN error('%s') ELSE true END`, answer, analytics.MaxBytes, tooLarge)
}

// onlySelect refuses what is not one SELECT, with as many values as it has places for them.
func onlySelect(c any, q analytics.Query) error {
	dc, ok := c.(*duckdb.Conn)
	if !ok {
		return fmt.Errorf("the connection is a %T", c)
	}
	prepared, err := dc.Prepare(q.SQL)
	if own := (*duckdb.Error)(nil); err != nil && !errors.As(err, &own) { // not DuckDB itself: there is nothing to prepare, or there are several
		return errNotSelect().Because(err)
	}
	if err != nil {
		if isParser(err) {
			return err
		}
		// What names no table, or is done to what is none, is refused before its kind is known; what is no SELECT is none in brackets either.
		if within, inner := dc.Prepare("SELECT * FROM (\n" + q.SQL + "\n) AS asked"); inner == nil {
			_ = within.Close()
		} else if isParser(inner) {
			return errNotSelect().Because(err)
		}
		return err
	}
	defer prepared.Close()
	stmt, ok := prepared.(*duckdb.Stmt)
	if !ok {
		return fmt.Errorf("the statement is a %T", prepared)
	}
	kind, err := stmt.StatementType()
	if err != nil {
		return err
	}
	if kind != duckdb.STATEMENT_TYPE_SELECT {
		return errNotSelect()
	}
	if n := stmt.NumInput(); n != len(q.Args) {
		return fault.Invalid("the question has places for %d values, and %d are given", n, len(q.Args)).At("sql")
	}
	return nil
}

func isParser(err error) bool {
	var e *duckdb.Error
	return errors.As(err, &e) && (e.Type == duckdb.ErrorTypeParser || e.Type == duckdb.ErrorTypeSyntax)
}

// plain makes DuckDB's values those of analytics.Table.
func plain(_ *sql.ColumnType, v any) any {
	switch v := v.(type) {
	case nil, bool, int64, float64, string, time.Time:
		return v
	case int32:
		return int64(v)
	case int16:
		return int64(v)
	case int8:
		return int64(v)
	case uint8:
		return int64(v)
	case uint16:
		return int64(v)
	case uint32:
		return int64(v)
	case uint64:
		return new(big.Int).SetUint64(v).String()
	case float32:
		return float64(v)
	case *big.Int:
		if v.IsInt64() {
			return v.Int64()
		}
		return v.String()
	case duckdb.Decimal:
		return v.Float64()
	case []byte:
		return strings.ToValidUTF8(string(v), "\ufffd")
	case fmt.Stringer:
		return v.String()
	default:
		text, err := json.Marshal(v)
		if err != nil {
			return fmt.Sprint(v)
		}
		return string(text)
	}
}

// refused goes by the kind of an error. The appender gives some without one, and the driver its own where it cannot write a value.
func refused(err error) bool {
	says := func(signs ...string) bool {
		return slices.ContainsFunc(signs, func(sign string) bool { return strings.Contains(err.Error(), sign) })
	}
	var e *duckdb.Error
	if !errors.As(err, &e) {
		return says("cast error", "conversion error")
	}
	switch e.Type {
	case duckdb.ErrorTypeConstraint, duckdb.ErrorTypeConversion, duckdb.ErrorTypeInvalidInput, duckdb.ErrorTypeOutOfRange, duckdb.ErrorTypeMismatchType, duckdb.ErrorTypeObjectSize, duckdb.ErrorTypeDecimal:
		return true
	case duckdb.ErrorTypeInvalid:
		return says("constraint failed", "Constraint Error", "Conversion Error")
	default:
		return false
	}
}

// complaint is what the asker is told: DuckDB's own words, without what it adds about its insides.
func complaint(err error) error {
	var own *fault.Error
	if errors.As(err, &own) {
		return err
	}
	var e *duckdb.Error
	if !errors.As(err, &e) {
		return err
	}
	if strings.Contains(e.Msg, tooLarge) {
		return relational.TooLarge().Because(err)
	}
	switch e.Type {
	case duckdb.ErrorTypeOutOfMemory:
		return fault.Limited("the question needs more memory or disk than it may have; ask for fewer days, or for less").Because(err)
	case duckdb.ErrorTypePermission:
		return errReach().Because(err)
	case duckdb.ErrorTypeIO, duckdb.ErrorTypeInternal, duckdb.ErrorTypeFatal, duckdb.ErrorTypeConnection:
		return fmt.Errorf("ask the stored events: %w", err)
	default:
		return fault.Invalid("%s", firstPart(e.Msg)).At("sql").Because(err)
	}
}

func firstPart(text string) string {
	text, _, _ = strings.Cut(text, "\n\nLINE")
	return strings.TrimSpace(text)
}
