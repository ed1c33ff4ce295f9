package relational

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slipwayhq/slipway/internal/analytics"
	"github.com/slipwayhq/slipway/internal/pure/capture"
)

// person is that an anonymous visitor became known.
type person struct {
	anonymous, user string
	since           time.Time
}

// knownAs tells whom an event makes known: it names both ids, or says that one was the other.
func knownAs(r *analytics.Row) (person, bool) {
	p := person{text(r.Anonymous), text(r.User), r.Time}
	if r.Kind == capture.Alias && r.Previous != "" {
		p.anonymous = text(r.Previous)
	}
	return p, p.anonymous != "" && p.user != "" && p.anonymous != p.user
}

// chunk is how many rows one statement adds: engines bound how many values it may have.
const chunk = 500

// addPeople keeps as whom a visitor was known first: a device that several use is not handed from one to the next.
func addPeople(ctx context.Context, conn *sql.Conn, people []person) error {
	for len(people) > 0 {
		some := people[:min(len(people), chunk)]
		people = people[len(some):]
		var args []any
		for _, p := range some {
			args = append(args, p.anonymous, p.user, p.since)
		}
		//nolint:gosec // what is put together are numbers of places
		_, err := conn.ExecContext(ctx, `INSERT INTO people (anonymous_id, user_id, since) SELECT v.a, v.u, v.s FROM (VALUES `+
			values(len(some), "varchar", "varchar", "timestamp")+`) AS v (a, u, s) WHERE NOT EXISTS (SELECT 1 FROM people p WHERE p.anonymous_id = v.a)`, args...)
		if err != nil {
			return fmt.Errorf("keep who is known: %w", err)
		}
	}
	return nil
}

// addLearned adds what a batch has shown to what is known.
func (s *Store) addLearned(ctx context.Context, conn *sql.Conn, learned []analytics.Learned) error {
	if len(learned) == 0 {
		return nil
	}
	rows := make([][]any, len(learned))
	for i := range learned {
		rows[i] = learnedRow(&learned[i])
	}
	if s.d.Learn != nil {
		return s.d.Learn(ctx, conn, rows)
	}
	for some := range slices.Chunk(rows, chunk) {
		args := slices.Concat(some...)
		//nolint:gosec // as above
		_, err := conn.ExecContext(ctx, `INSERT INTO learned (kind, name, property, type, first, last, count) VALUES `+
			values(len(some), "varchar", "varchar", "varchar", "varchar", "timestamp", "timestamp", "bigint")+`
			ON CONFLICT (kind, name, property, type) DO UPDATE SET
				first = least(learned.first, excluded.first), last = greatest(learned.last, excluded.last), count = learned.count + excluded.count`, args...)
		if err != nil {
			return fmt.Errorf("keep what is learnt of events: %w", err)
		}
	}
	return nil
}

// values is "($1::t1, $2::t2), ($3::t1, …" for n rows.
func values(n int, types ...string) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteString(", ")
		}
		for j, t := range types {
			b.WriteString([]string{"(", ", "}[min(j, 1)])
			fmt.Fprintf(&b, "$%d::%s", i*len(types)+j+1, t)
		}
		b.WriteByte(')')
	}
	return b.String()
}

// Learned implements analytics.Store.
func (s *Store) Learned(ctx context.Context) ([]analytics.Learned, error) {
	return list(ctx, s.db, func(rows *sql.Rows, l *analytics.Learned) error {
		return rows.Scan(&l.Kind, &l.Name, &l.Property, &l.Type, &l.First, &l.Last, &l.Count)
	}, `SELECT kind, name, property, type, first, last, count FROM learned ORDER BY kind, name, property, type`)
}

// Forget implements analytics.Store.
func (s *Store) Forget(ctx context.Context, user string) (removed int64, err error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return 0, err
	}
	defer unlock()
	err = s.tx(ctx, func(conn *sql.Conn) error {
		const theirs = `(SELECT anonymous_id FROM people WHERE user_id = $1)`
		res, err := conn.ExecContext(ctx, `DELETE FROM `+s.d.Events+` WHERE user_id = $1 OR anonymous_id = $1 OR previous_id = $1 OR (user_id IS NULL AND anonymous_id IN `+theirs+`)`, user) //nolint:gosec // a name of our own, and a constant
		if err != nil {
			return err
		}
		if removed, err = res.RowsAffected(); err != nil {
			return err
		}
		if err := forgetFailed(ctx, conn, user); err != nil {
			return err
		}
		if _, err = conn.ExecContext(ctx, `DELETE FROM people WHERE user_id = $1 OR anonymous_id = $1`, user); err != nil {
			return err
		}
		return s.removed(ctx, conn)
	})
	if err != nil {
		return 0, fmt.Errorf("forget a person: %w", err)
	}
	clear(s.known)
	return removed, nil
}

// forgetFailed removes the failed events that name a person.
func forgetFailed(ctx context.Context, conn *sql.Conn, user string) error {
	rows, err := conn.QueryContext(ctx, `SELECT seq, raw FROM failed WHERE `+analytics.MayName, user) //nolint:gosec // a constant
	if err != nil {
		return err
	}
	defer rows.Close()
	var theirs []string
	for rows.Next() {
		var seq int64
		var raw []byte
		if err := rows.Scan(&seq, &raw); err != nil {
			return err
		}
		if analytics.Names(raw, user) {
			theirs = append(theirs, strconv.FormatInt(seq, 10))
		}
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	for some := range slices.Chunk(theirs, chunk) {
		//nolint:gosec // what is put together are numbers
		if _, err := conn.ExecContext(ctx, `DELETE FROM failed WHERE seq IN (`+strings.Join(some, ", ")+`)`); err != nil {
			return err
		}
	}
	return nil
}
