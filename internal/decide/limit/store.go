package limit

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/fault"
)

const limitColumns = `SELECT app, grp, generation, definition, note, revision, changed_at, changed_by FROM limit_limits`

func scanLimit(into func(...any) error) (*Limit, error) {
	l := &Limit{Overrides: []Override{}}
	var definition string
	var at int64
	if err := into(&l.App, &l.Group, &l.generation, &definition, &l.Note, &l.Revision, &at, &l.ChangedBy); err != nil {
		return nil, err
	}
	l.ChangedAt = db.Time(at)
	if err := json.Unmarshal([]byte(definition), &l.Definition); err != nil {
		return nil, fmt.Errorf("read limit %s: %w", l.Group, err)
	}
	return l, l.compile()
}

const overrideColumns = `SELECT app, grp, key, amount, burst, until, reason, set_at, set_by FROM limit_overrides`

func scanOverride(into func(...any) error) (app, group string, o Override, err error) {
	var until, at int64
	if err := into(&app, &group, &o.Group, &o.Amount, &o.Burst, &until, &o.Reason, &at, &o.SetBy); err != nil {
		return "", "", o, err
	}
	if o.SetAt = db.Time(at); until != 0 {
		o.Until = db.Time(until)
	}
	return app, group, o, nil
}

// rowsOf calls fn for each row.
func rowsOf(rows *sql.Rows, err error, what string, fn func(into func(...any) error) error) error {
	if err != nil {
		return fmt.Errorf("list %s: %w", what, err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := fn(rows.Scan); err != nil {
			return fmt.Errorf("read one of the %s: %w", what, err)
		}
	}
	return rows.Err()
}

// load reads the limits of an app, or of all where it is empty, by app.
func load(ctx context.Context, q db.Querier, name string) (map[string]*app, error) {
	out := map[string]*app{}
	byGroup := map[[2]string]*Limit{}
	rows, err := q.Query(ctx, limitColumns+` WHERE ($1 = '' OR app = $1) ORDER BY app, grp`, name)
	err = rowsOf(rows, err, "limits", func(into func(...any) error) error {
		l, err := scanLimit(into)
		if err != nil {
			return err
		}
		if out[l.App] == nil {
			out[l.App] = &app{}
		}
		out[l.App].limits = append(out[l.App].limits, l)
		byGroup[[2]string{l.App, l.Group}] = l
		return nil
	})
	if err != nil {
		return nil, err
	}
	rows, err = q.Query(ctx, overrideColumns+` WHERE ($1 = '' OR app = $1) ORDER BY key`, name)
	return out, rowsOf(rows, err, "overrides", func(into func(...any) error) error {
		a, group, o, err := scanOverride(into)
		if l := byGroup[[2]string{a, group}]; l != nil && err == nil {
			l.Overrides = append(l.Overrides, o)
		}
		return err
	})
}

func one(ctx context.Context, q db.Querier, name, group string) (Limit, error) {
	l, err := scanLimit(q.QueryRow(ctx, limitColumns+` WHERE app = $1 AND grp = $2`, name, group).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return Limit{}, fault.NotFound("%s has no limit for %q", name, short(group))
	}
	if err != nil {
		return Limit{}, err
	}
	rows, err := q.Query(ctx, overrideColumns+` WHERE app = $1 AND grp = $2 ORDER BY key`, name, group)
	return *l, rowsOf(rows, err, "overrides", func(into func(...any) error) error {
		_, _, o, err := scanOverride(into)
		l.Overrides = append(l.Overrides, o)
		return err
	})
}

func put(ctx context.Context, tx *db.Tx, l Limit) error {
	definition, err := encode(l.Definition)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO limit_limits (app, grp, generation, definition, note, revision, changed_at, changed_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (app, grp) DO UPDATE SET generation = excluded.generation, definition = excluded.definition, note = excluded.note, revision = excluded.revision,
			changed_at = excluded.changed_at, changed_by = excluded.changed_by`,
		l.App, l.Group, l.generation, definition, l.Note, l.Revision, db.Micros(l.ChangedAt), l.ChangedBy)
	if err != nil {
		return fmt.Errorf("set limit %s: %w", l.Group, err)
	}
	return nil
}

func putOverride(ctx context.Context, tx *db.Tx, name, group string, o Override) error {
	var until int64
	if !o.Until.IsZero() {
		until = db.Micros(o.Until)
	}
	_, err := tx.Exec(ctx, `INSERT INTO limit_overrides (app, grp, key, amount, burst, until, reason, set_at, set_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		ON CONFLICT (app, key) DO UPDATE SET grp = excluded.grp, amount = excluded.amount, burst = excluded.burst, until = excluded.until, reason = excluded.reason, set_at = excluded.set_at,
			set_by = excluded.set_by`, name, group, o.Group, o.Amount, o.Burst, until, o.Reason, db.Micros(o.SetAt), o.SetBy)
	if err != nil {
		return fmt.Errorf("set the override of %s: %w", o.Group, err)
	}
	return nil
}
