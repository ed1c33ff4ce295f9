package capture_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/pure/capture"
)

// Whoever tells that a visitor got a value on a day tells the same; what differs in any of these is another exposure.
func TestExposuresAreOneByWhatTheySay(t *testing.T) {
	noon := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	base := capture.Event{App: "shop", Environment: "production", Kind: capture.Exposure, Name: "cart", User: "u", Anonymous: "a", Time: noon, Properties: json.RawMessage(`{"value":true,"x":1}`)}
	change := func(do func(*capture.Event)) string {
		e := base
		do(&e)
		return e.ExposureID()
	}
	id := base.ExposureID()
	for name, same := range map[string]func(*capture.Event){
		"another id, source and release": func(e *capture.Event) { e.ID, e.Source, e.Release = "x", "src_2", "rel_2" },
		"later on the day":               func(e *capture.Event) { e.Time = noon.Add(11 * time.Hour) },
		"another zone":                   func(e *capture.Event) { e.Time = noon.In(time.FixedZone("", 13*3600)) },
		"another device":                 func(e *capture.Event) { e.Anonymous = "b" },
		"the value as a text":            func(e *capture.Event) { e.Properties = json.RawMessage(`{"value":"true"}`) },
		"the value with escapes":         func(e *capture.Event) { e.Properties = json.RawMessage(`{"value":"\u0074rue"}`) },
	} {
		if got := change(same); got != id {
			t.Errorf("%s: %s, not %s", name, got, id)
		}
	}
	seen := map[string]string{id: "the first"}
	for name, other := range map[string]func(*capture.Event){
		"app": func(e *capture.Event) { e.App = "blog" }, "environment": func(e *capture.Event) { e.Environment = "staging" }, "user": func(e *capture.Event) { e.User = "v" }, "nobody signed in": func(e *capture.Event) { e.User = "" },
		"the browser is called as the user": func(e *capture.Event) { e.User, e.Anonymous = "", "u" }, "flag": func(e *capture.Event) { e.Name = "carts" }, "value": func(e *capture.Event) { e.Properties = json.RawMessage(`{"value":false}`) },
		"no value": func(e *capture.Event) { e.Properties = nil }, "the next day": func(e *capture.Event) { e.Time = noon.Add(12 * time.Hour) }, "a part of the name elsewhere": func(e *capture.Event) { e.User, e.Name = "uc", "art" },
	} {
		got := change(other)
		if before, taken := seen[got]; taken {
			t.Errorf("%s is the same as %s", name, before)
		}
		seen[got] = name
	}
	if k := (capture.Shown{App: "shop", Environment: "production", User: "u", Anonymous: "b", Flag: "cart", Value: `"true"`}).Key(noon); k != (capture.Shown{App: "shop", Environment: "production", User: "u", Flag: "cart", Value: `true`}).Key(noon.Add(time.Hour)) {
		t.Error("the server's own word is another one")
	}
}

// Segment's specification has an event for tests of variations, and GrowthBook's clients are set up to send it.
func TestExperimentViewed(t *testing.T) {
	viewed := func(properties string) capture.Event {
		return one(t, capture.Segment, call(`{"type":"track","event":"Experiment Viewed","messageId":"m","userId":"u","properties":`+properties+`}`))
	}
	for properties, want := range map[string]struct{ name, value string }{
		`{"experimentId":"cart","variationId":"1","more":2}`:                                     {"cart", `{"experimentId":"cart","more":2,"value":"1","variationId":"1"}`},
		`{"experiment_id":"4","experiment_name":"Cart","variation_id":"b","variation_name":"B"}`: {"4", `{"experiment_id":"4","experiment_name":"Cart","value":"b","variation_id":"b","variation_name":"B"}`},
		`{"experiment_name":"Cart","variation_name":"B"}`:                                        {"Cart", `{"experiment_name":"Cart","value":"B","variation_name":"B"}`},
		`{"experimentId":7,"variationId":0}`:                                                     {"7", `{"experimentId":7,"value":0,"variationId":0}`},
		`{"experiment_id":"","experimentId":"x","variation_id":null,"variationName":"off"}`:      {"x", `{"experimentId":"x","experiment_id":"","value":"off","variationName":"off","variation_id":null}`},
	} {
		e := viewed(properties)
		if e.Kind != capture.Exposure || e.Name != want.name || string(e.Properties) != want.value || e.User != "u" {
			t.Errorf("%s is %s %q with %s", properties, e.Kind, e.Name, e.Properties)
		}
	}
	for _, properties := range []string{`{}`, `{"experimentId":"cart"}`, `{"variationId":"1"}`, `{"experimentId":{},"variationId":"1"}`} {
		if e := viewed(properties); e.Kind != capture.Track || e.Name != "Experiment Viewed" {
			t.Errorf("%s is %s %q", properties, e.Kind, e.Name)
		}
	}
}
