package means

import (
	"fmt"
	"math"
)

// Covariance is the analysis of covariance of units with two values, now and before: the difference new − old of now, with the common slope on before taken out. Unlike
// Compare it takes the variance for equal in both arms, so that a few units in one of them will do: its t statistic has N − 3 degrees of freedom, exactly, for normal
// values (Fisher 1932). Errors: ErrNoSpread for fewer than five units in all, one in each arm, or where nothing varies.
func Covariance(old, new Moments) (Effect, error) {
	n := old.N + new.N
	if old.N < 1 || new.N < 1 || n < 5 {
		return Effect{}, ErrNoSpread
	}
	if len(old.Mean) != 2 || len(new.Mean) != 2 {
		return Effect{}, fmt.Errorf("analysis of covariance of units with %d and %d values: it has now and before", len(old.Mean), len(new.Mean))
	}
	yy, xy, xx := old.Scatter[0]+new.Scatter[0], old.Scatter[1]+new.Scatter[1], old.Scatter[3]+new.Scatter[3]
	theta, lever := 0.0, 0.0
	gap := new.Mean[1] - old.Mean[1]
	if xx > 0 {
		theta, lever = xy/xx, gap*gap/xx
	}
	e := Effect{Estimate: new.Mean[0] - old.Mean[0] - theta*gap, N: n, DF: float64(n - 3)}
	e.SE = math.Sqrt(max(yy-theta*xy, 0) / e.DF * (1/float64(old.N) + 1/float64(new.N) + lever))
	if !(e.SE > 0) || math.IsInf(e.SE, 0) || math.IsNaN(e.Estimate) {
		return Effect{}, ErrNoSpread
	}
	return e, nil
}
