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
	dialect, serial := goose.DialectSQLite3, "INTEGER PRIMARY KEY AUTOINCREMENT"
	if d.postgres {
		dialect, serial = goose.DialectPostgres, "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY"
	}
	files, err := dialectFiles(serial)
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(dialect, d.write, files)
	if err != nil {
		return fmt.Errorf("read the store's migrations: %w", err)
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("bring the store up to date: %w", err)
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
