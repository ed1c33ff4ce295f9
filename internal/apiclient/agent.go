package apiclient

import (
	"context"
	"net/url"
	"time"
)

// Agent is a machine that holds releases or runs tests, or an edge.
type Agent struct {
	ID       string            `json:"id"`
	Name     string            `json:"name"`
	Roles    []string          `json:"roles"`
	State    string            `json:"state"`
	Addr     string            `json:"addr"`
	Labels   map[string]string `json:"labels"`
	Version  string            `json:"version"`
	SeenAt   time.Time         `json:"last_seen"`
	Sample   *Sample           `json:"sample"`
	Releases []Process         `json:"releases"`
	Lease    *Work             `json:"lease"`
}

// Sample is how busy a machine is.
type Sample struct {
	CPU     float64 `json:"cpu"`
	Load1   float64 `json:"load1"`
	MemUsed float64 `json:"mem_used"`
}

// Process is a release that a host runs.
type Process struct {
	App     string `json:"app"`
	Env     string `json:"environment"`
	Release string `json:"release"`
	Process string `json:"process"`
	State   string `json:"process_state"`
}

// Work is what a worker is doing.
type Work struct {
	Build string `json:"build"`
	App   string `json:"app"`
	Kind  string `json:"kind"`
	Units int    `json:"units"`
}

// Agents lists the agents of a role, all when it is empty.
func (c *Client) Agents(ctx context.Context, role string) ([]Item[Agent], error) {
	q := url.Values{}
	if role != "" {
		q.Set("role", role)
	}
	return all[Item[Agent]](ctx, c, "/v1/agents", q)
}

// JoinToken lets machines join.
type JoinToken struct {
	ID      string    `json:"id"`
	Label   string    `json:"label"`
	Roles   []string  `json:"roles"`
	Uses    int64     `json:"uses"`
	Expires time.Time `json:"expires,omitzero"`
	// Token and Command are shown once, by CreateJoinToken.
	Token   string `json:"token,omitempty"`
	Command string `json:"command,omitempty"`
}

// CreateJoinToken makes a token for machines with these roles; uses 0 means any number of machines, a zero time no end.
func (c *Client) CreateJoinToken(ctx context.Context, t JoinToken) (Item[JoinToken], error) {
	body := struct {
		Label   string    `json:"label,omitempty"`
		Roles   []string  `json:"roles"`
		Uses    int64     `json:"uses,omitempty"`
		Expires time.Time `json:"expires,omitzero"`
	}{t.Label, t.Roles, t.Uses, t.Expires}
	var made Item[JoinToken]
	return made, c.post(ctx, "/v1/join-tokens", body, &made)
}
