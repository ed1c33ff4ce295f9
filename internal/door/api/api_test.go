package api

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/slipwayhq/slipway/internal/access"
)

func TestAppsFromMakingToConfiguring(t *testing.T) {
	w := open(t)
	var app App
	w.want(200, "POST", "/v1/apps", `{"name":"shop"}`).into(t, &app)
	if app.GitURL != "http://slipway.test/git/shop.git" || app.Role != access.Admin || len(app.Environments) != 1 || app.Environments[0].URL != "http://edge.test:7080" {
		t.Errorf("app %+v", app)
	}
	w.want(409, "POST", "/v1/apps", `{"name":"shop"}`)
	w.want(422, "POST", "/v1/apps", `{"name":"Shop!"}`)
	w.want(404, "GET", "/v1/apps/shoes", "")

	const env = "/v1/apps/shop/environments/production"
	got := w.want(200, "GET", env, "")
	w.want(428, "PATCH", env, `{"domains":["shop.example.com"]}`)
	w.want(412, "PATCH", env, `{"domains":["shop.example.com"]}`, "If-Match", `"77"`)
	changed := w.want(200, "PATCH", env, `{"domains":["shop.example.com"],"reason":"go live"}`, "If-Match", got.Header.Get("ETag"))
	if changed.Header.Get("ETag") == got.Header.Get("ETag") || !strings.Contains(string(changed.body), "http://shop.example.com:7080") {
		t.Errorf("changed to %s %s", changed.Header.Get("ETag"), changed.body)
	}
	w.want(412, "PATCH", env, `{"branch":"x"}`, "If-Match", got.Header.Get("ETag"))
	w.want(200, "POST", "/v1/apps/shop/environments", `{"name":"staging","branch":"develop"}`)
	w.want(409, "POST", "/v1/apps/shop/environments", `{"name":"other","branch":"develop"}`)

	config := w.want(200, "GET", env+"/config", "")
	changed = w.want(200, "PATCH", env+"/config", `{"settings":{"COLOR":"red"},"secrets":{"PAY_KEY":"hunter2"},"reason":"start"}`, "If-Match", config.Header.Get("ETag"))
	for _, want := range []string{`"COLOR":"red"`, `"name":"PAY_KEY"`, `"reason":"start"`, `"version":1`} {
		if !strings.Contains(string(changed.body), want) {
			t.Errorf("no %s in %s", want, changed.body)
		}
	}
	refused := w.want(422, "PATCH", env+"/config", `{"secrets":{"PORT":"hunter2"}}`, "If-Match", "*")
	if strings.Contains(string(refused.body), "hunter2") || strings.Contains(w.log.String(), "hunter2") {
		t.Error("a secret was repeated")
	}
}

func TestProblemsNeverRepeatWhatWasSent(t *testing.T) {
	w := open(t)
	w.want(200, "POST", "/v1/apps", `{"name":"shop"}`)
	const path = "/v1/apps/shop/environments/production/config"
	for _, body := range []string{
		`{"secrets":{"KEY":["hunter2"]}}`, `{"secrets":"hunter2"}`, `{"hunter2`, `{"secrets":{"KEY":"hunter2"},"extra":"hunter2"}`, `"hunter2"`,
	} {
		r := w.do("PATCH", path, adminToken, body, "If-Match", "*")
		if r.StatusCode/100 != 4 || strings.Contains(string(r.body), "hunter2") {
			t.Errorf("%s answered %d %s", body, r.StatusCode, r.body)
		}
		if ct := r.Header.Get("Content-Type"); ct != "application/problem+json" {
			t.Errorf("content type %s", ct)
		}
	}
	if strings.Contains(w.log.String(), "hunter2") || strings.Contains(w.log.String(), adminToken) {
		t.Error("a secret is in the log")
	}
}

func TestEveryErrorIsAProblem(t *testing.T) {
	w := open(t)
	for _, c := range []struct {
		method, path, token, body string
		status                    int
		code                      string
	}{
		{"GET", "/v1/nothing", adminToken, "", 404, "not_found"},
		{"PUT", "/v1/apps", adminToken, "{}", 405, "method_not_allowed"},
		{"GET", "/v1/apps", "", "", 401, "unauthorized"},
		{"GET", "/v1/apps", "slt_wrong", "", 401, "unauthorized"},
		{"POST", "/v1/apps", adminToken, "{", 400, "malformed"},
		{"POST", "/v1/apps", adminToken, `{"name":1}`, 422, "invalid"},
		{"POST", "/v1/apps", adminToken, `{"name":"` + strings.Repeat("a", maxBody) + `"}`, 413, "too_large"},
		{"GET", "/v1/audit?after=x", adminToken, "", 422, "invalid"},
		{"GET", "/v1/audit?limit=100000", adminToken, "", 422, "invalid"},
		{"POST", "/somewhere", "", "", 404, "not_found"},
		{"DELETE", "/livez", "", "", 405, "method_not_allowed"},
		{"GET", "/assets/gone-99.js", "", "", 404, "not_found"},
		{"GET", "/static/surveys.js", "", "", 404, "not_found"},
		{"GET", "/login?token=slc_wrong", "", "", 401, "unauthorized"},
	} {
		r := w.do(c.method, c.path, c.token, c.body)
		var p Problem
		if err := json.Unmarshal(r.body, &p); err != nil || r.StatusCode != c.status || p.Status != c.status || p.Type != problemBase+c.code || p.Title == "" || p.Detail == "" {
			t.Errorf("%s %s: %d %s (want %d %s)", c.method, c.path, r.StatusCode, r.body, c.status, c.code)
		}
		if r.Header.Get("Content-Type") != "application/problem+json" || r.Header.Get("X-Request-Id") == "" {
			t.Errorf("%s %s: headers %v", c.method, c.path, r.Header)
		}
	}
}

