package track

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/slipwayhq/slipway/internal/db"
)

// addForgotten adds a user, or says of one who was forgotten before that what came since is to go, too.
func addForgotten(ctx context.Context, tx *db.Tx, app string, f Forgotten) error {
	_, err := tx.Exec(ctx, `INSERT INTO track_forgotten (app, person, suppressed, keep_aliases, forgotten_at, forgotten_by) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (app, person) DO UPDATE SET suppressed = excluded.suppressed, keep_aliases = excluded.keep_aliases, forgotten_at = excluded.forgotten_at, forgotten_by = excluded.forgotten_by, removed = -1`,
		app, f.User, number(f.Suppressed), number(f.keepAliases), db.Micros(f.At), f.By)
	if err != nil {
		return fmt.Errorf("remember who is forgotten: %w", err)
	}
	return nil
}

func number(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// forgotten are those of an app, of all where it is empty, the first first.
func forgotten(ctx context.Context, q db.Querier, app string) (map[string][]Forgotten, error) {
	rows, err := q.Query(ctx, `SELECT app, person, aliases, anonymous, suppressed, keep_aliases, forgotten_at, forgotten_by, removed FROM track_forgotten
		WHERE ($1 = '' OR app = $1) ORDER BY forgotten_at, person`, app)
	if err != nil {
		return nil, fmt.Errorf("list who is forgotten: %w", err)
	}
	defer rows.Close()
	all := map[string][]Forgotten{}
	for rows.Next() {
		var f Forgotten
		var of, aliases, anonymous string
		var suppressed, keep, at, removed int64
		if err := rows.Scan(&of, &f.User, &aliases, &anonymous, &suppressed, &keep, &at, &f.By, &removed); err != nil {
			return nil, fmt.Errorf("read who is forgotten: %w", err)
		}
		if err := errors.Join(json.Unmarshal([]byte(aliases), &f.Aliases), json.Unmarshal([]byte(anonymous), &f.Anonymous)); err != nil {
			return nil, fmt.Errorf("read the ids of who is forgotten: %w", err)
		}
		f.Suppressed, f.keepAliases, f.At = suppressed != 0, keep != 0, db.Time(at)
		if removed >= 0 {
			f.Removed = &removed
		}
		all[of] = append(all[of], f)
	}
	return all, rows.Err()
}

// setIDs keeps which ids are those of who is forgotten.
func setIDs(ctx context.Context, tx *db.Tx, app string, f Forgotten) error {
	aliases, err := json.Marshal(f.Aliases)
	if err != nil {
		return fmt.Errorf("encode the ids of who is forgotten: %w", err)
	}
	anonymous, err := json.Marshal(f.Anonymous)
	if err != nil {
		return fmt.Errorf("encode the ids of who is forgotten: %w", err)
	}
	if _, err := tx.Exec(ctx, `UPDATE track_forgotten SET aliases = $3, anonymous = $4 WHERE app = $1 AND person = $2`, app, f.User, string(aliases), string(anonymous)); err != nil {
		return fmt.Errorf("keep the ids of who is forgotten: %w", err)
	}
	return nil
}

// setRemoved keeps that the events of who was forgotten at a time are removed.
func setRemoved(ctx context.Context, tx *db.Tx, app string, f Forgotten, removed int64) error {
	if _, err := tx.Exec(ctx, `UPDATE track_forgotten SET removed = $3 WHERE app = $1 AND person = $2 AND forgotten_at = $4`, app, f.User, removed, db.Micros(f.At)); err != nil {
		return fmt.Errorf("keep that somebody is forgotten: %w", err)
	}
	return nil
}

func lift(ctx context.Context, tx *db.Tx, app, user string) (lifted bool, err error) {
	res, err := tx.Exec(ctx, `UPDATE track_forgotten SET suppressed = 0 WHERE app = $1 AND person = $2 AND suppressed = 1`, app, user)
	if err != nil {
		return false, fmt.Errorf("lift a suppression: %w", err)
	}
	n, err := res.RowsAffected()
	return n > 0, err
}
