package clients

import (
	"os/exec"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/pure/capture"
)

// segmentStory is what the servers' clients that speak Segment's form are told.
func segmentStory(at time.Time) []said {
	return append([]said{
		{kind: capture.Identify, user: "u1", properties: `{"plan":"pro","name":"Zoë 🎉"}`, at: at},
		{kind: capture.Track, name: "Order Completed", user: "u1", properties: `{"total":12.5,"items":["a","b"],"empty":null}`, at: at},
		{kind: capture.Page, name: "Pricing", user: "u1", properties: `{"category":"Docs","url":"https://shop.example/pricing"}`, at: at},
		{kind: capture.Screen, name: "Cart", anonymous: "a1", properties: `{"dark":true}`, at: at},
		{kind: capture.Group, user: "u1", group: "g1", properties: `{"seats":3}`, at: at},
		{kind: capture.Alias, user: "u1", previous: "a1", at: at},
	}, bursts(said{anonymous: "a1"})...)
}

// posthogStory is what posthog-node is told.
func posthogStory(at time.Time) []said {
	return append([]said{
		{kind: capture.Identify, user: "u1", properties: `{"plan":"pro","name":"Zoë 🎉"}`},
		{kind: capture.Track, name: "Order Completed", user: "u1", properties: `{"total":12.5,"items":["a","b"],"empty":null}`, at: at},
		{kind: capture.Page, name: "Pricing", user: "u1", properties: `{"$current_url":"https://shop.example/pricing"}`, at: at},
		{kind: capture.Exposure, name: "cart", user: "u1", properties: `{"value":"short"}`, at: at},
		{kind: capture.Exposure, name: "nobodys", user: "u1"},
		{kind: capture.Group, name: "company", user: "u1", group: "g1", properties: `{"seats":3}`},
		{kind: capture.Alias, user: "u1", previous: "a1"},
	}, bursts(said{user: "a1"})...)
}

// anHourAgo is a time as clients write it, to the millisecond.
func anHourAgo() time.Time { return time.Now().Add(-time.Hour).UTC().Truncate(time.Millisecond) }

// node runs a script of testdata to its end.
func (p *place) node(script, address string, at time.Time) {
	p.Helper()
	cmd := exec.CommandContext(p.Context(), "node", "testdata/"+script, address, p.key, at.Format("2006-01-02T15:04:05.000Z"))
	out, err := cmd.CombinedOutput()
	p.Logf("%s: %s", script, out)
	if err != nil {
		p.Errorf("%s: %v", script, err)
	}
}

func TestClientsInNode(t *testing.T) {
	for script, story := range map[string]func(time.Time) []said{"segment.mjs": segmentStory, "rudder.mjs": segmentStory, "posthog.mjs": posthogStory} {
		t.Run(script, func(t *testing.T) {
			p, at := newPlace(t), anHourAgo()
			p.node(script, p.server.URL(), at)
			p.check(story(at))
		})
	}
}
