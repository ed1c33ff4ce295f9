// Package analyticstest is what every engine of analytics must do: one suite, that all of them pass.
package analyticstest

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/slipwayhq/slipway/internal/analytics"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/pure/capture"
)

// Opener opens an engine on what is kept under a name: twice the same name is the same place, opened again. The test closes it.
type Opener func(t *testing.T) analytics.Engine

// Run runs the suite. Each call of place makes an empty place for an engine.
func Run(t *testing.T, place func(t *testing.T) Opener) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, *world){
		"AppendsOnce": appendsOnce, "AllOrNothing": allOrNothing, "ComesBack": comesBack, "GivesBackWhatItGot": givesBack, "AppsAreApart": appsApart,
		"Asks": asks, "ReadsOnly": readsOnly, "KeepsToLimits": keepsToLimits, "ErrorsAreTheAskers": errorsAreTheAskers, "KnowsPeople": knowsPeople, "Forgets": forgets, "Retains": retains,
		"KeepsFailures": keepsFailures, "Learns": learns, "AnswersWhileItGrows": answersWhileItGrows, "TakesAnyText": takesAnyText, "AnswersNoMoreThanFits": answersNoMoreThanFits, "CountsWhatIsANumber": countsWhatIsANumber, "TakesWhatIsNoText": takesWhatIsNoText, "ForgetsHoweverTheyAreWritten": forgetsHoweverTheyAreWritten,
		"CountsOverTime": countsOverTime, "TurnsPagesOfATimeline": turnsPagesOfATimeline, "SplitsTheMostFrequent": splitsTheMostFrequent, "FollowsFunnels": followsFunnels, "KnowsWhoComesBack": knowsWhoComesBack,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &world{t: t, open: place(t)}
			w.reopen()
			test(t, w)
		})
	}
}

type world struct {
	t    *testing.T
	open Opener
	analytics.Engine
}

// reopen closes the engine, if there is one, and opens it again.
func (w *world) reopen() {
	w.t.Helper()
	if w.Engine != nil {
		must(w.t, w.Close())
	}
	w.Engine = w.open(w.t)
	engine := w.Engine
	w.t.Cleanup(func() { _ = engine.Close() })
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) store(app string) analytics.Store {
	w.t.Helper()
	s, err := w.Store(w.t.Context(), app)
	must(w.t, err)
	return s
}

func (w *world) append(app string, b analytics.Batch) {
	w.t.Helper()
	must(w.t, w.store(app).Append(w.t.Context(), b))
}

func (w *world) ask(app, sql string, args ...any) [][]any {
	w.t.Helper()
	table, err := w.store(app).Query(w.t.Context(), analytics.Query{SQL: sql, Args: args})
	if err != nil {
		w.t.Fatalf("%s: %v", sql, err)
	}
	return table.Rows
}

// answers checks an answer, written as its rows.
func (w *world) answers(app, sql, want string, args ...any) {
	w.t.Helper()
	if got := strings.TrimSpace(fmt.Sprint(w.ask(app, sql, args...))); got != want {
		w.t.Errorf("%s\n got %s\nwant %s", sql, got, want)
	}
}

func noon() time.Time { return time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC) }

// row is an event with the sequence seq, received so many minutes after noon.
func row(seq uint64, minutes int, name, user string) analytics.Row {
	at := noon().Add(time.Duration(minutes) * time.Minute)
	return analytics.Row{Sequence: seq, Event: capture.Event{
		ID: fmt.Sprintf("id-%d", seq), App: "shop", Environment: "production", Source: "src_1", Kind: capture.Track, Name: name, User: user, Time: at.Add(-time.Second), Received: at,
	}}
}

func failedAt(seq uint64, at time.Time) analytics.Failed {
	return analytics.Failed{Sequence: seq, Failed: capture.Failed{Failure: capture.Failure{Reason: capture.NoName, Message: "it has no name", Raw: []byte(`{}`)}, App: "shop", Source: "src_1", Received: at}}
}

func rows(from, to uint64) (out []analytics.Row) {
	for seq := from; seq <= to; seq++ {
		out = append(out, row(seq, int(seq), "clicked", fmt.Sprintf("u%d", seq%3)))
	}
	return out
}

func appendsOnce(t *testing.T, w *world) {
	w.append("shop", analytics.Batch{Rows: rows(1, 10), Through: 10})
	w.append("shop", analytics.Batch{Rows: rows(1, 10), Through: 10})
	w.append("shop", analytics.Batch{Rows: rows(5, 15), Through: 20})
	w.answers("shop", `SELECT count(*), count(DISTINCT seq), max(seq) FROM events`, "[[15 15 15]]")
	if at, err := w.store("shop").Position(t.Context()); at != 20 || err != nil {
		t.Errorf("the position is %d (%v), not 20", at, err)
	}
}

