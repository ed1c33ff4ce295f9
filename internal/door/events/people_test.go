package events_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/analytics"
	"github.com/slipwayhq/slipway/internal/decide/track"
	"github.com/slipwayhq/slipway/internal/door/api"
	"github.com/slipwayhq/slipway/internal/door/events"
	"github.com/slipwayhq/slipway/internal/pure/capture"
)

// sender sends events of one source, as clients do.
func (w *world) sender() func(events ...string) {
	w.t.Helper()
	var src track.Source
	w.do("POST", "/v1/apps/shop/sources", adminToken, `{"name":"web"}`).into(w.t, &src)
	return func(events ...string) {
		w.t.Helper()
		refused(w.t, w.do("POST", "/v1/batch", src.Key, `{"batch":[`+strings.Join(events, ",")+`]}`), 200)
	}
}

// has waits until a question about the stored events has an answer.
func (w *world) has(sql, want string) {
	w.t.Helper()
	got := ""
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		store, err := w.engine.Store(w.t.Context(), "shop")
		if err != nil {
			w.t.Fatal(err)
		}
		table, err := store.Query(w.t.Context(), analytics.Query{SQL: sql})
		if err != nil {
			continue // it is being dropped
		}
		if got = fmt.Sprint(table.Rows); got == want {
			return
		}
	}
	w.t.Errorf("%s: %s, not %s", sql, got, want)
}

