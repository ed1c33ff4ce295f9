//go:build cgo

package duck

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/slipwayhq/slipway/internal/analytics"
	"github.com/slipwayhq/slipway/internal/analytics/relational"
	"github.com/slipwayhq/slipway/internal/pure/explore"
)

// store is an app's store, with what DuckDB is quick with: numbers in the place of visitors' ids, and a column for each property that was asked for. Both are made of what is stored, behind the appends, so that
// an event costs no more to store; up to where they are made is kept with them.
type store struct {
	*relational.Store
	mu   sync.Mutex
	made map[string]progress // by the property; numbers are under ""
}

// progress is up to which sequence something is made.
type progress struct {
	column  string
	through uint64
}

const (
	// stride is how many sequences are gone through at once: a store is not appended to meanwhile. It is not done for fewer, unless somebody asks: each time all visitors are looked through.
	stride = 250_000
	// mostColumns is how many properties get one. Beyond that they are read from the JSON, as before they were asked for.
	mostColumns = 100
)

// ownTables are what is made beside the tables of all stores.
func ownTables() []string {
	return []string{
		`CREATE TABLE IF NOT EXISTS visitors (no INTEGER NOT NULL, id VARCHAR NOT NULL)`,
		`CREATE TABLE IF NOT EXISTS made (property VARCHAR NOT NULL, name VARCHAR NOT NULL, through BIGINT NOT NULL)`,
		`INSERT INTO made SELECT '', 'visitor_no', 0 WHERE NOT EXISTS (SELECT 1 FROM made)`,
		`ALTER TABLE stored ADD COLUMN IF NOT EXISTS visitor_no INTEGER`,
		`ALTER TABLE people ADD COLUMN IF NOT EXISTS anonymous_no INTEGER`,
		`ALTER TABLE people ADD COLUMN IF NOT EXISTS user_no INTEGER`,
		`ALTER TABLE stored DROP COLUMN IF EXISTS visitor`, // what can be worked out takes no room
		`CREATE OR REPLACE VIEW events AS SELECT ` + strings.Replace(strings.Join(relational.EventColumns(), ", "), "visitor", visitor+" AS visitor", 1) + ` FROM stored`,
		counted,
	}
}

// visitor is the id by which somebody is known.
const visitor = `coalesce(user_id, anonymous_id, '')`

// counted is made again when there is another column.
const counted = `CREATE OR REPLACE VIEW counted AS SELECT e.*, coalesce(p.user_no, e.visitor_no) AS person_no FROM stored e LEFT JOIN people p ON p.anonymous_no = e.visitor_no`

// Query implements analytics.Store.
func (s *store) Query(ctx context.Context, q analytics.Query) (analytics.Table, error) {
	if quick, can := q.Question.(explore.Quick); can {
		begin := time.Now()
		way, err := s.wayFor(ctx, quick.Properties())
		if err != nil {
			return analytics.Table{}, err
		}
		if q.SQL, err = quick.By(way); err != nil {
			return analytics.Table{}, err
		}
		table, err := s.Store.Query(ctx, q)
		table.Took = time.Since(begin)
		return table, err
	}
	return s.Store.Query(ctx, q)
}

// wayFor is the way for a question about some properties. What is a little behind is made now; what is further behind is left out, and Improve goes on with it.
func (s *store) wayFor(ctx context.Context, properties []string) (way explore.Way, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err = s.Write(ctx, func(conn *sql.Conn) error { return s.add(ctx, conn, properties) }); err == nil { // by itself: a table is not altered and written at once
		err = s.Write(ctx, func(conn *sql.Conn) error { return s.way(ctx, conn, properties, &way) })
	}
	if err != nil {
		s.made = nil // what the database has is what counts
		return explore.Way{}, fmt.Errorf("make what a question is answered with: %w", err)
	}
	if way.Numbers == 0 {
		return explore.Way{}, nil
	}
	return way, nil
}

// way makes what is a little behind, and tells what there is.
func (s *store) way(ctx context.Context, conn *sql.Conn, properties []string, way *explore.Way) error {
	at, err := s.begin(ctx, conn)
	if err != nil {
		return err
	}
	behind := map[uint64][]string{}
	*way = explore.Way{Columns: map[string]string{}, Through: at}
	numbered := false
	for _, property := range append([]string{""}, properties...) {
		p, has := s.made[property]
		if !has || p.through+2*stride < at {
			continue
		}
		if p.through < at {
			behind[p.through] = append(behind[p.through], property)
		}
		if property == "" {
			numbered = true
		} else {
			way.Columns[property] = p.column
		}
	}
	for after, those := range behind {
		if err := s.makeUpTo(ctx, conn, those, after, at); err != nil {
			return err
		}
	}
	if !numbered {
		return nil
	}
	return conn.QueryRowContext(ctx, `SELECT coalesce(max(no), 0) + 1 FROM visitors`).Scan(&way.Numbers)
}

