//go:build cgo

package duck

import (
	"database/sql"
	"encoding/json"
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

// However many properties are asked for, the table does not grow wider than it may.
func TestColumnsAreBounded(t *testing.T) {
	_, open := place(t)
	s, _ := open()
	added(t, s, 1, did(1, "u1", `{"p120":"x"}`))
	var all []string
	for n := range mostColumns + 30 {
		all = append(all, fmt.Sprintf("p%d", n))
	}
	way, err := s.wayFor(t.Context(), all)
	if err != nil || len(way.Columns) != mostColumns {
		t.Errorf("%d columns (%v)", len(way.Columns), err)
	}
	q := byPlan()
	q.Split = "p120"
	answers(t, s, q, "[[x 1]]")
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
