package manifest

import (
	"maps"
	"slices"
	"strings"
)

// Events is the tracking plan of a repository: what user events the app sends.
type Events struct {
	// Plan is a folder, relative to the checkout, with a JSON Schema a file.
	Plan string `json:"plan"`
	// Mode says what becomes of events that are not as planned.
	Mode EventMode `json:"mode"`
	// AdditionalEvents are as planned although the plan does not name them.
	AdditionalEvents bool `json:"additional_events,omitempty"`
	// Environment whose live release says which plan counts. An app has one
	// plan, for the events of all its environments.
	Environment string `json:"environment"`
}

// EventMode is what becomes of events that are not as planned.
type EventMode string

// The modes, as in the API.
const (
	EventsObserve EventMode = "observe"
	EventsWarn    EventMode = "warn"
	EventsReject  EventMode = "reject"
)

func eventsKind() kind[Events] {
	return object(Events{Mode: EventsWarn, Environment: "production"},
		key("plan", relativePath("a folder", "events"), func(e *Events) *string { return &e.Plan }).must("plan: events"),
		key("mode", choice(EventsObserve, EventsWarn, EventsReject), func(e *Events) *EventMode { return &e.Mode }),
		key("additional_events", boolean(), func(e *Events) *bool { return &e.AdditionalEvents }),
		key("environment", slug("an environment's name"), func(e *Events) *string { return &e.Environment }),
	)
}

// checkEvents looks for the environment that the plan goes with.
func (c *cursor) checkEvents(m *Manifest) {
	if m.Events == nil {
		return
	}
	if m.Events.Plan == "." {
		c.problem("events.plan", "the plan needs a folder of its own; write for example plan: events")
	}
	if _, ok := m.Environments[m.Events.Environment]; ok || m.Events.Environment == "" {
		return
	}
	names := slices.Sorted(maps.Keys(m.Environments))
	if len(names) == 0 {
		return // reported where they were read
	}
	c.problem("events.environment", "there is no environment %s in this file; write environment: %s: the plan of the release that is live there counts", quote(m.Events.Environment), strings.Join(names, " or "))
}
