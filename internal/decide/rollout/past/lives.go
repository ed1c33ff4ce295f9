package past

import (
	"context"
	"fmt"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/decide/rollout/machine"
)

// AddLife notes that a rollout whose turn it was has ended: promoted, or rolled back.
func AddLife(ctx context.Context, tx *db.Tx, m *machine.Rollout) error {
	promoted := 0
	if m.State == machine.Promoted {
		promoted = 1
	}
	_, err := tx.Exec(ctx, `INSERT INTO rollout_lives (app, env, number, release, promoted)
		SELECT $1, $2, COALESCE(MAX(number), 0) + 1, $3, $4 FROM rollout_lives WHERE app = $1 AND env = $2`, m.App, m.Env, m.Release, promoted)
	if err != nil {
		return fmt.Errorf("note the end of rollout %s: %w", m.ID, err)
	}
	return nil
}

// Lives gives an environment's history, newest first.
func Lives(ctx context.Context, q db.Querier, app, env string) ([]Life, error) {
	rows, err := q.Query(ctx, `SELECT l.release, r.number, l.promoted FROM rollout_lives l JOIN rollout_releases r ON r.release = l.release
		WHERE l.app = $1 AND l.env = $2 ORDER BY l.number DESC`, app, env)
	if err != nil {
		return nil, fmt.Errorf("read the history of %s/%s: %w", app, env, err)
	}
	defer rows.Close()
	var out []Life
	for rows.Next() {
		var l Life
		var promoted int
		if err := rows.Scan(&l.Release, &l.Number, &promoted); err != nil {
			return nil, fmt.Errorf("read the history of %s/%s: %w", app, env, err)
		}
		l.Promoted = promoted == 1
		out = append(out, l)
	}
	return out, rows.Err()
}
