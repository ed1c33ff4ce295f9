package relational

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/slipwayhq/slipway/internal/analytics"
)

// list reads all rows of an answer.
func list[T any](ctx context.Context, db *sql.DB, scan func(*sql.Rows, *T) error, query string, args ...any) ([]T, error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("ask the stored events: %w", err)
	}
	defer rows.Close()
	out := []T{}
	for rows.Next() {
		var v T
		if err := scan(rows, &v); err != nil {
			return nil, fmt.Errorf("read stored events: %w", err)
		}
		out = append(out, v)
	}
	return out, rows.Err()
}

// Days implements analytics.Store.
func (s *Store) Days(ctx context.Context) ([]analytics.Day, error) {
	return list(ctx, s.db, func(rows *sql.Rows, d *analytics.Day) error { return rows.Scan(&d.Day, &d.Events, &d.First, &d.Last) },
		`SELECT day, CAST(sum(n) AS BIGINT), min(seq), max(seq) FROM (
			SELECT date_trunc('day', received) AS day, 1 AS n, seq FROM events UNION ALL SELECT date_trunc('day', received), 0, seq FROM failed) AS d GROUP BY 1 ORDER BY 1`)
}

// Read implements analytics.Store.
func (s *Store) Read(ctx context.Context, after, through uint64, most int, fn func([]analytics.Row) error) error {
	for {
		rows, err := list(ctx, s.db, scanRow, `SELECT seq, received, time, client_time, environment, source, kind, name, user_id, anonymous_id, previous_id, group_id, release, message_id,
			CAST(properties AS VARCHAR), CAST(context AS VARCHAR) FROM events WHERE seq > $1 AND seq <= $2 ORDER BY seq LIMIT $3`, int64(after), int64(through), most)
		if err != nil || len(rows) == 0 {
			return err
		}
		after = rows[len(rows)-1].Sequence
		if err := fn(rows); err != nil {
			return err
		}
	}
}

func scanRow(rows *sql.Rows, r *analytics.Row) error {
	var user, anonymous, previous, group, release, properties, around sql.NullString
	var original sql.NullTime
	err := rows.Scan(&r.Sequence, &r.Received, &r.Time, &original, &r.Environment, &r.Source, &r.Kind, &r.Name, &user, &anonymous, &previous, &group, &release, &r.ID, &properties, &around)
	r.User, r.Anonymous, r.Previous, r.Group, r.Release, r.Original = user.String, anonymous.String, previous.String, group.String, release.String, original.Time
	if properties.Valid {
		r.Properties = []byte(properties.String)
	}
	if around.Valid {
		r.Context = []byte(around.String)
	}
	return err
}

// removed has the engine see to what it keeps beside.
func (s *Store) removed(ctx context.Context, conn *sql.Conn) error {
	if s.d.Removed == nil {
		return nil
	}
	return s.d.Removed(ctx, conn)
}

// Retain implements analytics.Store.
func (s *Store) Retain(ctx context.Context, before time.Time) (removed int64, err error) {
	err = s.Write(ctx, func(conn *sql.Conn) error {
		res, err := conn.ExecContext(ctx, `DELETE FROM `+s.d.Events+` WHERE received < $1`, before) //nolint:gosec // a name of our own
		if err != nil {
			return err
		}
		if removed, err = res.RowsAffected(); err != nil {
			return err
		}
		if removed > 0 {
			if err := s.removed(ctx, conn); err != nil {
				return err
			}
		}
		_, err = conn.ExecContext(ctx, `DELETE FROM failed WHERE received < $1`, before)
		return err
	}, nil)
	if err != nil {
		return 0, fmt.Errorf("remove events received before %s: %w", before.Format(time.DateOnly), err)
	}
	return removed, nil
}

// failedLimit is how many failed events are told to who sets no limit.
const failedLimit = 100

// Failed implements analytics.Store.
func (s *Store) Failed(ctx context.Context, f analytics.FailedFilter) ([]analytics.Failed, error) {
	if f.Limit == 0 {
		f.Limit = failedLimit
	}
	return list(ctx, s.db, func(rows *sql.Rows, v *analytics.Failed) error {
		var changed sql.NullTime
		var raw string
		err := rows.Scan(&v.Sequence, &v.Received, &v.Environment, &v.Source, &v.Dialect, &v.Kind, &v.Reason, &v.Message, &raw, &v.State, &changed)
		v.Changed, v.Raw = changed.Time, []byte(raw)
		return err
	}, `SELECT seq, received, environment, source, dialect, kind, reason, message, raw, state, changed FROM failed
		WHERE seq > $1 AND ($2 = '' OR reason = $2) AND ($3 = '' OR state = $3) ORDER BY seq LIMIT $4`, int64(f.After), string(f.Reason), string(f.State), f.Limit)
}

// FailedCounts implements analytics.Store.
func (s *Store) FailedCounts(ctx context.Context) ([]analytics.FailedCount, error) {
	return list(ctx, s.db, func(rows *sql.Rows, c *analytics.FailedCount) error {
		return rows.Scan(&c.Reason, &c.State, &c.Count, &c.Last)
	},
		`SELECT reason, state, count(*), max(received) FROM failed GROUP BY reason, state ORDER BY reason, state`)
}

// Mark implements analytics.Store.
func (s *Store) Mark(ctx context.Context, sequences []uint64, to analytics.FailedState, now time.Time) (n int64, err error) {
	err = s.Write(ctx, func(conn *sql.Conn) error {
		for _, seq := range sequences {
			res, err := conn.ExecContext(ctx, `UPDATE failed SET state = $1, changed = $2 WHERE seq = $3 AND state <> $1`, string(to), now, int64(seq))
			if err != nil {
				return err
			}
			some, err := res.RowsAffected()
			if err != nil {
				return err
			}
			n += some
		}
		return nil
	}, nil)
	if err != nil {
		return 0, fmt.Errorf("mark failed events as %s: %w", to, err)
	}
	return n, nil
}
