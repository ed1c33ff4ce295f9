package track

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/slipwayhq/slipway/internal/db"
)

const columns = `SELECT id, app, environment, name, write_key, stopped, created_at, created_by, revision FROM track_sources`

// insert adds a source. Its name is one within its app.
func insert(ctx context.Context, tx *db.Tx, s Source) error {
	res, err := tx.Exec(ctx, `INSERT INTO track_sources (id, app, environment, name, write_key, created_at, created_by) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (app, name) DO NOTHING`, s.ID, s.App, s.Environment, s.Name, s.Key, db.Micros(s.CreatedAt), s.CreatedBy)
	if err != nil {
		return fmt.Errorf("add source %s: %w", s.Name, err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return nameTaken(s.App, s.Name).Because(err)
	}
	return nil
}

func update(ctx context.Context, tx *db.Tx, s Source) error {
	stopped := 0
	if s.Stopped {
		stopped = 1
	}
	_, err := tx.Exec(ctx, `UPDATE track_sources SET write_key = $1, revision = $2, stopped = CASE WHEN $3 = 0 THEN 0 WHEN stopped = 0 THEN $4 ELSE stopped END WHERE id = $5`,
		s.Key, s.Revision, stopped, db.Micros(tx.Now()), s.ID)
	if err != nil {
		return fmt.Errorf("change source %s: %w", s.ID, err)
	}
	return nil
}

// list gives the sources of an app, of all apps where it is empty, oldest first.
func list(ctx context.Context, q db.Querier, app string) ([]Source, error) {
	rows, err := q.Query(ctx, columns+` WHERE ($1 = '' OR app = $1) ORDER BY created_at, id`, app)
	if err != nil {
		return nil, fmt.Errorf("list sources: %w", err)
	}
	defer rows.Close()
	all := []Source{}
	for rows.Next() {
		s, err := scan(rows.Scan)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, rows.Err()
}

func one(ctx context.Context, q db.Querier, app, id string) (Source, error) {
	s, err := scan(q.QueryRow(ctx, columns+` WHERE id = $1 AND app = $2`, id, app).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return s, noSuchSource(id)
	}
	return s, err
}

func scan(into func(...any) error) (s Source, err error) {
	var stopped, created int64
	if err := into(&s.ID, &s.App, &s.Environment, &s.Name, &s.Key, &stopped, &created, &s.CreatedBy, &s.Revision); err != nil {
		return s, fmt.Errorf("read a source: %w", err)
	}
	s.Stopped, s.CreatedAt = stopped != 0, db.Time(created)
	return s, nil
}
