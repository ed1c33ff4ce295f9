package api

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/slipwayhq/slipway/internal/access"
)

func TestStreamResumesAndFilters(t *testing.T) {
	w := open(t)
	vera := w.person("vera", "shop", access.Viewer)
	live := w.stream("", vera)
	next(t, live, ": stream")
	w.want(200, "POST", "/v1/apps", `{"name":"shoes"}`)
	w.want(200, "POST", "/v1/apps", `{"name":"shop"}`)
	id := next(t, live, "id: ")
	if got := next(t, live, "event: "); got != "app.created" {
		t.Errorf("first event %s", got)
	}
	if data := next(t, live, "data: "); !strings.Contains(data, `"app":"shop"`) || !strings.Contains(data, `"position":`+id) {
		t.Errorf("vera sees %s", data)
	}
	if got := next(t, live, "event: "); got != "environment.created" {
		t.Errorf("second event %s", got)
	}
	resumed := w.stream("", vera, "Last-Event-ID", id)
	if got := next(t, resumed, "event: "); got != "environment.created" {
		t.Errorf("resumed with %s", got)
	}
	w.server.Tick(Tick{App: "shoes", Rollout: "rol_1", Second: 1})
	w.server.Tick(Tick{App: "shop", Rollout: "rol_2", Second: 2})
	if got := next(t, live, "event: "); got != "tick" {
		t.Errorf("a tick came as %s", got)
	}
	if data := next(t, live, "data: "); data != `{"rollout":"rol_2","second":2}` {
		t.Errorf("tick %s", data)
	}
	var all List[json.RawMessage]
	w.want(200, "GET", "/v1/events?limit=1", "").into(t, &all)
	if len(all.Items) != 1 || all.Next == "" {
		t.Errorf("events %v %q", all.Items, all.Next)
	}
}

func TestStreamsEndWithTheServer(t *testing.T) {
	w := open(t)
	lines := w.stream("", adminToken)
	next(t, lines, ": stream")
	w.stop()
	for lines.Scan() {
	}
	if err := lines.Err(); err != nil {
		t.Errorf("the stream was cut off: %v", err)
	}
}

func TestHealthAndMetrics(t *testing.T) {
	w := open(t)
	if r := w.do("GET", "/livez", "", ""); r.StatusCode != 200 {
		t.Errorf("livez %d", r.StatusCode)
	}
	if r := w.do("GET", "/readyz", "", ""); r.StatusCode != 200 || !strings.Contains(string(r.body), `{"name":"spare","ok":true}`) {
		t.Errorf("readyz %d %s", r.StatusCode, r.body)
	}
	w.want(200, "GET", "/v1/apps", "")
	w.do("BREW", "/v1/apps", "", "")
	text := string(w.do("GET", "/metrics", "", "").body)
	for _, want := range []string{
		`slipway_http_requests_total{code="200",method="GET",route="/v1/apps"} 1`, `method="other"`, `slipway_builds{state="queued"} 3`,
		"slipway_events_waiting 0", `slipway_build_info{version="test"} 1`, "go_goroutines",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("metrics have no %s", want)
		}
	}
}

func TestUI(t *testing.T) {
	w := open(t)
	for _, path := range []string{"/", "/apps/shop", "/apps/shop/rollouts/rol_1", "/login"} {
		r := w.do("GET", path, "", "")
		if r.StatusCode != 200 || !strings.Contains(string(r.body), "UI") || r.Header.Get("Cache-Control") != "no-cache" {
			t.Errorf("%s: %d %s %v", path, r.StatusCode, r.body, r.Header)
		}
		if csp := r.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "script-src 'self';") || !strings.Contains(csp, "frame-ancestors 'none'") {
			t.Errorf("policy %s", csp)
		}
	}
	r := w.do("GET", "/assets/app-1234.js", "", "")
	if r.StatusCode != 200 || !strings.Contains(r.Header.Get("Cache-Control"), "immutable") || !strings.HasPrefix(r.Header.Get("Content-Type"), "text/javascript") {
		t.Errorf("asset %d %v", r.StatusCode, r.Header)
	}
	if r := w.do("GET", "/", "", "", "If-None-Match", w.do("GET", "/", "", "").Header.Get("ETag")); r.StatusCode != 304 {
		t.Errorf("unchanged page: %d", r.StatusCode)
	}
}

func TestDescription(t *testing.T) {
	w := open(t)
	var spec struct {
		OpenAPI    string
		Paths      map[string]map[string]struct{ OperationID, Summary string }
		Components struct {
			Schemas map[string]struct{ Properties map[string]json.RawMessage }
		}
	}
	w.do("GET", "/openapi.json", "", "").into(t, &spec)
	if spec.OpenAPI != "3.1.0" {
		t.Errorf("OpenAPI %s", spec.OpenAPI)
	}
	ids := map[string]bool{}
	for path, item := range spec.Paths {
		for method, op := range item {
			if op.Summary == "" || ids[op.OperationID] {
				t.Errorf("%s %s: id %q, summary %q", method, path, op.OperationID, op.Summary)
			}
			ids[op.OperationID] = true
		}
	}
	for name, s := range spec.Components.Schemas {
		if _, ok := s.Properties["$schema"]; ok {
			t.Errorf("%s has a $schema", name)
		}
	}
	if _, ok := spec.Components.Schemas["ErrorModel"].Properties["errors"]; !ok {
		t.Error("problems are not described")
	}
	if _, ok := spec.Components.Schemas["App"].Properties["environments"]; !ok {
		t.Error("an app has no environments")
	}
	page := w.do("GET", "/docs", "", "")
	if page.StatusCode != 200 || strings.Contains(string(page.body), "//") && strings.Contains(string(page.body), "https://") {
		t.Errorf("docs %d %s", page.StatusCode, page.body)
	}
	for _, file := range []string{"/docs/docs.js", "/docs/docs.css"} {
		if r := w.do("GET", file, "", ""); r.StatusCode != 200 {
			t.Errorf("%s: %d", file, r.StatusCode)
		}
	}
	if r := w.do("GET", "/docs/../api.go", "", ""); strings.Contains(string(r.body), "package api") {
		t.Error("the docs serve the source")
	}
}
