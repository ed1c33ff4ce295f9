package stats

import "math"

// rateSteps are the alternatives of RateBelow as fractions of the rate tested; weights are equal.
var rateSteps = [...]float64{0.7, 0.4, 0.15, 0.03, 0}

// RateBelow is the ln e-value against "each of n requests is an event with probability at least rate", after x events: the betting
// e-process for a bounded mean (Waudby-Smith & Ramdas, JRSS-B 2024) with fixed stakes, which for 0/1 outcomes is a mean of
// likelihood ratios. It depends on totals alone and so needs no state. Requests may depend on each other as long as each one's
// probability given the past is at least rate under the hypothesis. Needs 0 ≤ x ≤ n, 0 < rate < 1.
func RateBelow(x, n int64, rate float64) float64 {
	var terms [len(rateSteps)]float64
	for k, step := range rateSteps {
		terms[k] = float64(n-x)*(math.Log1p(-step*rate)-math.Log1p(-rate)) - math.Log(float64(len(rateSteps)))
		if x > 0 {
			terms[k] += float64(x) * math.Log(step)
		}
	}
	return logSumExp(terms[:])
}

// RequestsForRateBelow forecasts how many more requests bring RateBelow to 1/alpha if the true rate is truth, by the same reasoning
// as Test.EventsNeeded. 0 when reached, +Inf when truth is too near to rate or above it.
func RequestsForRateBelow(x, n int64, rate, truth, alpha float64) float64 {
	goal := -math.Log(alpha)
	if RateBelow(x, n, rate) >= goal {
		return 0
	}
	least := math.Inf(1)
	for _, step := range rateSteps {
		gain := math.Log1p(-step*rate) - math.Log1p(-rate)
		growth, stake := (1-truth)*gain, float64(n-x)*gain-math.Log(float64(len(rateSteps)))
		if step > 0 {
			growth += truth * math.Log(step)
			stake += float64(x) * math.Log(step)
		} else if x > 0 || truth > 0 {
			continue
		}
		if growth > 1e-12 {
			least = math.Min(least, (goal-stake)/growth)
		}
	}
	return math.Ceil(math.Max(least, 1))
}
