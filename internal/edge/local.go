package edge

import (
	"slices"

	"github.com/slipwayhq/slipway/internal/edge/split"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/wire"
)

// A front is an edge of one host (Options.Host). Who comes to it was sent to that host already, by somebody else's load balancer, so what differs is here.

// own is what this edge serves of a route: all of it, or on a front the processes of its host. A host that was left out has the old release alone and takes no part: where
// visitors or requests are drawn, whoever it serves would be on one side of the comparison only.
func (ts *tables) own(r wire.Route) wire.Route {
	if ts.host == "" {
		return r
	}
	r.Backends = slices.DeleteFunc(slices.Clone(r.Backends), func(b wire.Backend) bool { return b.Host != ts.host })
	if s := r.Split; s.New != "" && s.Mode != split.Hosts && slices.Contains(s.LeftOut, ts.host) {
		r.Rollout, r.Split = "", event.Split{Old: s.Old}
	}
	return r
}

// share is the part of the draws that go to the new release. On a front it does not hang on what is up: were it so, a release that crashed would get no requests,
// and look well.
func (ts *tables) share(r wire.Route) float64 {
	s := r.Split
	switch {
	case ts.host == "":
		hosts := make([]string, len(r.Backends))
		for i, b := range r.Backends {
			hosts[i] = b.Host
		}
		return split.Share(s, hosts)
	case s.New != "" && s.Mode == split.Hosts && slices.Contains(s.NewHosts, ts.host):
		return 1
	case s.New == "" || s.Mode == split.Hosts:
		return 0
	}
	return s.Share
}

// serves reports whether a backend belongs to an arm. On a front the old release of a host that has the new one helps out, at the new one's expense: there is no other host to ask.
func (ts *tables) serves(s event.Split, fresh bool, b wire.Backend) bool {
	return split.Serves(s, fresh, b.Release, b.Host) || ts.host != "" && !fresh && b.Release == s.Old
}
