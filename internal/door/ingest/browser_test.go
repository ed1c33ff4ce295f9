package ingest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
)

// ask makes a request as a page of another site does, and gives the answer with its body read.
func (s *station) ask(method, path, body string, headers ...string) (*http.Response, string) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.URL+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Origin", "https://shop.example")
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return res, string(raw)
}

// A page of any site may send, with any header, also as it is left (which browsers do with credentials), and may read why it was refused and when to come again.
func TestBrowsersOfAnySiteMaySend(t *testing.T) {
	s := opened(t)
	res, _ := s.ask(http.MethodOptions, "/v1/t", "", "Access-Control-Request-Headers", "authorization, x-retry-count")
	if h := res.Header; res.StatusCode != http.StatusNoContent || h.Get("Access-Control-Allow-Headers") != "authorization, x-retry-count" || !strings.Contains(h.Get("Access-Control-Allow-Methods"), "POST") {
		t.Errorf("%d %v", res.StatusCode, h)
	}
	for _, c := range []struct{ method, path string }{{http.MethodOptions, "/v1/t"}, {http.MethodPost, "/v1/t"}, {http.MethodGet, "/v1/projects/wk_x/settings"}, {http.MethodPost, "/flags/"}} {
		res, _ := s.ask(c.method, c.path, "{}")
		h := res.Header
		if h.Get("Access-Control-Allow-Origin") != "https://shop.example" || h.Get("Access-Control-Allow-Credentials") != "true" || h.Get("Vary") != "Origin" || h.Get("Access-Control-Expose-Headers") != "Retry-After" {
			t.Errorf("%s %s: %d %v", c.method, c.path, res.StatusCode, h)
		}
	}
	if res, _ := s.ask(http.MethodPost, "/v1/t", "{}", "Origin", ""); res.Header.Get("Access-Control-Allow-Origin") != "*" || res.Header.Get("Access-Control-Allow-Credentials") != "" {
		t.Errorf("to whom no site is told: %v", res.Header)
	}
}

// Clients in browsers ask what they are to do before they send: with a key that is known, to send here, and nothing else.
func TestWhatBrowsersAskBefore(t *testing.T) {
	s := opened(t)
	for _, c := range []struct{ method, path, body, says string }{
		{http.MethodGet, "/v1/projects/KEY/settings", "", `"apiHost":"` + strings.TrimPrefix(s.URL, "http://") + `/v1"`},
		{http.MethodPost, "/v1/m", `{"series":[]}`, `{"success":true}`},
		{http.MethodGet, "/array/KEY/config", "", `"sessionRecording":false`},
		{http.MethodGet, "/array/KEY/config.js", "", `window._POSTHOG_REMOTE_CONFIG = Object.assign(window._POSTHOG_REMOTE_CONFIG || {}, {"KEY":{"config":{`},
		{http.MethodPost, "/flags/?v=2", `{"token":"KEY","distinct_id":"u"}`, `"flags":{}`},
		{http.MethodPost, "/flags", `{"api_key":"KEY","distinct_id":"u"}`, `"flags":{}`},
		{http.MethodPost, "/decide/?v=3", `data=` + `{"token":"KEY"}`, `"featureFlags":{}`},
	} {
		known := func(text string) string { return strings.ReplaceAll(text, "KEY", s.key) }
		if res, answer := s.ask(c.method, known(c.path), known(c.body)); res.StatusCode != http.StatusOK || !strings.Contains(answer, known(c.says)) {
			t.Errorf("%s: %d %.300s", c.path, res.StatusCode, answer)
		}
		if !strings.Contains(c.path+c.body, "KEY") {
			continue
		}
		nobodys := func(text string) string { return strings.ReplaceAll(text, "KEY", "wk_x") }
		if res, answer := s.ask(c.method, nobodys(c.path), nobodys(c.body)); res.StatusCode != http.StatusUnauthorized || !strings.Contains(answer, "is not known") {
			t.Errorf("%s of nobody: %d %.300s", c.path, res.StatusCode, answer)
		}
	}
	_, script := s.ask(http.MethodGet, "/array/"+s.key+"/config.js", "")
	_, list, _ := strings.Cut(script, "|| {}, ")
	var config map[string]struct {
		Config struct{ SupportedCompression []string }
	}
	if err := json.Unmarshal([]byte(strings.TrimSuffix(list, ");\n")), &config); err != nil || len(config[s.key].Config.SupportedCompression) == 0 {
		t.Errorf("%v in %s", err, script)
	}
	if strings.Contains(script, "surveys") {
		t.Errorf("with surveys, yes or no, the client asks for a script of theirs: %s", script)
	}
	if res, _ := s.ask(http.MethodGet, "/array/"+s.key+"/config.js", ""); !strings.HasPrefix(res.Header.Get("Content-Type"), "text/javascript") {
		t.Errorf("a script is %s", res.Header.Get("Content-Type"))
	}
}

// Behind a proxy on this machine, which ends TLS, clients are told to come by TLS, and events are those of who asked the proxy.
func TestBehindAProxy(t *testing.T) {
	s := opened(t)
	if _, answer := s.ask(http.MethodGet, "/v1/projects/"+s.key+"/settings", "", "X-Forwarded-Proto", "https"); !strings.Contains(answer, `"protocol":"https"`) {
		t.Errorf("by TLS: %s", answer)
	}
	if _, answer := s.ask(http.MethodGet, "/v1/projects/"+s.key+"/settings", ""); !strings.Contains(answer, `"protocol":"http"`) {
		t.Errorf("in plain: %s", answer)
	}
	for _, said := range []string{"1.2.3.4, 5.6.7.8", "nonsense"} {
		s.ask(http.MethodPost, "/v1/track?write_key="+s.key, `{"event":"x","userId":"u"}`, "X-Forwarded-For", said)
	}
	events, _ := s.logged()
	if len(events) != 2 || !strings.Contains(string(events[0].Context), `"ip":"5.6.7.0"`) || !strings.Contains(string(events[1].Context), `"ip":"127.0.0.0"`) {
		t.Errorf("%+v", events)
	}
}
