package events_test

import (
	"strings"
	"testing"

	"github.com/slipwayhq/slipway/internal/decide/track"
)

// Who sends events by another method is told which one does; with a write key it is no question of who they are.
func TestEventsComeByPost(t *testing.T) {
	w := open(t)
	var src track.Source
	w.do("POST", "/v1/apps/shop/sources", adminToken, `{"name":"web"}`).into(t, &src)
	for _, method := range []string{"PUT", "GET", "DELETE"} {
		for _, path := range []string{"/v1/events", "/v1/track", "/v1/cloudevents", "/v1/batch"} {
			r := w.do(method, path, src.Key, "")
			if method == "GET" && path == "/v1/events" { // which reads what happened, for who is signed in
				refused(t, r, 401)
				if !strings.Contains(string(r.body), "POST sends events") {
					t.Errorf("GET %s: %s", path, r.body)
				}
				continue
			}
			refused(t, r, 405)
			if !strings.Contains(string(r.body), method+" is not possible here") || !strings.Contains(string(r.body), "POST") || !strings.Contains(r.Header.Get("Allow"), "POST") {
				t.Errorf("%s %s: %s, allowed %q", method, path, r.body, r.Header.Get("Allow"))
			}
		}
	}
	refused(t, w.do("GET", "/v1/nothing", src.Key, ""), 404)
}