func comesBack(t *testing.T, w *world) {
	w.append("shop", analytics.Batch{Rows: rows(1, 10), Through: 12})
	w.reopen()
	if at, err := w.store("shop").Position(t.Context()); at != 12 || err != nil {
		t.Errorf("the position is %d (%v), not 12", at, err)
	}
	w.append("shop", analytics.Batch{Rows: rows(9, 14), Through: 14})
	w.answers("shop", `SELECT count(*), count(DISTINCT message_id) FROM events`, "[[12 12]]") // 11 and 12 were accounted for
	if size, err := w.store("shop").Size(t.Context()); size <= 0 || err != nil {
		t.Errorf("the size is %d (%v)", size, err)
	}
}

func givesBack(t *testing.T, w *world) {
	full := row(1, 0, "bought", "u1")
	full.Anonymous, full.Previous, full.Group, full.Release = "a1", "p1", "g1", "rel_1"
	full.Original = noon().Add(-time.Hour).Add(123456 * time.Microsecond)
	full.Properties, full.Context = []byte(`{"plan":"pro","n":1.5}`), []byte(`{"ip":"10.0.0.0"}`)
	next := row(2, 24*60, "seen", "u2")
	w.append("shop", analytics.Batch{Rows: []analytics.Row{full, row(3, 1, "later", "u3")}, Through: 3})
	next.Sequence = 4
	w.append("shop", analytics.Batch{Rows: []analytics.Row{next}, Through: 4})
	w.append("shop", analytics.Batch{Failed: []analytics.Failed{failedAt(5, noon().Add(24*time.Hour)), failedAt(6, noon().Add(72*time.Hour))}, Through: 6})
	days, err := w.store("shop").Days(t.Context())
	must(t, err)
	day := noon().Truncate(24 * time.Hour)
	if diff := cmp.Diff([]analytics.Day{{Day: day, Events: 2, First: 1, Last: 3}, {Day: day.Add(24 * time.Hour), Events: 1, First: 4, Last: 5}, {Day: day.Add(72 * time.Hour), First: 6, Last: 6}}, days, cmpopts.EquateApproxTime(0)); diff != "" {
		t.Error("days:", diff)
	}
	var got []analytics.Row
	must(t, w.store("shop").Read(t.Context(), 0, 3, 1, func(some []analytics.Row) error { got = append(got, some...); return nil }))
	if len(got) != 2 {
		t.Fatalf("up to 3 there are %d events, not 2", len(got))
	}
	want := full
	want.App = "" // whose store it is
	if diff := cmp.Diff(want, got[0], cmpopts.EquateApproxTime(0), cmp.Comparer(func(a, b []byte) bool { return string(a) == string(b) })); diff != "" {
		t.Error(diff)
	}
}

func appsApart(t *testing.T, w *world) {
	w.append("shop", analytics.Batch{Rows: rows(1, 3), Through: 3})
	w.append("blog", analytics.Batch{Rows: rows(4, 4), Through: 4})
	w.answers("blog", `SELECT count(*) FROM events`, "[[1]]")
	apps, err := w.Apps(t.Context())
	must(t, err)
	if fmt.Sprint(apps) != "[blog shop]" {
		t.Errorf("the apps are %v", apps)
	}
	must(t, w.Drop(t.Context(), "shop"))
	must(t, w.Drop(t.Context(), "none"))
	w.answers("shop", `SELECT count(*) FROM events`, "[[0]]")
	w.answers("blog", `SELECT count(*) FROM events`, "[[1]]")
	for _, name := range []string{"", "../x", "a/b", "a?b"} {
		if _, err := w.Store(t.Context(), name); err == nil {
			t.Errorf("a store named %q was made", name)
		}
	}
}

