package limit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"time"
)

// asked is an Ask as the server reads it.
type asked struct {
	Group   string `json:"group"`
	Amount  int64  `json:"amount"`
	Partial bool   `json:"partial,omitempty"`
}

// answered is the server's answer to a check.
type answered struct {
	Passed bool `json:"passed"`
	Groups []struct {
		Group      string    `json:"group"`
		Limit      string    `json:"limit"`
		Kind       string    `json:"kind"`
		Passed     bool      `json:"passed"`
		Amount     int64     `json:"amount"`
		Left       int64     `json:"left"`
		Near       bool      `json:"near"`
		Over       bool      `json:"over"`
		RetryAfter *float64  `json:"retry_after_seconds"`
		Full       *float64  `json:"full_after_seconds"`
		Lease      string    `json:"lease"`
		LeaseEnds  time.Time `json:"lease_ends_at"`
	} `json:"groups"`
}

// ask asks groups, all of which have to pass. An error is no denial.
func (c *Client) ask(ctx context.Context, in []asked) (Answers, error) {
	var got answered
	header, err := c.post(ctx, c.check, map[string][]asked{"groups": in}, &got)
	if err == nil && len(got.Groups) != len(in) {
		err = fmt.Errorf("%d groups were asked and %d answered; is that a Slipway server", len(in), len(got.Groups))
	}
	if err != nil {
		if len(in) == 0 {
			return Answers{}, fmt.Errorf("limit: ask nothing: %w", err)
		}
		return Answers{}, fmt.Errorf("limit: ask %.100q: %w", in[0].Group, err)
	}
	out := Answers{Passed: got.Passed, Groups: make([]Answer, len(got.Groups)), policy: header.Get("RateLimit-Policy"), state: header.Get("RateLimit")}
	for i, g := range got.Groups {
		a := Answer{
			Group: g.Group, Limit: g.Limit, Passed: g.Passed, Amount: g.Amount, Left: g.Left, Near: g.Near, Over: g.Over, Lease: g.Lease, LeaseEnds: g.LeaseEnds, kind: g.Kind,
			Full: later(g.Full),
		}
		if !g.Passed {
			a.RetryAfter = later(g.RetryAfter)
		}
		out.Groups[i] = a
	}
	return out, nil
}

func later(seconds *float64) time.Duration {
	if seconds == nil {
		return Never
	}
	return duration(*seconds)
}

// Return gives back what was taken of a concurrent limit, all of it. An answer without a lease, as that of any other limit, is nothing to return. What cannot be returned comes back by itself at LeaseEnds; the
// error, which is not decided by OnError, says why. It is a [Problem] of status 409 where the lease was returned before, or has ended.
func (c *Client) Return(ctx context.Context, a Answer) error {
	if a.Lease == "" {
		return nil
	}
	in := map[string]string{"group": a.Group, "lease": a.Lease}
	_, err := c.post(ctx, c.give, in, nil)
	if err == nil {
		return nil
	}
	return fmt.Errorf("limit: return %.100q: %w", a.Group, err)
}

// Problem is the server's no: a key that is not known (401), a group that nothing limits (404), an amount that cannot be (422), a lease that is not out (409).
type Problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
}

// Error says what was wrong.
func (p *Problem) Error() string {
	if p.Detail != "" {
		return p.Detail
	}
	return fmt.Sprintf("%d %s", p.Status, p.Title)
}

// pause is how long it takes until a connection that did not come about is tried again: a server that is started anew does not listen for a moment.
const pause = 20 * time.Millisecond

// post sends a body, a second time only where nothing of it was sent, and reads the answer into out, if there is one.
func (c *Client) post(ctx context.Context, to string, in, out any) (http.Header, error) {
	body, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	header, err := c.once(ctx, to, body, out)
	if err == nil || !unsent(err) {
		return header, err
	}
	select {
	case <-time.After(pause):
		return c.once(ctx, to, body, out)
	case <-ctx.Done():
		return header, err
	}
}

// unsent tells whether a request has certainly not reached a server: no connection came about.
func unsent(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// most is how long an answer may be: one of all groups that can be asked at once.
const most = 1 << 20

func (c *Client) once(ctx context.Context, to string, body []byte, out any) (http.Header, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body)) //nolint:gosec // the caller says which server is asked
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+c.key)
	res, err := c.http.Do(req) //nolint:gosec // as above
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(res.Body, most))
	if err != nil {
		return nil, fmt.Errorf("the answer ended early: %w", err)
	}
	kind, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type")) // whatever cannot be read is none that is known
	switch {
	case res.StatusCode != http.StatusOK && kind == "application/problem+json":
		p := &Problem{Title: http.StatusText(res.StatusCode)}
		if err := json.Unmarshal(text, p); err != nil {
			p.Detail = ""
		}
		p.Status = res.StatusCode
		return nil, p
	case res.StatusCode != http.StatusOK:
		return nil, &Problem{Status: res.StatusCode, Title: http.StatusText(res.StatusCode)}
	case kind != "application/json":
		return nil, fmt.Errorf("what answers at %s is not a Slipway server", req.URL.Host)
	case out == nil:
		return res.Header, nil
	}
	if err := json.Unmarshal(text, out); err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	return res.Header, nil
}
