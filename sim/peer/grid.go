package peer

import (
	"math"

	"github.com/slipwayhq/slipway/sim/canary"
)

// steps are the log ratios that all e-processes here bet on, in equal parts: the grid of the first measurements.
var steps = [...]float64{0.05, 0.1, 0.2, 0.35, 0.7, 1.1, 1.6, 2.3}

// grid is the plain grid e-process on requests: every event counts, and the new release's share is that of its requests. Lindon & Malek's
// reduction to events, a mixture over ratios, Ville's inequality. It takes hosts and visitors for equal. With a margin, ratios up to
// 1 + margin are tolerated; with scaled, the logarithm of the evidence is divided by the hosts' dispersion in the window before: Pearson's
// chi-square over its degrees of freedom, at least 1, as for a quasi-Poisson model.
type grid struct {
	alpha, margin float64
	scaled        bool
	setting       *canary.Setting
	logE          [canary.MaxVitals][len(steps)]float64
	scale         [canary.MaxVitals]float64
}

func newGrid(margin float64, scaled bool) func(float64) canary.Judge {
	return func(alpha float64) canary.Judge { return &grid{alpha: alpha, margin: margin, scaled: scaled} }
}

func (g *grid) Begin(s *canary.Setting, w *canary.Window) {
	*g = grid{alpha: g.alpha, margin: g.margin, scaled: g.scaled, setting: s}
	for v := range s.Vitals {
		g.scale[v] = 1
		if g.scaled {
			g.scale[v] = max(1, dispersion(w.Hosts, v))
		}
	}
}

// dispersion of a vital's counts by host, 0 where it cannot be known.
func dispersion(hosts []canary.Count, v int) float64 {
	var all canary.Count
	for h := range hosts {
		all.Add(&hosts[h])
	}
	if len(hosts) < 2 || all.Events[v] == 0 {
		return 0
	}
	rate, chi := float64(all.Events[v])/float64(all.Requests), 0.0
	for h := range hosts {
		if expected := rate * float64(hosts[h].Requests); expected > 0 {
			d := float64(hosts[h].Events[v]) - expected
			chi += d * d / (expected * (1 - rate))
		}
	}
	return chi / float64(len(hosts)-1)
}

func (g *grid) Observe(t *canary.Tick) {
	for v, vital := range g.setting.Vitals {
		x, n, share, ok := harmful(g.setting, vital, t, v)
		if !ok {
			continue
		}
		null := math.Log1p(share * g.margin)
		for k, step := range steps {
			ratio := (1 + g.margin) * math.Exp(step)
			g.logE[v][k] += x*step - n*(math.Log1p(share*(ratio-1))-null)
		}
	}
}

// harmful is how many of a tick's n events were on the release on which they mean harm, and what its share of the requests was: the new release, or the old
// one where a drop is harm.
func harmful(s *canary.Setting, vital canary.Vital, t *canary.Tick, v int) (x, n, share float64, ok bool) {
	if !t.Complete() || t.Second-s.TickSeconds < s.Settle {
		return 0, 0, 0, false
	}
	r := canary.New
	if vital.Drop {
		r = canary.Old
	}
	mine, other := &t.Ended[r], &t.Ended[1-r]
	x, n = float64(mine.Events[v]), float64(mine.Events[v]+other.Events[v])
	share = float64(mine.Requests) / float64(mine.Requests+other.Requests)
	return x, n, share, n > 0 && share > 0 && share < 1
}

func (g *grid) Look(int) canary.Opinion {
	worst := math.Inf(-1)
	for v := range g.setting.Vitals {
		e := (logSumExp(g.logE[v][:]) - math.Log(float64(len(steps)))) / g.scale[v]
		worst = max(worst, e-math.Log(float64(len(g.setting.Vitals))))
	}
	return decide(worst, -math.Log(g.alpha))
}

func (*grid) End() canary.Verdict { return canary.Promoted }

func logSumExp(v []float64) float64 {
	top := math.Inf(-1)
	for _, a := range v {
		top = max(top, a)
	}
	if math.IsInf(top, -1) {
		return top
	}
	sum := 0.0
	for _, a := range v {
		sum += math.Exp(a - top)
	}
	return top + math.Log(sum)
}
