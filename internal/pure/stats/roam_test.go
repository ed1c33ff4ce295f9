package stats

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestVisitorsWhoCountTwice measures what docs/statistics.md says of several edges that do not tell each other who has erred: where each visitor who errs does so on two of
// them, each on the same release, more harmless releases come back than alpha says, and alpha squared keeps the promise of alpha.
func TestVisitorsWhoCountTwice(t *testing.T) {
	const paths, alpha, rate = 2000, .05, 2
	dice := rand.New(rand.NewPCG(5, 6))
	var crossed, crossedSquared int
	for range paths {
		bets, share, most := NewHarmTest(1.1), .1, 0.0
		for second := range 420 {
			if second == 60 || second == 120 {
				share = map[int]float64{60: .5, 120: .95}[second]
				bets.Rebet()
			}
			var x, n int64
			for range poisson(dice, rate) {
				n += 2
				if dice.Float64() < share {
					x += 2
				}
			}
			bets.Fold(x, n, share)
			most = max(most, bets.LogE())
		}
		if most >= -math.Log(alpha) {
			crossed++
		}
		if most >= -2*math.Log(alpha) {
			crossedSquared++
		}
	}
	t.Logf("of %d harmless releases %d came back at alpha, %d at alpha squared", paths, crossed, crossedSquared)
	if crossed < paths*8/100 {
		t.Errorf("visitors who count twice do no harm any more (%d of %d): docs/statistics.md says that they do", crossed, paths)
	}
	if limit := alpha*paths + 3*math.Sqrt(alpha*paths); float64(crossedSquared) > limit {
		t.Errorf("at alpha squared %d of %d came back, more than alpha", crossedSquared, paths)
	}
}
