package route

import (
	"cmp"
	"slices"

	"github.com/slipwayhq/slipway/internal/pure/stats"
)

// Limits of what stands out.
const (
	pathAlpha = 0.001
	pathLift  = 2
)

// Total counts one route pattern, or one host, on the new release and on the old one.
type Total struct {
	New       int64 `json:"new"`
	NewErrors int64 `json:"new_errors"`
	Old       int64 `json:"old"`
	OldErrors int64 `json:"old_errors"`
}

// Add counts requests of one release.
func (p *Total) Add(isNew bool, requests, errors int64) {
	if isNew {
		p.New, p.NewErrors = p.New+requests, p.NewErrors+errors
	} else {
		p.Old, p.OldErrors = p.Old+requests, p.OldErrors+errors
	}
}

// Evidence is how one route pattern fares, new release against old.
type Evidence struct {
	Path string
	Total
	// Excess is how many errors of the new release are more than the old one's rate leads to expect; negative where they are fewer.
	Excess float64
	// StandsOut says that the excess is this route's own, and no chance.
	StandsOut bool
}

// Compare gives the route patterns, those with the most excess errors first.
func Compare(routes map[string]Total) []Evidence {
	var all Total
	failing := 0
	for _, p := range routes {
		all.New, all.NewErrors, all.Old, all.OldErrors = all.New+p.New, all.NewErrors+p.NewErrors, all.Old+p.Old, all.OldErrors+p.OldErrors
		if p.NewErrors > 0 {
			failing++
		}
	}
	out := make([]Evidence, 0, len(routes))
	excess := 0.0
	for path, p := range routes {
		e := Evidence{Path: path, Total: p, Excess: p.against(all).excess()}
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
	slices.SortFunc(out, func(a, b Evidence) int {
		return cmp.Or(cmp.Compare(b.Excess, a.Excess), cmp.Compare(b.New+b.Old, a.New+a.Old), cmp.Compare(a.Path, b.Path))
	})
	return out
}

// Worst is the route pattern with the most excess errors among those that stand out; empty when none does.
func Worst(routes map[string]Total) string {
	for _, e := range Compare(routes) {
		if e.StandsOut {
			return e.Path
		}
	}
	return ""
}

// against gives the route with what it is compared with: the old release on the same route, or, where nobody asked the old release for it (the route may be new), the
// old release on all routes.
func (p Total) against(all Total) Total {
	if p.Old == 0 {
		p.Old, p.OldErrors = all.Old, all.OldErrors
	}
	return p
}

// excess is how many errors of the new release are more than the old one's rate leads to expect; 0 where there is no old release.
func (p Total) excess() float64 {
	if p.Old == 0 {
		return 0
	}
	return float64(p.NewErrors) - float64(p.New)*float64(p.OldErrors)/float64(p.Old)
}
