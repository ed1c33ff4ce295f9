package pg

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/slipwayhq/slipway/internal/analytics"
	"github.com/slipwayhq/slipway/internal/analytics/relational"
	"github.com/slipwayhq/slipway/internal/fault"
)

// prefix begins the names of schemas and roles.
const prefix = "slipway_"

// Options of an Engine.
type Options struct {
	// URL of the database.
	URL string
	// Secret makes the passwords of the apps' roles.
	Secret []byte
}

// Engine keeps the schemas of all apps. Make it with Open.
type Engine struct {
	opts   Options
	config *pgx.ConnConfig
	db     *sql.DB // for what is of no app
	mu     sync.Mutex
	open   map[string]*app
	shut   bool
}

// app is an open schema: its own pool, because a pool has one schema in its path, and one of its role.
type app struct {
	db, foreign *sql.DB
	store       *relational.Store
	// noRole is why a person's SQL cannot be asked, if it cannot.
	noRole error
}

var _ analytics.Engine = (*Engine)(nil)

// Open connects to the database.
func Open(ctx context.Context, opts Options) (*Engine, error) {
	config, err := pgx.ParseConfig(opts.URL)
	if err != nil {
		return nil, errors.New("the address of the database of events cannot be read; write it like postgres://user@host/slipway") // not err, which may hold the password
	}
	e := &Engine{opts: opts, config: config, open: map[string]*app{}}
	e.db = pool(config.Copy())
	if err := e.db.PingContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("connect to the database of events: %w", err), e.db.Close())
	}
	return e, nil
}

// pool is a few connections: appends take one, questions the others.
func pool(config *pgx.ConnConfig) *sql.DB {
	config.RuntimeParams["timezone"] = "UTC"
	db := stdlib.OpenDB(*config)
	db.SetMaxOpenConns(4)
	return db
}

// Store implements analytics.Engine.
func (e *Engine) Store(ctx context.Context, name string) (analytics.Store, error) {
	if name == "" || len(name) > 50 || strings.ContainsAny(name, "\x00/\\?") || strings.HasPrefix(name, ".") {
		return nil, fault.Invalid("%q is not the name of an app", name)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.shut {
		return nil, errors.New("the stored events are closed")
	}
	if a := e.open[name]; a != nil {
		return a.store, nil
	}
	a, err := e.openApp(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("open the stored events of %s: %w", name, err)
	}
	e.open[name] = a
	return a.store, nil
}

func (e *Engine) openApp(ctx context.Context, name string) (_ *app, err error) {
	schema := prefix + name
	if _, err := e.db.ExecContext(ctx, `CREATE SCHEMA IF NOT EXISTS `+quote(schema)); err != nil {
		return nil, err
	}
	config := e.config.Copy()
	config.RuntimeParams["search_path"] = quote(schema)
	a := &app{db: pool(config)}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.close())
		}
	}()
	if a.store, err = relational.Open(ctx, a.db, e.dialect(schema, a)); err != nil {
		return nil, err
	}
	role := e.role(name)
	password := e.password(role)
	if a.noRole = makeRole(ctx, e.db, schema, role, password); a.noRole == nil {
		reader := config.Copy()
		reader.User, reader.Password = role, password
		reader.BuildFrontend = bounded
		a.foreign = pool(reader)
	}
	return a, nil
}

// bounded reads no row that is larger than an answer may be: it would be in memory before anybody counts it.
func bounded(r io.Reader, w io.Writer) *pgproto3.Frontend {
	f := pgproto3.NewFrontend(r, w)
	f.SetMaxBodyLen(analytics.MaxBytes)
	return f
}

// role names the role that reads an app. Roles are of all databases of a server, so the name has the database in it.
func (e *Engine) role(name string) string {
	sum := sha256.Sum256([]byte(e.config.Database))
	return prefix + name[:min(len(name), 40)] + "_" + hex.EncodeToString(sum[:4])
}

// password is the same for every server of one secret.
func (e *Engine) password(role string) string {
	mac := hmac.New(sha256.New, e.opts.Secret)
	mac.Write([]byte("analytics role " + role))
	return hex.EncodeToString(mac.Sum(nil))
}

// makeRole makes the role that may read one schema.
func makeRole(ctx context.Context, db *sql.DB, schema, role, password string) error {
	var there bool
	if err := db.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = $1)`, role).Scan(&there); err != nil {
		return err
	}
	schema, role = quote(schema), quote(role)
	statements := []string{
		`ALTER ROLE ` + role + ` LOGIN PASSWORD '` + password + `'`, // hex
		`ALTER ROLE ` + role + ` SET default_transaction_read_only = on`,
		`GRANT USAGE ON SCHEMA ` + schema + ` TO ` + role, `GRANT SELECT ON ALL TABLES IN SCHEMA ` + schema + ` TO ` + role,
	}
	if !there {
		statements = append([]string{`CREATE ROLE ` + role}, statements...)
	}
	for _, statement := range statements {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("make the role that reads %s: %w", schema, err)
		}
	}
	return nil
}

func (a *app) close() error {
	var err error
	if a.foreign != nil {
		err = a.foreign.Close()
	}
	return errors.Join(err, a.db.Close())
}

// Apps implements analytics.Engine.
func (e *Engine) Apps(ctx context.Context) ([]string, error) {
	rows, err := e.db.QueryContext(ctx, `SELECT nspname FROM pg_namespace n WHERE starts_with(nspname, $1) AND EXISTS (SELECT 1 FROM pg_class c WHERE c.relnamespace = n.oid AND c.relname = 'position') ORDER BY 1`, prefix)
	if err != nil {
		return nil, fmt.Errorf("list the stored events: %w", err)
	}
	defer rows.Close()
	var apps []string
	for rows.Next() {
		var schema string
		if err := rows.Scan(&schema); err != nil {
			return nil, fmt.Errorf("list the stored events: %w", err)
		}
		apps = append(apps, strings.TrimPrefix(schema, prefix))
	}
	return apps, rows.Err()
}

// Drop implements analytics.Engine.
func (e *Engine) Drop(ctx context.Context, name string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if a := e.open[name]; a != nil {
		delete(e.open, name)
		if err := a.close(); err != nil {
			return fmt.Errorf("close the stored events of %s: %w", name, err)
		}
	}
	role := e.role(name)
	statements := []string{`DROP SCHEMA IF EXISTS ` + quote(prefix+name) + ` CASCADE`}
	var there bool
	if err := e.db.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = $1)`, role).Scan(&there); err != nil {
		return fmt.Errorf("remove the stored events of %s: %w", name, err)
	}
	if there {
		statements = append(statements, `DROP OWNED BY `+quote(role), `DROP ROLE `+quote(role))
	}
	for _, statement := range statements {
		if _, err := e.db.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("remove the stored events of %s: %w", name, err)
		}
	}
	return nil
}

// Close implements analytics.Engine.
func (e *Engine) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.shut {
		return nil
	}
	e.shut = true
	errs := []error{e.db.Close()}
	for name, a := range e.open {
		delete(e.open, name)
		errs = append(errs, a.close())
	}
	return errors.Join(errs...)
}

func quote(name string) string { return pgx.Identifier{name}.Sanitize() }
