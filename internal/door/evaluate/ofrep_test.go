package evaluate

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/db/dbtest"
	"github.com/slipwayhq/slipway/internal/decide/flag"
)

// bulkAnswer is the answer to all flags, as a client reads it.
type bulkAnswer struct {
	Flags []struct {
		Key, Reason, Variant string
		Value                any
		Metadata             map[string]any
	}
	EventStreams []struct {
		Type     string
		Endpoint struct{ Origin, RequestURI string }
		Inactive int `json:"inactivityDelaySec"`
	}
}

func (b bulkAnswer) of(t *testing.T, name string) (value any, reason, variant string) {
	t.Helper()
	for _, f := range b.Flags {
		if f.Key == name {
			return f.Value, f.Reason, f.Variant
		}
	}
	t.Fatalf("no %s in %+v", name, b)
	return nil, "", ""
}

func TestReasons(t *testing.T) {
	w := newWorld(t)
	yes := true
	w.make("fixed", "0", "")
	for name, rules := range map[string]string{
		"targeted": `[{"id": "us", "condition": {"country": "US"}, "force": 1}]`,
		"share":    `[{"id": "half", "force": 1, "coverage": 1}, {"id": "other", "condition": {"country": "US"}, "force": 2}]`,
		"range":    `[{"force": 1, "range": [0, 1]}]`,
		"mixed":    `[{"condition": {"country": "FR"}, "force": 1}, {"force": 1, "coverage": 1}]`,
		"test":     `[{"key": "exp", "variations": [1, 2], "weights": [1, 0], "meta": [{"key": "control"}, {"key": "new"}]}]`,
		"gated":    `[{"parentConditions": [{"id": "fixed", "condition": {"value": 5}, "gate": true}]}]`,
	} {
		w.make(name, "0", rules)
	}
	off := w.make("off", "0", `[{"force": 1}]`)
	w.set(off, "production", flag.State{Off: json.RawMessage("7"), Rules: json.RawMessage(`[{"force": 1}]`)})
	gone := w.make("gone", "0", "")
	w.set(gone, "production", flag.State{})
	for name, a := range map[string]*flag.Audience{"everyone": {Everyone: &yes}, "some": {Percent: 99.9}} {
		f, err := w.flags.Create(t.Context(), ana, "", flag.Flag{App: "shop", Kind: flag.Rules, Name: name})
		if err != nil {
			t.Fatal(err)
		}
		w.set(f, "production", flag.State{On: true, Audience: a})
	}
	if _, err := w.flags.Create(t.Context(), ana, "", flag.Flag{App: "shop", Kind: flag.Switch, Name: "switch"}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.flags.Create(t.Context(), ana, "", flag.Flag{App: "shop", Kind: flag.Sample, Name: "sample"}); err != nil {
		t.Fatal(err)
	}
	k := w.key(flag.Key{Kind: "server"}, false)
	const body = `{"context": {"targetingKey": "u1", "country": "US"}}`
	all := into[bulkAnswer](t, w.want(200, "POST", "/ofrep/v1/evaluate/flags", body, "Authorization", "Bearer "+k.Key))
	want := map[string]struct {
		value           any
		reason, variant string
	}{
		"targeted": {1.0, "TARGETING_MATCH", ""}, "share": {1.0, "SPLIT", ""}, "range": {1.0, "SPLIT", ""}, "mixed": {1.0, "TARGETING_MATCH", ""}, "test": {1.0, "SPLIT", "control"}, "gated": {nil, "UNKNOWN", ""},
		"fixed": {0.0, "STATIC", ""}, "off": {7.0, "DISABLED", ""}, "gone": {nil, "DISABLED", ""}, "everyone": {true, "STATIC", ""}, "some": {true, "SPLIT", ""}, "switch": {false, "DISABLED", ""},
	}
	if len(all.Flags) != len(want) {
		t.Errorf("%+v", all.Flags)
	}
	for name, one := range want {
		if value, reason, variant := all.of(t, name); value != one.value || reason != one.reason || variant != one.variant {
			t.Errorf("%s: %v %s %q, want %+v", name, value, reason, variant, one)
		}
		r := w.want(200, "POST", "/ofrep/v1/evaluate/flags/"+name, body, "X-API-Key", k.Key)
		alone := into[struct {
			Key, Reason, Variant string
			Value                any
		}](t, r)
		if alone.Key != name || alone.Value != one.value || alone.Reason != one.reason || alone.Variant != one.variant || one.value == nil && strings.Contains(r.text, `"value"`) {
			t.Errorf("%s alone: %s", name, r.text)
		}
	}
	other := into[bulkAnswer](t, w.want(200, "POST", "/ofrep/v1/evaluate/flags", `{}`, "Authorization", "bearer "+k.Key))
	if value, reason, _ := other.of(t, "targeted"); value != 0.0 || reason != "UNKNOWN" {
		t.Errorf("whom no rule means: %v %s", value, reason)
	}
	for _, name := range []string{"nothing", "sample"} {
		r := w.want(404, "POST", "/ofrep/v1/evaluate/flags/"+name, body, "X-API-Key", k.Key)
		if f := into[failure](t, r); f.Key != name || f.Code != "FLAG_NOT_FOUND" || !strings.Contains(f.Details, name) {
			t.Errorf("%s", r.text)
		}
	}
	for _, header := range [][]string{nil, {"X-API-Key", "sfk_nobodys"}, {"Authorization", "Bearer "}, {"Authorization", "Basic " + k.Key}} {
		if r := w.want(401, "POST", "/ofrep/v1/evaluate/flags/targeted", body, header...); into[failure](t, r).Details == "" || r.Header.Get("WWW-Authenticate") == "" {
			t.Errorf("%v: %s", header, r.text)
		}
	}
}

// Flags that are for servers alone are not evaluated for browsers.
func TestBrowsersAskForTheirsOnly(t *testing.T) {
	w := newWorld(t)
	f := w.make("secret", "1", "")
	if _, err := w.flags.SetAbout(t.Context(), ana, "shop", f.ID, "", f.Revision, flag.About{Type: "json", Server: true}); err != nil {
		t.Fatal(err)
	}
	k := w.key(flag.Key{Kind: "client"}, false)
	w.want(404, "POST", "/ofrep/v1/evaluate/flags/secret", "{}", "X-API-Key", k.Key)
	if r := w.want(200, "POST", "/ofrep/v1/evaluate/flags", "{}", "X-API-Key", k.Key); strings.Contains(r.text, "secret") {
		t.Errorf("%s", r.text)
	}
	w.want(200, "POST", "/ofrep/v1/evaluate/flags/secret", "{}", "X-API-Key", w.key(flag.Key{Kind: "server"}, false).Key)
}

func TestTargetingKeyIsTheID(t *testing.T) {
	w := newWorld(t)
	w.make("id", "0", `[{"condition": {"id": "u1"}, "force": 1}, {"condition": {"targetingKey": "u1"}, "force": 2}]`)
	k := w.key(flag.Key{Kind: "server"}, false)
	for body, want := range map[string]int{
		`{"context": {"targetingKey": "u1"}}`: 1, `{"context": {"targetingKey": "u1", "id": "u2"}}`: 2, `{"context": {"id": "u1"}}`: 1, `{"context": {"targetingKey": null}}`: 0, `{"context": null}`: 0,
	} {
		if e := into[struct{ Value int }](t, w.want(200, "POST", "/ofrep/v1/evaluate/flags/id", body, "X-API-Key", k.Key)); e.Value != want {
			t.Errorf("%s is %d", body, e.Value)
		}
	}
}

// An ETag is that of flags and visitor: clients keep theirs when the visitor changes.
func TestETagOfFlagsAndVisitor(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := on(t, d)
		f := w.make("a", "0", `[{"condition": {"plan": "pro"}, "force": 1}]`)
		k := w.key(flag.Key{Kind: "client"}, false)
		const free, pro = `{"context": {"targetingKey": "u1", "plan": "free"}}`, `{"context": {"targetingKey": "u1", "plan": "pro"}}`
		ask := func(status int, body, etag string) reply {
			t.Helper()
			return w.want(status, "POST", "/ofrep/v1/evaluate/flags", body, "X-API-Key", k.Key, "If-None-Match", etag)
		}
		first := ask(200, free, "")
		etag := first.Header.Get("ETag")
		if !strings.Contains(first.Header.Get("Access-Control-Expose-Headers"), "ETag") {
			t.Errorf("pages cannot read it: %v", first.Header)
		}
		if r := ask(304, free, etag); r.text != "" || r.Header.Get("ETag") != etag {
			t.Errorf("304 with %q, %s", r.text, r.Header.Get("ETag"))
		}
		if value, _, _ := into[bulkAnswer](t, ask(200, pro, etag)).of(t, "a"); value != 1.0 {
			t.Errorf("the other visitor gets %v", value)
		}
		w.set(f, "staging", flag.State{On: true})
		ask(304, free, etag)
		f = w.set(f, "production", flag.State{On: true, Default: json.RawMessage("0")})
		next := ask(200, free, etag)
		// Off and on with the same value is told: the reason is another one.
		w.set(f, "production", flag.State{Off: json.RawMessage("0")})
		if _, reason, _ := into[bulkAnswer](t, ask(200, free, next.Header.Get("ETag"))).of(t, "a"); reason != "DISABLED" {
			t.Errorf("%s", reason)
		}
	})
}

