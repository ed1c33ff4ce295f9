package analyticstest

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/slipwayhq/slipway/internal/analytics"
	"github.com/slipwayhq/slipway/internal/pure/capture"
	"github.com/slipwayhq/slipway/internal/pure/explore"
)

func (w *world) explored(q explore.Question, want string) {
	w.t.Helper()
	for how, rows := range w.bothWays(q) {
		if got := strings.TrimSpace(fmt.Sprint(rows)); got != want {
			w.t.Errorf("%+v (%s)\n got %s\nwant %s", q, how, got, want)
		}
	}
}

// bothWays answers a question by the SQL that people are shown, and by the store's own way.
func (w *world) bothWays(q explore.Question) map[string][][]any {
	w.t.Helper()
	sql, err := q.SQL()
	must(w.t, err)
	own, err := w.store("shop").Query(w.t.Context(), analytics.Query{SQL: sql, Question: q})
	must(w.t, err)
	return map[string][][]any{"by the SQL that is shown": w.ask("shop", sql), "by the store's own way": own.Rows}
}

// day is the span of the suite's day, and the one behind it.
func day() explore.Scope {
	return explore.Scope{Span: explore.Span{From: noon().Truncate(24 * time.Hour), To: noon().Truncate(24 * time.Hour).Add(48 * time.Hour)}}
}

func with(r analytics.Row, properties string) analytics.Row {
	r.Properties = []byte(properties)
	return r
}