func TestRights(t *testing.T) {
	w := open(t)
	w.want(200, "POST", "/v1/apps", `{"name":"shop"}`)
	w.want(200, "POST", "/v1/apps", `{"name":"shoes"}`)
	vera, dora := w.person("vera", "shop", access.Viewer), w.person("dora", "shop", access.Deployer)
	const env = "/v1/apps/shop/environments/production"
	for _, c := range []struct {
		method, path, token, body string
		status                    int
	}{
		{"GET", "/v1/apps/shop", vera, "", 200},
		{"GET", "/v1/apps/shoes", vera, "", 404},
		{"GET", "/v1/apps/nothing", vera, "", 404},
		{"PATCH", env, vera, `{"branch":"x"}`, 403},
		{"PATCH", env, dora, `{"branch":"x"}`, 428},
		{"POST", "/v1/apps", dora, `{"name":"boots"}`, 403},
		{"GET", "/v1/people", dora, "", 403},
		{"GET", "/v1/audit", dora, "", 403},
		{"GET", "/v1/audit?app=shop", vera, "", 200},
		{"GET", "/v1/audit?app=shoes", vera, "", 404},
		{"GET", "/v1/events?app=shoes", vera, "", 404},
		{"GET", "/v1/stream?app=shoes", vera, "", 404},
		{"POST", "/v1/tokens", dora, `{"label":"x","person":"admin"}`, 403},
		{"PUT", "/v1/apps/shop/grants/vera", dora, `{"role":"deployer"}`, 403},
	} {
		if r := w.do(c.method, c.path, c.token, c.body); r.StatusCode != c.status {
			t.Errorf("%s %s: %d, not %d: %s", c.method, c.path, r.StatusCode, c.status, r.body)
		}
	}
	var apps List[App]
	w.do("GET", "/v1/apps", vera, "").into(t, &apps)
	if len(apps.Items) != 1 || apps.Items[0].Name != "shop" || apps.Items[0].Role != access.Viewer {
		t.Errorf("vera sees %+v", apps.Items)
	}
	var events List[struct{ App string }]
	w.do("GET", "/v1/events", vera, "").into(t, &events)
	for _, ev := range events.Items {
		if ev.App == "shoes" {
			t.Error("vera sees an event of shoes")
		}
	}
}

func TestPeopleTokensAndGrants(t *testing.T) {
	w := open(t)
	w.want(200, "POST", "/v1/people", `{"name":"ana","email":"ana@example.com"}`)
	var made NewToken
	w.want(200, "POST", "/v1/tokens", `{"label":"laptop","person":"ana"}`).into(t, &made)
	if !strings.HasPrefix(made.Secret, "slt_") || made.Person != "ana" {
		t.Fatalf("token %+v", made.Token)
	}
	w.want(204, "PUT", "/v1/apps/shop/grants/ana", `{"role":"deployer"}`)
	w.want(422, "PUT", "/v1/apps/shop/grants/ana", `{"role":"admin"}`)
	var s Session
	w.do("GET", "/v1/session", made.Secret, "").into(t, &s)
	if s.Person.Name != "ana" || s.Admin || len(s.Grants) != 1 || s.Grants[0].Role != access.Deployer || s.Version != "test" {
		t.Errorf("session %+v", s)
	}
	w.want(204, "DELETE", "/v1/apps/shop/grants/ana", "")
	if r := w.do("DELETE", "/v1/tokens/"+made.ID, made.Secret, ""); r.StatusCode != 204 {
		t.Errorf("revoke: %d %s", r.StatusCode, r.body)
	}
	if r := w.do("GET", "/v1/session", made.Secret, ""); r.StatusCode != 401 {
		t.Errorf("a revoked token: %d", r.StatusCode)
	}
	w.want(204, "DELETE", "/v1/people/ana?reason=left", "")
	w.want(409, "DELETE", "/v1/people/admin", "")
	var audit List[access.Entry]
	w.want(200, "GET", "/v1/audit?limit=2", "").into(t, &audit)
	if len(audit.Items) != 2 || audit.Items[0].Action != "person.removed" || audit.Items[0].Reason != "left" || audit.Next == "" {
		t.Errorf("audit %+v", audit)
	}
	w.want(200, "GET", "/v1/audit?limit=2&after="+audit.Next, "").into(t, &audit)
	if len(audit.Items) != 2 || audit.Items[0].Action != "grant.taken" {
		t.Errorf("audit goes on with %+v", audit.Items)
	}
}

