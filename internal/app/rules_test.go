package app_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/slipwayhq/slipway/internal/apptest"
)

// operation is one of /openapi.json.
type operation struct {
	method, path string
	Parameters   []struct {
		Name, In string
		Required bool
	}
	RequestBody *struct{}
	Responses   map[string]struct {
		Content map[string]struct {
			Schema struct {
				Ref string `json:"$ref"`
			}
		}
		Headers map[string]any
	}
	Security []any
}

func (o operation) String() string { return o.method + " " + o.path }

func (o operation) takes(in, name string) bool {
	for _, p := range o.Parameters {
		if p.In == in && p.Name == name {
			return true
		}
	}
	return false
}

// promises tells which of the statuses the operation does not say that it can answer.
func (o operation) lacks(statuses ...string) (missing []string) {
	for _, s := range statuses {
		if _, ok := o.Responses[s]; !ok {
			missing = append(missing, s)
		}
	}
	return missing
}

// at is the operation's path in an installation with the app shop.
func (o operation) at(env string) string {
	return strings.NewReplacer("{app}", "shop", "{env}", env, "{person}", "ana", "{build}", "bld_none", "{rollout}", "rol_none", "{release}", "rel_none",
		"{agent}", "agt_none", "{flag}", "cart", "{token}", "none", "{lease}", "none", "{group}", "api", "{key}", "api:ana").Replace(o.path)
}

// described starts a server with the app shop and the person ana, and gives its operations.
func described(t *testing.T) (*apptest.Server, []operation, map[string]map[string]any) {
	t.Helper()
	s := apptest.Start(t)
	s.Must(t, "POST", "/v1/apps", map[string]string{"name": "shop"}, nil)
	s.Must(t, "POST", "/v1/people", map[string]string{"name": "ana"}, nil)
	s.Must(t, "POST", "/v1/apps/shop/flags", map[string]string{"name": "cart"}, nil)
	s.Must(t, "POST", "/v1/apps/shop/limits", map[string]any{"group": "api", "definition": map[string]any{"kind": "ever", "amount": 1}}, nil)
	var api struct {
		Paths      map[string]map[string]operation
		Components struct {
			Schemas map[string]map[string]any
		}
	}
	s.Must(t, "GET", "/openapi.json", nil, &api)
	var all []operation
	for _, path := range slices.Sorted(maps.Keys(api.Paths)) {
		for _, method := range slices.Sorted(maps.Keys(api.Paths[path])) {
			o := api.Paths[path][method]
			o.method, o.path = strings.ToUpper(method), path
			all = append(all, o)
		}
	}
	if len(all) < 40 {
		t.Fatalf("only %d operations are described", len(all))
	}
	return s, all, api.Components.Schemas
}

// ask sends a request as the admin.
func ask(t *testing.T, s *apptest.Server, method, path, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+apptest.Token)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(text)
}

// What the design promises of every operation must be in its description.
func TestOperationsAreDescribedByTheRules(t *testing.T) {
	_, all, schemas := described(t)
	for _, o := range all {
		named := len(o.Security) > 0
		want := []string{"422", "429", "500"}
		if named {
			want = append(want, "401")
		}
		if named && o.method == "POST" {
			want = append(want, "409", "413")
			if !o.takes("header", "Idempotency-Key") {
				t.Errorf("%s takes no Idempotency-Key", o)
			}
		}
		if o.RequestBody != nil {
			want = append(want, "400", "413", "415")
		}
		if strings.Contains(o.path, "{") {
			want = append(want, "404")
		}
		edits := o.method == "PATCH" || o.method == "PUT"
		if edits && !strings.Contains(o.path, "/grants/") { // a grant says whole what holds from then on
			want = append(want, "409", "412", "428")
			if !o.takes("header", "If-Match") || o.Responses["200"].Headers["ETag"] == nil {
				t.Errorf("%s takes no If-Match, or gives no ETag", o)
			}
		}
		if missing := o.lacks(want...); missing != nil {
			t.Errorf("%s does not say that it can answer %v", o, missing)
		}
		ref := strings.TrimPrefix(o.Responses["200"].Content["application/json"].Schema.Ref, "#/components/schemas/")
		properties, _ := schemas[ref]["properties"].(map[string]any)
		if properties["next"] == nil || strings.HasSuffix(o.path, "/samples") { // of which there are some minutes
			continue
		}
		if !o.takes("query", "after") || !o.takes("query", "limit") {
			t.Errorf("%s is a list without after and limit", o)
		}
	}
}

