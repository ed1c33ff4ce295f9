package capture_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/pure/capture"
)

func TestPlain(t *testing.T) {
	d, err := capture.Plain(call(`{"release":"rel_4","events":[{"name":"a","user":"u","time":1764417600},{"kind":"exposure","name":"f","anonymous":"a","properties":{"value":true},"release":"rel_5"},{"kind":"identify","user":"u"}]}`))
	if err != nil || len(d.Failures) > 0 || len(d.Events) != 3 {
		t.Fatalf("%+v, %v", d, err)
	}
	same(t, d.Events[0], capture.Event{ID: "made-1", Kind: capture.Track, Name: "a", User: "u", Time: time.Unix(1764417600, 0).UTC(), Original: time.Unix(1764417600, 0).UTC(), Release: "rel_4"})
	same(t, d.Events[1], capture.Event{ID: "made-2", Kind: capture.Exposure, Name: "f", Anonymous: "a", Release: "rel_5", Properties: json.RawMessage(`{"value":true}`)})
}

// In the plain form nothing gets lost either: a member by another name fails its event, says which one is meant, and can be repaired.
func TestPlainFailures(t *testing.T) {
	for item, want := range map[string]struct {
		reason capture.Reason
		says   string
	}{
		`{"kind":"click","name":"x","user":"u"}`:                       {capture.Malformed, `the kind "click" is none`},
		`{"kind":"exposure","user":"u"}`:                               {capture.NoName, "flag's name"},
		`{"name":"x"}`:                                                 {capture.NoUser, "the event needs a user or an anonymous id"},
		`{"name":"x","user":"","anonymous":null}`:                      {capture.NoUser, "needs a user"},
		`{"kind":"exposure","name":"x"}`:                               {capture.NoUser, "needs a user"},
		`{"kind":"group","group":"g"}`:                                 {capture.NoUser, "needs a user"},
		`{"kind":"alias"}`:                                             {capture.NoUser, "needs a user"},
		`{"user":"u"}`:                                                 {capture.NoName, "the event has no name"},
		`{"name":"x","user_id":"u4"}`:                                  {capture.Malformed, `"user_id" is no member of an event; did you mean "user"?`},
		`{"name":"x","user":"u","anonymousId":"a"}`:                    {capture.Malformed, `"anonymousId" is no member of an event; did you mean "anonymous"?`},
		`{"name":"x","User":"u"}`:                                      {capture.Malformed, `"User" is no member of an event; did you mean "user"?`},
		`{"event":"x","user":"u"}`:                                     {capture.Malformed, `did you mean "name"?`},
		`{"event":[{"name":"x","user":"u"}]}`:                          {capture.Malformed, `did you mean "events", a list of them?`},
		`{"name":"x","user":"u","timestamp":"2026-01-01"}`:             {capture.Malformed, `did you mean "time"?`},
		`{"name":"x","user":"u","price":null}`:                         {capture.Malformed, `"price" is no member of an event; put what is yours into "properties"`},
		`{"name":"x","user":"u","` + strings.Repeat("y", 500) + `":1}`: {capture.Malformed, `yyy… is no member`},
		`{"name":"x","user":"u","a\"\u0007":1}`:                        {capture.Malformed, `"a\"\u0007" is no member`},
		`{"specversion":"1.0","id":"1","source":"/s","type":"x"}`:      {capture.Malformed, `a CloudEvent; send it to /v1/cloudevents`},
	} {
		d, err := capture.Plain(call(`{"events":[{"name":"x","user":"u"},` + item + `,{"kind":"alias","previous":"u"}]}`))
		if err != nil || len(d.Events) != 2 || len(d.Failures) != 1 {
			t.Errorf("%s: %+v, %v", item, d, err)
			continue
		}
		if f := d.Failures[0]; f.Reason != want.reason || !strings.Contains(f.Message, want.says) || len(f.Message) > 200 || string(f.Raw) != item {
			t.Errorf("%s: %s: %q, %s", item, f.Reason, f.Message, f.Raw)
		}
	}
}

// Beside the list, too, nothing is read past: the body is refused, since what stands there is meant for all its events.
func TestPlainBesideEvents(t *testing.T) {
	for body, want := range map[string]string{
		`{"events":[{"name":"x","user":"u"}],"context":{"ip":"1.2.3.4"}}`:           `"context" beside "events" is no member of a body; put "context" into each event`,
		`{"user":"u","events":[{"name":"x"}],"more":1}`:                             `"user" beside "events"`,
		`{"events":[],"sentAt":"2026-01-01T00:00:00Z"}`:                             `"sentAt" beside "events" is no member of a body; did you mean "sent"?`,
		`{"events":[],"userId":"u"}`:                                                `put "user" into each event`,
		`{"shop":7,"events":[]}`:                                                    `"shop" beside "events" is no member of a body; put what is yours into the "properties" of each event`,
		`{"` + strings.Repeat("y", 500) + `":1,"events":[{"name":"x","user":"u"}]}`: `yyy… beside`,
		`{"events":{"name":"x"},"shop":1}`:                                          `"events" is an object; send a list of events`,
		`{"events":[],"events":[],"shop":1}`:                                        `"events" is there twice`,
	} {
		if _, err := capture.Plain(call(body)); err == nil || !strings.Contains(err.Error(), want) || len(err.Error()) > 200 {
			t.Errorf("%.80s: got %v, want %s", body, err, want)
		}
	}
	for _, body := range []string{`{"release":"rel_1","sent":"2026-11-29T11:59:00Z","events":[{"name":"x","user":"u"}]}`, `[{"name":"x","user":"u"}]`} {
		if d, err := capture.Plain(call(body)); err != nil || len(d.Events) != 1 {
			t.Errorf("%s: %+v, %v", body, d, err)
		}
	}
	if d, err := capture.Segment(call(`{"batch":[{"type":"track","event":"x","userId":"u"}],"shop":1}`)); err != nil || len(d.Events) != 1 { // clients send what they like
		t.Errorf("of Segment: %+v, %v", d, err)
	}
}

// Each member that there is counts, and none of them gets lost.
func TestPlainMembers(t *testing.T) {
	all := call(`{"sent":"2026-11-29T11:59:00Z","events":[{"kind":"group","id":"i","name":"n","user":"u","anonymous":"a","group":"g","previous":"p","release":"rel_1","time":"2026-11-29T11:58:00Z","properties":{"a":1},"context":{"b":2}}]}`)
	same(t, one(t, capture.Plain, all), capture.Event{
		ID: "i", Kind: capture.Group, Name: "n", User: "u", Anonymous: "a", Group: "g", Previous: "p", Release: "rel_1", Time: at(11, 59, 0), Original: at(11, 58, 0), Sent: at(11, 59, 0),
		Properties: json.RawMessage(`{"a":1}`), Context: json.RawMessage(`{"b":2}`),
	})
	hidden := call(`{"name":"x","user":"u","sent":"2026-11-29T11:59:00Z","context":{"ip":"no address"}}`)
	hidden.Network = func(string) string { return "" }
	if e := one(t, capture.Plain, hidden); e.Context != nil || !e.Sent.Equal(at(11, 59, 0)) {
		t.Errorf("%s, %s", e.Context, e.Sent)
	}
}