func TestStreamOfRefetches(t *testing.T) {
	w := newWorld(t)
	f := w.make("a", "0", "")
	k := w.key(flag.Key{Kind: "server"}, false)
	b := into[bulkAnswer](t, w.want(200, "POST", "/ofrep/v1/evaluate/flags", "{}", "X-API-Key", k.Key))
	if len(b.EventStreams) != 1 || b.EventStreams[0].Type != "sse" || b.EventStreams[0].Inactive != 120 || b.EventStreams[0].Endpoint.Origin != "" || strings.Contains(b.EventStreams[0].Endpoint.RequestURI, k.Key) {
		t.Fatalf("%+v", b.EventStreams)
	}
	path := b.EventStreams[0].Endpoint.RequestURI
	l := w.listen(path, "")
	w.change(&f, "1")
	m := l.must("message") // and nothing before it: the answer was up to date
	data := into[struct{ Type, ETag, LastModified string }](t, reply{text: m.data})
	changed, err := time.Parse(time.RFC3339Nano, data.LastModified)
	if err != nil || data.Type != "refetchEvaluation" || data.ETag == "" || time.Since(changed) > time.Hour {
		t.Errorf("%s", m.data)
	}
	w.want(200, "POST", "/ofrep/v1/evaluate/flags?flagConfigEtag="+data.ETag+"&flagConfigLastModified="+data.LastModified, "{}", "X-API-Key", k.Key)
	if missed := w.listen(path, ""); missed.must("message").data != m.data { // it changed between answer and stream
		t.Error("a change between answer and stream is not told")
	}
	back := w.listen(path, m.id) // which counts more than what the address says
	w.change(&f, "2")
	if next := back.must("message"); next.data == m.data {
		t.Errorf("who was up to date is told %s", next.data)
	}
	w.want(401, "GET", "/ofrep/v1/streams/shop/fky_nobodys", "")
	w.want(401, "GET", "/ofrep/v1/streams/blog/"+k.ID, "")
	turned, err := w.flags.ChangeKey(t.Context(), ana, "shop", k.ID, "turned", "")
	if err != nil {
		t.Fatal(err)
	}
	w.listen(path, "")
	if _, err := w.flags.ChangeKey(t.Context(), ana, "shop", turned.ID, "stopped", ""); err != nil {
		t.Fatal(err)
	}
	w.want(403, "GET", path, "")
}

