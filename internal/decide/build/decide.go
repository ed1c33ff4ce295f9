package build

import (
	"cmp"
	"slices"
	"time"

	"github.com/slipwayhq/slipway/internal/pure/shard"
	"github.com/slipwayhq/slipway/internal/wire"
)

// standing is what a build's state follows from.
type standing struct {
	Unlisted    int // suites whose units are not known yet
	Unlistable  int // suites whose list failed
	Total, Done int
	Failed      int
	Package     string
	OlderOpen   bool // an older build of the environment is not at its end
	Hurry       bool // skips its tests
}

// judge says which state a started build is in. Failed comes only when all that can run has run, so that all failures are told at once.
func judge(s standing) State {
	switch {
	case s.Unlisted > 0:
		return Listing
	case s.Done < s.Total:
		return Testing
	case s.Failed > 0 || s.Unlistable > 0 || s.Package == packageFailed:
		return Failed
	case s.Package != packageDone && s.Package != packageNothing:
		return Packaging
	case s.OlderOpen && !s.Hurry:
		return Packaging // builds of one environment pass in their order
	default:
		return Passed
	}
}

// candidate is an open build when a worker asks for work.
type candidate struct {
	ID     string
	App    string
	State  State
	Hurry  bool
	Since  time.Time // when it started, or was queued
	Avoid  bool      // this worker lately could not do its part for this build, and there are others
	Number int
}

// patience is how long a queued build may be passed over for one whose app the worker has at hand.
const patience = 10 * time.Second

// inOrder sorts builds by who is served first: hotfixes, then what was started, by age, then what is queued, by age; among young queued builds those of apps that the worker
// has a mirror of. Builds to avoid are left out.
func inOrder(all []candidate, warm []string, now time.Time) []candidate {
	class := func(c candidate) int {
		switch {
		case c.Hurry:
			return 0
		case c.State != Queued:
			return 1
		case now.Sub(c.Since) > patience || slices.Contains(warm, c.App):
			return 2
		default:
			return 3
		}
	}
	out := slices.DeleteFunc(slices.Clone(all), func(c candidate) bool { return c.Avoid })
	slices.SortStableFunc(out, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(class(a), class(b)), a.Since.Compare(b.Since), cmp.Compare(a.ID, b.ID))
	})
	return out
}

// mayPackage reports whether the package step may go out: the tests leave nothing to do for a worker, and nothing is red yet. It then runs beside the last
// tests, and its artifact counts only if they pass.
func mayPackage(s standing, waiting int) bool {
	return s.Package == packageWaits && s.Unlisted == 0 && s.Unlistable == 0 && s.Failed == 0 && waiting == 0
}

// nextUnits picks the suite and the units of the next lease: the suite whose first unit comes first in the order of shard.Sort.
func nextUnits(p shard.Policy, waiting map[string][]shard.Unit, single map[string]bool, workers int) (suite string, names []string) {
	var fronts []shard.Unit
	bySort := map[string]string{}
	for name, units := range waiting {
		front := units[0]
		front.Name = front.Name + "\x00" + name // units of two suites may have one name
		bySort[front.Name] = name
		fronts = append(fronts, front)
	}
	if len(fronts) == 0 {
		return "", nil
	}
	shard.Sort(fronts)
	suite = bySort[fronts[0].Name]
	if single[suite] {
		p.MaxUnits = 1
	}
	units := waiting[suite]
	for _, u := range units[:p.Next(units, workers)] {
		names = append(names, u.Name)
	}
	return suite, names
}

// outcome says what becomes of each unit of a lease that came back with a result.
func outcome(lent []lentUnit, r wire.LeaseResult) []unitResult {
	given := make(map[string]wire.UnitResult, len(r.Units))
	for _, u := range r.Units {
		given[u.Unit] = u
	}
	out := make([]unitResult, 0, len(lent))
	for _, u := range lent {
		res := unitResult{Name: u.Name, Losses: u.Losses, Faults: u.Faults}
		got, ok := given[u.Name]
		switch {
		case r.TimedOut && len(lent) > 1 && (!ok || got.Status == unitError):
			// One unit hung and took the time of the others: each goes out alone now, so that only the guilty one is blamed.
			res.Status, res.Losses = unitWaiting, max(u.Losses+1, 2)
		case !ok || !known(got.Status):
			res.Status, res.Output = unitError, "The worker gave no result for this unit. "+r.Tail
		default:
			res.Status, res.Duration, res.Output, res.FailedTests = got.Status, got.Duration, got.Output, got.Failed
			if !got.Cached {
				res.Occupied = cmp.Or(got.Occupied, got.Duration)
			}
		}
		out = append(out, res)
	}
	return out
}

func known(status string) bool {
	return status == unitPassed || status == unitFailed || status == unitSkipped || status == unitError
}

// What the output of a unit says after the third try.
const (
	textLost  = "The worker was lost three times while running this unit. The last time: "
	textFault = "Three workers could not run this unit. The last one said: "
)

// blame says whose doing it may be that a lease came back without a result.
type blame int

const (
	nobody    blame = iota // the worker was stopped
	theUnits               // they may be what killed the worker
	theWorker              // it said so itself
)

// try is what such a return adds to the tries of a list or a package.
func (g blame) try() int { return min(int(g), 1) }

// returned says what becomes of the units of a lease that came back without a result.
func returned(lent []lentUnit, guilty blame, reason string) []unitResult {
	out := make([]unitResult, 0, len(lent))
	for _, u := range lent {
		res := unitResult{Name: u.Name, Status: unitWaiting, Losses: u.Losses, Faults: u.Faults}
		switch guilty {
		case theUnits:
			if res.Losses++; res.Losses >= MaxTries {
				res.Status, res.Output = unitError, textLost+reason
			}
		case theWorker:
			if res.Faults++; res.Faults >= MaxTries {
				res.Status, res.Output = unitError, textFault+reason
			}
		}
		out = append(out, res)
	}
	return out
}