// Improve implements analytics.Store.
func (s *store) Improve(ctx context.Context) (more bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	err = s.Write(ctx, func(conn *sql.Conn) error {
		at, err := s.begin(ctx, conn)
		if err != nil {
			return err
		}
		least := at
		for _, p := range s.made {
			least = min(least, p.through)
		}
		if at-least < stride {
			return nil
		}
		var behind []string
		for property, p := range s.made {
			if p.through == least {
				behind = append(behind, property)
			}
		}
		more = true
		return s.makeUpTo(ctx, conn, behind, least, min(at, least+stride))
	})
	if err != nil {
		s.made = nil
		return false, fmt.Errorf("make what later questions are answered with: %w", err)
	}
	return more, nil
}

// begin reads what is made, and gives up to where events are stored.
func (s *store) begin(ctx context.Context, conn *sql.Conn) (at uint64, err error) {
	if err := conn.QueryRowContext(ctx, `SELECT through FROM position`).Scan(&at); err != nil || s.made != nil {
		return at, err
	}
	rows, err := conn.QueryContext(ctx, `SELECT property, name, through FROM made`)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	made := map[string]progress{}
	for rows.Next() {
		var property string
		var p progress
		if err := rows.Scan(&property, &p.column, &p.through); err != nil {
			return 0, err
		}
		made[property] = p
	}
	s.made = made
	return at, rows.Err()
}

// add gives properties columns, which are empty at first.
func (s *store) add(ctx context.Context, conn *sql.Conn, properties []string) error {
	if _, err := s.begin(ctx, conn); err != nil {
		return err
	}
	for _, property := range properties {
		if _, has := s.made[property]; has || len(s.made) > mostColumns {
			continue
		}
		p := progress{column: fmt.Sprintf("p%d", len(s.made))}
		for _, statement := range []string{`ALTER TABLE stored ADD COLUMN IF NOT EXISTS ` + p.column + ` VARCHAR`, counted} {
			if _, err := conn.ExecContext(ctx, statement); err != nil {
				return err
			}
		}
		if _, err := conn.ExecContext(ctx, `INSERT INTO made (property, name, through) VALUES ($1, $2, 0)`, property, p.column); err != nil {
			return err
		}
		s.made[property] = p
	}
	return nil
}

// makeUpTo makes numbers and columns that are there up to one sequence, up to another.
func (s *store) makeUpTo(ctx context.Context, conn *sql.Conn, properties []string, after, through uint64) error {
	part := fmt.Sprintf("seq > %d AND seq <= %d", after, through)
	var sets []string
	var args []any
	for _, property := range properties {
		if property == "" {
			if err := number(ctx, conn, part); err != nil {
				return err
			}
			continue
		}
		args = append(args, property)
		sets = append(sets, fmt.Sprintf("%s = prop(properties, $%d)", s.made[property].column, len(args)))
	}
	if len(sets) > 0 {
		if _, err := conn.ExecContext(ctx, `UPDATE stored SET `+strings.Join(sets, ", ")+` WHERE `+part, args...); err != nil { //nolint:gosec // names and numbers of our own
			return err
		}
	}
	for _, property := range properties {
		if _, err := conn.ExecContext(ctx, `UPDATE made SET through = $1 WHERE property = $2`, int64(through), property); err != nil {
			return err
		}
		s.made[property] = progress{s.made[property].column, through}
	}
	return nil
}

// number gives numbers to the visitors of a part of the events, and to those who became known since. All visitors are looked through once for it.
func number(ctx context.Context, conn *sql.Conn, part string) error {
	for _, statement := range []string{
		`CREATE OR REPLACE TEMP TABLE met AS
			WITH ids AS MATERIALIZED (
				SELECT VISITOR AS id FROM stored WHERE THESE
				UNION SELECT anonymous_id FROM people WHERE anonymous_no IS NULL
				UNION SELECT user_id FROM people WHERE anonymous_no IS NULL)
			SELECT id, v.no IS NULL AS fresh, coalesce(v.no, (SELECT coalesce(max(no), -1) FROM visitors) + row_number() OVER (PARTITION BY v.no IS NULL)) AS no
			FROM ids LEFT JOIN visitors v USING (id)`,
		`INSERT INTO visitors SELECT no, id FROM met WHERE fresh`,
		`UPDATE stored SET visitor_no = met.no FROM met WHERE met.id = VISITOR AND THESE`,
		`UPDATE people SET anonymous_no = a.no, user_no = u.no FROM met a, met u WHERE a.id = people.anonymous_id AND u.id = people.user_id AND people.anonymous_no IS NULL`,
		`DROP TABLE met`,
	} {
		if _, err := conn.ExecContext(ctx, strings.NewReplacer("VISITOR", visitor, "THESE", part).Replace(statement)); err != nil {
			return fmt.Errorf("number visitors: %w", err)
		}
	}
	return nil
}

// forgotten takes back the numbers of who is forgotten, while it is still known who that is.
func forgotten(ctx context.Context, conn *sql.Conn, user string) error {
	_, err := conn.ExecContext(ctx, `DELETE FROM visitors WHERE id = $1 OR id IN (SELECT anonymous_id FROM people WHERE user_id = $1)`, user)
	return err
}

// retained takes back the numbers of whose events are all gone.
func retained(ctx context.Context, conn *sql.Conn) error {
	_, err := conn.ExecContext(ctx, `DELETE FROM visitors WHERE id NOT IN (SELECT `+visitor+` FROM stored) AND id NOT IN (SELECT anonymous_id FROM people) AND id NOT IN (SELECT user_id FROM people)`)
	return err
}
