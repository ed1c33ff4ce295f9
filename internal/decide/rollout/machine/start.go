package machine

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/slipwayhq/slipway/internal/decide/rollout/before"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/pure/judge"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
	"github.com/slipwayhq/slipway/internal/pure/stats/units"
)

// Draw puts the hosts in an order of chance: split by hosts, the first so many are the canaries. The guarantee of such a split is an average over a random draw, so that
// each rollout draws anew.
func (m *Rollout) Draw(r *rand.Rand) {
	r.Shuffle(len(m.Hosts), func(i, k int) { m.Hosts[i], m.Hosts[k] = m.Hosts[k], m.Hosts[i] })
}

// ChooseMode decides what is split, by the policy and how many of the drawn hosts are heard of. Split by hosts, one that is lost already takes no part: it could neither be
// a canary nor be compared with one. Where none is heard of all wait for the first that is.
func (m *Rollout) ChooseMode() {
	heard := len(m.Hosts) - len(m.lost())
	if heard == 0 {
		heard = len(m.Hosts)
	}
	m.Mode = m.Policy.Canary.For(heard)
	if heard == 1 && m.Mode == manifest.CanaryHosts {
		m.Mode = manifest.CanaryVisitors
	}
	if m.Mode == manifest.CanaryHosts && heard < len(m.Hosts) {
		m.LeaveOut(outLost, m.lost()...)
	}
}

// StepsOf gives the policy's steps; a first release and a hotfix without a watch have one.
func StepsOf(m *Rollout) []Step {
	if !m.Judged() {
		return []Step{{Share: 1}}
	}
	var steps []Step
	for _, p := range m.Policy.Steps {
		steps = append(steps, Step{Share: float64(p.Share), HoldBack: float64(p.HoldBack), Watch: p.Watch.Duration})
	}
	return steps
}

// Begun tells whether the judge is prepared already: the rollout lost all its hosts before, and begins anew; its evidence does not, unless it is split otherwise now.
// Where hosts are compared and others have taken their place, there is nothing to go on with.
func (m *Rollout) Begun() bool {
	known := 0
	for _, h := range m.fleetHosts() {
		if slices.Contains(m.Hosts, h) {
			known++
		}
	}
	return len(m.Judge.Vitals) > 0 && m.Judge.Unit == unitOf(m) && (m.Judge.Fleet == nil || known >= 2)
}

// StartWords says how the release will be judged.
func (m *Rollout) StartWords() string {
	switch {
	case m.Back:
		return "goes " + m.backWords()
	case m.First():
		return "the first release: there is nothing to compare it with, so its health alone decides"
	case !m.Judged():
		return fmt.Sprintf("%s skips the watch: %s", m.hotfixWords(), m.Hotfix.Reason)
	case len(m.Thresholds) == 0:
		return fmt.Sprintf("split by %s on %s; %s; latency is not judged, since there was too little traffic before%s", m.Mode, hostCount(len(m.Hosts)), m.Alpha, m.powerWords())
	}
	return fmt.Sprintf("split by %s on %s; %s%s", m.Mode, hostCount(len(m.Hosts)), m.Alpha, m.powerWords())
}

// PolicyOf shares alpha by the manifest's weights; within latency as judge.Standard does, over the thresholds that there are. w is what was counted before, nil for nothing:
// then no route is judged apart, and hosts keep their margin. history is what earlier windows taught of how hosts differ.
func PolicyOf(m *Rollout, alpha float64, weights map[string]float64, w *before.Window, history map[string]units.Spread) judge.Policy {
	p := judge.Standard(unitOf(m), alpha, m.Thresholds)
	p.RuleOut = float64(m.Policy.RuleOut)
	if p.RuleOut <= 1+p.Margin {
		p.Margin = (p.RuleOut - 1) / 2 // the user asks to rule out less than the usual margin
	}
	latency := 0.0
	for _, v := range p.Vitals {
		if v.Name != judge.Errors {
			latency += v.Weight
		}
	}
	for i, v := range p.Vitals {
		if v.Name == judge.Errors {
			p.Vitals[i].Weight = weights[manifest.VitalErrors]
			if latency == 0 {
				p.Vitals[i].Weight += weights[manifest.VitalLatency] // there was too little traffic to judge it
			}
			continue
		}
		p.Vitals[i].Weight *= weights[manifest.VitalLatency] / latency
	}
	p.Vitals = slices.DeleteFunc(p.Vitals, func(v judge.VitalSpec) bool { return v.Weight <= 0 })
	p.Vitals = append(p.Vitals, m.ownVitals(weights)...)
	if w != nil {
		judge.AddAlarms(&p, w.Routes(maxRoutes(m), event.OtherPaths))
	}
	judge.AddVisitors(&p, len(StepsOf(m)))
	if m.Mode == manifest.CanaryHosts && w != nil {
		if p.Fleet = w.Fleet(m.Hosts, p.Vitals, m.counters(), m.Thresholds, history); p.Fleet != nil {
			p.Margin = 0
		}
	}
	return p
}

// ownVitals are those that hosts measure: the app's own counters, and what its processes use.
func (m *Rollout) ownVitals(weights map[string]float64) (own []judge.VitalSpec) {
	for _, v := range m.Policy.Vitals {
		spec := judge.VitalSpec{Name: v.Name, Weight: weights[v.Name]}
		switch {
		case spec.Weight <= 0:
			continue
		case v.OfHosts():
			spec.Mean = true
		case v.Counter != "":
			spec.Clustered, spec.Bad, spec.Label = true, judge.Direction(v.Bad), v.Counter+" per "+v.Per
		case v.Prometheus != "":
			spec.Clustered, spec.Bad = true, judge.Direction(v.Bad)
		case v.Event != "": // each visitor once: nothing comes together
			spec.Bad, spec.Of, spec.Label = judge.Direction(v.Bad), "events", v.Event+" per "+cmp.Or(v.Per, "event")
		default:
			continue
		}
		own = append(own, spec)
	}
	return own
}

// maxRoutes is how many routes are judged apart. By host each one takes a count of every host in every second.
func maxRoutes(m *Rollout) int {
	if m.Mode == manifest.CanaryHosts {
		return 8
	}
	return 50
}

// unitOf is what the judge counts in a mode.
func unitOf(m *Rollout) judge.Unit { return judge.Unit(m.Mode) }

// EndReasons are those that decided, not that the edges followed.
func (m *Rollout) EndReasons() []event.Reason {
	if len(m.Why) > 0 {
		return m.Why
	}
	return m.Reasons
}
