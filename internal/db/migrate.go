package db

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"strings"
	"testing/fstest"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrate applies what is missing, each step in its own transaction, forward only.
func (d *DB) migrate(ctx context.Context) error {
	p, err := d.provider()
	if err != nil {
		return err
	}
	if err := knows(ctx, p); err != nil {
		return err
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("bring the store up to date: %w", err)
	}
	return nil
}

// provider knows the migrations of the store's dialect.
func (d *DB) provider() (*goose.Provider, error) {
	dialect, serial := goose.DialectSQLite3, "INTEGER PRIMARY KEY AUTOINCREMENT"
	if d.postgres {
		dialect, serial = goose.DialectPostgres, "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY"
	}
	files, err := dialectFiles(serial)
	if err != nil {
		return nil, err
	}
	p, err := goose.NewProvider(dialect, d.write, files)
	if err != nil {
		return nil, fmt.Errorf("read the store's migrations: %w", err)
	}
	return p, nil
}

// knows refuses a store that a newer program has changed: this one would misread it.
func knows(ctx context.Context, p *goose.Provider) error {
	at, err := p.GetDBVersion(ctx)
	if err != nil {
		return fmt.Errorf("ask the store for its version: %w", err)
	}
	sources := p.ListSources()
	if newest := sources[len(sources)-1].Version; at > newest {
		return fmt.Errorf("the store is of a newer Slipway (version %d, this program knows %d): run that one, or restore the backup from before the upgrade", at, newest)
	}
	return nil
}

// dialectFiles gives the migrations with the dialect's growing key put in.
func dialectFiles(serial string) (fs.FS, error) {
	out := fstest.MapFS{}
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return nil, fmt.Errorf("list the store's migrations: %w", err)
	}
	for _, name := range names {
		text, err := migrations.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read migration %s: %w", name, err)
		}
		out[strings.TrimPrefix(name, "migrations/")] = &fstest.MapFile{Data: []byte(strings.ReplaceAll(string(text), "SERIAL_KEY", serial))}
	}
	return out, nil
}
