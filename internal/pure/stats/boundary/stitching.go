package boundary

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mathext"
)

// The shape of stitched boundaries that Howard et al. and Howard & Ramdas use throughout: epochs that double, the k-th of which may spend
// α in proportion to k^−1.4.
const (
	epochRatio = 2.0
	epochPower = 1.4
)

// stitchFactors are the constants k₁ and k₂ of a stitched boundary.
func stitchFactors() (k1, k2 float64) {
	return (math.Pow(epochRatio, 0.25) + math.Pow(epochRatio, -0.25)) / math.Sqrt2, (math.Sqrt(epochRatio) + 1) / 2
}

// PolyStitching is a closed-form boundary for sub-gamma sums of scale c, a little wider than a mixture but with the rate of the
// iterated logarithm (Howard et al. 2021, theorem 1, η = 2, s = 1.4): P(any s_t ≥ PolyStitching(v_t)) ≤ alpha, in the unit of s.
// vMin > 0 is the intrinsic time from which it is tight; below, the bound of vMin holds. c = 0 is sub-Gaussian; c < 0 is for sums with a light
// upper tail, such as failures in a Bernoulli walk.
func PolyStitching(v, alpha, vMin, c float64) (float64, error) {
	if err := tuning(vMin, alpha, 1); err != nil {
		return 0, err
	}
	k1, k2 := stitchFactors()
	v = max(v, vMin)
	l := epochPower*math.Log(math.Log(epochRatio*v/vMin)) - math.Log(alpha) +
		math.Log(mathext.Zeta(epochPower, 1)) - epochPower*math.Log(math.Log(epochRatio))
	drift := k2 * c * l
	return math.Sqrt(k1*k1*v*l+drift*drift) + drift, nil
}

// bandFactor is the factor A of the band around a distribution function, as in the paper's examples.
const bandFactor = 0.85

// Band is a confidence band around an empirical distribution function that holds at all times from nMin on, and for all x together (Howard &
// Ramdas 2022, theorem 2, with A = 0.85).
type Band struct{ nMin, c float64 }

// NewBand makes the band of level alpha in (0, 1) that begins with nMin ≥ 1 observations.
func NewBand(alpha, nMin float64) (Band, error) {
	if err := tuning(nMin, alpha, 1); err != nil {
		return Band{}, err
	}
	if nMin < 1 {
		return Band{}, fmt.Errorf("a band from %v observations on: must be 1 at least", nMin)
	}
	high := 5.0
	for bandError(high) > alpha {
		high *= 2
	}
	return Band{nMin: nMin, c: crossing(0.1, high, func(c float64) bool { return bandError(c) <= alpha })}, nil
}

// Radius is how far the true distribution function may be from that of n independent observations, at any x: a probability. 1 (nothing is
// known) before nMin.
func (b Band) Radius(n float64) float64 {
	if n < b.nMin {
		return 1
	}
	return min(1, bandFactor*math.Sqrt((math.Log1p(math.Log(n/b.nMin))+b.c)/n))
}

// bandError is the least level that the proof yields for the constant c: the minimum over the ratio η of epochs of
// 4·exp(−γ²c)·(1 + 1/((γ²−1)·ln η)), γ² = 2/η·(A − √(2(η−1)/c))², found by golden section. +Inf where no η will do.
func bandError(c float64) float64 {
	level := func(eta float64) float64 {
		root := bandFactor - math.Sqrt(2*(eta-1)/c)
		gamma := 2 / eta * root * root
		if root <= 0 || gamma <= 1 {
			return math.Inf(1)
		}
		return 4 * math.Exp(-gamma*c) * (1 + 1/((gamma-1)*math.Log(eta)))
	}
	most := crossing(1, 2*bandFactor*bandFactor, func(eta float64) bool { return math.Sqrt(eta/2)+math.Sqrt(2*(eta-1)/c) >= bandFactor })
	golden := (math.Sqrt(5) - 1) / 2
	low, high := 1.0, most
	a, b := high-golden*(high-low), low+golden*(high-low)
	fa, fb := level(a), level(b)
	for range 80 {
		if fa <= fb {
			high, b, fb = b, a, fa
			a = high - golden*(high-low)
			fa = level(a)
		} else {
			low, a, fa = a, b, fb
			b = low + golden*(high-low)
			fb = level(b)
		}
	}
	return min(fa, fb)
}

// stitchStep is the spacing δ of the quantiles that double stitching takes its union over, as in the paper.
const stitchStep = 0.5

// DoubleStitching bounds n·(F̂(Q(p)) − p), how many more of n observations than expected lie below the true p-quantile, for all n and all p in (0, 1)
// together: a count (Howard & Ramdas 2022, theorem 3, with δ = 0.5, η = 2, s = 1.4). It is tighter than a Band away from the median. nOpt ≥ 1 is the
// number of observations from which it is tight; the level alpha is in (0, 1).
func DoubleStitching(p, n, alpha, nOpt float64) (float64, error) {
	if err := tuning(nOpt, alpha, 1); err != nil {
		return 0, err
	}
	if !(p > 0 && p < 1) || nOpt < 1 {
		return 0, fmt.Errorf("a bound for the %v-quantile tuned for %v observations: expected a quantile between 0 and 1, and one observation at least", p, nOpt)
	}
	k1, k2 := stitchFactors()
	n = max(n, nOpt)
	logit := math.Log(p / (1 - p))
	r := p
	if p < 0.5 {
		r = min(0.5, 1/(1+math.Exp(-logit-2*stitchStep*math.Sqrt(nOpt*epochRatio/n))))
	}
	variance := r * (1 - r)
	zeta := mathext.Zeta(epochPower, 1)
	l := epochPower*math.Log(math.Log(epochRatio*n/nOpt)) + epochPower*math.Log(math.Sqrt(n/nOpt)*math.Abs(logit)/(2*stitchStep)+1) +
		math.Log(2*zeta*(2*zeta+1)/alpha) - epochPower*math.Log(math.Log(epochRatio))
	drift := k2 * (1 - 2*p) / 3 * l
	return stitchStep*math.Sqrt(epochRatio*n*variance/nOpt) + math.Sqrt(k1*k1*variance*n*l+drift*drift) + drift, nil
}
