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
const Other = event.OtherPaths

// pathCell is what is counted of one pattern.
type pathCell struct{ requests, errors, firstErrors, atRisk int64 }

// pathCount counts one pattern. idle counts the seconds without a request.
type pathCount struct {
	requests, errors, firstErrors, atRisk atomic.Int64
	idle                                  int
}

func (n *pathCount) add(c pathCell) {
	for _, part := range [...]struct {
		sum *atomic.Int64
		add int64
	}{{&n.requests, c.requests}, {&n.errors, c.errors}, {&n.firstErrors, c.firstErrors}, {&n.atRisk, c.atRisk}} {
		if part.add != 0 {
			part.sum.Add(part.add)
		}
	}
}

// paths counts by pattern. Counting holds the read lock, so that nothing is added to a pattern while it is drained or dropped.
type paths struct {
	mu   sync.RWMutex
	held map[string]*pathCount
}

// add counts on a path.
func (p *paths) add(path string, assets []string, c pathCell) {
	var buf [160]byte
	pattern := route.Append(buf[:0], path, assets)
	if p.addHeld(pattern, c) {
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
	p.held[string(pattern)].add(c)
	p.mu.Unlock()
}

func (p *paths) addHeld(pattern []byte, c pathCell) bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	n := p.held[string(pattern)]
	if n == nil {
		return false
	}
	n.add(c)
	return true
}

// drain appends what was counted since the last drain: patterns that failed, then the busiest, the rest as Other. Patterns unused for a minute go.
func (p *paths) drain(release string, into []event.PathCount) []event.PathCount {
	const forget = 60
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []event.PathCount
	for pattern, n := range p.held {
		c := event.PathCount{
			Release: release, Path: pattern,
			Requests: n.requests.Swap(0), Errors: n.errors.Swap(0), FirstErrors: n.firstErrors.Swap(0), AtRisk: n.atRisk.Swap(0),
		}
		if c.Requests == 0 && c.Errors == 0 {
			if n.idle++; n.idle > forget {
				delete(p.held, pattern)
			}
			continue
		}
		n.idle = 0
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b event.PathCount) int {
		return cmp.Or(cmp.Compare(b.Errors, a.Errors), cmp.Compare(b.Requests, a.Requests), cmp.Compare(a.Path, b.Path))
	})
	if len(all) <= pathsReported {
		return append(into, all...)
	}
	other := event.PathCount{Release: release, Path: Other}
	for i, n := range all {
		if i < pathsReported-1 && n.Path != Other {
			into = append(into, n)
			continue
		}
		other.Requests, other.Errors = other.Requests+n.Requests, other.Errors+n.Errors
		other.FirstErrors, other.AtRisk = other.FirstErrors+n.FirstErrors, other.AtRisk+n.AtRisk
	}
	return append(into, other)
}
