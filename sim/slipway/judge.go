// Package slipway lets internal/pure/judge, the judge of real rollouts, take part in the benchmark. It does what decide/rollout does with the
// same counts: choose what counts by the way traffic is split, leave out what has not settled, and fold ticks.
package slipway

import (
	"fmt"
	"math"
	"slices"

	"github.com/slipwayhq/slipway/internal/pure/judge"
	"github.com/slipwayhq/slipway/internal/pure/stats/repeats"
	"github.com/slipwayhq/slipway/internal/pure/stats/units"
	"github.com/slipwayhq/slipway/sim/canary"
)

// Maker makes the judge; it looks at each tick.
func Maker() canary.Maker {
	return canary.Maker{Name: "slipway", Every: 10, EValue: true, New: func(alpha float64) canary.Judge { return &adapter{alpha: alpha} }}
}

type adapter struct {
	alpha   float64
	setting *canary.Setting
	policy  judge.Policy
	state   judge.State
	tick    judge.Tick   // its map is used again and again
	layout  units.Layout // of the hosts, when they were drawn
	// grouping is room for the layout of a tick.
	grouping units.Layout
}

// routesWeight is the part of alpha that routes share, where there are any.
const routesWeight = 0.5

// negligibleErrors is judge.Standard's.
const negligibleErrors = 0.001

// Begin makes the policy. The window holds, for each host and bucket, what was counted before the push.
func (a *adapter) Begin(s *canary.Setting, w *canary.Window) {
	a.setting, a.layout = s, units.Layout{}
	drawn := map[canary.Split]judge.Unit{canary.ByHost: judge.ByHost, canary.ByVisitor: judge.ByVisitor, canary.ByRequest: judge.ByRequest}
	a.policy = judge.Policy{Unit: drawn[s.Split], Alpha: a.alpha, RuleOut: 2, ExcludeAlpha: 0.05}
	if s.Split == canary.ByHost {
		a.policy.Fleet = fleet(s, w)
	}
	whole := 1.0
	if s.Routes > 0 {
		whole -= routesWeight
	}
	for _, v := range s.Vitals {
		spec := judge.VitalSpec{Name: v.Name, Weight: whole / float64(len(s.Vitals)), Base: v.Base}
		if v.Drop {
			spec.Bad, spec.Base = judge.Drop, 0
		}
		if v.Name == judge.Errors {
			spec.Negligible, spec.Base = negligibleErrors, 0
		}
		a.policy.Vitals = append(a.policy.Vitals, spec)
	}
	for r := range s.Routes {
		a.policy.Vitals = append(a.policy.Vitals, judge.VitalSpec{Name: routeName(r), Weight: routesWeight / float64(s.Routes), Negligible: negligibleErrors})
	}
	judge.AddVisitors(&a.policy, len(s.Steps))
	a.state = judge.NewState(a.policy)
	if a.tick.Counts == nil {
		a.tick.Counts, a.tick.Hosts = map[string]judge.Count{}, map[string][]judge.HostCount{}
	}
	clear(a.tick.Counts)
	clear(a.tick.Hosts)
}

// fleet is what the hosts did before, and the visitors where they stay with their hosts.
func fleet(s *canary.Setting, w *canary.Window) *judge.Fleet {
	f := &judge.Fleet{Before: map[string][]units.Unit{}, Visitors: map[string][]units.Unit{}, History: map[string]units.Spread{}}
	for h := range w.Hosts {
		f.Hosts = append(f.Hosts, fmt.Sprint(h))
	}
	for v, vital := range s.Vitals {
		f.Before[vital.Name], f.History[vital.Name] = unitsOf(w.Hosts, v), units.Usual()
		if s.Visitors {
			f.Before[vital.Name] = firstUnits(w.First, v)
		}
		if s.Sticky && !w.Cohort {
			f.Visitors[vital.Name] = unitsOf(w.Buckets, v)
		}
	}
	return f
}

