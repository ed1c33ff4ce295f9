package means

import (
	"errors"
	"fmt"
	"math"
)

// Metric says what the values of a unit are.
type Metric int

// The four metrics. Those with a value from before are adjusted by it (CUPED): what a unit did before the push, times θ, is taken out of what it does
// now, which leaves the expected difference alone, as both arms were alike before, and lessens its variance by the squared correlation of now and before.
const (
	Mean          Metric = iota // now
	AdjustedMean                // now, before
	Ratio                       // numerator, denominator: the ratio of their means
	AdjustedRatio               // numerator, denominator, numerator before, denominator before
)

// ErrNoSpread is returned while nothing can be said: fewer than two units in an arm, or values that do not vary.
var ErrNoSpread = errors.New("too few units, or values that do not vary")

// Effect is an estimated difference, new − old, with what is needed to judge it.
type Effect struct {
	// Estimate is in the metric's unit, or a fraction of the old arm's metric when relative (0.1 is a rise by a tenth).
	Estimate float64
	// SE is its standard error, in the same unit, above 0.
	SE float64
	// N is the number of units in both arms.
	N int64
	// DF are Welch and Satterthwaite's degrees of freedom.
	DF float64
}

// values is how many values a unit has.
func (k Metric) values() int {
	switch k {
	case Mean:
		return 1
	case AdjustedMean, Ratio:
		return 2
	case AdjustedRatio:
		return 4
	}
	return 0
}

// Compare estimates the effect, absolute or relative, with its standard error by the delta method. Adjustment uses Theta of both arms; a value
// from before that does not vary adjusts nothing. Relative effects divide by the magnitude of the old arm's metric without adjustment, so that a positive effect is a
// rise of the metric whatever its sign; that metric must not be near 0: their error is normal only while it is many of its standard errors away from it.
// Errors: ErrNoSpread; units with the wrong number of values; a denominator or, for relative effects, an old metric of 0.
func Compare(metric Metric, old, new Moments, relative bool) (Effect, error) {
	theta, err := Theta(metric, old, new)
	if err != nil {
		return Effect{}, err
	}
	return compare(metric, old, new, theta, relative)
}

// Theta is the factor of what was before: the slope of now on before over the units of both arms pooled (Deng et al. 2013); for ratios that of their
// linearised values, arm by arm. 0 for metrics without a value from before, and where it does not vary. In the unit of now over that of before.
func Theta(metric Metric, old, new Moments) (float64, error) {
	if err := fits(metric, old, new); err != nil {
		return 0, err
	}
	var both, before float64
	switch metric {
	case AdjustedMean:
		pooled := empty(2)
		for _, arm := range []Moments{old, new} {
			if err := pooled.Merge(arm); err != nil {
				return 0, err
			}
		}
		both, before = pooled.cov(0, 1), pooled.cov(1, 1)
	case AdjustedRatio:
		for _, arm := range []Moments{old, new} {
			_, slope, err := metric.of(arm, 1)
			if err != nil {
				return 0, err
			}
			now := []float64{slope[0], slope[1], 0, 0}
			then := []float64{0, 0, -slope[2], -slope[3]}
			both += arm.form(now, then)
			before += arm.form(then, then)
		}
	}
	if before <= 0 {
		return 0, nil
	}
	return both / before, nil
}

func fits(metric Metric, arms ...Moments) error {
	for _, arm := range arms {
		if arm.N < 2 {
			return ErrNoSpread
		}
		if k := metric.values(); k == 0 || len(arm.Mean) != k || len(arm.Scatter) != k*k {
			return fmt.Errorf("metric %d of units with %d values: it has %d", metric, len(arm.Mean), k)
		}
	}
	return nil
}

// of is the metric of an arm, adjusted by theta, and its gradient in the means.
func (k Metric) of(arm Moments, theta float64) (value float64, gradient []float64, err error) {
	m := arm.Mean
	switch k {
	case Mean:
		return m[0], []float64{1}, nil
	case AdjustedMean:
		return m[0] - theta*m[1], []float64{1, -theta}, nil
	case Ratio:
		if m[1] == 0 {
			return 0, nil, errors.New("a ratio with a denominator of 0")
		}
		return m[0] / m[1], []float64{1 / m[1], -m[0] / (m[1] * m[1])}, nil
	default:
		if m[1] == 0 || m[3] == 0 {
			return 0, nil, errors.New("a ratio with a denominator of 0")
		}
		return m[0]/m[1] - theta*m[2]/m[3],
			[]float64{1 / m[1], -m[0] / (m[1] * m[1]), -theta / m[3], theta * m[2] / (m[3] * m[3])}, nil
	}
}

func compare(metric Metric, old, new Moments, theta float64, relative bool) (Effect, error) {
	if err := fits(metric, old, new); err != nil {
		return Effect{}, err
	}
	a, slopeA, err := metric.of(old, theta)
	if err != nil {
		return Effect{}, fmt.Errorf("old arm: %w", err)
	}
	b, slopeB, err := metric.of(new, theta)
	if err != nil {
		return Effect{}, fmt.Errorf("new arm: %w", err)
	}
	varA, varB := old.form(slopeA, slopeA)/float64(old.N), new.form(slopeB, slopeB)/float64(new.N)
	if varA <= 0 || varB <= 0 {
		return Effect{}, ErrNoSpread
	}
	e := Effect{Estimate: b - a, N: old.N + new.N}
	e.DF = (varA + varB) * (varA + varB) / (varA*varA/float64(old.N-1) + varB*varB/float64(new.N-1))
	if relative {
		base, slopeBase, err := metric.of(old, 0)
		if err != nil {
			return Effect{}, err
		}
		if base == 0 {
			return Effect{}, errors.New("an effect relative to an old mean of 0")
		}
		gap := b - a
		if metric == AdjustedMean { // as GrowthBook: leaves out the difference before, which is 0 but for chance
			gap = new.Mean[0] - old.Mean[0]
		}
		for i := range slopeA { // d(b−a)/base: the old arm's values are in numerator and denominator
			slopeA[i] = slopeA[i]/base + gap*slopeBase[i]/(base*base)
		}
		e.Estimate /= math.Abs(base)
		varA, varB = old.form(slopeA, slopeA)/float64(old.N), varB/(base*base)
	}
	e.SE = math.Sqrt(varA + varB)
	if !(e.SE > 0) || math.IsInf(e.SE, 0) || math.IsNaN(e.Estimate) || math.IsInf(e.Estimate, 0) {
		return Effect{}, ErrNoSpread
	}
	return e, nil
}
