package apiclient

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Answer is what a question about events is answered with.
type Answer struct {
	SQL     string `json:"sql"`
	Columns []struct {
		Name string `json:"name"`
		Type string `json:"type"`
	} `json:"columns"`
	Rows   [][]any `json:"rows"`
	More   bool    `json:"more"`
	Took   int64   `json:"took_ms"`
	Stored uint64  `json:"stored"`
}

func eventsPath(app, more string) string { return "/v1/apps/" + url.PathEscape(app) + "/" + more }

// Ask asks about an app's events: kind is trend, funnel, retention, top, timeline or sql, and the question is what the API takes for it.
func (c *Client) Ask(ctx context.Context, app, kind string, question any) (a Item[Answer], err error) {
	err = c.post(ctx, eventsPath(app, "events/"+kind), question, &a)
	return a, err
}

// Parquet asks one SELECT and writes the answer as a Parquet file; more tells that there were more rows than the limit.
func (c *Client) Parquet(ctx context.Context, app, sql string, limit int, to io.Writer) (more bool, err error) {
	res, err := c.send(ctx, http.MethodPost, eventsPath(app, "events/sql/parquet"), nil, nil, map[string]any{"sql": sql, "limit": limit})
	if err != nil {
		return false, err
	}
	defer func() { _ = res.Body.Close() }()
	if _, err := io.Copy(to, res.Body); err != nil {
		return false, fmt.Errorf("read the Parquet file: %w", err)
	}
	return res.Header.Get("Slipway-More") == "true", nil
}

// SavedQuestion is a question about an app's events that has a name.
type SavedQuestion struct {
	ID        string          `json:"id"`
	Name      string          `json:"name"`
	Kind      string          `json:"kind"`
	Question  json.RawMessage `json:"question"`
	ChangedAt time.Time       `json:"changed_at"`
	ChangedBy string          `json:"changed_by"`
}

// SavedQuestions lists an app's.
func (c *Client) SavedQuestions(ctx context.Context, app string) ([]Item[SavedQuestion], error) {
	return all[Item[SavedQuestion]](ctx, c, eventsPath(app, "events/saved"), nil)
}

// AskSaved asks a saved question.
func (c *Client) AskSaved(ctx context.Context, app, id string) (a Item[Answer], err error) {
	err = c.post(ctx, eventsPath(app, "events/saved/"+url.PathEscape(id)+"/ask"), nil, &a)
	return a, err
}

// Rebuild is how far it is to make an app's store of events anew.
type Rebuild struct {
	State    string `json:"state"`
	Message  string `json:"message"`
	Archived int64  `json:"archived"`
	Stored   uint64 `json:"stored"`
	Target   uint64 `json:"target"`
}

// Over tells that nothing is under way.
func (r Rebuild) Over() bool { return r.State == "done" || r.State == "refused" || r.State == "none" }

// Rebuild asks that an app's store of events is made anew; Rebuilding tells how far that is.
func (c *Client) Rebuild(ctx context.Context, app string) (r Item[Rebuild], err error) {
	err = c.post(ctx, eventsPath(app, "events/rebuild"), nil, &r)
	return r, err
}

// Rebuilding tells how far the last rebuild is.
func (c *Client) Rebuilding(ctx context.Context, app string) (r Item[Rebuild], err error) {
	err = c.get(ctx, eventsPath(app, "events/rebuild"), nil, &r)
	return r, err
}

// Source is where events come from.
type Source struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Environment string `json:"environment"`
	Key         string `json:"write_key"`
	Stopped     bool   `json:"stopped"`
}

// Sources lists an app's.
func (c *Client) Sources(ctx context.Context, app string) ([]Item[Source], error) {
	return all[Item[Source]](ctx, c, eventsPath(app, "sources"), nil)
}

// AddSource adds one; its events belong to the environment.
func (c *Client) AddSource(ctx context.Context, app, name, env string) (s Item[Source], err error) {
	err = c.post(ctx, eventsPath(app, "sources"), map[string]string{"name": name, "environment": env}, &s)
	return s, err
}

