package edge

import (
	"slices"

	"github.com/slipwayhq/slipway/internal/edge/split"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/wire"
)

// A front is an edge of one host (Options.Host). Who comes to it was sent to that host already, by somebody else's load balancer, so what differs is here.

// own leaves the backends that the edge may send to.
func (ts *tables) own(backends []wire.Backend) []wire.Backend {
	if ts.host == "" {
		return backends
	}
	return slices.DeleteFunc(slices.Clone(backends), func(b wire.Backend) bool { return b.Host != ts.host })
}

// share is the part of the draws that go to the new release. On a front it does not hang on what is up: were it so, a release that crashed would get no requests,
// and look well. A host that was left out has the old release alone.
func (ts *tables) share(r wire.Route) float64 {
	s := r.Split
	switch {
	case ts.host == "":
		hosts := make([]string, len(r.Backends))
		for i, b := range r.Backends {
			hosts[i] = b.Host
		}
		return split.Share(s, hosts)
	case s.New == "":
		return 0
	case s.Mode != split.Hosts && slices.Contains(s.LeftOut, ts.host):
		return 0
	case s.Mode != split.Hosts:
		return s.Share
	case slices.Contains(s.NewHosts, ts.host):
		return 1
	}
	return 0
}

// serves reports whether a backend belongs to an arm. On a front the old release of a host that has the new one helps out, at the new one's expense: there is no other host to ask.
func (ts *tables) serves(s event.Split, fresh bool, b wire.Backend) bool {
	return split.Serves(s, fresh, b.Release, b.Host) || ts.host != "" && !fresh && b.Release == s.Old
}
