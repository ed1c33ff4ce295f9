package question

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/slipwayhq/slipway/internal/db"
)

const columns = `SELECT id, name, kind, question, saved_at, saved_by, changed_at, changed_by, revision FROM question_saved`

func list(ctx context.Context, q db.Querier, app string) ([]SavedQuestion, error) {
	rows, err := q.Query(ctx, columns+` WHERE app = $1 ORDER BY name, id`, app)
	if err != nil {
		return nil, fmt.Errorf("list the saved questions of %s: %w", app, err)
	}
	defer rows.Close()
	all := []SavedQuestion{}
	for rows.Next() {
		one, err := scan(rows.Scan)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}

func one(ctx context.Context, q db.Querier, app, id string) (SavedQuestion, error) {
	s, err := scan(q.QueryRow(ctx, columns+` WHERE app = $1 AND id = $2`, app, id).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return s, noSuch(id)
	}
	return s, err
}

func scan(into func(...any) error) (q SavedQuestion, err error) {
	var text string
	var saved, changed int64
	if err := into(&q.ID, &q.Name, &q.Kind, &text, &saved, &q.SavedBy, &changed, &q.ChangedBy, &q.Revision); err != nil {
		return q, fmt.Errorf("read a saved question: %w", err)
	}
	q.Question, q.SavedAt, q.ChangedAt = []byte(text), db.Time(saved), db.Time(changed)
	return q, nil
}

func count(ctx context.Context, tx *db.Tx, app string) (n int64, err error) {
	if err := tx.QueryRow(ctx, `SELECT count(*) FROM question_saved WHERE app = $1`, app).Scan(&n); err != nil {
		return 0, fmt.Errorf("count the saved questions of %s: %w", app, err)
	}
	return n, nil
}

// insert adds a question. Its name is one within its app.
func insert(ctx context.Context, tx *db.Tx, app string, q SavedQuestion) error {
	res, err := tx.Exec(ctx, `INSERT INTO question_saved (id, app, name, kind, question, saved_at, saved_by, changed_at, changed_by, revision) VALUES ($1, $2, $3, $4, $5, $6, $7, $6, $7, $8)
		ON CONFLICT (app, name) DO NOTHING`, q.ID, app, q.Name, q.Kind, string(q.Question), db.Micros(q.SavedAt), q.SavedBy, q.Revision)
	if err != nil {
		return fmt.Errorf("save the question %s: %w", q.Name, err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return nameTaken(app, q.Name).Because(err)
	}
	return nil
}

// update writes what takes the place of the revision before.
func update(ctx context.Context, tx *db.Tx, app string, q SavedQuestion) error {
	var taken int64
	if err := tx.QueryRow(ctx, `SELECT count(*) FROM question_saved WHERE app = $1 AND name = $2 AND id <> $3`, app, q.Name, q.ID).Scan(&taken); err != nil {
		return fmt.Errorf("look for the name of a saved question: %w", err)
	}
	if taken > 0 {
		return nameTaken(app, q.Name)
	}
	res, err := tx.Exec(ctx, `UPDATE question_saved SET name = $1, kind = $2, question = $3, changed_at = $4, changed_by = $5, revision = $6 WHERE app = $7 AND id = $8 AND revision = $6 - 1`,
		q.Name, q.Kind, string(q.Question), db.Micros(q.ChangedAt), q.ChangedBy, q.Revision, app, q.ID)
	if err != nil {
		return fmt.Errorf("change the saved question %s: %w", q.Name, err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errFaster(q.Name)
	}
	return nil
}

func remove(ctx context.Context, tx *db.Tx, app string, q SavedQuestion) error {
	res, err := tx.Exec(ctx, `DELETE FROM question_saved WHERE app = $1 AND id = $2 AND revision = $3`, app, q.ID, q.Revision)
	if err != nil {
		return fmt.Errorf("remove the saved question %s: %w", q.Name, err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errFaster(q.Name)
	}
	return nil
}
