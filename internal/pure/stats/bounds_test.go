package stats

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// Over all outcomes: a bound ever excludes the truth with probability at most α a side, whether the truth is on the grid or not.
func TestBoundsCoverAtAllTimes(t *testing.T) {
	for name, ticks := range sequences {
		for _, ratio := range []float64{0.5, 1, 1.37, 4} {
			const alpha = 0.2
			over, under := 0.0, 0.0
			enumerate(ticks, ratio, func(xs []int64, probability float64) {
				var b Bounds
				missedAbove, missedBelow := false, false
				for i, x := range xs {
					b.Fold(x, ticks[i].n, ticks[i].rho)
					if upper, ok := b.Upper(alpha); ok && upper <= ratio {
						missedAbove = true
					}
					if lower, ok := b.Lower(alpha); ok && lower >= ratio {
						missedBelow = true
					}
				}
				if missedAbove {
					over += probability
				}
				if missedBelow {
					under += probability
				}
			})
			if over > alpha || under > alpha {
				t.Errorf("%s, ratio %v: missed with probability %v above and %v below", name, ratio, over, under)
			}
		}
	}
}

func TestBoundsCloseInOnTheTruth(t *testing.T) {
	for _, ratio := range []float64{0.25, 0.8, 1, 1.5, 3, 7} {
		var b Bounds
		for _, rho := range []float64{0.1, 0.5, 0.95} {
			p := rho * ratio / (rho*ratio + 1 - rho)
			b.Fold(int64(math.Round(p*100_000)), 100_000, rho)
		}
		estimate, ok := b.Estimate()
		if !ok || math.Abs(estimate/ratio-1) > 0.005 {
			t.Errorf("ratio %v: estimate %v, %v", ratio, estimate, ok)
		}
		lower, okLow := b.Lower(0.05)
		upper, okHigh := b.Upper(0.05)
		if !okLow || !okHigh || lower > ratio || upper < ratio || upper/lower > 1.4 {
			t.Errorf("ratio %v: bounds %v (%v) to %v (%v)", ratio, lower, okLow, upper, okHigh)
		}
	}
}

func TestBoundsWithoutEventsKnowNothing(t *testing.T) {
	var b Bounds
	b.Fold(0, 0, 0.5)
	_, upper := b.Upper(0.05)
	_, lower := b.Lower(0.05)
	_, estimate := b.Estimate()
	if upper || lower || estimate {
		t.Errorf("bounds without data: upper %v, lower %v, estimate %v", upper, lower, estimate)
	}
}

func TestBoundsEncloseTheEstimate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var b Bounds
		for range rapid.IntRange(1, 5).Draw(t, "ticks") {
			x, n, rho := genTick(t)
			b.Fold(x, n, rho)
		}
		estimate, ok := b.Estimate()
		upper, okHigh := b.Upper(0.05)
		lower, okLow := b.Lower(0.05)
		if okHigh && okLow && lower >= upper {
			t.Fatalf("lower %v, upper %v", lower, upper)
		}
		if ok && okHigh && estimate > upper || ok && okLow && estimate < lower {
			t.Fatalf("estimate %v outside %v to %v", estimate, lower, upper)
		}
	})
}

func TestRateBelowIsAnEValue(t *testing.T) {
	for _, rate := range []float64{0.001, 0.05, 0.5} {
		const n = 40
		mean := 0.0
		for x := range int64(n + 1) {
			mean += binomial(n, x) * math.Pow(rate, float64(x)) * math.Pow(1-rate, float64(n-x)) * math.Exp(RateBelow(x, n, rate))
		}
		near(t, "mean e-value", mean, 1, 1e-9)
	}
}

func TestRequestsForRateBelow(t *testing.T) {
	need := int64(RequestsForRateBelow(0, 0, 0.001, 0, 0.05))
	if e := RateBelow(0, need, 0.001); e < math.Log(20) || need > 4700 {
		t.Errorf("%d requests without an event give ln e %v, want %v", need, e, math.Log(20))
	}
	if need := RequestsForRateBelow(0, 100, 0.001, 0.01, 0.05); !math.IsInf(need, 1) {
		t.Errorf("a rate of 1 %% is under 0.1 %% after %v requests", need)
	}
	need = int64(RequestsForRateBelow(20, 100_000, 0.001, 0.0002, 0.05))
	near(t, "needed when done", float64(need), 0, 0)
}
