package machine

import (
	"cmp"
	"slices"

	"github.com/slipwayhq/slipway/internal/pure/stats"
)

// Which route fails is told apart from which is busy. A route stands out when three things hold:
//
//   - it has excess errors: more on the new release than the old release's rate on the same route leads to expect;
//   - chance hardly ever does that: the exact test of two counts stays below pathAlpha, divided by the number of routes with errors, since each of them is looked at;
//   - it is this route, and not the whole release: its excess a request is at least pathLift times that of all other routes together. Where everything fails alike
//     the busiest route has the most errors, and its name would lead astray.
//
// The edges count requests and errors by route, not slow requests: of a release that became slow no route is named.
const (
	pathAlpha = 0.001
	pathLift  = 2
)

// PathEvidence is how one route pattern fares, new release against old.
type PathEvidence struct {
	Path string
	PathTotal
	// Excess is how many errors of the new release are more than the old one's rate leads to expect; negative where they are fewer.
	Excess float64
	// StandsOut says that the excess is this route's own, and no chance.
	StandsOut bool
}

// Paths gives the route patterns, those with the most excess errors first.
func (m *Rollout) Paths() []PathEvidence {
	var all PathTotal
	failing := 0
	for _, p := range m.Totals.Paths {
		all.New, all.NewErrors, all.Old, all.OldErrors = all.New+p.New, all.NewErrors+p.NewErrors, all.Old+p.Old, all.OldErrors+p.OldErrors
		if p.NewErrors > 0 {
			failing++
		}
	}
	out := make([]PathEvidence, 0, len(m.Totals.Paths))
	excess := 0.0
	for path, p := range m.Totals.Paths {
		e := PathEvidence{Path: path, PathTotal: p, Excess: p.against(all).excess()}
		excess += e.Excess
		out = append(out, e)
	}
	for i, e := range out {
		pair := e.against(all)
		rest := all.New - e.New
		others := 0.0
		if rest > 0 {
			others = max((excess-e.Excess)/float64(rest), 0)
		}
		out[i].StandsOut = e.Excess > 0 && e.Excess/float64(e.New) >= pathLift*others &&
			stats.Surplus(pair.NewErrors, pair.New, pair.OldErrors, pair.Old) <= pathAlpha/float64(failing)
	}
	slices.SortFunc(out, func(a, b PathEvidence) int {
		return cmp.Or(cmp.Compare(b.Excess, a.Excess), cmp.Compare(b.New+b.Old, a.New+a.Old), cmp.Compare(a.Path, b.Path))
	})
	return out
}

// WorstPath is the route pattern with the most excess errors among those that stand out; empty when none does.
func (m *Rollout) WorstPath() string {
	for _, e := range m.Paths() {
		if e.StandsOut {
			return e.Path
		}
	}
	return ""
}

// against gives the route with what it is compared with: the old release on the same route, or, where nobody asked the old release for it (the route may be new), the
// old release on all routes.
func (p PathTotal) against(all PathTotal) PathTotal {
	if p.Old == 0 {
		p.Old, p.OldErrors = all.Old, all.OldErrors
	}
	return p
}

// excess is how many errors of the new release are more than the old one's rate leads to expect; 0 where there is no old release.
func (p PathTotal) excess() float64 {
	if p.Old == 0 {
		return 0
	}
	return float64(p.NewErrors) - float64(p.New)*float64(p.OldErrors)/float64(p.Old)
}
