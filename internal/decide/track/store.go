package track

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/slipwayhq/slipway/internal/db"
)

const columns = `SELECT id, app, environment, name, write_key, stopped, per_second, created_at, created_by, revision FROM track_sources`

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
	_, err := tx.Exec(ctx, `UPDATE track_sources SET write_key = $1, revision = $2, stopped = CASE WHEN $3 = 0 THEN 0 WHEN stopped = 0 THEN $4 ELSE stopped END, per_second = $5 WHERE id = $6`,
		s.Key, s.Revision, stopped, db.Micros(tx.Now()), s.Limit, s.ID)
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
	if err := into(&s.ID, &s.App, &s.Environment, &s.Name, &s.Key, &stopped, &s.Limit, &created, &s.CreatedBy, &s.Revision); err != nil {
		return s, fmt.Errorf("read a source: %w", err)
	}
	s.Stopped, s.CreatedAt = stopped != 0, db.Time(created)
	return s, nil
}

const settingsColumns = `SELECT app, keep_days, ip, hidden, revision, changed_at, changed_by FROM track_settings`

// settingsOf gives those of an app: the usual ones, of revision 0, where nobody changed any.
func settingsOf(ctx context.Context, q db.Querier, app string) (Settings, error) {
	_, s, err := scanSettings(q.QueryRow(ctx, settingsColumns+` WHERE app = $1`, app).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return usual(), nil
	}
	return s, err
}

func allSettings(ctx context.Context, q db.Querier) (map[string]Settings, error) {
	rows, err := q.Query(ctx, settingsColumns)
	if err != nil {
		return nil, fmt.Errorf("list the settings of events: %w", err)
	}
	defer rows.Close()
	all := map[string]Settings{}
	for rows.Next() {
		app, s, err := scanSettings(rows.Scan)
		if err != nil {
			return nil, err
		}
		all[app] = s
	}
	return all, rows.Err()
}

func scanSettings(into func(...any) error) (app string, s Settings, err error) {
	var hidden string
	var changed int64
	if err := into(&app, &s.KeepDays, &s.IP, &hidden, &s.Revision, &changed, &s.ChangedBy); err != nil {
		return app, s, fmt.Errorf("read the settings of events: %w", err)
	}
	if err := json.Unmarshal([]byte(hidden), &s.Hidden); err != nil {
		return app, s, fmt.Errorf("read the hidden names of %s: %w", app, err)
	}
	s.ChangedAt = db.Time(changed)
	return app, s, nil
}

// setSettings writes what takes the place of the revision that it names.
func setSettings(ctx context.Context, tx *db.Tx, app string, s Settings) error {
	hidden, err := json.Marshal(s.Hidden)
	if err != nil {
		return fmt.Errorf("encode the hidden names of %s: %w", app, err)
	}
	res, err := tx.Exec(ctx, `INSERT INTO track_settings (app, keep_days, ip, hidden, revision, changed_at, changed_by) VALUES ($1, $2, $3, $4, $5 + 1, $6, $7)
		ON CONFLICT (app) DO UPDATE SET keep_days = excluded.keep_days, ip = excluded.ip, hidden = excluded.hidden, revision = excluded.revision, changed_at = excluded.changed_at, changed_by = excluded.changed_by
		WHERE track_settings.revision = $5`, app, s.KeepDays, s.IP, string(hidden), s.Revision, db.Micros(s.ChangedAt), s.ChangedBy)
	if err != nil {
		return fmt.Errorf("change the settings of the events of %s: %w", app, err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errFaster(app)
	}
	return nil
}
