package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the "pgx" driver
	_ "modernc.org/sqlite"             // the "sqlite" driver

	"github.com/slipwayhq/slipway/internal/event"
)

// Options of a DB.
type Options struct {
	// Path of the SQLite file, made when missing. Ignored when URL is set.
	Path string
	// URL of a PostgreSQL database: "postgres://…".
	URL string
	// Now is the clock; nil means time.Now.
	Now    func() time.Time
	Logger *slog.Logger
}

// DB is an open state store.
type DB struct {
	write, read *sql.DB
	postgres    bool
	now         func() time.Time
	log         *slog.Logger
	holder      string
	sessions    *sessions     // nil on SQLite
	wake        chan struct{} // tells the pump that events wait
	consuming   sync.Map      // the types that each consumer of this process wants, by its name
}

// Open opens the store and brings its tables up to date.
func Open(ctx context.Context, opts Options) (*DB, error) {
	d := &DB{now: opts.Now, log: opts.Logger, wake: make(chan struct{}, 1)}
	if d.now == nil {
		d.now = time.Now
	}
	if d.log == nil {
		d.log = slog.New(slog.DiscardHandler)
	}
	d.holder = event.NewKey("srv", d.now())
	open := d.openSQLite
	if opts.URL != "" {
		open = d.openPostgres
	}
	if err := open(opts); err != nil {
		return nil, err
	}
	if err := d.migrate(ctx); err != nil {
		d.Close()
		return nil, err
	}
	if d.postgres {
		d.sessions = &sessions{url: opts.URL, lost: func(err error) { d.log.Warn("leases end by their time alone", "error", err) }}
		d.sessions.open(ctx)
	}
	return d, nil
}

// openSQLite keeps one connection for writing, since SQLite has one writer anyway, and several for reading.
func (d *DB) openSQLite(opts Options) error {
	if err := os.MkdirAll(filepath.Dir(opts.Path), 0o700); err != nil {
		return fmt.Errorf("make the folder of the store: %w", err)
	}
	if err := keepPrivate(opts.Path); err != nil {
		d.log.Warn("others on this machine may be able to read the store", "error", err)
	}
	q := url.Values{}
	for _, p := range []string{"journal_mode(WAL)", "synchronous(FULL)", "busy_timeout(10000)", "foreign_keys(1)", "cache_size(-8000)"} {
		q.Add("_pragma", p)
	}
	q.Set("_txlock", "immediate")
	dsn := "file:" + (&url.URL{Path: opts.Path}).EscapedPath() + "?" + q.Encode()
	var err error
	if d.write, err = sql.Open("sqlite", dsn); err != nil {
		return fmt.Errorf("open the store %s: %w", opts.Path, err)
	}
	d.write.SetMaxOpenConns(1)
	if d.read, err = sql.Open("sqlite", strings.Replace(dsn, "_txlock=immediate", "_txlock=deferred", 1)); err != nil {
		return fmt.Errorf("open the store %s: %w", opts.Path, err)
	}
	d.read.SetMaxOpenConns(4)
	return nil
}

// keepPrivate lets the owner alone read the store: people, hashes of tokens, sealed secrets. A new file is made before SQLite would make it readable for everybody; -wal and
// -shm take its mode.
func keepPrivate(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) // only a new one is opened here: closing one that SQLite has open would end its locks
	if err == nil {
		return f.Close()
	}
	var errs []error
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Chmod(path+suffix, 0o600); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (d *DB) openPostgres(opts Options) error {
	pool, err := sql.Open("pgx", opts.URL)
	if err != nil {
		return fmt.Errorf("open the PostgreSQL store: %w", err)
	}
	pool.SetMaxOpenConns(16)
	pool.SetMaxIdleConns(8)
	d.write, d.read, d.postgres = pool, pool, true
	return nil
}

// Close closes the store.
func (d *DB) Close() error {
	if d.sessions != nil {
		d.sessions.close()
	}
	if d.read == d.write {
		return d.write.Close()
	}
	return errors.Join(d.read.Close(), d.write.Close())
}

// Shared reports whether other servers may use the same store, and so make news of which this one is not told.
func (d *DB) Shared() bool { return d.postgres }

// Now is the store's clock, in UTC at microseconds.
func (d *DB) Now() time.Time { return d.now().UTC().Truncate(time.Microsecond) }

// Querier reads: both DB (its committed state) and Tx (its own view) are one.
type Querier interface {
	Query(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRow(ctx context.Context, query string, args ...any) *sql.Row
}

// Query reads rows of the committed state. Close them.
func (d *DB) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return d.read.QueryContext(ctx, query, args...)
}

// QueryRow reads one row of the committed state.
func (d *DB) QueryRow(ctx context.Context, query string, args ...any) *sql.Row {
	return d.read.QueryRowContext(ctx, query, args...)
}

// Micros is how times are stored: microseconds since 1970, 0 for the zero time.
func Micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// Time is the inverse of Micros.
func Time(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}
