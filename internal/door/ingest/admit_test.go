package ingest_test

import (
	"strings"
	"testing"

	"github.com/slipwayhq/slipway/internal/decide/track"
	"github.com/slipwayhq/slipway/internal/pure/capture"
)

// settings changes what the app wants of its events.
func (s *station) settings(to track.Settings) {
	s.t.Helper()
	now, err := s.sources.Settings(s.t.Context(), "shop")
	if err != nil {
		s.t.Fatal(err)
	}
	to.Revision = now.Revision
	if _, err := s.sources.SetSettings(s.t.Context(), "person:ana", "shop", "", to); err != nil {
		s.t.Fatal(err)
	}
}

func (s *station) taken(path, body string) {
	s.t.Helper()
	if status, answer := s.post(path, []byte(body), "Authorization", basic(s.key)); status != 200 {
		s.t.Fatalf("%s: %d %s", body, status, answer)
	}
}

func TestWhatIsKeptOfAddresses(t *testing.T) {
	for ip, want := range map[string][]string{
		track.IPTruncate: {`"ip":"203.0.113.0"`, `"$ip":"2001:db8:1::"`, `"ip":"198.51.100.0"`},
		track.IPFull:     {`"ip":"203.0.113.77"`, `"$ip":"2001:db8:1:2::9"`, `"ip":"198.51.100.7"`},
		track.IPNone:     nil,
	} {
		s := opened(t)
		s.settings(track.Settings{IP: ip})
		s.taken("/v1/track", `{"userId":"u1","event":"a","context":{"ip":"203.0.113.77","os":"x"}}`)
		s.taken("/capture/", `{"api_key":"`+s.key+`","event":"b","distinct_id":"u1","properties":{"$ip":"2001:db8:1:2::9","n":1}}`)
		s.taken("/v1/track", `{"event":"nobody's","context":{"ip":"198.51.100.7"}}`)
		events, failed := s.logged()
		if len(events) != 2 || len(failed) != 1 {
			t.Fatalf("%v, %v", events, failed)
		}
		all := string(events[0].Context) + string(events[1].Properties) + string(failed[0].Raw)
		for _, part := range want {
			if !strings.Contains(all, part) {
				t.Errorf("%s: no %s in %s", ip, part, all)
			}
		}
		if want == nil && strings.Contains(all+string(events[1].Context), `ip"`) {
			t.Errorf("none: %s", all)
		}
	}
}

func TestHiddenPropertiesDoNotReachTheLog(t *testing.T) {
	s := opened(t)
	s.settings(track.Settings{IP: track.IPTruncate, Hidden: []string{"email", "card.number"}})
	s.taken("/v1/batch", `{"batch":[
		{"type":"track","userId":"u1","event":"a","properties":{"email":"secret@b.c","card":{"number":"secret-1","kind":"visa"}},"context":{"traits":{"email":"secret"}}},
		{"type":"identify","userId":"u1","traits":{"email":"secret","plan":"pro"}},
		{"type":"track","event":"nobody's","properties":{"email":"secret","n":1}}]}`)
	s.taken("/v1/cloudevents", `{"specversion":"1.0","id":"1","source":"/s","type":"c","data":{"email":"secret","n":2}}`)
	events, failed := s.logged()
	if len(events) != 3 || len(failed) != 1 {
		t.Fatalf("%v, %v", events, failed)
	}
	if got := string(events[0].Properties) + string(events[1].Properties) + string(events[2].Properties); got != `{"card":{"kind":"visa"}}{"plan":"pro"}{"n":2}` {
		t.Errorf("stored: %s", got)
	}
	for _, text := range []string{string(events[0].Context), string(failed[0].Raw)} {
		if strings.Contains(text, "secret") || !strings.Contains(text, "{") {
			t.Errorf("in the log: %s", text)
		}
	}
}

// What is repaired follows the same rules as what comes.
func TestReplaysFollowTheRules(t *testing.T) {
	s := opened(t)
	s.settings(track.Settings{IP: track.IPNone, Hidden: []string{"email"}})
	plan := track.Plan{Mode: track.Reject, Events: []track.PlannedEvent{{Name: "a", Schema: map[string]any{"required": []any{"n"}}}}}
	if _, err := s.sources.SetPlan(t.Context(), "person:ana", "shop", "", plan); err != nil {
		t.Fatal(err)
	}
	s.taken("/v1/track", `{"userId":"u1","event":"a","properties":{"email":"secret"}}`)
	_, failed := s.logged()
	if len(failed) != 1 || failed[0].Reason != capture.Unplanned || failed[0].Message != "missing: n" || string(failed[0].Raw) != `{"event":"a","properties":{},"userId":"u1"}` {
		t.Fatalf("%+v", failed)
	}
	replay := func(item string) (capture.Event, error) {
		return s.door.Replay(t.Context(), failed[0], "id", []byte(item), true)
	}
	if _, err := replay(string(failed[0].Raw)); err == nil || !strings.Contains(err.Error(), "missing: n") {
		t.Errorf("still not as planned: %v", err)
	}
	if e, err := replay(`{"userId":"u1","event":"a","properties":{"email":"secret","n":1},"context":{"ip":"203.0.113.7"}}`); err != nil || string(e.Properties)+string(e.Context) != `{"n":1}` {
		t.Errorf("%s %s, %v", e.Properties, e.Context, err)
	}
	if err := s.sources.Forget(t.Context(), "person:ana", "shop", "u1", track.Forgetting{Suppress: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := replay(`{"userId":"u1","event":"a","properties":{"n":2}}`); err == nil || !strings.Contains(err.Error(), "suppressed") {
		t.Errorf("of somebody suppressed: %v", err)
	}
	if events, _ := s.logged(); len(events) != 1 || string(events[0].Properties) != `{"n":1}` {
		t.Errorf("the log has %v", events)
	}
}
