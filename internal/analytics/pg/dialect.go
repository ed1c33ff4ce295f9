package pg

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/slipwayhq/slipway/internal/analytics"
	"github.com/slipwayhq/slipway/internal/analytics/relational"
	"github.com/slipwayhq/slipway/internal/fault"
)

func (e *Engine) dialect(schema string, a *app) relational.Dialect {
	return relational.Dialect{
		Events: "events",
		JSON:   "JSON", // not JSONB: it refuses numbers that JSON allows
		// Of numbers beyond 1e100 num makes none: a few of them, from anybody, and PostgreSQL has no sum or average of all others.
		Functions: []string{
			`CREATE OR REPLACE FUNCTION prop(j json, k varchar) RETURNS varchar LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT j->>k'`,
			`CREATE OR REPLACE FUNCTION obj(j json, k varchar) RETURNS json LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT j->k'`,
			`CREATE OR REPLACE FUNCTION num(t varchar) RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
				$$SELECT CASE
					WHEN length(t) >= 300 OR t !~ '^\s*[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?\s*$' THEN NULL
					WHEN t ~ '[eE]-0*[1-9][0-9]{3,}\s*$' THEN 0
					WHEN t ~ '[eE]\+?0*[1-9][0-9]{3,}\s*$' OR abs(t::numeric) > 1e100 THEN NULL
					WHEN abs(t::numeric) < 1e-300 THEN 0
					ELSE t::double precision END$$`,
		},
		Bulk: bulk,
		Ask: func(ctx context.Context, q analytics.Query) (*sql.Rows, func(), error) {
			db := a.db
			if q.Foreign {
				if db = a.foreign; db == nil {
					return nil, nil, fault.Invalid("SQL of your own cannot be asked here: give Slipway's role in PostgreSQL the right CREATEROLE, so that it can make one that reads this app alone").Because(a.noRole)
				}
			}
			return ask(ctx, db, q)
		},
		Value:     plain,
		Complaint: complaint,
		Refused:   refused,
		Size: func(ctx context.Context) (size int64, err error) {
			err = a.db.QueryRowContext(ctx, `SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relkind = 'r'`, schema).Scan(&size)
			return size, err
		},
	}
}

// bulk adds rows by COPY, within the connection's transaction.
func bulk(ctx context.Context, conn *sql.Conn, table string, columns []string, rows iter.Seq[[]any]) error {
	return conn.Raw(func(c any) error {
		pc, ok := c.(*stdlib.Conn)
		if !ok {
			return fmt.Errorf("the connection is a %T", c)
		}
		next, stop := iter.Pull(rows)
		defer stop()
		_, err := pc.Conn().CopyFrom(ctx, pgx.Identifier{table}, columns, pgx.CopyFromFunc(func() ([]any, error) {
			row, _ := next() // nil after the last one, which ends it
			return row, nil
		}))
		return err
	})
}

// ask answers one SELECT in a transaction that cannot write.
func ask(ctx context.Context, db *sql.DB, q analytics.Query) (*sql.Rows, func(), error) {
	text := strings.TrimRight(strings.TrimSpace(q.SQL), "; \n\t")
	if text == "" {
		return nil, nil, errNotSelect()
	}
	tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, nil, err
	}
	done := func() { _ = tx.Rollback() } // there is nothing to keep
	if _, err = tx.ExecContext(ctx, `SET LOCAL statement_timeout = `+strconv.FormatInt(q.Time.Milliseconds()+1000, 10)); err != nil {
		done()
		return nil, nil, err
	}
	if q.Foreign {
		// What a sort or a hash needs beyond that goes to the disk of the database.
		if _, err = tx.ExecContext(ctx, `SET LOCAL work_mem = '64MB'; SET LOCAL hash_mem_multiplier = 1; SET LOCAL max_parallel_workers_per_gather = 0`); err != nil {
			done()
			return nil, nil, err
		}
	}
	// By itself first: what is only whole with the words around it is no question.
	prepared, err := tx.PrepareContext(ctx, text)
	if err != nil {
		done()
		return nil, nil, err
	}
	defer prepared.Close()
	//nolint:sqlclosecheck // who asked closes them
	rows, err := tx.QueryContext(ctx, fmt.Sprintf("SELECT * FROM (\n%s\n) AS answer LIMIT %d", text, q.Rows+1), q.Args...)
	if err != nil {
		done()
		return nil, nil, err
	}
	return rows, done, nil
}

// plain makes PostgreSQL's values those of analytics.Table.
func plain(column *sql.ColumnType, v any) any {
	switch v := v.(type) {
	case time.Time:
		return v.UTC()
	case string:
		if column.DatabaseTypeName() != "NUMERIC" {
			return v
		}
		if n, err := strconv.ParseInt(v, 10, 64); err == nil {
			return n
		}
		if f, err := strconv.ParseFloat(v, 64); err == nil {
			return f
		}
		return v
	case []byte:
		return strings.ToValidUTF8(string(v), "\ufffd")
	case nil, bool, int64, float64:
		return v
	default:
		return fmt.Sprint(v)
	}
}

func errNotSelect() *fault.Error {
	return fault.Invalid("only one SELECT is answered here; nothing can be changed").At("sql")
}

// refused goes by the classes of errors (https://www.postgresql.org/docs/current/errcodes-appendix.html): data, integrity, limits of the program; or the driver could not write a value.
func refused(err error) bool {
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		return strings.Contains(err.Error(), "unable to encode")
	}
	return e.Code[:2] == "22" || e.Code[:2] == "23" || e.Code[:2] == "54"
}

// complaint is what the asker is told: PostgreSQL's own words (https://www.postgresql.org/docs/current/errcodes-appendix.html).
func complaint(err error) error {
	var own *fault.Error
	if errors.As(err, &own) {
		return err
	}
	if large := (*pgproto3.ExceededMaxBodyLenErr)(nil); errors.As(err, &large) {
		return relational.TooLarge().Because(err)
	}
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		if strings.Contains(err.Error(), "expected ") && strings.Contains(err.Error(), "arguments") {
			return fault.Invalid("%s", err).At("sql").Because(err)
		}
		return fmt.Errorf("ask the stored events: %w", err)
	}
	switch e.Code[:2] {
	case "53": // insufficient resources
		return fault.Limited("the question needs more than the database has; ask for fewer days, or for less").Because(err)
	case "08", "57", "58", "XX": // connection, intervention, system, internal
		return fmt.Errorf("ask the stored events: %w", err)
	default:
		return fault.Invalid("%s", e.Message).At("sql").Because(err)
	}
}