func unitsOf(counts []canary.Count, vital int) (u []units.Unit) {
	for i := range counts {
		u = append(u, units.Unit{Events: float64(counts[i].Events[vital]), Requests: counts[i].Requests})
	}
	return u
}

func firstUnits(counts []canary.First, vital int) (u []units.Unit) {
	for i := range counts {
		u = append(u, units.Unit{Events: float64(counts[i].Events[vital]), Requests: counts[i].AtRisk[vital]})
	}
	return u
}

// group tells the judge who is on which release, whenever that changes.
func (a *adapter) group(t *canary.Tick) {
	l := &a.grouping
	l.New, l.Old, l.Visitors = l.New[:0], l.Old[:0], 0
	for h := range t.Hosts {
		switch age := t.Hosts[h].Age; {
		case age < 0:
			l.Old = append(l.Old, h)
		case age >= a.setting.Settle:
			l.New = append(l.New, h)
		}
	}
	if a.setting.Sticky {
		l.Visitors = t.Share
	}
	if len(l.New) == 0 || len(l.Old) == 0 || slices.Equal(l.New, a.layout.New) && slices.Equal(l.Old, a.layout.Old) {
		return
	}
	a.layout = units.Layout{New: slices.Clone(l.New), Old: slices.Clone(l.Old), Visitors: l.Visitors}
	if err := a.state.Group(a.policy, a.layout); err != nil {
		panic(err) // the benchmark made the layout
	}
}

func routeName(r int) string { return fmt.Sprintf("route %d", r) }

// Observe folds a tick. A tick of which one release is missing is no evidence.
func (a *adapter) Observe(t *canary.Tick) {
	begun := t.Second - a.setting.TickSeconds
	if !t.Complete() || a.setting.Split != canary.ByHost && begun < a.setting.Settle {
		return
	}
	if a.setting.Split == canary.ByHost {
		a.group(t)
	}
	a.tick.Traffic = nil
	if a.setting.Split != canary.ByHost { // there the hosts' part of the requests is compared with before
		a.tick.Traffic = a.traffic(t)
	}
	a.tick.Second, a.tick.Share = int64(t.Second), t.Share
	for v := range a.setting.Vitals {
		name, total := a.policy.Vitals[v].Name, &t.Total
		switch a.setting.Split {
		case canary.ByHost:
			a.tick.Hosts[name] = a.hosts(t, v, a.tick.Hosts[name])
		case canary.ByVisitor:
			a.tick.Counts[name] = judge.Count{
				New: t.First[canary.New].Events[v], Old: t.First[canary.Old].Events[v], AtRiskNew: t.First[canary.New].AtRisk[v], AtRiskOld: t.First[canary.Old].AtRisk[v],
			}
		case canary.ByRequest:
			a.tick.Counts[name] = judge.Count{New: total[canary.New].Events[v], Old: total[canary.Old].Events[v], AtRiskNew: total[canary.New].Requests, AtRiskOld: total[canary.Old].Requests}
		}
	}
	for r := range t.Routes {
		c := &t.Routes[r]
		a.tick.Counts[a.policy.Vitals[len(a.setting.Vitals)+r].Name] = judge.Count{
			New: c.Errors[canary.New], Old: c.Errors[canary.Old], AtRiskNew: c.Requests[canary.New], AtRiskOld: c.Requests[canary.Old],
		}
	}
	// Ticks with impossible counts change nothing; State.Rejected counts them.
	_ = a.state.Fold(a.policy, a.tick)
	a.visitors(t)
}

