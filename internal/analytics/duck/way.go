//go:build cgo

package duck

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/slipwayhq/slipway/internal/analytics"
	"github.com/slipwayhq/slipway/internal/analytics/relational"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/pure/explore"
)

// store is an app's store, with what DuckDB is quick with: numbers in the place of visitors' ids, and a column for each property that was asked for. Both are made of what is stored, behind the appends, so that
// an event costs no more to store; up to where they are made is kept with them.
type store struct {
	*relational.Store
	opts Options
	db   *sql.DB
	mu   sync.Mutex          // for what follows
	made map[string]progress // by the property; numbers are under "". nil when it is to be read
	// given is how often a column was given to another property, or numbers to other visitors: a way of before is none any more.
	given int
	part  uint64 // how many sequences Improve goes through at once
	// beyondSums is how many sights there are besides their sums; of who writes. Less than 0: it is to be counted.
	beyondSums int
}

// progress is up to which sequence something is made, and when it was asked for last.
type progress struct {
	column  string
	through uint64
	asked   time.Time
}

const (
	// stride is how many sequences are gone through at once: a store is not appended to meanwhile. It is not done for fewer, unless somebody asks: each time all visitors are looked through.
	stride, leastStride = 250_000, 10_000
	// mostColumns is how many properties get one. The one that was not asked for longest makes room for another.
	mostColumns = 50
	// fresh is for how long a column is kept up that nobody asks for.
	fresh = 7 * 24 * time.Hour
	// noted is how often it is noted that somebody asks.
	noted = 24 * time.Hour
	// patience is how long a question waits for others that write, and for what is made for it, before it is answered without a way.
	patience = 5 * time.Second
)

// ownTables are what is made beside the tables of all stores.
func ownTables() []string {
	return []string{
		`CREATE TABLE IF NOT EXISTS visitors (no INTEGER NOT NULL, id VARCHAR NOT NULL)`,
		`CREATE TABLE IF NOT EXISTS made (property VARCHAR NOT NULL, name VARCHAR NOT NULL, through BIGINT NOT NULL, asked TIMESTAMP NOT NULL)`,
		`INSERT INTO made SELECT '', 'visitor_no', 0, TIMESTAMP '2000-01-01' WHERE NOT EXISTS (SELECT 1 FROM made)`,
		`ALTER TABLE stored ADD COLUMN IF NOT EXISTS visitor_no INTEGER`,
		`ALTER TABLE people ADD COLUMN IF NOT EXISTS anonymous_no INTEGER`,
		`ALTER TABLE people ADD COLUMN IF NOT EXISTS user_no INTEGER`,
		`ALTER TABLE stored DROP COLUMN IF EXISTS visitor`, // what can be worked out takes no room
		`CREATE OR REPLACE VIEW events AS SELECT ` + strings.Replace(strings.Join(relational.EventColumns(), ", "), "visitor", visitor+" AS visitor", 1) + ` FROM stored`,
		counted,
		sightsTable,
		learnedView(),
	}
}

// visitor is the id by which somebody is known.
const visitor = `coalesce(user_id, anonymous_id, '')`

// counted is made again when there is another column.
const counted = `CREATE OR REPLACE VIEW counted AS SELECT e.*, coalesce(p.user_no, e.visitor_no) AS person_no FROM stored e LEFT JOIN people p ON p.anonymous_no = e.visitor_no`

// Query implements analytics.Store. A question is answered by its SQL where there is no way, or something is wrong with it.
func (s *store) Query(ctx context.Context, q analytics.Query) (analytics.Table, error) {
	quick, can := q.Question.(explore.Quick)
	if !can {
		return s.Store.Query(ctx, q)
	}
	begin := time.Now()
	table, err := s.quickly(ctx, q, quick)
	if err != nil && ctx.Err() == nil && !fault.Is(err, fault.CodeLimited) {
		if !errors.Is(err, errNoWay) && !errors.Is(err, context.DeadlineExceeded) {
			s.opts.Logger.Warn("a question about events is answered by its SQL, as the store's own way failed", "error", err)
		}
		if q.SQL, err = quick.SQL(); err == nil {
			table, err = s.Store.Query(ctx, q)
		}
	}
	table.Took = time.Since(begin)
	return table, err
}

