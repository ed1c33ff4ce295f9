package track

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/slipwayhq/slipway/internal/db"
)

// plans are those of an app, of all where it is empty.
func plans(ctx context.Context, q db.Querier, app string) (map[string]Plan, error) {
	rows, err := q.Query(ctx, `SELECT app, mode, additional_events, events, revision, changed_at, changed_by FROM track_plans WHERE ($1 = '' OR app = $1)`, app)
	if err != nil {
		return nil, fmt.Errorf("list the plans of events: %w", err)
	}
	defer rows.Close()
	all := map[string]Plan{}
	for rows.Next() {
		var p Plan
		var of, events string
		var additional, changed int64
		if err := rows.Scan(&of, &p.Mode, &additional, &events, &p.Revision, &changed, &p.ChangedBy); err != nil {
			return nil, fmt.Errorf("read a plan of events: %w", err)
		}
		if err := json.Unmarshal([]byte(events), &p.Events); err != nil {
			return nil, fmt.Errorf("read the plan of the events of %s: %w", of, err)
		}
		p.AdditionalEvents, p.ChangedAt = additional != 0, db.Time(changed)
		p.key = fmt.Sprintf("page %d", p.Revision)
		all[of] = p
	}
	return all, rows.Err()
}

// setPlan writes what takes the place of the revision that it names.
func setPlan(ctx context.Context, tx *db.Tx, app string, p Plan, events string) error {
	res, err := tx.Exec(ctx, `INSERT INTO track_plans (app, mode, additional_events, events, revision, changed_at, changed_by) VALUES ($1, $2, $3, $4, $5 + 1, $6, $7)
		ON CONFLICT (app) DO UPDATE SET mode = excluded.mode, additional_events = excluded.additional_events, events = excluded.events, revision = excluded.revision, changed_at = excluded.changed_at, changed_by = excluded.changed_by
		WHERE track_plans.revision = $5`, app, p.Mode, number(p.AdditionalEvents), events, p.Revision, db.Micros(p.ChangedAt), p.ChangedBy)
	if err != nil {
		return fmt.Errorf("change the plan of the events of %s: %w", app, err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errFaster(app)
	}
	return nil
}
