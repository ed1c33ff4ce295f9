//go:build cgo

package duck

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/analytics"
	"github.com/slipwayhq/slipway/internal/pure/capture"
	"github.com/slipwayhq/slipway/internal/pure/explore"
)

func noon() time.Time { return time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC) }

func did(seq uint64, user, properties string) analytics.Row {
	at := noon().Add(time.Duration(seq) * time.Millisecond)
	return analytics.Row{Sequence: seq, Event: capture.Event{
		ID: fmt.Sprint(seq), Environment: "production", Source: "src", Kind: capture.Track, Name: "bought", User: user, Time: at, Received: at, Properties: json.RawMessage(properties),
	}}
}

func added(t *testing.T, s *store, through uint64, rows ...analytics.Row) {
	t.Helper()
	if err := s.Append(t.Context(), analytics.Batch{Rows: rows, Through: through}); err != nil {
		t.Fatal(err)
	}
}

// place is an engine's folder, and the store of an app in it.
func place(t *testing.T) (dir string, open func() (*store, analytics.Engine)) {
	t.Helper()
	dir = t.TempDir()
	return dir, func() (*store, analytics.Engine) {
		t.Helper()
		e, err := Open(Options{Dir: dir, Memory: 128, Threads: 1})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = e.Close() })
		s, err := e.Store(t.Context(), "shop")
		if err != nil {
			t.Fatal(err)
		}
		own, ok := s.(*store)
		if !ok {
			t.Fatalf("a store is a %T", s)
		}
		return own, e
	}
}

func byPlan() explore.Trend {
	return explore.Trend{Scope: explore.Scope{Span: explore.Span{From: noon().Add(-time.Hour), To: noon().Add(time.Hour)}}, Measure: "visitors", Interval: "day", Split: "plan"}
}

// answers asks both ways, which must agree.
func answers(t *testing.T, s *store, q explore.Question, want string) {
	t.Helper()
	shown, err := q.SQL()
	if err != nil {
		t.Fatal(err)
	}
	for _, asked := range []analytics.Query{{SQL: shown}, {SQL: shown, Question: q}} {
		table, err := s.Query(t.Context(), asked)
		if err != nil {
			t.Fatal(err)
		}
		got := strings.ReplaceAll(fmt.Sprint(table.Rows), "2026-11-29 00:00:00 +0000 UTC ", "")
		if got != want {
			t.Errorf("by its own way %t: %s, not %s", asked.Question != nil, got, want)
		}
	}
}

func (s *store) has(t *testing.T, query string) string {
	t.Helper()
	table, err := s.Query(t.Context(), analytics.Query{SQL: query})
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(table.Rows)
}

func TestAWayIsMadeForWhatIsAsked(t *testing.T) {
	_, open := place(t)
	s, _ := open()
	added(t, s, 3, did(1, "u1", `{"plan":"pro"}`), did(2, "u2", `{"plan":"free"}`), did(3, "u3", `{"plan":{"a":[1, "x"]}}`))
	answers(t, s, byPlan(), `[[free 1] [pro 1] [{"a":[1,"x"]} 1]]`)
	way, err := s.wayFor(t.Context(), []string{"plan"})
	if err != nil || way.Numbers != 3 || way.Columns["plan"] != "p1" || way.Through != 3 {
		t.Errorf("the way is %+v (%v)", way, err)
	}
	anonymous := did(4, "", `{"plan":"pro"}`)
	anonymous.Anonymous = "a1"
	added(t, s, 5, anonymous, did(5, "u1", `{"plan":"free"}`))
	answers(t, s, byPlan(), `[[free 2] [pro 2] [{"a":[1,"x"]} 1]]`)
	// The visitor turns out to be who bought the plan before.
	login := did(6, "u1", `{"plan":null}`)
	login.Kind, login.Anonymous = capture.Identify, "a1"
	added(t, s, 6, login)
	answers(t, s, byPlan(), `[[(none) 1] [free 2] [pro 1] [{"a":[1,"x"]} 1]]`)
	answers(t, s, explore.Top{Scope: byPlan().Scope, Property: "plan", Limit: 2}, `[[free 2 2] [pro 2 1]]`)
	if _, err := s.Query(t.Context(), analytics.Query{Question: explore.Trend{}}); err == nil {
		t.Error("a question that is none is answered")
	}
}