func asks(t *testing.T, w *world) {
	some := rows(1, 6)
	for i := range some {
		some[i].Properties = fmt.Appendf(nil, `{"plan":"%s","a.b":%d}`, []string{"free", "pro"}[i%2], i)
	}
	w.append("shop", analytics.Batch{Rows: some, Through: 6})
	w.answers("shop", `SELECT properties->>'plan', count(*), count(DISTINCT visitor) FROM events GROUP BY 1 ORDER BY 1`, "[[free 3 3] [pro 3 3]]")
	w.answers("shop", `SELECT properties->>'a.b' FROM events WHERE user_id = $1 AND seq > $2 ORDER BY seq DESC`, "[[4] [1]]", "u2", 1)
	w.answers("shop", `SELECT date_trunc('minute', time), 1.5, NULL, true, sum(seq), CAST(avg(seq) AS DOUBLE PRECISION), 'x' FROM events WHERE seq = 1 GROUP BY 1;`, "[[2026-11-29 12:00:00 +0000 UTC 1.5 <nil> true 1 1 x]]")
	w.answers("shop", "SELECT seq FROM events ORDER BY seq DESC -- the last first", "[[6] [5] [4] [3] [2] [1]]")
	table, err := w.store("shop").Query(t.Context(), analytics.Query{SQL: `SELECT seq AS number, name FROM events`, Rows: 1})
	must(t, err)
	if len(table.Columns) != 2 || table.Columns[0].Name != "number" || table.Columns[0].Type == "" {
		t.Errorf("the columns are %v", table.Columns)
	}
}

func readsOnly(t *testing.T, w *world) {
	w.append("shop", analytics.Batch{Rows: rows(1, 3), Through: 3})
	w.append("blog", analytics.Batch{Rows: rows(4, 5), Through: 5})
	for _, sql := range []string{
		`DELETE FROM events`, `UPDATE events SET name = 'x'`, `DROP TABLE events`, `CREATE TABLE t (a INT)`, `INSERT INTO position VALUES (1)`, `SELECT 1; DROP TABLE events`,
		`SELECT 1) AS a; DROP TABLE events; SELECT * FROM (SELECT 1`, `WITH x AS (DELETE FROM events RETURNING seq) SELECT * FROM x`, `COPY events TO '/tmp/x.csv'`, `SET threads = 1`,
		`SELECT * FROM read_text('/etc/passwd')`, `SELECT pg_read_file('/etc/passwd')`, `SELECT * FROM '/etc/passwd'`, `ATTACH 'blog.duckdb'`, `INSTALL httpfs`, `LOAD httpfs`, `BEGIN`, `COMMIT`, ``, `;`,
		`SELECT * FROM events_blog.events`, `SELECT * FROM slipway_blog.events`, `SELECT set_config('role', 'postgres', false), query_to_xml('SELECT * FROM slipway_blog.events', true, false, '')`,
		`SELECT lo_import('/etc/passwd')`, `PRAGMA database_list`, `CALL pragma_version()`,
	} {
		table, err := w.store("shop").Query(t.Context(), analytics.Query{SQL: sql, Foreign: true})
		if err == nil {
			t.Errorf("%q was answered with %v", sql, table.Rows)
		} else if !fault.Is(err, fault.CodeInvalid) {
			t.Errorf("%q: %v, which is not said to be the asker's", sql, err)
		}
	}
	w.answers("shop", `SELECT count(*), count(DISTINCT name) FROM events`, "[[3 1]]")
	table, err := w.store("shop").Query(t.Context(), analytics.Query{SQL: `WITH x AS (SELECT user_id FROM events) SELECT count(*) FROM x`, Foreign: true})
	must(t, err)
	if fmt.Sprint(table.Rows) != "[[3]]" {
		t.Errorf("a person's question is answered with %v", table.Rows)
	}
}

func keepsToLimits(t *testing.T, w *world) {
	w.append("shop", analytics.Batch{Rows: rows(1, 30), Through: 30})
	table, err := w.store("shop").Query(t.Context(), analytics.Query{SQL: `SELECT seq FROM events ORDER BY seq DESC`, Rows: 5})
	must(t, err)
	if !table.More || fmt.Sprint(table.Rows) != "[[30] [29] [28] [27] [26]]" {
		t.Errorf("five rows of thirty are %v, more: %t", table.Rows, table.More)
	}
	if table, err = w.store("shop").Query(t.Context(), analytics.Query{SQL: `SELECT seq FROM events`, Rows: 30}); err != nil || table.More || len(table.Rows) != 30 {
		t.Errorf("thirty rows of thirty are %d, more: %t, %v", len(table.Rows), table.More, err)
	}
	_, err = w.store("shop").Query(t.Context(), analytics.Query{
		SQL: `SELECT count(*) FROM events a, events b, events c, events d, events e, events f, events g, events h, events i WHERE a.seq + b.seq + c.seq + d.seq + e.seq = f.seq + g.seq + h.seq * i.seq`, Time: 200 * time.Millisecond,
	})
	if !fault.Is(err, fault.CodeLimited) {
		t.Errorf("what takes for ever ends with %v", err)
	}
	w.answers("shop", `SELECT count(*) FROM events`, "[[30]]")
}

