package peer

import (
	"math"
	"slices"

	"github.com/slipwayhq/slipway/sim/canary"
)

// gst is a group-sequential test with Lan-DeMets boundaries: a fixed number of looks over a rollout of known length, each of which may spend a planned part
// of alpha. Its statistic is the score of Mantel & Haenszel, "Statistical aspects of the analysis of data from retrospective studies of
// disease", Journal of the National Cancer Institute 22, 1959, with a stratum for each tick, so that drift and steps do not bias it; one-sided.
type gst struct {
	alpha float64
	spend spending
	strata
	// bounds are those of the looks for the plan and the part of alpha that each vital has; they are kept from rollout to rollout.
	plan   []float64
	part   float64
	bounds []float64
}

func newGST(spend spending) func(float64) canary.Judge {
	return func(alpha float64) canary.Judge { return &gst{alpha: alpha, spend: spend} }
}

// strata sums observed minus expected events of the new release, and their variance, over ticks, for each vital.
type strata struct {
	setting          *canary.Setting
	excess, variance [canary.MaxVitals]float64
}

func (s *strata) begin(setting *canary.Setting) { *s = strata{setting: setting} }

// observe adds a tick: given its requests and events, the new release's events are hypergeometric if it changes nothing.
func (s *strata) observe(t *canary.Tick) {
	if !t.Complete() || t.Second-s.setting.TickSeconds < s.setting.Settle {
		return
	}
	a, b := &t.Ended[canary.New], &t.Ended[canary.Old]
	n := float64(a.Requests + b.Requests)
	if a.Requests == 0 || b.Requests == 0 || n < 2 {
		return
	}
	share := float64(a.Requests) / n
	for v := range s.setting.Vitals {
		events := float64(a.Events[v] + b.Events[v])
		s.excess[v] += float64(a.Events[v]) - share*events
		s.variance[v] += events * (n - events) / (n - 1) * share * (1 - share)
	}
}

// z of a vital in the direction of harm, 0 without events.
func (s *strata) z(v int) float64 {
	if !(s.variance[v] > 0) {
		return 0
	}
	return s.setting.Vitals[v].Sign() * s.excess[v] / math.Sqrt(s.variance[v])
}

func (g *gst) Begin(s *canary.Setting, _ *canary.Window) {
	g.begin(s)
	plan, part := information(s), g.alpha/float64(len(s.Vitals))
	if part != g.part || !slices.Equal(plan, g.plan) {
		g.plan, g.part, g.bounds = plan, part, bounds(plan, part, g.spend)
	}
}

// information is the part of all information that each look will have: a second has share times the rest of it, as if the traffic were even.
func information(s *canary.Setting) []float64 {
	var looks []float64
	sum, second := 0.0, 0
	for _, step := range s.Steps {
		for range step.Seconds {
			if second++; second > s.Settle {
				sum += step.Share * (1 - step.Share)
			}
			if second%s.Every == 0 {
				looks = append(looks, sum)
			}
		}
	}
	for i := range looks {
		looks[i] /= sum
	}
	return looks
}

func (g *gst) Observe(t *canary.Tick) { g.observe(t) }

// Look compares the z of the worst vital with the bound; the evidence is their ratio.
func (g *gst) Look(second int) canary.Opinion {
	bound := math.Inf(1)
	if look := second/g.setting.Every - 1; look < len(g.bounds) {
		bound = g.bounds[look]
	}
	worst := 0.0
	for v := range g.setting.Vitals {
		worst = max(worst, g.z(v))
	}
	if math.IsInf(bound, 1) || worst == 0 {
		return canary.Opinion{Evidence: math.Inf(-1)}
	}
	return decide(worst/bound, 1)
}

func (*gst) End() canary.Verdict { return canary.Promoted }
