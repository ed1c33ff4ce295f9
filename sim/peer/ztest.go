package peer

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/slipwayhq/slipway/sim/canary"
)

// zScore is the pooled two-proportion z of x of n against y of m, 0 where there is nothing to compare.
func zScore(x, n, y, m int64) float64 {
	if n == 0 || m == 0 {
		return 0
	}
	pooled := float64(x+y) / float64(n+m)
	variance := pooled * (1 - pooled) * (1/float64(n) + 1/float64(m))
	if !(variance > 0) {
		return 0
	}
	return (float64(x)/float64(n) - float64(y)/float64(m)) / math.Sqrt(variance)
}

// critical is the z that a standard normal variable passes with probability p.
func critical(p float64) float64 { return distuv.UnitNormal.Quantile(1 - p) }

// zTest compares all requests so far of the two releases, one-sided, as any textbook does; each vital gets its part of alpha. With peek it does
// so at each look, as no textbook allows; else once, at the end.
type zTest struct {
	alpha  float64
	peek   bool
	ledger ledger
	limit  float64
}

func newZTest(peek bool) func(float64) canary.Judge {
	return func(alpha float64) canary.Judge { return &zTest{alpha: alpha, peek: peek} }
}

func (z *zTest) Begin(s *canary.Setting, _ *canary.Window) {
	z.ledger.begin(s, true)
	z.limit = critical(z.alpha / float64(len(s.Vitals)))
}

func (z *zTest) Observe(t *canary.Tick) { z.ledger.observe(t) }

func (z *zTest) Look(second int) canary.Opinion {
	if !z.peek && second < z.ledger.setting.Seconds() {
		return canary.Opinion{Evidence: math.Inf(-1)}
	}
	sum, _ := z.ledger.sum(0, second)
	return decide(z.worst(&sum[canary.New], &sum[canary.Old]), z.limit)
}

// worst is the largest z of all vitals, in the direction of harm.
func (z *zTest) worst(a, b *canary.Count) float64 {
	worst := math.Inf(-1)
	for v, vital := range z.ledger.setting.Vitals {
		worst = max(worst, vital.Sign()*zScore(a.Events[v], a.Requests, b.Events[v], b.Requests))
	}
	return worst
}

func (*zTest) End() canary.Verdict { return canary.Promoted }

// decide rolls back when the evidence exceeds the limit.
func decide(evidence, limit float64) canary.Opinion {
	if evidence > limit {
		return canary.Opinion{Action: canary.RollBack, Evidence: evidence}
	}
	return canary.Opinion{Evidence: evidence}
}
