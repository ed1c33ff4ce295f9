package edge

import (
	"os"
	"time"

	"github.com/slipwayhq/slipway/internal/edge/control"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/spool"
)

// Status is what a running edge tells about itself on its socket. It holds no visitor's data and no credential.
type Status struct {
	PID         int           `json:"pid"`
	ID          string        `json:"id"`
	Version     string        `json:"version"`
	Boot        string        `json:"boot"`
	Started     time.Time     `json:"started"`
	Args        []string      `json:"args"` // what the process was started with; credentials come by the environment
	Listen      string        `json:"listen"`
	TLSListen   string        `json:"tls_listen,omitempty"`
	Draining    bool          `json:"draining"`
	Generation  int64         `json:"generation"`
	Connections int64         `json:"connections"`
	Requests    int64         `json:"requests"` // under way
	Spool       spool.Stats   `json:"spool"`
	Routes      []RouteStatus `json:"routes"`
}

// RouteStatus is one environment on one edge.
type RouteStatus struct {
	App      string          `json:"app"`
	Env      string          `json:"environment"`
	Split    event.Split     `json:"split"`
	Backends []BackendStatus `json:"backends"`
}

// BackendStatus is one backend that the split calls for.
type BackendStatus struct {
	Release  string `json:"release"`
	Host     string `json:"host"`
	Addr     string `json:"addr"`
	Healthy  bool   `json:"healthy"`
	Requests int64  `json:"requests"` // under way
}

// Status tells how the edge is.
func (e *Edge) Status() Status {
	t := e.table.Load()
	s := Status{
		PID: os.Getpid(), ID: e.opts.ID, Version: e.opts.Version, Boot: e.boot, Started: e.started, Args: os.Args[1:], Listen: e.Addr(), TLSListen: e.TLSAddr(),
		Draining: e.conns.draining(), Generation: t.snapshot.Generation,
		Connections: e.conns.open.Load(), Requests: e.conns.requests.Load(), Spool: e.spool.Stats(),
	}
	for _, r := range t.routes {
		rs := RouteStatus{App: r.App, Env: r.Env, Split: r.Split}
		for _, m := range append(append([]member(nil), r.old.members...), r.new.members...) {
			rs.Backends = append(rs.Backends, BackendStatus{
				Release: m.key.Release, Host: m.key.Host, Addr: m.key.Addr, Healthy: m.usable(), Requests: m.open.Load(),
			})
		}
		s.Routes = append(s.Routes, rs)
	}
	return s
}

// Alive asks the edge that runs in dir how it is. It fails when none does.
func Alive(dir string) (Status, error) {
	var s Status
	err := control.Status(dir, &s)
	return s, err
}