func countsOverTime(_ *testing.T, w *world) {
	anonymous := with(row(7, 600, "bought", ""), `{"price":"1e2","$plan":"pro"}`)
	anonymous.Anonymous = "a1"
	login := row(8, 601, "", "u1")
	login.Kind, login.Anonymous = capture.Identify, "a1"
	staging := row(9, 602, "bought", "u9")
	staging.Environment = "staging"
	around := row(10, 603, "viewed", "u2")
	around.Context, around.Release = []byte(`{"page":{"path":"/a'b"}}`), "rel_1"
	w.append("shop", analytics.Batch{Rows: []analytics.Row{
		with(row(1, 0, "bought", "u1"), `{"price":10,"$plan":"pro"}`), with(row(2, 1, "bought", "u2"), `{"price":20.5,"$plan":"free"}`), with(row(3, 59, "bought", "u1"), `{"price":"none","$plan":"pro"}`),
		with(row(4, 61, "bought", "u3"), `{"price":-5}`), row(5, 62, "viewed", "u1"), with(row(6, 12*60, "bought", "u1"), `{"price":1}`), anonymous, login, staging, around,
	}, Through: 10})
	production := day()
	production.Environment = "production"
	bought := explore.Selection{Event: "bought"}
	w.explored(explore.Trend{Scope: production, Selection: bought, Measure: "events", Interval: "day"}, "[[2026-11-29 00:00:00 +0000 UTC 6]]") // 00:00 less a second
	w.explored(explore.Trend{Scope: production, Selection: bought, Measure: "events", Interval: "hour"},
		"[[2026-11-29 11:00:00 +0000 UTC 1] [2026-11-29 12:00:00 +0000 UTC 2] [2026-11-29 13:00:00 +0000 UTC 1] [2026-11-29 21:00:00 +0000 UTC 1] [2026-11-29 23:00:00 +0000 UTC 1]]")
	berlin := production
	berlin.Zone = "Asia/Tokyo"
	w.explored(explore.Trend{Scope: berlin, Selection: bought, Measure: "visitors", Interval: "day"}, "[[2026-11-29 00:00:00 +0000 UTC 3] [2026-11-30 00:00:00 +0000 UTC 1]]")
	w.explored(explore.Trend{Scope: day(), Selection: bought, Measure: "visitors", Interval: "week"}, "[[2026-11-23 00:00:00 +0000 UTC 4]]")
	w.explored(explore.Trend{Scope: production, Selection: bought, Measure: "sum", Of: "price", Interval: "month"}, "[[2026-11-01 00:00:00 +0000 UTC 126.5]]")
	w.explored(explore.Trend{Scope: production, Selection: bought, Measure: "events", Interval: "month", Split: "$plan"},
		"[[2026-11-01 00:00:00 +0000 UTC (none) 2] [2026-11-01 00:00:00 +0000 UTC free 1] [2026-11-01 00:00:00 +0000 UTC pro 3]]")
	w.explored(explore.Trend{Scope: production, Selection: bought, Measure: "visitors", Interval: "month", Split: "$plan"},
		"[[2026-11-01 00:00:00 +0000 UTC (none) 2] [2026-11-01 00:00:00 +0000 UTC free 1] [2026-11-01 00:00:00 +0000 UTC pro 1]]")
	w.explored(explore.Trend{Scope: production, Selection: bought, Measure: "average", Of: "price", Interval: "month", Split: "$plan"},
		"[[2026-11-01 00:00:00 +0000 UTC (none) -2] [2026-11-01 00:00:00 +0000 UTC free 20.5] [2026-11-01 00:00:00 +0000 UTC pro 55]]")
	for condition, want := range map[explore.Condition]string{
		{Property: "$plan", Is: "equal", Value: "pro"}: "3", {Property: "$plan", Is: "not_equal", Value: "pro"}: "3", {Property: "$plan", Is: "set"}: "4", {Property: "price", Is: "not_set"}: "0",
		{Property: "price", Is: "more", Value: "10"}: "2", {Property: "price", Is: "less", Value: "1.5"}: "2", {Property: "$plan", Is: "contains", Value: "r"}: "4", {Property: "event.user", Is: "equal", Value: "u1"}: "3",
	} {
		w.explored(explore.Trend{Scope: production, Selection: explore.Selection{Event: "bought", Where: []explore.Condition{condition}}, Measure: "events", Interval: "month"},
			map[bool]string{true: "[]", false: "[[2026-11-01 00:00:00 +0000 UTC " + want + "]]"}[want == "0"])
	}
	w.explored(explore.Top{Scope: day(), Property: "context.page.path", Limit: 5}, "[[(none) 9 4] [/a'b 1 1]]")
	w.explored(explore.Top{Scope: day(), Selection: bought, Property: "event.environment", Limit: 5}, "[[production 6 3] [staging 1 1]]")
	w.explored(explore.Top{Scope: day(), Property: "event.release", Selection: explore.Selection{Where: []explore.Condition{{Property: "event.release", Is: "set"}}}, Limit: 5}, "[[rel_1 1 1]]")
	odd := with(row(11, 2, "odd", "u1"), `{"*":"all","a/b":"slash","a~b":"tilde","$.x":"path","~1":"escape","":"empty","Plan":"upper","plan":"lower"}`)
	w.append("shop", analytics.Batch{Rows: []analytics.Row{odd}, Through: 11})
	for name, want := range map[string]string{"*": "all", "a/b": "slash", "a~b": "tilde", "$.x": "path", "~1": "escape", "Plan": "upper", "plan": "lower"} {
		w.explored(explore.Top{Scope: day(), Selection: explore.Selection{Event: "odd"}, Property: name, Limit: 5}, "[["+want+" 1 1]]")
	}
	timeline, err := explore.Timeline{Visitor: "a1", Limit: 3}.SQL()
	must(w.t, err)
	w.answers("shop", "SELECT name, user_id, anonymous_id FROM ("+timeline+") AS t ORDER BY time DESC", "[[bought u1 <nil>] [ u1 a1] [bought <nil> a1]]")
}

// Of events at one time, none is left out between two pages, and none comes twice, also when one came late.
func turnsPagesOfATimeline(_ *testing.T, w *world) {
	var some []analytics.Row
	for seq := uint64(1); seq <= 7; seq++ {
		some = append(some, row(seq, 10, "clicked", "u1"))
	}
	some = append(some, row(8, 10, "clicked", "u2"), row(9, 11, "clicked", "u1"), row(10, 9, "clicked", "u1"))
	w.append("shop", analytics.Batch{Rows: some, Through: 10})
	behind, pages := uint64(0), []string{}
	for len(pages) < 5 {
		sql, err := explore.Timeline{Visitor: "u1", Behind: behind, Limit: 3}.SQL()
		must(w.t, err)
		page := w.ask("shop", "SELECT seq FROM ("+sql+") AS t ORDER BY time DESC, seq DESC")
		pages = append(pages, fmt.Sprint(page))
		if len(page) < 3 {
			break
		}
		last, ok := page[2][0].(int64)
		if !ok {
			w.t.Fatalf("%v has no sequence", page[2])
		}
		behind = uint64(last)
	}
	if got := strings.Join(pages, " "); got != "[[9] [7] [6]] [[5] [4] [3]] [[2] [1] [10]] []" {
		w.t.Errorf("the pages are %s", got)
	}
}

