package apiclient

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Commit is one commit.
type Commit struct {
	SHA     string `json:"sha"`
	Author  string `json:"author"`
	Subject string `json:"subject"`
}

// Reason is one ground of a decision.
type Reason struct {
	Code string `json:"code"`
	Text string `json:"text"`
}

// Build is a build; Units and Leases are there when one was asked for.
type Build struct {
	ID          string     `json:"id"`
	Number      int        `json:"number"`
	Environment string     `json:"environment"`
	State       string     `json:"state"`
	Head        Commit     `json:"head"`
	Commits     []Commit   `json:"commits"`
	QueuedAt    time.Time  `json:"queued_at"`
	StartedAt   *time.Time `json:"started_at"`
	EndedAt     *time.Time `json:"ended_at"`
	Waiting     string     `json:"waiting"`
	Total       int        `json:"total"`
	Done        int        `json:"done"`
	Failed      int        `json:"failed"`
	Reasons     []Reason   `json:"reasons"`
	BoundS      float64    `json:"bound_s"`
	MakespanS   float64    `json:"makespan_s"`
	Units       []Unit     `json:"units"`
	Leases      []Lease    `json:"leases"`
}

// Unit is a test that can be run alone.
type Unit struct {
	Suite      string `json:"suite"`
	Unit       string `json:"unit"`
	Status     string `json:"status"`
	DurationMS int64  `json:"duration_ms"`
	Worker     string `json:"worker"`
	Output     string `json:"output"`
}

// Lease is some work that a worker was given.
type Lease struct {
	ID        string     `json:"id"`
	Kind      string     `json:"kind"`
	Worker    string     `json:"worker"`
	State     string     `json:"state"`
	Units     int        `json:"units"`
	GrantedAt time.Time  `json:"granted_at"`
	StartedAt *time.Time `json:"started_at"`
	EndedAt   *time.Time `json:"ended_at"`
	SetupMS   int64      `json:"setup_ms"`
	RanMS     int64      `json:"ran_ms"`
}

// Some says which part of a list is wanted: the newest Limit of an environment, or of all when it is empty.
type Some struct {
	App, Env string
	Limit    int
	// After is where to go on in a list whose cursors are numbers: with what has a lower one. 0 is the newest.
	After int
}

func (s Some) path(noun string) string { return "/v1/apps/" + url.PathEscape(s.App) + "/" + noun }

func (s Some) query() url.Values {
	q := url.Values{"limit": {strconv.Itoa(max(s.Limit, 1))}}
	if s.Env != "" {
		q.Set("environment", s.Env)
	}
	if s.After > 0 {
		q.Set("after", strconv.Itoa(s.After))
	}
	return q
}

// Builds lists builds, newest first.
func (c *Client) Builds(ctx context.Context, s Some) ([]Item[Build], error) {
	var p page[Item[Build]]
	return p.Items, c.get(ctx, s.path("builds"), s.query(), &p)
}

// BuildsNumbered gives the builds of a number, of which each environment has one at most.
func (c *Client) BuildsNumbered(ctx context.Context, app, env string, number int) ([]Item[Build], error) {
	var p page[Item[Build]]
	q := Some{App: app, Env: env, Limit: 500}.query()
	q.Set("number", strconv.Itoa(number))
	return p.Items, c.get(ctx, Some{App: app}.path("builds"), q, &p)
}

func buildPath(app, build, more string) string {
	return "/v1/apps/" + url.PathEscape(app) + "/builds/" + url.PathEscape(build) + more
}

// Build shows one with its units and leases.
func (c *Client) Build(ctx context.Context, app, build string) (Item[Build], error) {
	var b Item[Build]
	return b, c.get(ctx, buildPath(app, build, ""), nil, &b)
}

// CancelBuild ends a build and what it runs.
func (c *Client) CancelBuild(ctx context.Context, app, build, why string) error {
	return c.post(ctx, buildPath(app, build, "/cancel"), reason{why}, nil)
}

// RetryBuild builds the same commit again and gives the new build.
func (c *Client) RetryBuild(ctx context.Context, app, build string) (again string, err error) {
	var started struct {
		Build string `json:"build"`
	}
	return started.Build, c.post(ctx, buildPath(app, build, "/retry"), nil, &started)
}

// HotfixBuild ships the build's commit without its tests, its watch, or both, and gives the new build.
func (c *Client) HotfixBuild(ctx context.Context, app, build string, tests, watch bool, why string) (again string, err error) {
	body := struct {
		SkipTests bool   `json:"skip_tests,omitempty"`
		SkipWatch bool   `json:"skip_watch,omitempty"`
		Reason    string `json:"reason"`
	}{tests, watch, why}
	var started struct {
		Build string `json:"build"`
	}
	return started.Build, c.post(ctx, buildPath(app, build, "/hotfix"), body, &started)
}

// Log copies what a lease printed to w. With follow it goes on until the log is complete.
func (c *Client) Log(ctx context.Context, app, build, lease string, follow bool, w io.Writer) error {
	offset := int64(0)
	for {
		q := url.Values{"offset": {strconv.FormatInt(offset, 10)}}
		if follow {
			q.Set("wait", "1")
		}
		n, end, err := c.logPart(ctx, buildPath(app, build, "/logs/"+url.PathEscape(lease)), q, w)
		offset += n
		if err != nil || end || !follow {
			return err
		}
	}
}

func (c *Client) logPart(ctx context.Context, path string, q url.Values, w io.Writer) (n int64, end bool, err error) {
	res, err := c.send(ctx, http.MethodGet, path, q, nil, nil)
	if err != nil {
		return 0, false, err
	}
	defer func() { _ = res.Body.Close() }()
	n, err = io.Copy(w, res.Body)
	if err != nil {
		return n, false, fmt.Errorf("read the log: %w", err)
	}
	return n, res.Header.Get("Slipway-Log-End") == "true", nil
}