// errNoWay is that a question is to be answered by its SQL.
var errNoWay = errors.New("there is no way yet, or it changed")

// quickly answers a question by the store's own way.
func (s *store) quickly(ctx context.Context, q analytics.Query, quick explore.Quick) (table analytics.Table, err error) {
	given := s.gave(0)
	way, err := s.wayFor(ctx, quick.Properties())
	if err != nil {
		return table, err
	}
	if way.Numbers == 0 {
		return table, errNoWay
	}
	if q.SQL, err = quick.By(way); err != nil {
		return table, err
	}
	if table, err = s.Store.Query(ctx, q); err == nil && s.gave(0) != given {
		err = errNoWay
	}
	return table, err
}

// gave counts what was given to others.
func (s *store) gave(more int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.given += more
	return s.given
}

// wayFor is the way for a question about some properties. What is a little behind is made now; what is further behind is left out, and Improve goes on with it. The zero Way is that there is none.
func (s *store) wayFor(ctx context.Context, properties []string) (explore.Way, error) {
	at, err := s.Position(ctx)
	if err != nil {
		return explore.Way{}, err
	}
	if s.wants(properties, at) {
		limited, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		if err := s.write(limited, func(conn *sql.Conn) error { return s.add(limited, conn, properties) }); err != nil { // by itself: a table is not altered and written at once
			return explore.Way{}, err
		}
		if err := s.write(limited, func(conn *sql.Conn) (err error) { at, err = s.catchUp(limited, conn, properties); return err }); err != nil {
			return explore.Way{}, err
		}
	}
	return s.ready(ctx, properties, at)
}

// write is Write; when it fails, what the database has is what counts.
func (s *store) write(ctx context.Context, fn func(conn *sql.Conn) error) error {
	if err := s.Write(ctx, fn, s.readAgain); err != nil {
		return fmt.Errorf("make what questions are answered with: %w", err)
	}
	return nil
}

// readAgain has what is made read from the database. It is for who writes.
func (s *store) readAgain() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.made = nil
}

func (s *store) progress(property string) (p progress, has bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, has = s.made[property]
	return p, has
}

func (s *store) progressed(property string, p progress) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.made[property] = p
}

// wants tells whether something is to be made for a question, or kept up because of it.
func (s *store) wants(properties []string, at uint64) bool {
	for _, property := range append([]string{""}, properties...) {
		p, has := s.progress(property)
		if !has || p.through < at || property != "" && s.opts.Now().Sub(p.asked) >= noted {
			return true
		}
	}
	return false
}

// near tells whether what is missing is made while somebody waits.
func near(through, at uint64) bool { return through+stride+stride/4 >= at }

// catchUp makes what is a little behind.
func (s *store) catchUp(ctx context.Context, conn *sql.Conn, properties []string) (at uint64, err error) {
	if at, err = s.begin(ctx, conn); err != nil {
		return 0, err
	}
	for _, property := range append([]string{""}, properties...) {
		p, has := s.progress(property)
		if !has || p.through >= at || !near(p.through, at) {
			continue
		}
		if err := s.makeUpTo(ctx, conn, property, at); err != nil {
			return 0, err
		}
	}
	return at, nil
}

// ready is the way that there is for what is stored up to a sequence.
func (s *store) ready(ctx context.Context, properties []string, at uint64) (explore.Way, error) {
	if p, has := s.progress(""); !has || p.through < at {
		return explore.Way{}, nil
	}
	way := explore.Way{Columns: map[string]string{}, Through: at, Bits: int64(s.opts.Memory) << 20 / 2 / int64(s.opts.Threads)}
	for _, property := range properties {
		if p, has := s.progress(property); has && p.through >= at {
			way.Columns[property] = p.column
		}
	}
	return way, s.db.QueryRowContext(ctx, `SELECT (SELECT coalesce(max(no), 0) + 1 FROM visitors), (SELECT count(*) FROM stored)`).Scan(&way.Numbers, &way.Events)
}