// Release shows one of an app.
func (c *Client) Release(ctx context.Context, app, id string) (r Release, err error) {
	err = c.get(ctx, eventsPath(app, "releases/"+url.PathEscape(id)), nil, &r)
	return r, err
}

// Label is a release as people know it: #5 3f2a91c.
func (r Release) Label() string {
	return fmt.Sprintf("#%d %s", r.Number, r.Commit[:min(len(r.Commit), 7)])
}

// FailedCount is how many failed events have a reason and a state.
type FailedCount struct {
	Reason string    `json:"reason"`
	State  string    `json:"state"`
	Count  int64     `json:"count"`
	Last   time.Time `json:"last"`
}

// FailedCounts counts an app's failed events.
func (c *Client) FailedCounts(ctx context.Context, app string) ([]Item[FailedCount], error) {
	return all[Item[FailedCount]](ctx, c, eventsPath(app, "events/failed/counts"), nil)
}

// FailedEvent is what came and is no event.
type FailedEvent struct {
	Sequence uint64          `json:"sequence"`
	Reason   string          `json:"reason"`
	Message  string          `json:"message"`
	Raw      json.RawMessage `json:"raw"`
	State    string          `json:"state"`
	Received time.Time       `json:"received"`
}

// Failed lists an app's failed events, oldest first, at most limit.
func (c *Client) Failed(ctx context.Context, app, reason, state string, limit int) ([]Item[FailedEvent], error) {
	var p page[Item[FailedEvent]]
	err := c.get(ctx, eventsPath(app, "events/failed"), url.Values{"reason": {reason}, "state": {state}, "limit": {strconv.Itoa(limit)}}, &p)
	return p.Items, err
}

// Repaired is what became of failed events.
type Repaired struct {
	Repaired int `json:"repaired"`
	Left     int `json:"left"`
	Failed   int `json:"failed"`
	Results  []struct {
		Sequence uint64          `json:"sequence"`
		Item     json.RawMessage `json:"item"`
		Message  string          `json:"message"`
	} `json:"results"`
}

// Repair runs a jq program on an app's open failed events; with try it only shows what would become of them.
func (c *Client) Repair(ctx context.Context, app, program, reason string, limit int, try bool) (r Item[Repaired], err error) {
	err = c.post(ctx, eventsPath(app, "events/failed/repair"), map[string]any{"program": program, "reason": reason, "limit": limit, "try": try}, &r)
	return r, err
}

// Tail gives each event of an app from now on to fn, with its sequence and type ("event" or "failed"), until ctx ends (nil), fn fails, or the server refuses. Where it was cut off it goes on behind the last one.
func (c *Client) Tail(ctx context.Context, app string, filter url.Values, fn func(sequence, kind string, data json.RawMessage) error) error {
	pause, last := pauseFirst, ""
	for {
		err := c.tailOnce(ctx, app, filter, last, func(id, kind string, data json.RawMessage) error {
			pause, last = pauseFirst, id
			return fn(id, kind, data)
		})
		if ctx.Err() != nil {
			return nil
		}
		if err := final(err); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
		pause = min(2*pause, pauseLast)
	}
}

func (c *Client) tailOnce(ctx context.Context, app string, filter url.Values, last string, fn func(id, kind string, data json.RawMessage) error) error {
	more := header{"Accept": "text/event-stream"}
	if last != "" {
		more["Last-Event-ID"] = last
	}
	res, err := c.send(ctx, http.MethodGet, eventsPath(app, "events/tail"), filter, more, nil)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, 4<<20)
	var id, kind string
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ": ")
		switch name {
		case "id":
			id = value
		case "event":
			kind = value
		case "data":
			if !json.Valid([]byte(value)) {
				return &handlerError{errors.New("the server's stream cannot be read")}
			}
			if err := fn(id, kind, json.RawMessage(value)); err != nil {
				return &handlerError{err}
			}
		}
	}
	return fmt.Errorf("%w: %w", errQuiet, lines.Err())
}