func splitsTheMostFrequent(_ *testing.T, w *world) {
	var some []analytics.Row
	for value := range 14 {
		for range value + 1 {
			some = append(some, with(row(uint64(len(some)+1), 1, "bought", "u1"), fmt.Sprintf(`{"v":"v%02d"}`, value)))
		}
	}
	w.append("shop", analytics.Batch{Rows: some, Through: uint64(len(some))})
	var want []string
	const month = "2026-11-01 00:00:00 +0000 UTC"
	want = append(want, "["+month+" (others) 10]")
	for value := 4; value < 14; value++ {
		want = append(want, fmt.Sprintf("[%s v%02d %d]", month, value, value+1))
	}
	w.explored(explore.Trend{Scope: day(), Selection: explore.Selection{Event: "bought"}, Measure: "events", Interval: "month", Split: "v"}, "["+strings.Join(want, " ")+"]")
}

// follows is the funnel by the book: each beginning is tried.
func follows(steps []string, within time.Duration, events []analytics.Row) (reached []int) {
	reached = make([]int, len(steps))
	people := map[string][]analytics.Row{}
	for _, e := range events {
		people[e.User] = append(people[e.User], e)
	}
	for _, theirs := range people {
		best := 0
		for i, begin := range theirs {
			if begin.Name != steps[0] {
				continue
			}
			done := 1
			for _, e := range theirs[i+1:] {
				if done < len(steps) && e.Name == steps[done] && e.Time.Sub(begin.Time) <= within {
					done++
				}
			}
			best = max(best, done)
		}
		for k := range best {
			reached[k]++
		}
	}
	return reached
}

func followsFunnels(t *testing.T, w *world) {
	rng := rand.New(rand.NewPCG(1, 2))
	var some []analytics.Row
	for seq := uint64(1); seq <= 2000; seq++ {
		some = append(some, row(seq, int(seq)/3, []string{"viewed", "added", "paid", "viewed", "other"}[rng.IntN(5)], fmt.Sprintf("u%d", rng.IntN(150))))
	}
	w.append("shop", analytics.Batch{Rows: some, Through: 2000})
	for _, steps := range [][]string{{"viewed", "added"}, {"viewed", "added", "paid"}, {"viewed", "viewed", "viewed"}, {"paid", "other", "viewed", "added"}, {"nobody", "viewed"}} {
		for _, within := range []int{60, 600, 3600, 24 * 3600} {
			q := explore.Funnel{Scope: day(), Within: within}
			for _, name := range steps {
				q.Steps = append(q.Steps, explore.Selection{Event: name})
			}
			want := follows(steps, time.Duration(within)*time.Second, some)
			answers := w.bothWays(q)
			for how, got := range answers {
				for k, n := range want {
					if got[k][1] != int64(n) || got[k][0] != int64(k+1) {
						t.Errorf("%v within %d s: step %d is reached by %v, not %d, %s", steps, within, k+1, got[k], n, how)
					}
					if took, ok := got[k][2].(float64); k > 0 && n > 0 && (!ok || took < 0 || took > float64(within)) {
						t.Errorf("%v within %d s: step %d takes %v %s", steps, within, k+1, got[k][2], how)
					}
				}
			}
			if diff := cmp.Diff(answers["by the SQL that is shown"], answers["by the store's own way"], cmpopts.EquateApprox(1e-9, 0)); diff != "" {
				t.Errorf("%v within %d s: the ways differ: %s", steps, within, diff)
			}
		}
	}
}

func knowsWhoComesBack(_ *testing.T, w *world) {
	w.append("shop", analytics.Batch{Rows: []analytics.Row{
		row(1, 0, "signed", "u1"), row(2, 1, "signed", "u2"), row(3, 24*60, "viewed", "u1"), row(4, 24*60+1, "viewed", "u1"), row(5, 24*60, "signed", "u3"), row(6, 24*60+3, "viewed", "u3"), row(7, -24*60, "viewed", "u2"),
	}, Through: 7})
	scope := day()
	scope.From = scope.From.Add(-48 * time.Hour)
	w.explored(explore.Retention{Scope: scope, First: explore.Selection{Event: "signed"}, Back: explore.Selection{Event: "viewed"}, Interval: "day"},
		"[[2026-11-29 00:00:00 +0000 UTC 2 2026-11-30 00:00:00 +0000 UTC 1] [2026-11-30 00:00:00 +0000 UTC 1 2026-11-30 00:00:00 +0000 UTC 1]]")
}
