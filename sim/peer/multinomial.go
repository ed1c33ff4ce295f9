package peer

import (
	"math"

	"github.com/slipwayhq/slipway/sim/canary"
)

// multinomial is Lindon & Malek, "Anytime-Valid Inference for Multinomial Count Data", NeurIPS 2022: events fall on the releases by their intended shares,
// against a Dirichlet prior around these shares that weighs so many events. Each step of the rollout has a prior of its own. The test has
// two sides; it rolls back where the new release has the surplus (the deficit, where a drop is harm).
type multinomial struct {
	alpha, prior float64
	setting      *canary.Setting
	counts       [][canary.MaxVitals][canary.Releases]float64 // by step
}

func newMultinomial(prior float64) func(float64) canary.Judge {
	return func(alpha float64) canary.Judge { return &multinomial{alpha: alpha, prior: prior} }
}

func (m *multinomial) Begin(s *canary.Setting, _ *canary.Window) {
	m.setting = s
	m.counts = append(m.counts[:0], make([][canary.MaxVitals][canary.Releases]float64, len(s.Steps))...)
}

func (m *multinomial) Observe(t *canary.Tick) {
	if !t.Complete() || t.Second-m.setting.TickSeconds < m.setting.Settle {
		return
	}
	for v := range m.setting.Vitals {
		for r := range canary.Releases {
			m.counts[t.Step][v][r] += float64(t.Ended[r].Events[v])
		}
	}
}

func (m *multinomial) Look(int) canary.Opinion {
	worst := math.Inf(-1)
	for v, vital := range m.setting.Vitals {
		e, surplus := -math.Log(float64(len(m.setting.Vitals))), 0.0
		for i, step := range m.setting.Steps {
			c := m.counts[i][v]
			shares := [...]float64{canary.Old: 1 - step.Share, canary.New: step.Share}
			e += dirichletOdds(m.prior, shares[:], c[:])
			surplus += c[canary.New] - step.Share*(c[canary.New]+c[canary.Old])
		}
		if surplus*vital.Sign() > 0 {
			worst = max(worst, e)
		}
	}
	return decide(worst, -math.Log(m.alpha))
}

func (*multinomial) End() canary.Verdict { return canary.Promoted }

// dirichletOdds is the logarithm of the e-value of counts against the shares, for a prior of that weight around them.
func dirichletOdds(prior float64, shares, counts []float64) float64 {
	mean := make([]float64, len(shares))
	for i, s := range shares {
		mean[i] = prior * s
	}
	return dirichletRatio(mean, shares, counts)
}

// dirichletRatio is the same for any prior.
func dirichletRatio(prior, shares, counts []float64) float64 {
	before, after, sum := 0.0, 0.0, 0.0
	odds := 0.0
	for i, a := range prior {
		low, _ := math.Lgamma(a)
		high, _ := math.Lgamma(a + counts[i])
		before, after, sum = before+a, after+a+counts[i], sum+high-low
		if counts[i] > 0 {
			odds -= counts[i] * math.Log(shares[i])
		}
	}
	low, _ := math.Lgamma(before)
	high, _ := math.Lgamma(after)
	return odds + sum - (high - low)
}
