//go:build cgo

package duck

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/duckdb/duckdb-go/v2"

	"github.com/slipwayhq/slipway/internal/analytics"
	"github.com/slipwayhq/slipway/internal/analytics/relational"
	"github.com/slipwayhq/slipway/internal/fault"
)

// suffix is what the files' names end in.
const suffix = ".duckdb"

// format is the oldest version of DuckDB that can read the files that are made. Left to itself, DuckDB makes files that versions of years ago can read, and packs text as these did. The version is named, not "latest": a newer DuckDB
// is not to make files by itself that this one cannot read. See ADR 131.
const format = "v1.5.0"

// Engine keeps the files. Make it with Open.
type Engine struct {
	opts Options
	mu   sync.Mutex
	open map[string]*file
	shut bool
}

// file is an open one.
type file struct {
	db    *sql.DB
	store *store
}

var _ analytics.Engine = (*Engine)(nil)

// Open makes an Engine on a folder. Files are opened when they are asked for.
func Open(opts Options) (analytics.Engine, error) {
	opts = opts.withDefaults()
	if err := os.MkdirAll(opts.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of stored events: %w", err)
	}
	return &Engine{opts: opts, open: map[string]*file{}}, nil
}

// Store implements analytics.Engine.
func (e *Engine) Store(ctx context.Context, app string) (analytics.Store, error) {
	if app == "" || strings.ContainsAny(app, `/\?`) || strings.HasPrefix(app, ".") {
		return nil, fault.Invalid("%q is not the name of an app", app)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.shut {
		return nil, errors.New("the stored events are closed")
	}
	if f := e.open[app]; f != nil {
		return f.store, nil
	}
	f, err := e.openFile(ctx, app)
	if err != nil && broken(err) {
		if err = e.setAside(app, err); err == nil {
			f, err = e.openFile(ctx, app)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("open the stored events of %s: %w", app, err)
	}
	e.open[app] = f
	return f.store, nil
}

func (e *Engine) path(app string) string { return filepath.Join(e.opts.Dir, app+suffix) }

func (e *Engine) openFile(ctx context.Context, app string) (*file, error) {
	settings := url.Values{
		"autoinstall_known_extensions": {"false"}, "autoload_known_extensions": {"false"},
		"memory_limit":   {fmt.Sprintf("%dMiB", e.opts.Memory)},
		"temp_directory": {filepath.Join(e.opts.Dir, "tmp-"+app)}, "max_temp_directory_size": {fmt.Sprintf("%dMiB", e.opts.Disk)},
	}
	settings.Set("threads", strconv.Itoa(e.opts.Threads))
	settings.Set("storage_compatibility_version", format)
	connector, err := duckdb.NewConnector(e.path(app)+"?"+settings.Encode(), nil)
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	// Nothing that is asked later reaches another file, the network, or these settings.
	for _, statement := range []string{`SET enable_external_access = false`, `SET lock_configuration = true`} {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return nil, errors.Join(err, db.Close())
		}
	}
	for _, change := range []func(context.Context, *sql.DB) error{renamed, takeOver} {
		if err := change(ctx, db); err != nil {
			return nil, errors.Join(err, db.Close())
		}
	}
	f := &file{db: db}
	tables, err := relational.Open(ctx, db, e.dialect(app, f))
	f.store = &store{Store: tables, opts: e.opts, db: db, beyondSums: -1}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return f, nil
}

// renamed makes room for the view events in a file in which that is a table still.
func renamed(ctx context.Context, db *sql.DB) error {
	var tables int
	err := db.QueryRowContext(ctx, `SELECT count(*) FROM duckdb_tables() WHERE NOT internal AND table_name = 'events'`).Scan(&tables)
	if err == nil && tables > 0 {
		_, err = db.ExecContext(ctx, `ALTER TABLE events RENAME TO stored`)
	}
	return err
}

// broken tells whether the error of opening a file says that it is no longer what was written.
func broken(err error) bool {
	text := err.Error()
	return slices.ContainsFunc([]string{"not a valid DuckDB database file", "Corrupt database file", "Serialization Error", "failure while replaying WAL", "Failure while replaying WAL", "INTERNAL Error"},
		func(sign string) bool { return strings.Contains(text, sign) })
}

// setAside keeps a broken file for who wants to look at it, and makes room for another.
func (e *Engine) setAside(app string, why error) error {
	aside := fmt.Sprintf("%s.broken-%s", e.path(app), e.opts.Now().UTC().Format("20060102T150405"))
	e.opts.Logger.Error("the stored events of an app cannot be read; they are set aside, and stored anew from the archive and the log", "app", app, "aside", aside, "error", why)
	for _, end := range []string{"", ".wal"} {
		if err := os.Rename(e.path(app)+end, aside+end); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("set a broken file aside: %w", err)
		}
	}
	return nil
}

// corrupt is how DuckDB begins to say that a block is not what was written.
const corrupt = "IO Error: Corrupt database file"

// failed looks at what an open file answered. One that is broken, or that DuckDB gave up, as it does after a full disk, is closed, so that the next who asks gets a sound one. It goes by the kinds of errors, which nobody who
// asks can make up: the words they can (SELECT error('…')).
func (e *Engine) failed(app string, f *file, err error) {
	var own *duckdb.Error
	if !errors.As(err, &own) {
		return
	}
	lost := own.Type == duckdb.ErrorTypeIO && strings.HasPrefix(own.Msg, corrupt)
	if !lost && own.Type != duckdb.ErrorTypeFatal && own.Type != duckdb.ErrorTypeInternal {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.open[app] != f {
		return
	}
	delete(e.open, app)
	if err := f.db.Close(); err != nil {
		e.opts.Logger.Warn("a broken file of events did not close", "app", app, "error", err)
	}
	if lost {
		if err := e.setAside(app, err); err != nil {
			e.opts.Logger.Error("a broken file of events stays where it is", "app", app, "error", err)
		}
	}
}

// Apps implements analytics.Engine.
func (e *Engine) Apps(context.Context) ([]string, error) {
	entries, err := os.ReadDir(e.opts.Dir)
	if err != nil {
		return nil, fmt.Errorf("list the stored events: %w", err)
	}
	var apps []string
	for _, entry := range entries {
		if app, ok := strings.CutSuffix(entry.Name(), suffix); ok {
			apps = append(apps, app)
		}
	}
	return apps, nil
}

// Drop implements analytics.Engine.
func (e *Engine) Drop(_ context.Context, app string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if f := e.open[app]; f != nil {
		delete(e.open, app)
		if err := f.db.Close(); err != nil {
			return fmt.Errorf("close the stored events of %s: %w", app, err)
		}
	}
	for _, end := range []string{"", ".wal"} {
		if err := os.Remove(e.path(app) + end); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("remove the stored events of %s: %w", app, err)
		}
	}
	return nil
}

// Close implements analytics.Engine.
func (e *Engine) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.shut = true
	var errs []error
	for app, f := range e.open {
		delete(e.open, app)
		errs = append(errs, f.db.Close())
	}
	return errors.Join(errs...)
}
