package question_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/db/dbtest"
	"github.com/slipwayhq/slipway/internal/decide/question"
	"github.com/slipwayhq/slipway/internal/fault"
)

func named(name, kind, q string) question.SavedQuestion {
	return question.SavedQuestion{Name: name, Kind: kind, Question: []byte(q)}
}

const trend = `{"event": "bought", "last": "30d"}`

func TestQuestionsAreSavedChangedAndRemoved(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := question.New(d)
		first, err := s.Save(t.Context(), "person:ana", "shop", "weekly meeting", named(" Orders ", "trend", trend))
		if err != nil || first.Revision != 1 || first.Name != "Orders" || first.SavedBy != "person:ana" || first.SavedAt.IsZero() || !first.ChangedAt.Equal(first.SavedAt) || string(first.Question) != `{"event":"bought","last":"30d"}` {
			t.Fatalf("%+v, %v", first, err)
		}
		if _, err := s.Save(t.Context(), "person:bo", "shop", "", named("Orders", "sql", `{"sql":"SELECT 1"}`)); !fault.Is(err, fault.CodeConflict) {
			t.Errorf("a second one of the same name: %v", err)
		}
		if _, err := s.Save(t.Context(), "person:bo", "blog", "", named("Orders", "sql", `{"sql":"SELECT 1"}`)); err != nil {
			t.Errorf("of another app: %v", err)
		}
		second, err := s.Save(t.Context(), "person:bo", "shop", "", named("A SELECT", "sql", `{"sql":"SELECT 1"}`))
		if err != nil {
			t.Fatal(err)
		}
		change := first
		change.Name, change.Question = "Orders by plan", []byte(`{"event":"bought","last":"7d","split":"plan"}`)
		changed, err := s.Change(t.Context(), "person:bo", "shop", "", change)
		if err != nil || changed.Revision != 2 || changed.SavedBy != "person:ana" || changed.ChangedBy != "person:bo" {
			t.Errorf("%+v, %v", changed, err)
		}
		if got, err := s.Find(t.Context(), "shop", first.ID); err != nil || fmt.Sprint(got) != fmt.Sprint(changed) {
			t.Errorf("%+v, %v, not %+v", got, err, changed)
		}
		if _, err := s.Change(t.Context(), "person:bo", "shop", "", change); !fault.Is(err, fault.CodeConflict) {
			t.Errorf("a change of what was: %v", err)
		}
		second.Name = "Orders by plan"
		if _, err := s.Change(t.Context(), "person:bo", "shop", "", second); !fault.Is(err, fault.CodeConflict) {
			t.Errorf("the name of another one: %v", err)
		}
		if all, err := s.List(t.Context(), "shop"); err != nil || len(all) != 2 || all[0].Name != "A SELECT" || all[1].Name != "Orders by plan" {
			t.Errorf("%+v, %v", all, err)
		}
		if err := s.Remove(t.Context(), "person:bo", "shop", first.ID, "", 1); !fault.Is(err, fault.CodeConflict) {
			t.Errorf("removed as it was: %v", err)
		}
		if err := s.Remove(t.Context(), "person:bo", "blog", first.ID, "", 2); !fault.Is(err, fault.CodeNotFound) {
			t.Errorf("removed from another app: %v", err)
		}
		if err := s.Remove(t.Context(), "person:bo", "shop", first.ID, "nobody asks", 2); err != nil {
			t.Error(err)
		}
		if _, err := s.Find(t.Context(), "shop", first.ID); !fault.Is(err, fault.CodeNotFound) {
			t.Errorf("it is there: %v", err)
		}
		told(t, d)
	})
}

// told checks that each change has its event, and its row in the audit.
func told(t *testing.T, d *db.DB) {
	t.Helper()
	read := func(sql string) string {
		rows, err := d.Query(t.Context(), sql)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		var all []string
		for rows.Next() {
			var a, b string
			if err := rows.Scan(&a, &b); err != nil {
				t.Fatal(err)
			}
			all = append(all, a+" "+b)
		}
		return strings.Join(all, ", ")
	}
	if got := read(`SELECT action, target FROM access_audit WHERE app = 'shop' ORDER BY seq`); got != "question.saved Orders, question.saved A SELECT, question.changed Orders by plan, question.removed Orders by plan" {
		t.Errorf("the audit has: %s", got)
	}
	if got := read(`SELECT type, app FROM events WHERE app = 'shop' ORDER BY seq`); got != "question.saved shop, question.saved shop, question.saved shop, question.removed shop" {
		t.Errorf("the log has: %s", got)
	}
}

func TestWhatCannotBeAskedIsNotSaved(t *testing.T) {
	s := question.New(dbtest.SQLite(t, db.Options{}))
	for _, c := range []struct{ name, kind, question, says string }{
		{" ", "trend", trend, "body.name"},
		{strings.Repeat("ä", 101), "trend", trend, "body.name"},
		{"a\nb", "trend", trend, "body.name"},
		{"a", "top", trend, "body.kind"},
		{"a", "trend", `7`, "body.question"},
		{"a", "trend", `{`, "body.question"},
		{"a", "sql", `{"sql":" "}`, "body.question.sql"},
		{"a", "sql", `{}`, "body.question.sql"},
		{"a", "sql", `{"sql":"` + strings.Repeat("x", 120_000) + `"}`, "body.question"},
		{"a", "trend", `{"last":"soon"}`, "body.question.last"},
		{"a", "trend", `{"evnt":"bought","last":"7d"}`, `"evnt"`},
		{"a", "trend", `{"last":"7d","zone":"Mars/Base"}`, "body.question.zone"},
		{"a", "trend", `{"last":"7d","measure":"sum"}`, "body.question.of"},
		{"a", "funnel", `{"last":"7d","steps":[{"event":"a"},{}]}`, "body.question.steps[1]"},
	} {
		_, err := s.Save(t.Context(), "person:ana", "shop", "", named(c.name, c.kind, c.question))
		var f *fault.Error
		if !fault.Is(err, fault.CodeInvalid) || !errors.As(err, &f) || !strings.Contains(f.Field+" "+fault.Message(err), c.says) {
			t.Errorf("%.20s %s %.60s: %v (%+v), which is not about %s", c.name, c.kind, c.question, err, f, c.says)
		}
	}
}

func TestASavedQuestionIsAboutTheTimeItIsAsked(t *testing.T) {
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	asked, err := named("a", "trend", trend).Ask(now)
	if err != nil {
		t.Fatal(err)
	}
	sql, err := asked.SQL()
	if err != nil || !strings.Contains(sql, "2026-10-30 12:00:00") || !strings.Contains(sql, "2026-11-29 12:00:00") || !strings.Contains(sql, "count(*)") {
		t.Errorf("%s, %v", sql, err)
	}
}