func errorsAreTheAskers(t *testing.T, w *world) {
	for sql, says := range map[string]string{`SELECT nothing FROM events`: "nothing", `SELECT * FROM nowhere`: "nowhere", `SELEC 1`: "SELEC", `SELECT 1/'x'`: "x", `SELECT $1`: ""} {
		_, err := w.store("shop").Query(t.Context(), analytics.Query{SQL: sql})
		if !fault.Is(err, fault.CodeInvalid) || !strings.Contains(fault.Message(err), says) {
			t.Errorf("%q: %v, which is not invalid, or does not name %q", sql, err, says)
		}
	}
}

func knowsPeople(t *testing.T, w *world) {
	before, login, other, alias := row(1, 1, "viewed", ""), row(2, 2, "", "u1"), row(3, 3, "", "u2"), row(4, 4, "", "u3")
	before.Anonymous, login.Anonymous, other.Anonymous = "a1", "a1", "a1"
	login.Kind, other.Kind, alias.Kind, alias.Previous = capture.Identify, capture.Identify, capture.Alias, "a9"
	w.append("shop", analytics.Batch{Rows: []analytics.Row{before, login, other, alias}, Through: 4})
	w.append("shop", analytics.Batch{Rows: []analytics.Row{func() analytics.Row { r := other; r.Sequence = 5; return r }()}, Through: 5})
	w.reopen()
	w.append("shop", analytics.Batch{Rows: []analytics.Row{func() analytics.Row { r := other; r.Sequence = 6; return r }()}, Through: 6})
	w.answers("shop", `SELECT anonymous_id, user_id FROM people ORDER BY 1`, "[[a1 u1] [a9 u3]]")
	w.answers("shop", `SELECT count(DISTINCT coalesce(p.user_id, e.visitor)) FROM events e LEFT JOIN people p ON p.anonymous_id = e.visitor`, "[[3]]")
	many := make([]analytics.Row, 0, 1200)
	for seq := range uint64(1200) {
		r := row(seq+7, 5, "viewed", fmt.Sprintf("user-%d", seq))
		r.Anonymous = fmt.Sprintf("anonymous-%d", seq)
		many = append(many, r)
	}
	w.append("shop", analytics.Batch{Rows: many, Through: 1206})
	w.answers("shop", `SELECT count(*), count(DISTINCT anonymous_id) FROM people`, "[[1202 1202]]")
}

func forgets(t *testing.T, w *world) {
	before, login, after, other := row(1, 1, "viewed", ""), row(2, 2, "", "u1"), row(3, 3, "bought", "u1"), row(4, 4, "viewed", "u2")
	before.Anonymous, login.Anonymous, login.Kind = "a1", "a1", capture.Identify
	failure := analytics.Failed{Sequence: 5, Failed: capture.Failed{Failure: capture.Failure{Reason: capture.NoName, Raw: []byte(`{"userId":"u1"}`)}, Received: noon()}}
	kept := failure
	kept.Sequence, kept.Raw = 6, []byte(`{"userId":"u11","\\":1}`)
	w.append("shop", analytics.Batch{Rows: []analytics.Row{before, login, after, other}, Failed: []analytics.Failed{failure, kept}, Through: 6})
	removed, err := w.store("shop").Forget(t.Context(), "u1")
	must(t, err)
	if removed != 3 {
		t.Errorf("%d events are removed, not 3", removed)
	}
	w.answers("shop", `SELECT user_id FROM events`, "[[u2]]")
	w.answers("shop", `SELECT count(*) FROM people`, "[[0]]")
	w.answers("shop", `SELECT raw FROM failed`, `[[{"userId":"u11","\\":1}]]`)
	login.Sequence = 7
	w.append("shop", analytics.Batch{Rows: []analytics.Row{login}, Through: 7})
	w.answers("shop", `SELECT anonymous_id, user_id FROM people`, "[[a1 u1]]")
}

func retains(t *testing.T, w *world) {
	w.append("shop", analytics.Batch{Rows: []analytics.Row{row(1, -24*60, "old", "u1"), row(2, 0, "new", "u1")}, Through: 2})
	removed, err := w.store("shop").Retain(t.Context(), noon().Truncate(24*time.Hour))
	must(t, err)
	if removed != 1 {
		t.Errorf("%d events are removed, not 1", removed)
	}
	w.answers("shop", `SELECT name FROM events`, "[[new]]")
}

