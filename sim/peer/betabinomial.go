package peer

import (
	"math"

	"github.com/slipwayhq/slipway/sim/canary"
)

// betaBinomial is the grid e-process with an allowance for hosts that differ: the share of events that is the new release's due is itself a Beta variable around its
// share of the requests, drawn once for each step. Its spread is that of the ratio of the two groups of hosts, from the variance of the
// log rates between hosts in the window before, by the method of moments. With no spread, or where hosts were not drawn, it is the grid.
type betaBinomial struct {
	alpha   float64
	setting *canary.Setting
	spread  [canary.MaxVitals]float64 // variance of a host's log rate
	groups  []group                   // by step
}

// group is what was counted in one step.
type group struct {
	mine, all        [canary.MaxVitals]float64
	requests, totals [canary.MaxVitals]float64
}

func newBetaBinomial(alpha float64) canary.Judge { return &betaBinomial{alpha: alpha} }

func (b *betaBinomial) Begin(s *canary.Setting, w *canary.Window) {
	b.setting = s
	b.groups = append(b.groups[:0], make([]group, len(s.Steps))...)
	for v := range s.Vitals {
		b.spread[v] = 0
		if s.Split == canary.ByHost {
			b.spread[v] = spreadOfHosts(w.Hosts, v)
		}
	}
}

// spreadOfHosts is the variance of log rates between hosts: what dispersion there is beyond chance, over the expected count of a host.
func spreadOfHosts(hosts []canary.Count, v int) float64 {
	var all canary.Count
	for h := range hosts {
		all.Add(&hosts[h])
	}
	if all.Events[v] == 0 {
		return 0
	}
	perHost := float64(all.Events[v]) / float64(len(hosts))
	return max(0, dispersion(hosts, v)-1) / perHost
}

func (b *betaBinomial) Observe(t *canary.Tick) {
	g := &b.groups[t.Step]
	for v, vital := range b.setting.Vitals {
		x, n, _, ok := harmful(b.setting, vital, t, v)
		if !ok {
			continue
		}
		r := canary.New
		if vital.Drop {
			r = canary.Old
		}
		g.mine[v] += x
		g.all[v] += n
		g.requests[v] += float64(t.Ended[r].Requests)
		g.totals[v] += float64(t.Ended[0].Requests + t.Ended[1].Requests)
	}
}

func (b *betaBinomial) Look(int) canary.Opinion {
	worst := math.Inf(-1)
	for v := range b.setting.Vitals {
		var logE [len(steps)]float64
		for i := range b.groups {
			g := &b.groups[i]
			if g.all[v] > 0 {
				b.add(&logE, g, v, b.setting.Steps[i].Hosts)
			}
		}
		e := logSumExp(logE[:]) - math.Log(float64(len(steps)*len(b.setting.Vitals)))
		worst = max(worst, e)
	}
	return decide(worst, -math.Log(b.alpha))
}

// add adds what one step says, with so many hosts on the new release.
func (b *betaBinomial) add(logE *[len(steps)]float64, g *group, v, hosts int) {
	share := g.requests[v] / g.totals[v]
	x, n := g.mine[v], g.all[v]
	weight := math.Inf(1)
	if b.spread[v] > 0 {
		groups := b.spread[v] * (1/float64(hosts) + 1/float64(b.setting.Hosts-hosts)) // variance of the log ratio of their rates
		weight = max(1/(share*(1-share)*groups)-1, 0.1)
	}
	for k, step := range steps {
		tilted := share * math.Exp(step) / (share*math.Exp(step) + 1 - share)
		if math.IsInf(weight, 1) || weight > 1e9 {
			logE[k] += x*math.Log(tilted/share) + (n-x)*math.Log((1-tilted)/(1-share))
			continue
		}
		logE[k] += betaLikelihood(x, n, weight*tilted, weight*(1-tilted)) - betaLikelihood(x, n, weight*share, weight*(1-share))
	}
}

// betaLikelihood is the logarithm of the beta-binomial probability of x of n, without the binomial coefficient.
func betaLikelihood(x, n, a, b float64) float64 { return logBeta(a+x, b+n-x) - logBeta(a, b) }

func logBeta(a, b float64) float64 {
	x, _ := math.Lgamma(a)
	y, _ := math.Lgamma(b)
	z, _ := math.Lgamma(a + b)
	return x + y - z
}

func (*betaBinomial) End() canary.Verdict { return canary.Promoted }
