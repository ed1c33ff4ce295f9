package events_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/door/events"
	"github.com/slipwayhq/slipway/internal/journal"
	"github.com/slipwayhq/slipway/internal/pure/capture"
)

// patience is how long a test waits for what must happen before it gives up.
const patience = 60 * time.Second

var noon = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

// tell writes events of an app, a minute apart, and waits until they are stored. Each is "user name".
func (w *world) tell(app string, told ...string) (last uint64) {
	w.t.Helper()
	var records []journal.Record
	for i, text := range told {
		user, name, _ := strings.Cut(text, " ")
		at := noon.Add(time.Duration(i) * time.Minute)
		raw, err := json.Marshal(capture.Event{ID: fmt.Sprint(text, i), App: app, Environment: "production", Kind: capture.Track, Name: name, User: user, Time: at, Received: at, Properties: json.RawMessage(`{"n":1}`)})
		if err != nil {
			w.t.Fatal(err)
		}
		records = append(records, journal.Record{Subject: app + ".event", Data: raw})
	}
	last, err := w.log.AppendEvents(w.t.Context(), records...)
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	if err := w.feeder.WaitFor(ctx, last); err != nil {
		w.t.Fatalf("not stored: %v, %+v", err, w.feeder.Behind())
	}
	return last
}

const span = `"from":"2026-11-29T00:00:00Z","to":"2026-11-30T00:00:00Z"`

func TestQuestions(t *testing.T) {
	w := open(t)
	vera := w.person("vera", "shop", access.Viewer)
	last := w.tell("shop", "u1 viewed", "u1 paid", "u2 viewed", "u3 viewed", "u3 paid")
	for path, c := range map[string]struct{ body, want string }{
		"trend":     {`{` + span + `,"event":"viewed"}`, `[["2026-11-29T00:00:00Z",3]]`},
		"trend?":    {`{` + span + `,"measure":"visitors","interval":"hour","split":"event.name"}`, `[["2026-11-29T12:00:00Z","paid",2],["2026-11-29T12:00:00Z","viewed",3]]`},
		"funnel":    {`{` + span + `,"steps":[{"event":"viewed"},{"event":"paid"}]}`, `[[1,3,null],[2,2,60]]`},
		"retention": {`{` + span + `,"interval":"day"}`, `[["2026-11-29T00:00:00Z",3,"2026-11-29T00:00:00Z",3]]`},
		"top":       {`{` + span + `,"property":"n"}`, `[["1",5,3]]`},
		"timeline":  {`{"visitor":"u3","limit":1}`, `[[5,"2026-11-29T12:04:00Z","track","paid","production",null,"u3",null,"{\"n\":1}",null]]`},
		"timeline?": {`{"visitor":"u3","before_sequence":5}`, `[[4,"2026-11-29T12:03:00Z","track","viewed","production",null,"u3",null,"{\"n\":1}",null]]`},
		"sql":       {`{"sql":"SELECT name, count(*) AS n FROM events GROUP BY 1 ORDER BY 1"}`, `[["paid",2],["viewed",3]]`},
	} {
		var a events.Answer
		r := w.do("POST", "/v1/apps/shop/events/"+strings.TrimSuffix(path, "?"), vera, c.body)
		r.into(t, &a)
		if rows, err := json.Marshal(a.Rows); err != nil || string(rows) != c.want {
			t.Errorf("%s %s\n got %s (%v)\nwant %s\n%s", path, c.body, rows, err, c.want, a.SQL)
		}
		if a.SQL == "" || len(a.Columns) == 0 || a.Stored != last {
			t.Errorf("%s: %+v", path, a)
		}
		var again events.Answer
		sql, err := json.Marshal(map[string]string{"sql": a.SQL})
		if err != nil {
			t.Fatal(err)
		}
		w.do("POST", "/v1/apps/shop/events/sql", vera, string(sql)).into(t, &again)
		if fmt.Sprint(again.Rows) != fmt.Sprint(a.Rows) {
			t.Errorf("%s: its SQL asked by a person is answered with %v, not %v", path, again.Rows, a.Rows)
		}
	}
}

func TestQuestionsThatCannotBeAnswered(t *testing.T) {
	w := open(t)
	vera, otto := w.person("vera", "shop", access.Viewer), w.person("otto", "blog", access.Viewer)
	for _, c := range []struct {
		path, body, says string
		status           int
	}{
		{"trend", `{` + span + `,"measure":"sum"}`, "body.of", 422},
		{"trend", `{"from":"2026-11-29T00:00:00Z","to":"2026-11-28T00:00:00Z"}`, "body.to", 422},
		{"trend", `{` + span + `,"zone":"Mars/Base"}`, "body.zone", 422},
		{"funnel", `{` + span + `,"steps":[{"event":"a"},{"event":"b","where":[{"property":"x","is":"more","value":"y"}]}]}`, "body.steps[1].where[0].value", 422},
		{"funnel", `{` + span + `,"steps":[{"event":"a"}]}`, "steps", 422},
		{"sql", `{"sql":"DELETE FROM events"}`, "only one SELECT", 422},
		{"sql", `{"sql":"SELECT nothing FROM events"}`, "nothing", 422},
		{"sql", `{"sql":"SELECT * FROM read_text('/etc/passwd')"}`, "cannot be reached", 422},
	} {
		r := w.do("POST", "/v1/apps/shop/events/"+c.path, vera, c.body)
		refused(t, r, c.status)
		if !strings.Contains(string(r.body), c.says) {
			t.Errorf("%s %s: %s, which does not say %q", c.path, c.body, r.body, c.says)
		}
	}
	refused(t, w.do("POST", "/v1/apps/shop/events/sql", otto, `{"sql":"SELECT 1"}`), 404)
}

