package count

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/pure/route"
)

// Limits of the count by path: how many patterns are told apart while a second runs, and how many are reported (with Other) of each release.
const (
	pathsHeld     = 512
	pathsReported = 25 // of each of the two releases: event.RouteSecond allows 50
)

// Other is the pattern of all paths that are not reported one by one.
const Other = "other"

// pathCount counts one pattern. idle counts the seconds without a request.
type pathCount struct {
	requests, errors atomic.Int64
	idle             int
}

// paths counts by pattern. Counting holds the read lock, so that nothing is added to a pattern while it is drained or dropped.
type paths struct {
	mu   sync.RWMutex
	held map[string]*pathCount
}

// add counts requests and errors of a path.
func (p *paths) add(path string, assets []string, requests, errors int64) {
	var buf [160]byte
	pattern := route.Append(buf[:0], path, assets)
	if p.addHeld(pattern, requests, errors) {
		return
	}
	p.mu.Lock()
	if p.held == nil {
		p.held = map[string]*pathCount{}
	}
	if p.held[string(pattern)] == nil {
		if len(p.held) >= pathsHeld {
			pattern = append(pattern[:0], Other...)
		}
		if p.held[string(pattern)] == nil {
			p.held[string(pattern)] = &pathCount{}
		}
	}
	n := p.held[string(pattern)]
	n.requests.Add(requests)
	n.errors.Add(errors)
	p.mu.Unlock()
}

func (p *paths) addHeld(pattern []byte, requests, errors int64) bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	n := p.held[string(pattern)]
	if n == nil {
		return false
	}
	if requests != 0 {
		n.requests.Add(requests)
	}
	if errors != 0 {
		n.errors.Add(errors)
	}
	return true
}

// drain appends what was counted since the last drain: patterns that failed, then the busiest, the rest as Other. Patterns unused for a minute go.
func (p *paths) drain(release string, into []event.PathCount) []event.PathCount {
	const forget = 60
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []event.PathCount
	for pattern, n := range p.held {
		requests, errors := n.requests.Swap(0), n.errors.Swap(0)
		if requests == 0 && errors == 0 {
			if n.idle++; n.idle > forget {
				delete(p.held, pattern)
			}
			continue
		}
		n.idle = 0
		all = append(all, event.PathCount{Release: release, Path: pattern, Requests: requests, Errors: errors})
	}
	slices.SortFunc(all, func(a, b event.PathCount) int {
		return cmp.Or(cmp.Compare(b.Errors, a.Errors), cmp.Compare(b.Requests, a.Requests), cmp.Compare(a.Path, b.Path))
	})
	if len(all) <= pathsReported {
		return append(into, all...)
	}
	other := event.PathCount{Release: release, Path: Other}
	for _, n := range all[pathsReported-1:] {
		other.Requests += n.Requests
		other.Errors += n.Errors
	}
	for _, n := range all[:pathsReported-1] {
		if n.Path == Other {
			other.Requests += n.Requests
			other.Errors += n.Errors
			continue
		}
		into = append(into, n)
	}
	return append(into, other)
}
