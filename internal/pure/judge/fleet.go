package judge

import (
	"errors"
	"fmt"
	"math"

	"github.com/slipwayhq/slipway/internal/pure/stats"
	"github.com/slipwayhq/slipway/internal/pure/stats/units"
)

// Fleet is what the hosts did in the window before the push, all on the old release: without it, a split by host has to take the hosts for
// alike up to the margin.
type Fleet struct {
	// Hosts by name. Everything else about hosts is in this order.
	Hosts []string `json:"hosts"`
	// Before holds each host's counts, by vital. A vital that has none is judged with the margin.
	Before map[string][]units.Unit `json:"before"`
	// Visitors holds the counts of 64 buckets of visitors, by vital, where visitors stay with their host; else nothing.
	Visitors map[string][]units.Unit `json:"visitors,omitempty"`
	// Clusters says, by vital, how many events come together (see stats.Dispersion.Cautious), at least 1, where that is known from the window before and events were not counted
	// by visitor: so many count as one.
	Clusters map[string]float64 `json:"clusters,omitempty"`
	// History is what earlier windows taught about how much hosts differ, by vital.
	History map[string]units.Spread `json:"history,omitempty"`
}

// Learnt is what is known now of how much hosts differ, by vital: the History of the next rollout.
func (f *Fleet) Learnt() map[string]units.Spread {
	learnt := make(map[string]units.Spread, len(f.Before))
	for vital, before := range f.Before {
		learnt[vital] = units.Learn(f.History[vital], f.divided(vital, before)).Then()
	}
	return learnt
}

// Group says which hosts are on the new release from now on, by their number in Fleet.Hosts, and which part of the visitors is sent
// there, in [0, 1]. Hosts in neither group are left out. Call it when a step begins and whenever the groups change; it is needed for a
// policy with a fleet alone, and does nothing for others.
func (s *State) Group(p Policy, l units.Layout) error {
	if p.Fleet == nil || p.Unit != ByHost {
		return nil
	}
	if err := p.Fleet.fits(l); err != nil {
		return fmt.Errorf("group the hosts: %w", err)
	}
	s.begin(p)
	for i, v := range p.Vitals {
		test := s.Vitals[i].Units
		if test == nil {
			continue
		}
		s.Vitals[i].known(p.Fleet).begin(test, v, l)
		for len(s.Vitals[i].Hosts) < len(test.Phases) {
			s.Vitals[i].Hosts = append(s.Vitals[i].Hosts, make([]HostCount, len(p.Fleet.Hosts)))
			s.Split = nil // other hosts: their parts of the requests are looked at anew
		}
	}
	return nil
}

// cluster is how many events of a vital count as one.
func (f *Fleet) cluster(vital string) float64 {
	if f == nil {
		return 1
	}
	return math.Max(1, f.Clusters[vital])
}

// begin starts a phase of one vital's test.
func (h *habits) begin(test *units.Test, v VitalSpec, l units.Layout) {
	if v.Bad == Drop {
		l.New, l.Old, l.Visitors = l.Old, l.New, 1-l.Visitors
	}
	h.beginWithin(test, l)
}

// beginWithin is begin for a layout whose new group is the one in which harm shows as more events.
func (h *habits) beginWithin(test *units.Test, l units.Layout) {
	var visitors units.Spread
	if h.visitors != nil && l.Visitors > 0 && l.Visitors < 1 {
		visitors = *h.visitors
	} else {
		l.Visitors = 0
	}
	test.Begin(h.window, visitors, l)
}

// divided are counts with as many events as there are clusters of them.
func (f *Fleet) divided(vital string, counts []units.Unit) []units.Unit {
	size := f.cluster(vital)
	if size == 1 {
		return counts
	}
	out := make([]units.Unit, len(counts))
	for i, u := range counts {
		out[i] = units.Unit{Events: u.Events / size, Requests: u.Requests}
	}
	return out
}

func (f *Fleet) fits(l units.Layout) error {
	if len(l.New) == 0 || len(l.Old) == 0 {
		return errors.New("both groups need at least one host")
	}
	seen := make([]bool, len(f.Hosts))
	for _, group := range [][]int{l.New, l.Old} {
		for _, i := range group {
			if i < 0 || i >= len(f.Hosts) || seen[i] {
				return fmt.Errorf("host %d is not one of %d, or in both groups", i, len(f.Hosts))
			}
			seen[i] = true
		}
	}
	if !(l.Visitors >= 0 && l.Visitors <= 1) {
		return fmt.Errorf("part of the visitors %v is not between 0 and 1", l.Visitors)
	}
	return nil
}

// validate reports everything that is wrong with the fleet.
func (f *Fleet) validate() []error {
	if f == nil {
		return nil
	}
	var errs []error
	for vital, before := range f.Before {
		if len(before) != len(f.Hosts) {
			errs = append(errs, fmt.Errorf("fleet: vital %q has a window before of %d hosts, and there are %d", vital, len(before), len(f.Hosts)))
		}
		for i, u := range before {
			if !(u.Events >= 0) || u.Requests < 0 || u.Events > maxCount || u.Requests > maxCount {
				errs = append(errs, fmt.Errorf("fleet: vital %q has the impossible counts %v of %d on host %d", vital, u.Events, u.Requests, i))
				break
			}
		}
	}
	return errs
}

// LogE is the ln e-value now against "harm of at most the margin".
func (s *VitalState) LogE() float64 {
	if s.Units != nil {
		return s.Units.LogE()
	}
	if s.Mean != nil {
		return s.Mean.Harm.logE()
	}
	if s.Visitors != nil {
		return s.Visitors.Harm.logE()
	}
	if s.Clustered != nil {
		return s.Clustered.Harm.LogE(s.Clustered.factor())
	}
	return s.Harm.LogE()
}

// excludeLogE is the ln e-value against "harm of the ratio to rule out or more".
func (s *VitalState) excludeLogE() float64 {
	if s.Units != nil {
		return s.Units.LogExcludes(s.Exclude.Null)
	}
	if s.Mean != nil {
		return s.Mean.Exclude.logE()
	}
	if s.Clustered != nil {
		return s.Clustered.Exclude.LogE(s.Clustered.factor())
	}
	return s.Exclude.LogE()
}

// bounds is the likelihood of each ratio.
func (s *VitalState) bounds() stats.Bounds {
	if s.Units != nil {
		return s.Units.Bounds()
	}
	if s.Clustered != nil {
		return s.Clustered.widened(s.Bounds)
	}
	return s.Bounds
}

// excludeNeeds forecasts the events until the harm to rule out is excluded at level alpha, if nothing changed.
func (s *VitalState) excludeNeeds(share, alpha float64) float64 {
	if s.Units != nil {
		return s.Units.EventsNeeded(1, share, -math.Log(alpha), func(t *units.Test) float64 { return t.LogExcludes(s.Exclude.Null) })
	}
	if s.Clustered != nil {
		return s.Clustered.needs(&s.Clustered.Exclude, share, 1, alpha)
	}
	return s.Exclude.EventsNeeded(share, 1, alpha)
}

// harmNeeds forecasts the events until a harm of ratio is called regressed at level alpha.
func (s *VitalState) harmNeeds(ratio, share, alpha float64) float64 {
	if s.Units != nil {
		return s.Units.EventsNeeded(ratio, share, -math.Log(alpha), (*units.Test).LogE)
	}
	if s.Clustered != nil {
		return s.Clustered.needs(&s.Clustered.Harm, share, ratio, alpha)
	}
	return s.Harm.EventsNeeded(share, ratio, alpha)
}