// A client that was told of a change by one server is not answered by another one with what was before.
func TestServersThatAreBehind(t *testing.T) {
	d := dbtest.SQLite(t, db.Options{})
	ahead, behind := on(t, d), on(t, d)
	f := ahead.make("a", "0", "")
	k := ahead.key(flag.Key{Kind: "server"}, false)
	behind.key(flag.Key{Kind: "client"}, false) // so that this server reads the keys
	if _, err := behind.flags.Set(t.Context(), "shop", "production"); err != nil {
		t.Fatal(err)
	}
	l := ahead.listen("/ofrep/v1/streams/shop/"+k.ID, "")
	l.must("message")
	ahead.change(&f, "1")
	data := into[struct{ ETag, LastModified string }](t, reply{text: l.must("message").data})
	query := "?flagConfigEtag=%22" + data.ETag + "%22&flagConfigLastModified=" + data.LastModified
	ask := func(query string) any {
		value, _, _ := into[bulkAnswer](t, behind.want(200, "POST", "/ofrep/v1/evaluate/flags"+query, "{}", "X-API-Key", k.Key)).of(t, "a")
		return value
	}
	if value := ask(""); value != 0.0 {
		t.Fatalf("this server is not behind: %v", value)
	}
	if value := ask(query); value != 0.0 { // which it is still after a while
		t.Errorf("%v", value)
	}
	told := make(chan error)
	go func() { // received below
		time.Sleep(50 * time.Millisecond)
		told <- behind.flags.Load(t.Context(), "shop")
	}()
	if value := ask(query); value != 1.0 {
		t.Errorf("the client gets %v", value)
	}
	if err := <-told; err != nil {
		t.Error(err)
	}
	if value := ask("?flagConfigLastModified=" + "1771622898"); value != 1.0 {
		t.Errorf("%v", value)
	}
	if at := moment("1771622898"); at.Unix() != 1771622898 || !moment("nonsense").IsZero() || !moment("").IsZero() {
		t.Errorf("%v", at)
	}
}
