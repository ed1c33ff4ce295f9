package wire

import "github.com/slipwayhq/slipway/internal/event"

// Snapshot is everything an edge needs to serve. It keeps the last one on disk and goes on without the server.
type Snapshot struct {
	Generation int64   `json:"generation"`
	Routes     []Route `json:"routes"`
}

// Route is one environment as the edge sees it.
type Route struct {
	App string `json:"app"`
	Env string `json:"environment"`
	// Hosts are the host names that lead here; empty takes every request that no other route wants.
	Hosts []string `json:"hosts,omitempty"`
	// Traffic is the id of the request the split stems from.
	Traffic string      `json:"traffic"`
	Rollout string      `json:"rollout,omitempty"`
	Split   event.Split `json:"split"`
	// Backends of all releases that are up, the edge takes those the split calls for.
	Backends []Backend `json:"backends"`
	// Assets are the path prefixes of hashed files; a 404 there is asked of the other release, while two are out.
	Assets []string `json:"assets,omitempty"`
	// Health is the path for the edge's own checks; empty means a TCP connection.
	Health string `json:"health,omitempty"`
}

// Backend is one process that can answer.
type Backend struct {
	Release string `json:"release"`
	Host    string `json:"host"` // agent id
	Addr    string `json:"addr"` // host:port
}