// visitors looks at how often visitors have erred, at the ticks that tell.
func (a *adapter) visitors(t *canary.Tick) {
	if len(t.Erred) == 0 || a.policy.LooksAtVisitors() < 0 {
		return
	}
	begun := 0
	for _, step := range a.setting.Steps[:t.Step] {
		begun += step.Seconds
	}
	cells := map[repeats.Cell]*repeats.Cell{}
	for _, e := range t.Erred {
		key := repeats.Cell{Errors: repeats.Bucket(e.Errors), Requests: repeats.Bucket(e.Requests), Before: repeats.Bucket(e.Before)}
		c := cells[key]
		if c == nil {
			c = &repeats.Cell{Errors: key.Errors, Requests: key.Requests, Before: key.Before}
			cells[key] = c
		}
		if e.Release == canary.New {
			c.New++
		} else {
			c.Old++
		}
	}
	look := judge.VisitorLook{Step: t.Step, Look: repeats.Due(int64(t.Second - begun)), Share: t.Share}
	for _, c := range cells {
		look.Cells = append(look.Cells, *c)
	}
	// A look that comes late, after the next one, is spent in vain.
	_ = a.state.LookAtVisitors(a.policy, look)
}

// hosts are a vital's counts by host, in the room given: visitors at their first event where they are known.
func (a *adapter) hosts(t *canary.Tick, vital int, room []judge.HostCount) []judge.HostCount {
	out := room[:0]
	for h := range t.Hosts {
		var c judge.HostCount
		for r := range canary.Releases {
			if a.setting.Visitors {
				c.Events += t.FirstHosts[h][r].Events[vital]
				c.Requests += t.FirstHosts[h][r].AtRisk[vital]
				continue
			}
			c.Events += t.Hosts[h].Count[r].Events[vital]
			c.Requests += t.Hosts[h].Count[r].Requests
		}
		out = append(out, c)
	}
	return out
}

// traffic is what the split is checked by.
func (a *adapter) traffic(t *canary.Tick) *judge.Traffic {
	traffic := &judge.Traffic{New: t.Total[canary.New].Requests, Old: t.Total[canary.Old].Requests}
	traffic.Buckets = make([]int64, len(t.Buckets))
	for b := range t.Buckets {
		// Here the buckets are of the hash that draws the release: one that is in both is part of a bucket.
		if t.Buckets[b].Count[canary.New].Requests == 0 {
			traffic.Buckets[b] = t.Buckets[b].Count[canary.Old].Requests
		}
	}
	return traffic
}

// Look gives the largest e-value so far of the worst vital, as a logarithm, with the vital's weight: judge.HasRegressed asks whether it is 1/alpha. Evidence above the threshold of the
// largest alpha has been held against "one host broke" (judge.VitalState.robust), so that it serves smaller ones as it is.
func (a *adapter) Look(int) canary.Opinion {
	o := canary.Opinion{Evidence: math.Inf(-1)}
	for i := range a.state.Vitals {
		v := &a.state.Vitals[i]
		e := v.Peak
		if e == 0 && a.setting.Calibrated { // it starts there
			e = min(v.LogE(), 0)
		}
		o.Evidence = max(o.Evidence, e+math.Log(a.policy.Vitals[i].Weight))
	}
	if a.state.SplitIsWrong() {
		o.Action, o.Evidence = canary.Hold, a.despite(o.Evidence)
	}
	return o
}

// despite is how much evidence is left where the split is wrong: at which levels the harm shows against the traffic that each release got, too. most is what there is.
func (a *adapter) despite(most float64) float64 {
	regressed := func(evidence float64) bool {
		p := a.policy
		p.Alpha = math.Exp(-evidence)
		return judge.HasRegressed(p, &a.state)
	}
	least := -math.Log(a.alpha)
	if most < least || !regressed(least) {
		return math.Inf(-1)
	}
	for range 30 {
		if middle := (least + most) / 2; regressed(middle) {
			least = middle
		} else {
			most = middle
		}
	}
	return least
}

// End is asked of what was not rolled back, at whatever alpha.
func (a *adapter) End() canary.Verdict {
	p := a.policy
	p.Alpha = math.SmallestNonzeroFloat64
	if judge.Says(p, &a.state) == judge.Healthy {
		return canary.Healthy
	}
	return canary.Unknown
}