// Improve implements analytics.Store. One thing is made at a time, and less of it after it failed, so that neither memory nor those who append have much to bear.
func (s *store) Improve(ctx context.Context) (more bool, err error) {
	if _, known := s.progress(""); known { // it is asked after each part that is stored, and mostly there is nothing to do
		at, err := s.Position(ctx)
		if _, least := s.behind(at); err != nil || at-least < stride {
			return false, err
		}
	}
	s.mu.Lock()
	if s.part == 0 {
		s.part = stride
	}
	part := s.part
	s.mu.Unlock()
	err = s.write(ctx, func(conn *sql.Conn) error {
		at, err := s.begin(ctx, conn)
		if err != nil {
			return err
		}
		behind, least := s.behind(at)
		if at-least < stride {
			return nil
		}
		more = true
		return s.makeUpTo(ctx, conn, behind, min(at, least+part))
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.part = max(part/2, leastStride)
		return false, err
	}
	s.part = min(part*2, stride)
	return more, nil
}

// behind is what is made least far of what is kept up.
func (s *store) behind(at uint64) (property string, least uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	least = at
	for _, name := range slices.Sorted(maps.Keys(s.made)) {
		p := s.made[name]
		if p.through < least && (name == "" || s.opts.Now().Sub(p.asked) < fresh) {
			property, least = name, p.through
		}
	}
	return property, least
}

// begin reads what is made, and gives up to where events are stored.
func (s *store) begin(ctx context.Context, conn *sql.Conn) (at uint64, err error) {
	if err := conn.QueryRowContext(ctx, `SELECT through FROM position`).Scan(&at); err != nil {
		return 0, err
	}
	if _, known := s.progress(""); known {
		return at, nil
	}
	rows, err := conn.QueryContext(ctx, `SELECT property, name, through, asked FROM made`)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	made := map[string]progress{}
	for rows.Next() {
		var property string
		var p progress
		if err := rows.Scan(&property, &p.column, &p.through, &p.asked); err != nil {
			return 0, err
		}
		made[property] = p
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.made = made
	return at, rows.Err()
}

// add gives properties columns, which are empty at first, and keeps that they were asked for.
func (s *store) add(ctx context.Context, conn *sql.Conn, properties []string) error {
	if _, err := s.begin(ctx, conn); err != nil {
		return err
	}
	now := s.opts.Now().UTC()
	for _, property := range properties {
		p, has := s.progress(property)
		if has && now.Sub(p.asked) < noted {
			continue
		}
		p.asked = now
		if !has {
			p.column = s.room()
		}
		for _, statement := range []string{`DELETE FROM made WHERE name = '` + p.column + `'`, `ALTER TABLE stored ADD COLUMN IF NOT EXISTS ` + p.column + ` VARCHAR`, counted} {
			if _, err := conn.ExecContext(ctx, statement); err != nil {
				return err
			}
		}
		if _, err := conn.ExecContext(ctx, `INSERT INTO made (property, name, through, asked) VALUES ($1, $2, $3, $4)`, property, p.column, int64(p.through), now); err != nil {
			return err
		}
		s.progressed(property, p)
	}
	return nil
}

// room is a column for another property: a new one, or that of the property that was not asked for longest, which has none any more.
func (s *store) room() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.made) <= mostColumns {
		return fmt.Sprintf("p%d", len(s.made))
	}
	oldest := ""
	for property, p := range s.made {
		if property != "" && (oldest == "" || p.asked.Before(s.made[oldest].asked)) {
			oldest = property
		}
	}
	column := s.made[oldest].column
	delete(s.made, oldest)
	s.given++
	return column
}

// makeUpTo makes numbers, or the column of a property, from where they are there up to a sequence.
func (s *store) makeUpTo(ctx context.Context, conn *sql.Conn, property string, through uint64) error {
	p, _ := s.progress(property)
	part := fmt.Sprintf("seq > %d AND seq <= %d", p.through, through)
	var err error
	if property == "" {
		err = number(ctx, conn, part)
	} else {
		_, err = conn.ExecContext(ctx, `UPDATE stored SET `+p.column+` = prop(properties, $1) WHERE `+part, property) //nolint:gosec // names and numbers of our own
	}
	if err != nil {
		return err
	}
	if _, err := conn.ExecContext(ctx, `UPDATE made SET through = $1 WHERE property = $2`, int64(through), property); err != nil {
		return err
	}
	p.through = through
	s.progressed(property, p)
	return nil
}
