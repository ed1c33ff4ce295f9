package apiclient

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// FlagState is what a flag is in an environment, by its members.
type FlagState map[string]json.RawMessage

// Flag is a flag, a switch or a sample.
type Flag struct {
	ID         string               `json:"id"`
	Kind       string               `json:"kind"`
	Name       string               `json:"name"`
	Type       string               `json:"type"`
	Owner      string               `json:"owner"`
	States     map[string]FlagState `json:"states"`
	Stale      map[string]string    `json:"stale"`
	ChangedAt  time.Time            `json:"changed_at"`
	ChangedBy  string               `json:"changed_by"`
	ArchivedAt time.Time            `json:"archived_at"`
	Ramps      map[string]FlagRamp  `json:"ramps"`
}

// FlagRamp is a ramp under way in an environment.
type FlagRamp struct {
	Ramp  string  `json:"ramp"`
	Share float64 `json:"share"`
}

// FlagChange is what became of a flag, once.
type FlagChange struct {
	ID          string    `json:"id"`
	Environment string    `json:"environment"`
	At          time.Time `json:"at"`
	By          string    `json:"by"`
	How         string    `json:"how"`
	Reason      string    `json:"reason"`
	Words       string    `json:"words"`
}

// FlagPlan is a change that is still to be made.
type FlagPlan struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Environment string `json:"environment"`
	Words       string `json:"words"`
	By          string `json:"by"`
	Wall        string `json:"wall"`
	Zone        string `json:"zone"`
	Status      string `json:"status"`
	Said        string `json:"said"`
}

// FlagStep is one thing that applying a list of flags does.
type FlagStep struct {
	Flag        string `json:"flag"`
	Kind        string `json:"kind"`
	Environment string `json:"environment"`
	Do          string `json:"do"`
	Words       string `json:"words"`
}

// FlagKey is what clients send to be told of flags.
type FlagKey struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Environment string `json:"environment"`
	Kind        string `json:"kind"`
	Key         string `json:"key"`
	Remote      bool   `json:"remote"`
	Encryption  string `json:"encryption"`
	Stopped     bool   `json:"stopped"`
}

// GivenFlag is what a visitor would get of a flag, and why.
type GivenFlag struct {
	Flag      string          `json:"flag"`
	Value     json.RawMessage `json:"value"`
	By        string          `json:"by"`
	Rule      string          `json:"rule"`
	Place     int             `json:"place"`
	Percent   float64         `json:"percent"`
	Variation string          `json:"variation"`
	Problem   string          `json:"problem"`
}

// FlagRefs are places in the code that name flags.
type FlagRefs struct {
	Commit string `json:"commit"`
	Branch string `json:"branch"`
	More   bool   `json:"more"`
	Refs   []struct {
		Flag string `json:"flag"`
		Path string `json:"path"`
		Line int    `json:"line"`
		Text string `json:"text"`
	} `json:"refs"`
	Unnamed []string `json:"unnamed"`
}

func flagPath(app, flag, more string) string {
	return eventsPath(app, "flags/"+url.PathEscape(flag)+more)
}

func statePath(p Place, flag, more string) string {
	return p.path("/flags/" + url.PathEscape(flag) + more)
}

// Flags lists those of an app, with those that are out of use where they are wanted.
func (c *Client) Flags(ctx context.Context, app string, archived bool) ([]Item[Flag], error) {
	q := url.Values{}
	if archived {
		q.Set("archived", "true")
	}
	return all[Item[Flag]](ctx, c, eventsPath(app, "flags"), q)
}

// Flag finds one by its id, or by its name; a switch and a sample are named switch:NAME and sample:NAME.
func (c *Client) Flag(ctx context.Context, app, flag string) (f Item[Flag], err error) {
	err = c.get(ctx, flagPath(app, flag, ""), nil, &f)
	return f, err
}

// CreateFlag adds one, as the API takes it.
func (c *Client) CreateFlag(ctx context.Context, app string, flag any) (f Item[Flag], err error) {
	err = c.post(ctx, eventsPath(app, "flags"), flag, &f)
	return f, err
}

// MoveFlag archives a flag, brings it back, or restores what it was.
func (c *Client) MoveFlag(ctx context.Context, app, flag string, body any) (f Item[Flag], err error) {
	err = c.post(ctx, flagPath(app, flag, "/changes"), body, &f)
	return f, err
}

