package events_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/analytics"
	"github.com/slipwayhq/slipway/internal/decide/track"
	"github.com/slipwayhq/slipway/internal/door/api"
	"github.com/slipwayhq/slipway/internal/door/events"
)

// answers waits until a question of SQL has an answer: what was taken is stored a moment later.
func (w *world) answers(sql, want string) {
	w.t.Helper()
	body, err := json.Marshal(events.SQL{SQL: sql, Limit: 1000})
	if err != nil {
		w.t.Fatal(err)
	}
	var got string
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		var a events.Answer
		w.do("POST", "/v1/apps/shop/events/sql", adminToken, string(body)).into(w.t, &a)
		if got = fmt.Sprint(a.Rows); got == want {
			return
		}
	}
	w.t.Fatalf("%s is answered with %s, not %s", sql, got, want)
}

func TestFailedEventsAreRepaired(t *testing.T) {
	w := open(t)
	dan, vera := w.person("dan", "shop", access.Deployer), w.person("vera", "shop", access.Viewer)
	var src track.Source
	w.do("POST", "/v1/apps/shop/sources", dan, `{"name":"web"}`).into(t, &src)
	for _, body := range []string{
		`{"writeKey":"` + src.Key + `","event":"bought","user_id":"u1","messageId":"m1"}`, `{"writeKey":"` + src.Key + `","event":"bought","user_id":"u2"}`,
		`{"writeKey":"` + src.Key + `","userId":"u3"}`, `{"writeKey":"` + src.Key + `","event":"bought","userId":"u4"}`,
	} {
		refused(t, w.do("POST", "/v1/track", "", body), 200)
	}
	w.answers(`SELECT (SELECT count(*) FROM failed), (SELECT count(*) FROM events)`, "[[3 1]]")

	var list api.List[analytics.Failed]
	w.do("GET", "/v1/apps/shop/events/failed?limit=2", vera, "").into(t, &list)
	if len(list.Items) != 2 || list.Items[0].Reason != "no_user" || list.Items[0].Dialect != "segment" || list.Items[0].Kind != "track" || list.Next == "" {
		t.Errorf("%+v", list)
	}
	var rest api.List[analytics.Failed]
	w.do("GET", "/v1/apps/shop/events/failed?limit=2&after="+list.Next, vera, "").into(t, &rest)
	if len(rest.Items) != 1 || rest.Items[0].Reason != "no_name" || rest.Next != "" {
		t.Errorf("%+v", rest)
	}

	repair := func(body string) (r events.Repaired) {
		t.Helper()
		w.do("POST", "/v1/apps/shop/events/failed/repair", dan, body).into(t, &r)
		return r
	}
	const program = `if .user_id then .userId = .user_id | del(.user_id) else empty end`
	tried := repair(`{"program":"` + program + `","try":true}`)
	if tried.Repaired != 2 || tried.Left != 1 || !strings.Contains(string(tried.Results[0].Event), `"id":"m1"`) || !strings.Contains(string(tried.Results[0].Item), `"userId":"u1"`) {
		t.Errorf("tried: %+v", tried)
	}
	w.answers(`SELECT (SELECT count(*) FROM failed WHERE state = 'open'), (SELECT count(*) FROM events)`, "[[3 1]]")
	if done := repair(`{"program":"` + program + `"}`); done.Repaired != 2 || done.Left != 1 {
		t.Errorf("done: %+v", done)
	}
	w.answers(`SELECT user_id, name, kind, source = '`+src.ID+`' FROM events ORDER BY user_id`, "[[u1 bought track true] [u2 bought track true] [u4 bought track true]]")
	if again := repair(`{"program":"` + program + `"}`); again.Repaired != 0 || again.Left != 1 {
		t.Errorf("again: %+v", again)
	}
	// As after a crash between the events and the mark.
	store, err := w.engine.Store(t.Context(), "shop")
	if err != nil {
		t.Fatal(err)
	}
	all, err := store.Failed(t.Context(), analytics.FailedFilter{State: analytics.Repaired})
	if err != nil || len(all) != 2 {
		t.Fatal(all, err)
	}
	if _, err := store.Mark(t.Context(), []uint64{all[0].Sequence, all[1].Sequence}, analytics.Open, time.Now()); err != nil {
		t.Fatal(err)
	}
	if redone := repair(`{"program":"` + program + `"}`); redone.Repaired != 2 {
		t.Errorf("redone: %+v", redone)
	}
	refused(t, w.do("POST", "/v1/track", "", `{"writeKey":"`+src.Key+`","event":"last","userId":"u9"}`), 200)
	w.answers(`SELECT count(*) FILTER (WHERE name = 'bought'), count(*) FILTER (WHERE name = 'last') FROM events`, "[[3 1]]")

	var gone struct{ Dropped int }
	w.do("POST", "/v1/apps/shop/events/failed/drop", dan, `{"reason":"no_name"}`).into(t, &gone)
	var counts struct{ Items []analytics.FailedCount }
	w.do("GET", "/v1/apps/shop/events/failed/counts", vera, "").into(t, &counts)
	if gone.Dropped != 1 || len(counts.Items) != 2 || counts.Items[0].State != analytics.Dropped || counts.Items[1].State != analytics.Repaired || counts.Items[1].Count != 2 {
		t.Errorf("dropped %d: %+v", gone.Dropped, counts)
	}
	var audit api.List[access.Entry]
	w.do("GET", "/v1/audit", adminToken, "").into(t, &audit)
	actions := ""
	for _, e := range audit.Items {
		if strings.HasPrefix(e.Action, "events.") && e.Actor == "person:dan" && e.App == "shop" {
			actions += e.Action + " "
		}
	}
	if actions != "events.drop events.repair events.repair events.repair " { // what was only tried has none
		t.Errorf("the audit has %s", actions)
	}
	refused(t, w.do("POST", "/v1/apps/shop/events/failed/repair", vera, `{"program":"."}`), 403)
	refused(t, w.do("POST", "/v1/apps/shop/events/failed/drop", vera, `{}`), 403)
}

func TestProgramsThatDoNotRepair(t *testing.T) {
	w := open(t)
	var src track.Source
	w.do("POST", "/v1/apps/shop/sources", adminToken, `{"name":"web"}`).into(t, &src)
	refused(t, w.do("POST", "/v1/track", "", `{"writeKey":"`+src.Key+`","event":"bought"}`), 200)
	w.answers(`SELECT count(*) FROM failed`, "[[1]]")
	for program, says := range map[string]string{
		`.`: "userId", `error(\"no\")`: "no", `., .`: "several", `1`: "is a number; send one JSON object", `def f: f; f`: "longer than", `env`: "userId",
	} {
		var r events.Repaired
		w.do("POST", "/v1/apps/shop/events/failed/repair", adminToken, `{"program":"`+program+`"}`).into(t, &r)
		if r.Failed != 1 || len(r.Results) != 1 || !strings.Contains(r.Results[0].Message, says) {
			t.Errorf("%s: %+v, which does not say %q", program, r, says)
		}
	}
	for body, says := range map[string]string{`{"program":".a |"}`: "not jq", `{"program":"nothing"}`: "cannot be run", `{"program":"input"}`: "cannot be run", `{"program":".","sequences":[9]}`: "no failed event 9"} {
		r := w.do("POST", "/v1/apps/shop/events/failed/repair", adminToken, body)
		if r.StatusCode < 400 || r.StatusCode >= 500 || !strings.Contains(string(r.body), says) {
			t.Errorf("%s: %d %s", body, r.StatusCode, r.body)
		}
	}
}