func TestListsRefuseWhatIsNoCursor(t *testing.T) {
	s, all, _ := described(t)
	lists := 0
	for _, o := range all {
		if !o.takes("query", "after") {
			continue
		}
		lists++
		for _, after := range []string{"zzz", "-1", "%20"} {
			if res, body := ask(t, s, o.method, o.at("production")+"?after="+after, ""); res.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(body, "query.after") {
				t.Errorf("%s after=%s: %d %s", o, after, res.StatusCode, body)
			}
		}
		if res, body := ask(t, s, o.method, o.at("production")+"?limit=1", ""); res.StatusCode != http.StatusOK || !strings.Contains(body, `"items":[`) {
			t.Errorf("%s: %d %s", o, res.StatusCode, body)
		}
	}
	if lists < 10 {
		t.Errorf("there are only %d lists", lists)
	}
}

// bodies are what operations take, where {} will not do.
func bodies() map[string]string {
	return map[string]string{
		"POST /v1/apps": `{"name":"second"}`, "POST /v1/people": `{"name":"bo"}`, "POST /v1/tokens": `{"label":"x"}`, "POST /v1/join-tokens": `{"roles":["host"]}`,
		"POST /v1/apps/{app}/environments":                `{"name":"staging","branch":"next"}`,
		"POST /v1/apps/{app}/environments/{env}/freeze":   `{"reason":"x"}`,
		"POST /v1/apps/{app}/environments/{env}/unfreeze": `{"reason":"x"}`,
		"POST /v1/people/{person}/links":                  `{}`,
		"PUT /v1/apps/{app}/environments/{env}/notices":   `{"webhooks":[]}`,
	}
}

// shapes are what operations take where {} is no body, on what is not there.
func shapes() map[string]string {
	const state = `{"on":true}`
	return map[string]string{
		"POST /v1/apps/{app}/environments/{env}/evaluations":            `{"attributes":{}}`,
		"PUT /v1/apps/{app}/environments/{env}/flags/{flag}":            state,
		"POST /v1/apps/{app}/environments/{env}/flags/{flag}/plans":     state,
		"POST /v1/apps/{app}/environments/{env}/flags/{flag}/previews":  state,
		"PUT /v1/apps/{app}/environments/{env}/plans/{plan}":            state,
		"POST /v1/apps/{app}/environments/{env}/plans/{plan}/decisions": `{"decision":"approve"}`,
		"POST /v1/apps/{app}/environments/{env}/ramps/{ramp}/commands":  `{"command":"pause"}`,
		"POST /v1/apps/{app}/environments/{env}/limit-simulations":      `{"group":"api","definition":{"kind":"ever","amount":1}}`,
	}
}

func TestUnknownEnvironmentsAreNotFound(t *testing.T) {
	s, all, _ := described(t)
	asked := 0
	for _, o := range all {
		path, body := o.at("nosuch"), cmp.Or(bodies()[o.String()], shapes()[o.String()])
		if o.method == http.MethodGet && o.takes("query", "environment") {
			path += "?environment=nosuch"
		} else if !strings.Contains(o.path, "{env}") {
			continue
		}
		asked++
		if body == "" && o.method != http.MethodGet {
			body = "{}"
		}
		if res, text := ask(t, s, o.method, path, body, "If-Match", "*"); res.StatusCode != http.StatusNotFound || !strings.Contains(text, "nosuch") {
			t.Errorf("%s: %d %s", o, res.StatusCode, text)
		}
		unknown := strings.Replace(path, "/apps/shop/", "/apps/nothing/", 1)
		if res, text := ask(t, s, o.method, unknown, body, "If-Match", "*"); unknown != path && (res.StatusCode != http.StatusNotFound || !strings.Contains(text, "nothing")) {
			t.Errorf("%s of an app that is not there: %d %s", o, res.StatusCode, text)
		}
	}
	if asked < 10 {
		t.Errorf("only %d operations name an environment", asked)
	}
}

