package apiclient

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// LimitDefinition is how much a limit gives, and how it counts, as the API takes it.
type LimitDefinition struct {
	Kind        string  `json:"kind"`
	Amount      int64   `json:"amount"`
	Unit        string  `json:"unit,omitempty"`
	Every       int64   `json:"every,omitempty"`
	Burst       int64   `json:"burst,omitempty"`
	Zone        string  `json:"zone,omitempty"`
	HoldSeconds int64   `json:"hold_seconds,omitempty"`
	Refill      int64   `json:"refill,omitempty"`
	Shadow      bool    `json:"shadow,omitempty"`
	Near        float64 `json:"near,omitempty"`
	Exact       bool    `json:"exact,omitempty"`
}

// Limit is a limit of an app.
type Limit struct {
	Group      string          `json:"group"`
	Definition LimitDefinition `json:"definition"`
	Note       string          `json:"note"`
	Words      string          `json:"words"`
	Overrides  []LimitOverride `json:"overrides"`
	ChangedAt  time.Time       `json:"changed_at"`
	ChangedBy  string          `json:"changed_by"`
	Use        *LimitCount     `json:"use"`
}

// LimitOverride is another amount for one key.
type LimitOverride struct {
	Group  string    `json:"group"`
	Amount int64     `json:"amount"`
	Burst  int64     `json:"burst"`
	Until  time.Time `json:"until"`
	Reason string    `json:"reason"`
	SetBy  string    `json:"set_by"`
}

// LimitCount is what was asked.
type LimitCount struct {
	Asks   int64 `json:"asks"`
	Asked  int64 `json:"asked"`
	Given  int64 `json:"given"`
	Denied int64 `json:"denied"`
	Near   int64 `json:"near"`
}

// LimitKeyCount is what one key asked.
type LimitKeyCount struct {
	Key string `json:"key"`
	LimitCount
}

// LimitUse is what became of a limit in a time.
type LimitUse struct {
	Total  LimitCount      `json:"total"`
	Top    []LimitKeyCount `json:"top"`
	Denied []LimitKeyCount `json:"denied"`
	Near   []LimitKeyCount `json:"near"`
}

// LimitKey is how one key stands.
type LimitKey struct {
	Key      string         `json:"key"`
	Amount   int64          `json:"amount"`
	Capacity int64          `json:"capacity"`
	Left     int64          `json:"left"`
	Full     time.Time      `json:"full_at"`
	Override *LimitOverride `json:"override"`
}

// LimitSimulation is what a limit would have done.
type LimitSimulation struct {
	From   time.Time  `json:"from"`
	To     time.Time  `json:"to"`
	Was    LimitCount `json:"was"`
	Denied int64      `json:"denied"`
	Given  int64      `json:"given"`
	Keys   int        `json:"keys"`
	Hit    int        `json:"hit"`
	Words  string     `json:"words"`
	Top    []struct {
		Key       string `json:"key"`
		Asks      int64  `json:"asks"`
		WasDenied int64  `json:"was_denied"`
		Denied    int64  `json:"denied"`
	} `json:"top"`
}

func limitPath(app, group, more string) string {
	return eventsPath(app, "limits/"+url.PathEscape(group)+more)
}

func limitIn(p Place, group, more string) string {
	return p.path("/limits/" + url.PathEscape(group) + more)
}

// Limits lists those of an app, with what was asked of them in the last hour in an environment, where one is named.
func (c *Client) Limits(ctx context.Context, app, env string) ([]Item[Limit], error) {
	q := url.Values{}
	if env != "" {
		q.Set("environment", env)
	}
	return all[Item[Limit]](ctx, c, eventsPath(app, "limits"), q)
}

// Limit shows one, and the tag by which it is changed.
func (c *Client) Limit(ctx context.Context, app, group string) (l Item[Limit], tag string, err error) {
	path := limitPath(app, group, "")
	res, err := c.send(ctx, http.MethodGet, path, nil, nil, nil)
	if err != nil {
		return l, "", err
	}
	defer func() { _ = res.Body.Close() }()
	if err := json.NewDecoder(res.Body).Decode(&l); err != nil {
		return l, "", fmt.Errorf("read the server's answer to GET %s: %w", path, err)
	}
	return l, res.Header.Get("ETag"), nil
}

// CreateLimit adds a limit.
func (c *Client) CreateLimit(ctx context.Context, app, group string, d LimitDefinition, note, reason string) (l Item[Limit], err error) {
	err = c.post(ctx, eventsPath(app, "limits"), map[string]any{"group": group, "definition": d, "note": note, "reason": reason}, &l)
	return l, err
}

// SetLimit changes the limit that had this tag.
func (c *Client) SetLimit(ctx context.Context, app, group, tag string, d LimitDefinition, note, reason string) (l Item[Limit], err error) {
	err = c.call(ctx, http.MethodPut, limitPath(app, group, ""), nil, header{"If-Match": tag}, map[string]any{"definition": d, "note": note, "reason": reason}, &l)
	return l, err
}

// RemoveLimit removes the limit that had this tag.
func (c *Client) RemoveLimit(ctx context.Context, app, group, tag, reason string) error {
	return c.call(ctx, http.MethodDelete, limitPath(app, group, ""), why(reason), header{"If-Match": tag}, nil, nil)
}

func why(reason string) url.Values {
	if reason == "" {
		return nil
	}
	return url.Values{"reason": {reason}}
}

// OverrideLimit gives one key another amount, where the limit is still what had this tag.
func (c *Client) OverrideLimit(ctx context.Context, app, group, key, tag string, override any) (l Item[Limit], err error) {
	err = c.call(ctx, http.MethodPut, limitPath(app, group, "/overrides/"+url.PathEscape(key)), nil, header{"If-Match": tag}, override, &l)
	return l, err
}

// LiftLimit ends an override.
func (c *Client) LiftLimit(ctx context.Context, app, group, key, reason string) error {
	return c.call(ctx, http.MethodDelete, limitPath(app, group, "/overrides/"+url.PathEscape(key)), why(reason), nil, nil, nil)
}

// LimitUse shows what was asked of a limit from a time until now.
func (c *Client) LimitUse(ctx context.Context, p Place, group string, from time.Time) (u Item[LimitUse], err error) {
	err = c.get(ctx, limitIn(p, group, "/use"), url.Values{"from": {from.UTC().Format(time.RFC3339)}}, &u)
	return u, err
}

// LimitKey shows how much one key has left.
func (c *Client) LimitKey(ctx context.Context, p Place, group, key string) (k Item[LimitKey], err error) {
	err = c.get(ctx, limitIn(p, group, "/keys/"+url.PathEscape(key)), nil, &k)
	return k, err
}

// ResetLimit makes as if one key had taken nothing.
func (c *Client) ResetLimit(ctx context.Context, p Place, group, key, reason string) (k Item[LimitKey], err error) {
	err = c.post(ctx, limitIn(p, group, "/keys/"+url.PathEscape(key)+"/resets"), map[string]string{"reason": reason}, &k)
	return k, err
}

// SimulateLimit says what a limit would have denied of what was asked from a time until now.
func (c *Client) SimulateLimit(ctx context.Context, p Place, group string, d LimitDefinition, from time.Time) (s Item[LimitSimulation], err error) {
	err = c.post(ctx, p.path("/limit-simulations"), map[string]any{"group": group, "definition": d, "from": from}, &s)
	return s, err
}