// What would take long to make is not waited for, and questions are answered meanwhile.
func TestAWayIsMadeBitByBit(t *testing.T) {
	_, open := place(t)
	s, _ := open()
	var rows []analytics.Row
	for n := range uint64(7) {
		rows = append(rows, did(1+n*stride/2, fmt.Sprintf("u%d", n%3), `{"plan":"pro"}`))
	}
	last := rows[6].Sequence
	added(t, s, last, rows...)
	answers(t, s, byPlan(), "[[pro 3]]")
	if way, err := s.wayFor(t.Context(), []string{"plan"}); err != nil || way.Numbers != 0 || len(way.Columns) != 0 || way.Through != 0 {
		t.Errorf("the way is %+v (%v) at once", way, err)
	}
	for parts := 1; ; parts++ {
		more, err := s.Improve(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		answers(t, s, byPlan(), "[[pro 3]]")
		if !more {
			break
		}
		if parts > 4 {
			t.Fatal("it is never made")
		}
	}
	if way, err := s.wayFor(t.Context(), []string{"plan"}); err != nil || way.Numbers != 3 || way.Columns["plan"] == "" || way.Through != last {
		t.Errorf("the way is %+v (%v) in the end", way, err)
	}
}

// A file of before has neither numbers nor columns.
func TestAWayIsMadeForAnOlderFile(t *testing.T) {
	dir, open := place(t)
	s, e := open()
	added(t, s, 2, did(1, "u1", `{"plan":"pro"}`), did(2, "u2", `{"plan":"free"}`))
	answers(t, s, byPlan(), "[[free 1] [pro 1]]")
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("duckdb", filepath.Join(dir, "shop.duckdb"))
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		`DROP VIEW counted`, `DROP VIEW events`, `ALTER TABLE stored RENAME TO events`, `DROP TABLE made`, `DROP TABLE visitors`, `ALTER TABLE events DROP COLUMN visitor_no`, `ALTER TABLE events DROP COLUMN p1`, `ALTER TABLE people DROP COLUMN anonymous_no`, `ALTER TABLE people DROP COLUMN user_no`,
		`ALTER TABLE events ADD COLUMN visitor VARCHAR`, `UPDATE events SET visitor = user_id`,
		`CREATE OR REPLACE VIEW activity AS SELECT e.*, coalesce(p.user_id, e.visitor) AS person FROM events e LEFT JOIN people p ON p.anonymous_id = e.visitor`,
	} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(statement, err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	s, _ = open()
	added(t, s, 3, did(3, "u3", `{"plan":"pro"}`))
	answers(t, s, byPlan(), "[[free 1] [pro 2]]")
}

// Who is forgotten, or whose events have all gone, has no number either.
func TestNumbersGoWithThePeople(t *testing.T) {
	_, open := place(t)
	s, _ := open()
	login := did(2, "u1", `{}`)
	login.Anonymous = "a1"
	anonymous := did(1, "", `{"plan":"pro"}`)
	anonymous.Anonymous = "a1"
	added(t, s, 4, anonymous, login, did(3, "u2", `{"plan":"pro"}`), did(4, "u3", `{"plan":"pro"}`))
	answers(t, s, byPlan(), "[[(none) 1] [pro 3]]")
	if _, err := s.Forget(t.Context(), "u1"); err != nil {
		t.Fatal(err)
	}
	answers(t, s, byPlan(), "[[pro 2]]")
	if got := s.has(t, `SELECT id FROM visitors ORDER BY id`); got != "[[u2] [u3]]" {
		t.Errorf("there are numbers of %s", got)
	}
	if _, err := s.Retain(t.Context(), noon().Add(4*time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if got := s.has(t, `SELECT id FROM visitors`); got != "[[u3]]" {
		t.Errorf("there are numbers of %s", got)
	}
	added(t, s, 5, did(5, "u1", `{"plan":"pro"}`))
	answers(t, s, byPlan(), "[[pro 2]]")
}

// Who is known by two names in a chain leaves no number behind that somebody has, and takes none away.
func TestNumbersStayWithWhoIsLeft(t *testing.T) {
	_, open := place(t)
	s, _ := open()
	was := func(seq uint64, before, after string) analytics.Row {
		r := did(seq, after, `{"plan":"pro"}`)
		r.Kind, r.Anonymous = capture.Identify, before
		return r
	}
	added(t, s, 4, did(1, "other", `{"plan":"pro"}`), was(2, "a1", "tmp"), was(3, "tmp", "final"), did(4, "tmp", `{"plan":"pro"}`))
	answers(t, s, byPlan(), "[[pro 2]]")
	if _, err := s.Forget(t.Context(), "final"); err != nil {
		t.Fatal(err)
	}
	added(t, s, 5, did(5, "new", `{"plan":"pro"}`))
	for _, q := range []explore.Question{byPlan(), explore.Top{Scope: byPlan().Scope, Property: "plan", Limit: 5}} {
		shown, err := q.SQL()
		if err != nil {
			t.Fatal(err)
		}
		table, err := s.Query(t.Context(), analytics.Query{SQL: shown})
		if err != nil {
			t.Fatal(err)
		}
		answers(t, s, q, strings.ReplaceAll(fmt.Sprint(table.Rows), "2026-11-29 00:00:00 +0000 UTC ", ""))
	}
	if got := s.has(t, `SELECT count(*) FROM (SELECT visitor_no FROM stored GROUP BY 1 HAVING count(DISTINCT coalesce(user_id, anonymous_id)) > 1)`); got != "[[0]]" {
		t.Errorf("%s numbers are of several", got)
	}
}

// Where most numbers are nobody's any more, all are given anew.
func TestNumbersAreGivenAnew(t *testing.T) {
	_, open := place(t)
	s, _ := open()
	var rows []analytics.Row
	for seq := uint64(1); seq <= 1500; seq++ {
		rows = append(rows, did(seq, fmt.Sprintf("u%d", seq), `{"plan":"pro"}`))
	}
	added(t, s, 1500, rows...)
	answers(t, s, byPlan(), "[[pro 1500]]")
	if _, err := s.Retain(t.Context(), noon().Add(1499*time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	added(t, s, 1502, did(1501, "u1499", `{"plan":"pro"}`), did(1502, "u3", `{"plan":"free"}`))
	answers(t, s, byPlan(), "[[free 1] [pro 2]]")
	if way, err := s.wayFor(t.Context(), nil); err != nil || way.Numbers != 3 {
		t.Errorf("the way is %+v (%v)", way, err)
	}
}

// However many properties are asked for, the table does not grow wider than it may: the one that was not asked for longest has no column any more.
func TestColumnsAreBounded(t *testing.T) {
	_, open := place(t)
	s, _ := open()
	now := noon()
	s.opts.Now = func() time.Time { return now }
	added(t, s, 1, did(1, "u1", `{"p0":"zero","p1":"one","p60":"x"}`))
	for n := range mostColumns + 5 {
		now = now.Add(time.Minute)
		if way, err := s.wayFor(t.Context(), []string{fmt.Sprintf("p%d", n)}); err != nil || len(way.Columns) != 1 {
			t.Fatalf("%+v, %v", way, err)
		}
	}
	if got := s.has(t, `SELECT count(*), count(*) FILTER (property = 'p0'), (SELECT count(*) FROM duckdb_columns() WHERE table_name = 'stored' AND column_name LIKE 'p%' AND column_name NOT IN ('properties', 'previous_id')) FROM made WHERE property <> ''`); got != "[[50 0 50]]" {
		t.Errorf("there are %s columns", got)
	}
	for property, want := range map[string]string{"p0": "zero", "p1": "one", "p60": "x", "p54": "(none)"} {
		q := byPlan()
		q.Split = property
		answers(t, s, q, "[["+want+" 1]]")
	}
}

// One column at a time is made between appends, and none that nobody asks for any more.
func TestOneThingIsMadeAtATime(t *testing.T) {
	_, open := place(t)
	s, _ := open()
	now := noon()
	s.opts.Now = func() time.Time { return now }
	added(t, s, 2*stride, did(1, "u1", `{"a":"x"}`), did(2*stride, "u2", `{"b":"y"}`))
	if _, err := s.wayFor(t.Context(), []string{"a", "b"}); err != nil {
		t.Fatal(err)
	}
	const far = `SELECT list(through ORDER BY property)::VARCHAR FROM made`
	for _, want := range []string{"250000, 0, 0", "250000, 250000, 0", "250000, 250000, 250000", "500000, 250000, 250000"} {
		if _, err := s.Improve(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := s.has(t, far); got != "[[["+want+"]]]" {
			t.Errorf("made is %s, not %s", got, want)
		}
	}
	now = now.Add(fresh + time.Hour)
	for more := true; more; {
		var err error
		if more, err = s.Improve(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.has(t, far); got != "[[[500000, 250000, 250000]]]" {
		t.Errorf("in the end made is %s", got)
	}
}

// What goes wrong with the store's own way is nothing to who asks.
func TestAQuestionIsAnsweredWithoutAWay(t *testing.T) {
	_, open := place(t)
	s, _ := open()
	added(t, s, 1, did(1, "u1", `{"plan":"pro"}`))
	answers(t, s, byPlan(), "[[pro 1]]")
	for _, broken := range []string{`CREATE OR REPLACE VIEW counted AS SELECT *, visitor_no + 1000000 AS person_no FROM stored`, `DROP VIEW counted`, `DROP TABLE visitors`} {
		if _, err := s.db.ExecContext(t.Context(), broken); err != nil {
			t.Fatal(err)
		}
		answers(t, s, byPlan(), "[[pro 1]]")
	}
	added(t, s, 2, did(2, "u2", `{"plan":"pro"}`))
	answers(t, s, byPlan(), "[[pro 2]]")
}

// late is a question in the middle of which something happens.
type late struct {
	explore.Trend
	happens func()
}

func (l late) By(w explore.Way) (string, error) {
	l.happens()
	return l.Trend.By(w)
}

// A column that is given to another property while a question is on its way, and numbers that are given to others, are not answered with.
func TestAWayThatChangesIsNone(t *testing.T) {
	for name, c := range map[string]struct {
		happens func(t *testing.T, s *store, later func())
		want    string
	}{
		"another property": {func(t *testing.T, s *store, later func()) {
			t.Helper()
			for n := range mostColumns {
				property := fmt.Sprintf("x%d", n)
				if n == mostColumns-1 {
					property = "other" // which the column of plan is left for
				}
				later()
				if _, err := s.wayFor(t.Context(), []string{property}); err != nil {
					t.Fatal(err)
				}
			}
		}, "[[2026-11-29 00:00:00 +0000 UTC pro 3]]"},
		"other visitors": {func(t *testing.T, s *store, _ func()) {
			t.Helper()
			if _, err := s.Forget(t.Context(), "u1"); err != nil {
				t.Fatal(err)
			}
		}, "[[2026-11-29 00:00:00 +0000 UTC pro 2]]"},
	} {
		t.Run(name, func(t *testing.T) {
			_, open := place(t)
			s, _ := open()
			now := noon()
			s.opts.Now = func() time.Time { return now }
			for n := range uint64(3) {
				added(t, s, n+1, did(n+1, fmt.Sprintf("u%d", n+1), `{"plan":"pro","other":"wrong"}`))
			}
			given := 0
			table, err := s.Query(t.Context(), analytics.Query{Question: late{byPlan(), func() {
				given = s.gave(0)
				c.happens(t, s, func() { now = now.Add(time.Minute) })
				given = s.gave(0) - given
			}}})
			if got := fmt.Sprint(table.Rows); err != nil || got != c.want {
				t.Errorf("the answer is %s, not %s (%v)", got, c.want, err)
			}
			if given == 0 {
				t.Error("nothing was given to others")
			}
		})
	}
}

// Who asks while another writes for long leaves when they have had enough.
func TestAQuestionDoesNotWaitForEver(t *testing.T) {
	_, open := place(t)
	s, _ := open()
	added(t, s, 1, did(1, "u1", `{"plan":"pro"}`))
	err := s.Write(t.Context(), func(*sql.Conn) error {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, err := s.Query(ctx, analytics.Query{Question: byPlan()})
		return err
	}, nil)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the question ends with %v", err)
	}
}

// Questions, appends and what is made for questions meet.
func TestAWayIsMadeWhileItGrows(t *testing.T) {
	_, open := place(t)
	s, _ := open()
	var wg sync.WaitGroup
	wg.Go(func() {
		for seq := uint64(1); seq <= 60; seq++ {
			if err := s.Append(t.Context(), analytics.Batch{Rows: []analytics.Row{did(seq, fmt.Sprintf("u%d", seq), `{"plan":"pro"}`)}, Through: seq}); err != nil {
				t.Error(err)
				return
			}
			if _, err := s.Improve(t.Context()); err != nil {
				t.Error(err)
			}
		}
	})
	for asker := range 2 {
		wg.Go(func() {
			for n := range 30 {
				q := byPlan()
				if n%10 == 9 {
					q.Split = fmt.Sprintf("other%d", asker*10+n)
				}
				if _, err := s.Query(t.Context(), analytics.Query{Question: q}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	answers(t, s, byPlan(), "[[pro 60]]")
}
