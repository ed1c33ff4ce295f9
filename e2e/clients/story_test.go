package clients

import (
	"encoding/json"
	"fmt"
	"reflect"
	"time"

	"github.com/slipwayhq/slipway/internal/pure/capture"
)

// said is an event as a client was told to send it.
type said struct {
	kind                             capture.Kind
	name                             string
	user, anonymous, previous, group string
	// properties are those that the log must have, in JSON; some clients add their own.
	properties string
	// at is when it happened, where the client was told so.
	at time.Time
}

const (
	// whose is an id that a client chooses by itself: the log has one.
	whose = "some"
	// anyone is an id that may be missing.
	anyone = "any"
)

// burst is how many small events each client sends at once, for its batches.
const burst = 50

// bursts are the events of a burst.
func bursts(kind said) (out []said) {
	for n := range burst {
		kind.kind, kind.name, kind.properties = capture.Track, "burst", fmt.Sprintf(`{"n":%d}`, n)
		out = append(out, kind)
	}
	return out
}

// check compares the log with what was said: each of it once, and nothing else.
func (p *place) check(want []said) []capture.Event {
	p.Helper()
	events, failed := p.logged()
	for _, f := range failed {
		p.Errorf("taken for no event, %s (%s): %s", f.Reason, f.Message, f.Raw)
	}
	ids := map[string]bool{}
	for _, e := range events {
		if ids[e.ID] {
			p.Errorf("the id %s is in the log twice", e.ID)
		}
		ids[e.ID] = true
		if e.App != "shop" || e.Environment != "production" || e.Time.Before(p.began.Add(-24*time.Hour)) || e.Time.After(e.Received) {
			p.Errorf("%+v", e)
		}
	}
	rest := append([]capture.Event(nil), events...)
	for _, w := range want {
		found := 0
		for i := 0; i < len(rest); i++ {
			if w.is(rest[i]) {
				found++
				rest = append(rest[:i], rest[i+1:]...)
				i--
			}
		}
		if found != 1 {
			p.Errorf("%d times in the log, not once: %+v", found, w)
		}
	}
	for _, e := range rest {
		p.Errorf("nobody said: %s", jsonOf(e))
	}
	return events
}

// is tells whether this is the event.
func (s said) is(e capture.Event) bool {
	if e.Kind != s.kind || e.Name != s.name || !s.at.IsZero() && !e.Original.Equal(s.at) {
		return false
	}
	for _, id := range [][2]string{{s.user, e.User}, {s.anonymous, e.Anonymous}, {s.previous, e.Previous}, {s.group, e.Group}} {
		if id[0] != id[1] && id[0] != anyone && (id[0] != whose || id[1] == "") {
			return false
		}
	}
	if s.properties == "" {
		return true
	}
	var want, got map[string]any
	if json.Unmarshal([]byte(s.properties), &want) != nil || json.Unmarshal(e.Properties, &got) != nil {
		return false
	}
	for k, v := range want {
		if !reflect.DeepEqual(v, got[k]) {
			return false
		}
	}
	return true
}

func jsonOf(e capture.Event) string {
	raw, err := json.Marshal(e)
	if err != nil {
		return err.Error()
	}
	return string(raw)
}