// FlagState gives what a flag is in an environment, and the tag by which it is changed.
func (c *Client) FlagState(ctx context.Context, p Place, flag string) (s FlagState, tag string, err error) {
	path := statePath(p, flag, "")
	res, err := c.send(ctx, http.MethodGet, path, nil, nil, nil)
	if err != nil {
		return s, "", err
	}
	defer func() { _ = res.Body.Close() }()
	if err := json.NewDecoder(res.Body).Decode(&s); err != nil {
		return s, "", fmt.Errorf("read the server's answer to GET %s: %w", path, err)
	}
	return s, res.Header.Get("ETag"), nil
}

// SetFlagState changes the state that had this tag.
func (c *Client) SetFlagState(ctx context.Context, p Place, flag, tag string, to FlagState) (s FlagState, err error) {
	err = c.call(ctx, http.MethodPut, statePath(p, flag, ""), nil, header{"If-Match": tag}, to, &s)
	return s, err
}

// PlanFlag plans a change of the state that had this tag.
func (c *Client) PlanFlag(ctx context.Context, p Place, flag, tag string, to FlagState) (plan Item[FlagPlan], err error) {
	err = c.call(ctx, http.MethodPost, statePath(p, flag, "/plans"), nil, header{"If-Match": tag}, to, &plan)
	return plan, err
}

// FlagPlans lists planned changes, with those that are over where they are wanted.
func (c *Client) FlagPlans(ctx context.Context, app string, over bool) ([]Item[FlagPlan], error) {
	q := url.Values{}
	if over {
		q.Set("all", "true")
	}
	return all[Item[FlagPlan]](ctx, c, eventsPath(app, "plans"), q)
}

// DecidePlan approves a planned change as it is now, or refuses it.
func (c *Client) DecidePlan(ctx context.Context, p Place, plan, decision, said string) (out Item[FlagPlan], err error) {
	path := p.path("/plans/" + url.PathEscape(plan))
	res, err := c.send(ctx, http.MethodGet, path, nil, nil, nil)
	if err != nil {
		return out, err
	}
	_ = res.Body.Close()
	err = c.call(ctx, http.MethodPost, path+"/decisions", nil, header{"If-Match": res.Header.Get("ETag")}, map[string]string{"decision": decision, "said": said}, &out)
	return out, err
}

// FlagChanges gives what became of a flag, newest first.
func (c *Client) FlagChanges(ctx context.Context, app, flag string) ([]Item[FlagChange], error) {
	return all[Item[FlagChange]](ctx, c, flagPath(app, flag, "/changes"), nil)
}

// ApplyFlags makes flags what a list says, or tells what that would do.
func (c *Client) ApplyFlags(ctx context.Context, app string, list any) ([]FlagStep, error) {
	var out struct {
		Steps []FlagStep `json:"steps"`
	}
	err := c.post(ctx, eventsPath(app, "flag-lists"), list, &out)
	return out.Steps, err
}

// TryFlags says what a visitor would get.
func (c *Client) TryFlags(ctx context.Context, p Place, visitor any) ([]GivenFlag, error) {
	var out struct {
		Flags []GivenFlag `json:"flags"`
	}
	err := c.post(ctx, p.path("/evaluations"), visitor, &out)
	return out.Flags, err
}

// FlagRefs finds where the code of a branch names flags; of one where it is named.
func (c *Client) FlagRefs(ctx context.Context, app, branch, flag string) (r Item[FlagRefs], err error) {
	err = c.get(ctx, eventsPath(app, "flag-refs"), url.Values{"branch": {branch}, "flag": {flag}}, &r)
	return r, err
}

// FlagKeys lists the keys by which clients are told of flags.
func (c *Client) FlagKeys(ctx context.Context, app string) ([]Item[FlagKey], error) {
	return all[Item[FlagKey]](ctx, c, eventsPath(app, "keys"), nil)
}

// CreateFlagKey adds a key.
func (c *Client) CreateFlagKey(ctx context.Context, app string, key any) (k Item[FlagKey], err error) {
	err = c.post(ctx, eventsPath(app, "keys"), key, &k)
	return k, err
}