// logHolds is the last sequence of the log: what is written nowhere does not move it.
func (w *world) logHolds() uint64 {
	w.t.Helper()
	_, last, err := w.log.EventsHeld(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return last
}

func did(name, user, anonymous string) string {
	who := ""
	if user != "" {
		who += `,"userId":"` + user + `"`
	}
	if anonymous != "" {
		who += `,"anonymousId":"` + anonymous + `"`
	}
	return `{"type":"track","event":"` + name + `"` + who + `}`
}

const names = `SELECT coalesce(string_agg(name, ' ' ORDER BY seq), '') FROM events`

func TestUsersAreForgotten(t *testing.T) {
	w := open(t)
	dan, vera := w.person("dan", "shop", access.Deployer), w.person("vera", "shop", access.Viewer)
	send := w.sender()
	send(did("before", "", "a1"), did("as-old", "old@id", "a2"), `{"type":"alias","userId":"u/1","previousId":"old@id"}`, did("known", "u/1", "a1"), did("late", "", "a1"), did("old-device", "", "a2"))
	send(did("other", "u2", "a1"), did("stranger", "", "a3"), `{"type":"track","userId":"u/1"}`, `{"type":"track","userId":"u2"}`)
	const path = "/v1/apps/shop/events/people/u%2F1"
	w.has(`SELECT count(*) FROM events`, "[[8]]")

	refused(t, w.do("GET", path+"/export", vera, ""), 403)
	export := w.do("GET", path+"/export", dan, "")
	refused(t, export, 200)
	lines := strings.Split(strings.TrimSpace(string(export.body)), "\n")
	var who track.Person
	if err := json.Unmarshal([]byte(lines[0]), &who); err != nil || fmt.Sprint(who) != "{u/1 [old@id] [a1 a2 old@id]}" {
		t.Errorf("%v, %v", who, err)
	}
	var exported []string
	for _, line := range lines[1:] {
		var e struct{ Name, Kind string }
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		exported = append(exported, e.Kind+" "+e.Name)
	}
	if got := strings.Join(exported, ", "); got != "track before, track as-old, alias , track known, track late, track old-device" {
		t.Errorf("exported: %s", got)
	}

	refused(t, w.do("GET", path, vera, ""), 403)
	var known events.KnownPerson
	w.do("GET", path, dan, "").into(t, &known)
	if known.Events != 6 || known.Failed != 1 || fmt.Sprint(known.Aliases, known.Anonymous) != "[old@id] [a1 a2 old@id]" || known.First.IsZero() || known.Last.Before(known.First) {
		t.Errorf("%+v", known)
	}
	w.do("GET", path+"?keep_aliases=true", dan, "").into(t, &known)
	if known.Events != 4 || len(known.Aliases) != 0 {
		t.Errorf("without aliases: %+v", known)
	}
	known = events.KnownPerson{}
	w.do("GET", "/v1/apps/shop/events/people/nobody", dan, "").into(t, &known)
	if known.Events != 0 || known.Failed != 0 || !known.First.IsZero() || known.Anonymous == nil {
		t.Errorf("nobody: %+v", known)
	}

	refused(t, w.do("POST", path+"/forget", vera, `{}`), 403)
	var f track.Forgotten
	w.do("POST", path+"/forget", dan, `{"suppress":true,"reason":"asked by letter"}`).into(t, &f)
	if f.Removed == nil || *f.Removed != 6 || f.User != "u/1" || fmt.Sprint(f.Aliases, f.Anonymous) != "[old@id] [a1 a2 old@id]" || !f.Suppressed {
		t.Errorf("%+v", f)
	}
	w.has(names, "[[other stranger]]")
	w.has(`SELECT count(*) FROM failed`, "[[1]]")

	held := w.logHolds()
	send(did("again", "u/1", ""), did("again", "", "a1"), did("again", "old@id", ""), `{"type":"track","userId":"u/1"}`) // taken, as far as the sender knows
	if now := w.logHolds(); now != held {
		t.Errorf("the log went on from %d to %d", held, now)
	}
	send(did("same-device", "u2", "a1"))
	w.has(names, "[[other stranger same-device]]")
	var list api.List[track.Forgotten]
	w.do("GET", "/v1/apps/shop/events/suppressed", vera, "").into(t, &list)
	if len(list.Items) != 1 || list.Items[0].Dropped != 4 || list.Items[0].By != "person:dan" {
		t.Errorf("%+v", list.Items)
	}

	// A store that begins anew is filled from the log, which has all of it.
	if err := w.engine.Drop(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	send(did("after", "u2", ""))
	w.has(names, "[[other stranger same-device after]]")
	w.has(`SELECT count(*) FROM failed`, "[[1]]")

	refused(t, w.do("DELETE", "/v1/apps/shop/events/suppressed/u%2F1", vera, ""), 403)
	refused(t, w.do("DELETE", "/v1/apps/shop/events/suppressed/u%2F1", dan, ""), 204)
	refused(t, w.do("DELETE", "/v1/apps/shop/events/suppressed/u%2F1", dan, ""), 404)
	send(did("back", "u/1", ""))
	w.has(names, "[[other stranger same-device after back]]")
	if err := w.engine.Drop(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	send(did("end", "u2", ""))
	w.has(names, "[[other stranger same-device after back end]]")

	w.do("POST", path+"/forget", dan, `{}`).into(t, &f) // a second time: what came since
	if f.Removed == nil || *f.Removed != 1 || fmt.Sprint(f.Aliases, f.Anonymous) != "[old@id] [a1 a2 old@id]" || f.Suppressed {
		t.Errorf("%+v", f)
	}
	w.has(names, "[[other stranger same-device after end]]")
}

func TestAliasesAreLeftWhereOneSaysSo(t *testing.T) {
	w := open(t)
	send := w.sender()
	send(did("as-old", "old", ""), `{"type":"alias","userId":"new","previousId":"old"}`, did("as-new", "new", ""))
	w.has(`SELECT count(*) FROM events`, "[[3]]")
	var f track.Forgotten
	w.do("POST", "/v1/apps/shop/events/people/new/forget", adminToken, `{"keep_aliases":true}`).into(t, &f)
	if f.Removed == nil || *f.Removed != 2 || len(f.Aliases) != 0 {
		t.Errorf("%+v", f)
	}
	w.has(names, "[[as-old]]")
}

// An id may be a number, or be written with escapes.
func TestFailedEventsAreTheirsHoweverTheyAreWritten(t *testing.T) {
	w := open(t)
	send := w.sender()
	for range 45 {
		send(`{"type":"track","userId":4711}`, `{"type":"track","userId":"Zo\u00eb"}`, `{"type":"track","userId":47110}`)
	}
	w.has(`SELECT count(*) FROM failed`, "[[135]]")
	var known events.KnownPerson
	for _, user := range []string{"4711", "Zo%C3%AB"} {
		w.do("GET", "/v1/apps/shop/events/people/"+user, adminToken, "").into(t, &known)
		if known.Failed != 45 {
			t.Errorf("%s is named by %d failed events, not 45", user, known.Failed)
		}
	}
	var f track.Forgotten
	w.do("POST", "/v1/apps/shop/events/people/4711/forget", adminToken, `{}`).into(t, &f)
	w.has(`SELECT count(*), sum(CASE WHEN raw LIKE '%47110%' THEN 1 ELSE 0 END) FROM failed`, "[[90 45]]")
}

// read is what the log says of the shop behind a sequence, as "name of user" or "failed".
func (w *world) read(token, query string) (told []string, next uint64) {
	w.t.Helper()
	var part events.LogPart
	w.do("GET", "/v1/log?app=shop"+query, token, "").into(w.t, &part)
	for _, e := range part.Items {
		told = append(told, saysOf(w.t, e.Type, e.Data))
	}
	return told, part.Next
}

func saysOf(t *testing.T, kind string, data []byte) string {
	t.Helper()
	var ev capture.Event
	if err := json.Unmarshal(data, &ev); err != nil {
		t.Error(err)
	}
	if kind == "failed" {
		return kind
	}
	return ev.Name + " of " + ev.User + ev.Anonymous
}

// The log holds seven days of all that came, and is read by everybody who may see the app.
func TestTheLogAndItsTailLeaveOutWhoIsForgotten(t *testing.T) {
	w := open(t)
	vera := w.person("vera", "shop", access.Viewer)
	send := w.sender()
	send(did("before", "", "a1"), did("known", "u1", "a1"), `{"type":"track","userId":"u1"}`, `{"type":"track","userId":"u2","properties":{"friend":"u1"}}`, did("seen", "u2", ""), `{"type":"track","userId":"u2"}`)
	if told, next := w.read(vera, ""); len(told) != 6 || next != 6 {
		t.Fatalf("%v, %d", told, next)
	}
	w.has(`SELECT count(*) FROM events`, "[[3]]")
	refused(t, w.do("POST", "/v1/apps/shop/events/people/u1/forget", adminToken, `{}`), 200)
	w.has(`SELECT count(*) FROM failed`, "[[1]]")
	if told, next := w.read(vera, ""); fmt.Sprint(told, next) != "[seen of u2 failed] 6" {
		t.Errorf("the log says %v, and goes on behind %d", told, next)
	}
	if told, next := w.read(vera, "&limit=2"); fmt.Sprint(told, next) != "[] 2" { // the next part begins behind those that are left out
		t.Errorf("a part of the log that is left out is %v, and goes on behind %d", told, next)
	}
	send(did("again", "u1", "")) // a new beginning
	if told, _ := w.read(vera, ""); fmt.Sprint(told) != "[seen of u2 failed again of u1]" {
		t.Errorf("the log says %v", told)
	}
	req, err := http.NewRequestWithContext(t.Context(), "GET", w.http.URL+"/v1/apps/shop/events/tail?after=0", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+vera)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var told []string
	kind := ""
	for lines := bufio.NewScanner(res.Body); len(told) < 3 && lines.Scan(); {
		if rest, is := strings.CutPrefix(lines.Text(), "event: "); is {
			kind = rest
		}
		if rest, is := strings.CutPrefix(lines.Text(), "data: "); is {
			told = append(told, saysOf(t, kind, []byte(rest)))
		}
	}
	if fmt.Sprint(told) != "[seen of u2 failed again of u1]" {
		t.Errorf("the tail says %v", told)
	}
	// A store that begins anew has no more than the log shows.
	if err := w.engine.Drop(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	send(did("after", "u2", ""))
	w.has(names, "[[seen again after]]")
	w.has(`SELECT count(*) FROM failed`, "[[1]]")
}
