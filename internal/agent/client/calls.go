package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/slipwayhq/slipway/internal/wire"
)

// Join makes this machine an agent. It asks the server only where there is something new to say (first join, new token, other roles or labels), so that an
// agent starts without its server. Token, Key and Version of the request are filled in. A server that is away, or a token that is used up, is no error
// for an agent that has a credential already.
func (c *Client) Join(ctx context.Context, r wire.JoinRequest) (agent string, err error) {
	c.mu.Lock()
	id := c.id
	c.mu.Unlock()
	r.Token, r.Key, r.Version = c.secret, id.Key, c.version
	r.Roles = slices.Sorted(slices.Values(r.Roles))
	mark, err := fingerprint(c.base.String(), r)
	if err != nil {
		return "", fmt.Errorf("join: %w", err)
	}
	known := id.Credential != ""
	if known && (id.Joined == mark || r.Token == "") {
		return id.Agent, nil
	}
	if r.Token == "" {
		return "", errors.New(`this machine has not joined yet: give a join token (--join, made with "slipway join-token")`)
	}
	var answer wire.JoinAnswer
	k, err := c.post("/agent/v1/join", r)
	if err != nil {
		return "", err
	}
	k.bearer = ""
	if known {
		// One try: it serves what it knows already rather than wait.
		if err := c.once(ctx, k, &answer); err != nil {
			c.log.Warn("could not join anew; going on as before", "error", err)
			return id.Agent, nil
		}
	} else if _, err := c.until(ctx, k, &answer); err != nil {
		return "", fmt.Errorf("join as %s: %w", r.Name, joinError(err))
	}
	id.Agent, id.Credential, id.Server, id.Pin, id.Joined = answer.Agent, answer.Credential, c.base.String(), c.pin, mark
	c.mu.Lock()
	defer c.mu.Unlock()
	c.id = id
	return id.Agent, id.save(c.dir)
}

// joinError gives the server's own words, which say what to do; without them, what the status means at a join, where 401 speaks of the token.
func joinError(err error) error {
	var status *Status
	said := errors.As(err, &status) && status.Text != ""
	switch {
	case errors.Is(err, ErrTooOld):
		return err
	case said:
		return status
	case errors.Is(err, ErrRemoved):
		return errors.New(`the server does not take this join token: it is used up, expired or mistyped; make a new one with "slipway join-token"`)
	case errors.Is(err, ErrGone):
		return fmt.Errorf("another machine has joined under this name; choose another with --name: %w", err)
	default:
		return err
	}
}

// Beat says that the agent lives.
func (c *Client) Beat(ctx context.Context, b wire.Beat) error {
	k, err := c.post("/agent/v1/beat", b)
	if err != nil {
		return err
	}
	return c.once(ctx, k, nil)
}

// Desired waits for a wish newer than generation after; nil when the server had none within wire.PollTime.
func (c *Client) Desired(ctx context.Context, after int64) (*wire.Desired, error) {
	var d wire.Desired
	k := c.get("/agent/v1/host/desired", url.Values{"after": {strconv.FormatInt(after, 10)}})
	found, err := c.until(ctx, k, &d)
	if err != nil || !found {
		return nil, err
	}
	return &d, nil
}

// Report says what the host holds and runs.
func (c *Client) Report(ctx context.Context, r wire.Report) error {
	k, err := c.post("/agent/v1/host/report", r)
	if err != nil {
		return err
	}
	return c.once(ctx, k, nil)
}

// Seconds sends a JSON array of event.HostSecond; nil means that the server has them for good.
func (c *Client) Seconds(ctx context.Context, batch []byte) error {
	return c.once(ctx, call{
		method: http.MethodPost, path: "/agent/v1/host/seconds", body: batch, kind: "application/json", bearer: c.Credential(), timeout: quickTime,
	}, nil)
}

// Lease waits for work; nil when there was none within wire.PollTime.
func (c *Client) Lease(ctx context.Context, r wire.LeaseRequest) (*wire.Lease, error) {
	var l wire.Lease
	k, err := c.post("/agent/v1/work/lease", r)
	if err != nil {
		return nil, err
	}
	k.timeout = pollTime
	found, err := c.until(ctx, k, &l)
	if err != nil || !found {
		return nil, err
	}
	return &l, nil
}

// LeaseBeat keeps a lease. ErrGone means that it was lost.
func (c *Client) LeaseBeat(ctx context.Context, lease string, b wire.LeaseBeat) (wire.LeaseOrder, error) {
	var order wire.LeaseOrder
	k, err := c.post(leasePath(lease, "beat"), b)
	if err != nil {
		return order, err
	}
	err = c.once(ctx, k, &order)
	return order, err
}

// LeaseLog appends output at an offset in bytes. Sent twice, it counts once.
func (c *Client) LeaseLog(ctx context.Context, lease string, offset int64, output []byte) error {
	_, err := c.until(ctx, call{
		method: http.MethodPost, path: leasePath(lease, "log"), query: url.Values{"offset": {strconv.FormatInt(offset, 10)}},
		body: output, kind: "application/octet-stream", bearer: c.Credential(), timeout: quickTime,
	}, nil)
	return err
}

// LeaseDone ends a lease. ErrGone means that it was lost and the result does not count.
func (c *Client) LeaseDone(ctx context.Context, lease string, r wire.LeaseResult) error {
	k, err := c.post(leasePath(lease, "done"), r)
	if err != nil {
		return err
	}
	k.timeout = resultTime
	_, err = c.until(ctx, k, nil)
	return err
}

func leasePath(lease, verb string) string {
	return "/agent/v1/work/leases/" + url.PathEscape(lease) + "/" + verb
}

func (c *Client) get(path string, query url.Values) call {
	return call{method: http.MethodGet, path: path, query: query, bearer: c.Credential(), timeout: pollTime}
}

func (c *Client) post(path string, body any) (call, error) {
	data, err := json.Marshal(body)
	if err != nil {
		return call{}, fmt.Errorf("POST %s: %w", path, err)
	}
	return call{method: http.MethodPost, path: path, body: data, kind: "application/json", bearer: c.Credential(), timeout: quickTime}, nil
}
