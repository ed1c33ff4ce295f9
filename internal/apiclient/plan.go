package apiclient

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// PlanChange is a tracking plan as the API takes it, whole.
type PlanChange struct {
	Mode             string         `json:"mode"`
	AdditionalEvents bool           `json:"additional_events,omitempty"`
	Events           []PlannedEvent `json:"events"`
	Reason           string         `json:"reason,omitempty"`
}

// PlannedEvent is one event of a plan.
type PlannedEvent struct {
	Kind   string          `json:"kind,omitempty"`
	Name   string          `json:"name,omitempty"`
	Schema json.RawMessage `json:"schema"`
}

// Plan is the tracking plan that counts, and where it comes from.
type Plan struct {
	PlanChange
	From *struct {
		Folder      string `json:"folder"`
		Environment string `json:"environment"`
		Number      int    `json:"number"`
		Commit      string `json:"commit"`
	} `json:"from"`
	Effects []PlanEffect `json:"effects"`
}

// PlanEffect is what a plan does to something that counts events, in a sentence.
type PlanEffect struct {
	Text string `json:"text"`
}

// LearnedEvent is what is known of an event from those that came.
type LearnedEvent struct {
	Kind       string    `json:"kind"`
	Name       string    `json:"name"`
	Count      int64     `json:"count"`
	First      time.Time `json:"first"`
	Last       time.Time `json:"last"`
	Planned    bool      `json:"planned"`
	Properties []struct {
		Name    string `json:"name"`
		Type    string `json:"type"`
		Count   int64  `json:"count"`
		Planned bool   `json:"planned"`
	} `json:"properties"`
}

// Plan gives the tracking plan of an app, and the tag by which it is changed.
func (c *Client) Plan(ctx context.Context, app string) (p Item[Plan], tag string, err error) {
	path := eventsPath(app, "events/plan")
	res, err := c.send(ctx, http.MethodGet, path, nil, nil, nil)
	if err != nil {
		return p, "", err
	}
	defer func() { _ = res.Body.Close() }()
	if err := json.NewDecoder(res.Body).Decode(&p); err != nil {
		return p, "", fmt.Errorf("read the server's answer to GET %s: %w", path, err)
	}
	return p, res.Header.Get("ETag"), nil
}

// SetPlan changes the plan that had this tag.
func (c *Client) SetPlan(ctx context.Context, app, tag string, to PlanChange) (p Item[Plan], err error) {
	err = c.call(ctx, http.MethodPut, eventsPath(app, "events/plan"), nil, header{"If-Match": tag}, to, &p)
	return p, err
}

// CheckPlan says what a plan would break, and changes nothing.
func (c *Client) CheckPlan(ctx context.Context, app string, to PlanChange) (p Item[Plan], err error) {
	err = c.post(ctx, eventsPath(app, "events/plan/check"), to, &p)
	return p, err
}

// Learned lists the events that came, by kind and name.
func (c *Client) Learned(ctx context.Context, app string) ([]Item[LearnedEvent], error) {
	return all[Item[LearnedEvent]](ctx, c, eventsPath(app, "events/learned"), nil)
}