func TestEveryPostTakesEffectOnce(t *testing.T) {
	s, all, _ := described(t)
	for _, o := range all {
		if o.method != http.MethodPost || len(o.Security) == 0 {
			continue
		}
		body, takes := bodies()[o.String()]
		if !takes {
			body = "{}"
		}
		path := o.at("production")
		first, text := ask(t, s, o.method, path, body, "Idempotency-Key", o.String())
		again, same := ask(t, s, o.method, path, body, "Idempotency-Key", o.String())
		if takes && first.StatusCode/100 != 2 {
			t.Errorf("%s: %d %s", o, first.StatusCode, text)
		}
		if again.Header.Get("Idempotency-Replayed") != "true" || again.StatusCode != first.StatusCode || text != same {
			t.Errorf("%s, sent again: %d %s; first %d %s", o, again.StatusCode, same, first.StatusCode, text)
		}
		if other, _ := ask(t, s, o.method, path, body+" ", "Idempotency-Key", o.String()); other.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%s, another request by the same key: %d", o, other.StatusCode)
		}
	}
	var tokens struct{ Items []struct{ Label string } }
	s.Must(t, "GET", "/v1/tokens", nil, &tokens)
	made := slices.DeleteFunc(tokens.Items, func(t struct{ Label string }) bool { return t.Label != "x" })
	if len(made) != 1 {
		t.Errorf("a token that was asked for twice by one key was made %d times", len(made))
	}
}

// Two people edit where notices go: the second one is told.
func TestNoticesAreEditedByWhatWasSeen(t *testing.T) {
	s, _, _ := described(t)
	const path = "/v1/apps/shop/environments/production/notices"
	hook := func(url string) string {
		b, _ := json.Marshal(map[string]any{"webhooks": []any{map[string]any{"kind": "webhook", "url": url, "on": []string{"red"}}}}) // of texts
		return string(b)
	}
	res, _ := ask(t, s, "GET", path, "")
	seen := res.Header.Get("ETag")
	if seen == "" {
		t.Fatal("there is no ETag")
	}
	if res, _ := ask(t, s, "PUT", path, hook("https://a.example")); res.StatusCode != http.StatusPreconditionRequired {
		t.Errorf("without If-Match: %d", res.StatusCode)
	}
	res, text := ask(t, s, "PUT", path, hook("https://a.example"), "If-Match", seen)
	if res.StatusCode != http.StatusOK {
		t.Fatalf("by what was seen: %d %s", res.StatusCode, text)
	}
	if res, _ := ask(t, s, "PUT", path, hook("https://b.example"), "If-Match", seen); res.StatusCode != http.StatusPreconditionFailed {
		t.Errorf("by what somebody else has changed: %d", res.StatusCode)
	}
	now, body := ask(t, s, "GET", path, "")
	if now.Header.Get("ETag") != res.Header.Get("ETag") || !bytes.Contains([]byte(body), []byte("a.example")) {
		t.Errorf("%s has the ETag %s, told was %s", body, now.Header.Get("ETag"), res.Header.Get("ETag"))
	}
}

// What was just made can be worked with at once: no slice that has yet to hear of it says that it is not there.
func TestWhatWasJustMadeIsThere(t *testing.T) {
	s := apptest.Start(t)
	for i := range 10 {
		name := fmt.Sprintf("app-%d", i)
		s.Must(t, "POST", "/v1/apps", map[string]string{"name": name}, nil)
		path := "/v1/apps/" + name + "/environments"
		s.Must(t, "POST", path+"/production/freeze", map[string]string{"reason": "test"}, nil)
		s.Must(t, "POST", path, map[string]string{"name": "staging", "branch": "next"}, nil)
		s.Must(t, "POST", path+"/staging/freeze", map[string]string{"reason": "test"}, nil)
	}
}