func keepsFailures(t *testing.T, w *world) {
	var failed []analytics.Failed
	for i, reason := range []capture.Reason{capture.NoName, capture.TooLarge, capture.NoName} {
		failed = append(failed, analytics.Failed{Sequence: uint64(i + 1), Failed: capture.Failed{
			Failure: capture.Failure{Reason: reason, Message: "because", Raw: fmt.Appendf(nil, `{"n":%d}`, i)}, Environment: "production", Source: "src_1", Received: noon(),
		}})
	}
	w.append("shop", analytics.Batch{Failed: failed, Through: 3})
	w.append("shop", analytics.Batch{Failed: failed, Through: 3})
	s := w.store("shop")
	got, err := s.Failed(t.Context(), analytics.FailedFilter{Reason: capture.NoName, Limit: 10})
	must(t, err)
	if len(got) != 2 || got[1].Sequence != 3 || string(got[1].Raw) != `{"n":2}` || got[1].State != analytics.Open || got[1].Message != "because" {
		t.Errorf("failed events are told as %+v", got)
	}
	n, err := s.Mark(t.Context(), []uint64{1, 9}, analytics.Repaired, noon().Add(time.Hour))
	must(t, err)
	again, err := s.Mark(t.Context(), []uint64{1}, analytics.Repaired, noon().Add(2*time.Hour))
	must(t, err)
	if n != 1 || again != 0 {
		t.Errorf("%d and %d were marked, not 1 and 0", n, again)
	}
	if got, err = s.Failed(t.Context(), analytics.FailedFilter{State: analytics.Open, After: 1}); err != nil || len(got) != 2 || got[0].Sequence != 2 {
		t.Errorf("open ones are %+v, %v", got, err)
	}
	counts, err := s.FailedCounts(t.Context())
	must(t, err)
	if len(counts) != 3 || counts[0].Reason != capture.NoName || counts[0].State != analytics.Open || counts[0].Count != 1 || !counts[0].Last.Equal(noon()) {
		t.Errorf("the counts are %+v", counts)
	}
}

func learns(t *testing.T, w *world) {
	learned := []analytics.Learned{
		{Kind: capture.Track, Name: "bought", First: noon(), Last: noon().Add(time.Minute), Count: 3},
		{Kind: capture.Track, Name: "bought", Property: "price", Type: "number", First: noon(), Last: noon(), Count: 2},
	}
	w.append("shop", analytics.Batch{Learned: learned, Through: 1})
	learned[0].First, learned[0].Last = noon().Add(-time.Hour), noon()
	w.append("shop", analytics.Batch{Learned: learned[:1], Through: 2})
	w.append("shop", analytics.Batch{Learned: learned[:1], Through: 2})
	got, err := w.store("shop").Learned(t.Context())
	must(t, err)
	want := []analytics.Learned{learned[0], learned[1]}
	want[0].Last, want[0].Count = noon().Add(time.Minute), 6
	if diff := cmp.Diff(want, got, cmpopts.EquateApproxTime(0)); diff != "" {
		t.Error(diff)
	}
}

func answersWhileItGrows(t *testing.T, w *world) {
	w.append("shop", analytics.Batch{Rows: rows(1, 1), Through: 1})
	var wg sync.WaitGroup
	s := w.store("shop")
	wg.Go(func() {
		for at := uint64(1); at < 1000; at += 10 {
			if err := s.Append(t.Context(), analytics.Batch{Rows: rows(at+1, at+10), Through: at + 10}); err != nil {
				t.Error(err)
			}
		}
	})
	for range 3 {
		wg.Go(func() {
			for range 50 {
				table, err := s.Query(t.Context(), analytics.Query{SQL: `SELECT count(*), max(seq) FROM events`})
				if err != nil || table.Rows[0][0] != table.Rows[0][1] {
					t.Errorf("half a batch is seen: %v, %v", table.Rows, err)
				}
			}
		})
	}
	wg.Wait()
	w.answers("shop", `SELECT count(*) FROM events`, "[[1001]]")
}

func takesAnyText(t *testing.T, w *world) {
	r := row(1, 0, `quote ' and " and \ and 🚢`, strings.Repeat("é", 1000))
	r.Time = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
	r.Properties = []byte(`{"':\"":"\\ud800 stays text","deep":[[[{"x":null}]]],"big":1e300,"long":"` + strings.Repeat("x", 30_000) + `"}`)
	old := row(2, 0, "old", "u")
	old.Time = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	w.append("shop", analytics.Batch{Rows: []analytics.Row{r, old}, Through: 2})
	w.answers("shop", `SELECT name, properties->>'big', length(properties->>'long'), properties->>$1 FROM events WHERE seq = 1`, `[[quote ' and " and \ and 🚢 1e300 30000 \ud800 stays text]]`, `':"`)
	w.answers("shop", `SELECT time FROM events ORDER BY time`, "[[0001-01-01 00:00:00 +0000 UTC] [9999-12-31 23:59:59 +0000 UTC]]")
}
