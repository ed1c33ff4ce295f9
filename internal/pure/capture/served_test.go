package capture_test

import (
	"strings"
	"testing"

	"github.com/slipwayhq/slipway/internal/pure/capture"
)

// What an edge tells a page is handed on as it is, in each dialect, and taken apart; what is no release of ours stays as it was said.
func TestWhoServed(t *testing.T) {
	served := "rel_1/agt_2/trf_3" // wire.Served
	for _, c := range []struct {
		name, body string
		read       func(*capture.Call) (capture.Decoded, error)
	}{
		{"segment", `{"type":"track","event":"x","userId":"u","context":{"release":"SAID"}}`, capture.Segment},
		{"posthog", `{"event":"x","distinct_id":"u","properties":{"$release":"SAID"}}`, capture.PostHog},
		{"plain", `{"events":[{"name":"x","user":"u","release":"SAID"}]}`, capture.Plain},
		{"cloudevents", `{"specversion":"1.0","id":"1","source":"s","type":"x","release":"SAID"}`, capture.CloudEvents},
	} {
		for said, want := range map[string][3]string{
			served:        {"rel_1", "agt_2", "trf_3"},
			"rel_1/agt_2": {"rel_1", "agt_2", ""}, // a server
			"rel_1":       {"rel_1", "", ""},
			"shop/1.2":    {"shop/1.2", "", ""},
			"rel_1//":     {"rel_1", "", ""},
		} {
			d, err := c.read(call(strings.ReplaceAll(c.body, "SAID", said)))
			if err != nil || len(d.Events) != 1 {
				t.Fatalf("%s: %+v, %v", c.name, d.Failures, err)
			}
			if e := d.Events[0]; [3]string{e.Release, e.Host, e.Split} != want {
				t.Errorf("%s says %q: release %q, host %q, split %q", c.name, said, e.Release, e.Host, e.Split)
			}
		}
	}
	c := call(`{"event":"x","userId":"u"}`)
	c.Kind, c.Release = capture.Track, "rel_1/agt_2"
	if d, err := capture.Segment(c); err != nil || d.Events[0].Release != "rel_1" || d.Events[0].Host != "agt_2" {
		t.Errorf("by the request's header: %+v, %v", d.Events, err)
	}
}
