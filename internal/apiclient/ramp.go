package apiclient

import (
	"context"
	"encoding/json"
	"net/url"
	"time"
)

// Ramp gives a flag's value to more and more visitors.
type Ramp struct {
	ID          string    `json:"id"`
	Name        string    `json:"name"`
	Environment string    `json:"environment"`
	State       string    `json:"state"`
	Step        int       `json:"step"`
	Share       float64   `json:"share"`
	Reasons     []string  `json:"reasons"`
	StartedAt   time.Time `json:"started_at"`
	StartedBy   string    `json:"started_by"`
	StepAt      time.Time `json:"step_at"`
	EndedAt     time.Time `json:"ended_at"`
	Why         string    `json:"alpha_why"`
	Warnings    []string  `json:"warnings"`
	Spec        struct {
		Value     json.RawMessage `json:"value"`
		Condition json.RawMessage `json:"condition"`
		Steps     []struct {
			Share float64 `json:"share"`
			Watch int64   `json:"watch_seconds"`
		} `json:"steps"`
	} `json:"spec"`
	Verdict struct {
		Outcome string `json:"outcome"`
		Vitals  []struct {
			Text string `json:"text"`
		} `json:"vitals"`
	} `json:"verdict"`
}

// StartRamp starts a ramp of a flag, as the API takes it.
func (c *Client) StartRamp(ctx context.Context, p Place, flag string, spec any) (r Item[Ramp], err error) {
	err = c.post(ctx, statePath(p, flag, "/ramps"), spec, &r)
	return r, err
}

// Ramps lists ramps, with those that are over where they are wanted.
func (c *Client) Ramps(ctx context.Context, app string, over bool) ([]Item[Ramp], error) {
	q := url.Values{}
	if over {
		q.Set("all", "true")
	}
	return all[Item[Ramp]](ctx, c, eventsPath(app, "ramps"), q)
}

// Ramp gives one with its evidence.
func (c *Client) Ramp(ctx context.Context, app, id string) (r Item[Ramp], err error) {
	err = c.get(ctx, eventsPath(app, "ramps/"+url.PathEscape(id)), nil, &r)
	return r, err
}

// CommandRamp pauses a ramp, resumes it, goes on or takes it back.
func (c *Client) CommandRamp(ctx context.Context, p Place, id, command, why string) (r Item[Ramp], err error) {
	err = c.post(ctx, p.path("/ramps/"+url.PathEscape(id)+"/commands"), map[string]string{"command": command, "reason": why}, &r)
	return r, err
}
