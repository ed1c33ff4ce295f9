package clients

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/slipwayhq/slipway/internal/apptest"
)

// flagKey is a key of flags, as the API gives it.
type flagKey struct{ Key, Encryption string }

// newFlags starts a server with flags: checkout by country, a color for everybody, and member for whom a group names.
func newFlags(t *testing.T) *place {
	t.Helper()
	p := newPlace(t)
	p.put("/v1/apps/shop/groups/members", `{"definition": ["u2"]}`)
	for name, state := range map[string]string{
		"checkout": `{"on": true, "default": "old", "rules": [{"id": "us", "condition": {"country": "US"}, "force": "new"}]}`,
		"color":    `{"on": true, "default": "none", "rules": [{"key": "colors", "variations": ["red", "green"], "weights": [0, 1], "meta": [{"key": "r"}, {"key": "g"}]}]}`,
		"member":   `{"on": true, "default": "no", "rules": [{"condition": {"id": {"$inGroup": "members"}}, "force": "yes"}]}`,
	} {
		p.server.Must(t, "POST", "/v1/apps/shop/flags", map[string]any{"name": name, "type": "string", "states": map[string]json.RawMessage{"production": json.RawMessage(state)}}, nil)
	}
	return p
}

// flagKey adds a key.
func (p *place) flagKey(name, more string) (k flagKey) {
	p.Helper()
	p.server.Must(p, "POST", "/v1/apps/shop/keys", json.RawMessage(`{"name": "`+name+`", `+more+`}`), &k)
	return k
}

// turn makes a flag another one in production.
func (p *place) turn(flag, state string) {
	p.Helper()
	p.put("/v1/apps/shop/environments/production/flags/"+flag, state)
}

// put sets what has an ETag, whatever it is now.
func (p *place) put(path, body string) {
	p.Helper()
	req, err := http.NewRequestWithContext(p.Context(), http.MethodPut, p.server.URL()+path, strings.NewReader(body))
	if err != nil {
		p.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+apptest.Token)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("If-Match", "*")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		p.Fatal(err)
	}
	defer res.Body.Close()
	if text, err := io.ReadAll(res.Body); err != nil || res.StatusCode/100 != 2 {
		p.Fatalf("PUT %s: %s %s, %v", path, res.Status, text, err)
	}
}
