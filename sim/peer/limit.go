package peer

import (
	"math"
	"slices"

	"github.com/slipwayhq/slipway/sim/canary"
)

// badness is how far the new release's rates in the minute before second are from the base that people know, on one scale for all vitals: a vital
// whose rise is bad has the ratio to its base; for one whose drop is bad, 2.5 % under the base count as 1.5 and 5 % as 2. The worst vital
// decides. Without requests the division by zero is no number, which is +Inf here. known is false when the source has no sample.
func badness(l *ledger, second int) (worst float64, known bool) {
	sum, any := l.sum(second-60, second)
	c := &sum[canary.New]
	worst = math.Inf(-1)
	for v, vital := range l.setting.Vitals {
		rate := float64(c.Events[v]) / float64(c.Requests) / vital.Base
		switch {
		case c.Requests == 0:
			rate = math.Inf(1)
		case vital.Drop:
			rate = 1 + (1-rate)/0.05
		}
		worst = max(worst, rate)
	}
	return worst, any[canary.New]
}

// strikes are the checks so far, worst first.
type strikes struct{ worst []float64 }

func (s *strikes) add(badness float64) {
	i, _ := slices.BinarySearchFunc(s.worst, badness, func(a, b float64) int {
		switch {
		case a > b:
			return -1
		case a < b:
			return 1
		}
		return 0
	})
	s.worst = slices.Insert(s.worst, i, badness)
}

// nth is the badness that n checks have reached, -Inf when there have been fewer.
func (s *strikes) nth(n int) float64 {
	if n > len(s.worst) {
		return math.Inf(-1)
	}
	return s.worst[n-1]
}