func TestTheLogIsReadByCursor(t *testing.T) {
	w := open(t)
	refused(t, w.do("POST", "/v1/apps", adminToken, `{"name":"blog"}`), 200)
	vera, all := w.person("vera", "shop", access.Viewer), w.person("ada", "*", access.Viewer)
	w.tell("shop", "u1 a", "u1 b")
	w.tell("blog", "u1 c")
	w.tell("shop", "u1 d")
	read := func(token, query string) (names []string, next uint64) {
		var p events.LogPart
		w.do("GET", "/v1/log"+query, token, "").into(t, &p)
		for _, e := range p.Items {
			var ev capture.Event
			if err := json.Unmarshal(e.Data, &ev); err != nil || ev.App != e.App || e.Type != "event" {
				t.Errorf("%+v: %v", e, err)
			}
			names = append(names, ev.Name)
		}
		return names, p.Next
	}
	for query, want := range map[string]string{"?app=shop": "[a b d] 4", "?app=shop&after=1&limit=1": "[b] 2", "?app=shop&after=2": "[d] 4", "?app=blog&after=3": "[] 4", "?app=shop&after=4": "[] 4"} {
		names, next := read(adminToken, query)
		if got := fmt.Sprint(names, next); got != want {
			t.Errorf("%s: %s, not %s", query, got, want)
		}
	}
	if names, next := read(all, "?after=1"); fmt.Sprint(names, next) != "[b c d] 4" {
		t.Errorf("all apps: %v, %d", names, next)
	}
	if names, _ := read(vera, "?app=shop"); len(names) != 3 {
		t.Errorf("who may see the shop reads %v", names)
	}
	refused(t, w.do("GET", "/v1/log", vera, ""), 404)
	refused(t, w.do("GET", "/v1/log?app=blog", vera, ""), 404)
	refused(t, w.do("GET", "/v1/log?app=shop&after=99", vera, ""), 422)
	got := make(chan string)
	go func() {
		names, _ := read(adminToken, "?app=shop&after=4&wait=50")
		got <- fmt.Sprint(names)
	}()
	w.tell("shop", "u1 late")
	if names := <-got; names != "[late]" {
		t.Errorf("who waits gets %s", names)
	}
}

func TestTheTailIsResumed(t *testing.T) {
	w := open(t)
	vera := w.person("vera", "shop", access.Viewer)
	w.tell("shop", "u1 before")
	tail := func(query string, headers ...string) *bufio.Scanner {
		req, err := http.NewRequestWithContext(t.Context(), "GET", w.http.URL+"/v1/apps/shop/events/tail"+query, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+vera)
		for i := 0; i < len(headers); i += 2 {
			req.Header.Set(headers[i], headers[i+1])
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { res.Body.Close() })
		if res.StatusCode != 200 || res.Header.Get("Content-Type") != "text/event-stream" {
			t.Fatal(res.Status)
		}
		return bufio.NewScanner(res.Body)
	}
	next := func(s *bufio.Scanner) (id, name string) {
		for s.Scan() {
			if rest, ok := strings.CutPrefix(s.Text(), "id: "); ok {
				id = rest
			}
			if rest, ok := strings.CutPrefix(s.Text(), "data: "); ok {
				var ev capture.Event
				if err := json.Unmarshal([]byte(rest), &ev); err != nil {
					t.Fatal(err)
				}
				return id, ev.Name
			}
		}
		t.Fatalf("the stream ended: %v", s.Err())
		return "", ""
	}
	now, all, paid, hers := tail(""), tail("?after=0"), tail("?name=paid"), tail("?user=u2&kind=track&environment=production")
	w.tell("shop", "u1 viewed", "u2 paid")
	if id, name := next(now); id != "2" || name != "viewed" {
		t.Errorf("from now on: %s %s", id, name)
	}
	if _, name := next(all); name != "before" {
		t.Errorf("from the beginning: %s", name)
	}
	if _, name := next(paid); name != "paid" {
		t.Errorf("by name: %s", name)
	}
	if _, name := next(hers); name != "paid" {
		t.Errorf("by user: %s", name)
	}
	if id, name := next(tail("", "Last-Event-ID", "2")); id != "3" || name != "paid" {
		t.Errorf("behind 2: %s %s", id, name)
	}
	gone := tail("", "Last-Event-ID", "4000") // of a log that is no more
	w.tell("shop", "u1 next")
	if id, name := next(gone); id != "4" || name != "next" {
		t.Errorf("behind what the log does not have: %s %s", id, name)
	}
	next(tail("?after=3"))
	for _, c := range []struct {
		path, token string
		status      int
		says        string
	}{
		{"shop/events/tail?after=x", vera, 422, "the sequence of an event"},
		{"shop/events/tail?after=5", vera, 422, "the log ends at 4"},
		{"shop/events/tail?after=5", "", 401, ""}, // who may not look is not told where the log ends
		{"blog/events/tail?after=5", vera, 404, ""},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second) // a stream would not end
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, "GET", w.http.URL+"/v1/apps/"+c.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+c.token)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		raw, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if res.StatusCode != c.status || !strings.Contains(string(raw), c.says) {
			t.Errorf("%s: %d %s", c.path, res.StatusCode, raw)
		}
	}
	refused(t, w.do("GET", "/v1/apps/blog/events/tail", vera, ""), 404)
	refused(t, w.do("GET", "/v1/apps/shop/events/tail", "", ""), 401)
}