func TestSignInByLinkAndCookie(t *testing.T) {
	w := open(t)
	if r := w.do("HEAD", "/login?token="+w.code, "", ""); r.StatusCode != 200 || len(r.Cookies()) > 0 {
		t.Errorf("looking at the link: %d %v", r.StatusCode, r.Cookies())
	}
	r := w.do("GET", "/login?token="+w.code, "", "")
	if r.StatusCode != http.StatusSeeOther || r.Header.Get("Location") != "/" {
		t.Fatalf("link: %d %s", r.StatusCode, r.body)
	}
	c := r.Cookies()[0]
	if c.Name != access.CookieName || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode {
		t.Errorf("cookie %+v", c)
	}
	cookie := c.Name + "=" + c.Value
	if r := w.do("GET", "/v1/session", "", "", "Cookie", cookie); r.StatusCode != 200 {
		t.Errorf("session: %d", r.StatusCode)
	}
	if r := w.do("GET", "/login?token="+w.code, "", ""); r.StatusCode != 401 {
		t.Errorf("a link used twice: %d", r.StatusCode)
	}
	// Somebody in a browser gets a page that says what to do; nothing of it is what they sent.
	page := w.do("GET", "/login?token=slc_%3Cscript%3E", "", "", "Accept", "text/html,*/*;q=0.8")
	if text := string(page.body); page.StatusCode != 401 || page.Header.Get("Content-Type") != "text/html; charset=utf-8" || len(page.Cookies()) > 0 ||
		!strings.Contains(text, "was used already, or is too old") || !strings.Contains(text, `<a href="/login">sign in`) || strings.Contains(text, "script") {
		t.Errorf("the page of a dead link: %d %v %s", page.StatusCode, page.Header, text)
	}
	if page.Header.Get("Cache-Control") != "no-store" || page.Header.Get("Referrer-Policy") != "no-referrer" || page.Header.Get("Content-Security-Policy") == "" {
		t.Errorf("its headers: %v", page.Header)
	}
	if r := w.do("POST", "/v1/apps", "", `{"name":"evil"}`, "Cookie", cookie, "Sec-Fetch-Site", "cross-site"); r.StatusCode != 403 {
		t.Errorf("another site's request: %d", r.StatusCode)
	}
	if r := w.do("POST", "/v1/apps", "", `{"name":"evil"}`, "Cookie", cookie, "Origin", "https://evil.example"); r.StatusCode != 403 {
		t.Errorf("another origin's request: %d", r.StatusCode)
	}
	if r := w.do("POST", "/v1/apps", "", `{"name":"shop"}`, "Cookie", cookie, "Sec-Fetch-Site", "same-origin"); r.StatusCode != 200 {
		t.Errorf("our own request: %d %s", r.StatusCode, r.body)
	}
	if r := w.do("DELETE", "/v1/session", "", "", "Cookie", cookie); r.StatusCode != 204 || r.Cookies()[0].MaxAge >= 0 {
		t.Errorf("sign out: %d %v", r.StatusCode, r.Cookies())
	}
	if r := w.do("GET", "/v1/session", "", "", "Cookie", cookie); r.StatusCode != 401 {
		t.Errorf("after signing out: %d", r.StatusCode)
	}
	if r := w.do("POST", "/v1/session", "", `{"token":"`+adminToken+`"}`); r.StatusCode != 200 || len(r.Cookies()) != 1 {
		t.Errorf("sign in: %d %s", r.StatusCode, r.body)
	}
	if strings.Contains(w.log.String(), w.code) {
		t.Error("the code of a link is in the log")
	}
}

func TestIdempotencyKey(t *testing.T) {
	w := open(t)
	first := w.want(200, "POST", "/v1/tokens", `{"label":"ci"}`, "Idempotency-Key", "k1")
	again := w.want(200, "POST", "/v1/tokens", `{"label":"ci"}`, "Idempotency-Key", "k1")
	if string(first.body) != string(again.body) || again.Header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("first %s, again %s", first.body, again.body)
	}
	w.want(422, "POST", "/v1/tokens", `{"label":"other"}`, "Idempotency-Key", "k1")
	w.want(200, "POST", "/v1/tokens", `{"label":"ci"}`, "Idempotency-Key", "k2")
	var tokens List[access.Token]
	w.want(200, "GET", "/v1/tokens", "").into(t, &tokens)
	if len(tokens.Items) != 3 { // the admin's own, and two
		t.Errorf("%d tokens", len(tokens.Items))
	}
	var stored string
	if err := w.db.QueryRow(t.Context(), `SELECT answer FROM access_answers WHERE name = 'k1'`).Scan(&stored); err != nil || strings.Contains(stored, "slt_") || stored == "" {
		t.Errorf("stored as %q, %v", stored, err)
	}
	w.want(422, "POST", "/v1/apps", `{"name":"No"}`, "Idempotency-Key", "k3")
	if r := w.want(422, "POST", "/v1/apps", `{"name":"No"}`, "Idempotency-Key", "k3"); r.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("replayed as %v", r.Header)
	}
}
