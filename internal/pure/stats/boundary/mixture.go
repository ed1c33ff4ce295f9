package boundary

import (
	"fmt"
	"math"
)

// Mixture is a mixture supermartingale: exp(LogE) is an e-value for the hypothesis that s has no drift, at any time. See the constructors for what
// each assumes about the increments of s. Its state is the pair (s, v), which the caller keeps.
type Mixture struct {
	logE func(s, v float64) float64
	most func(v float64) float64 // the greatest possible s
}

// LogE is the natural logarithm of the e-value of sum s at intrinsic time v ≥ 0. Far in the wrong direction, where the closed form underflows, a
// lower bound of it: such evidence is less than nothing either way.
func (m Mixture) LogE(s, v float64) float64 { return m.logE(s, v) }

// Bound is the s ≥ 0 at which the e-value at intrinsic time v reaches 1/alpha, in the unit of s: P(any s_t ≥ Bound(v_t)) ≤ alpha. Two-sided
// mixtures bound |s|. Where no possible s reaches it, the greatest possible one. alpha is in (0, 1).
func (m Mixture) Bound(v, alpha float64) float64 {
	goal := -math.Log(alpha)
	high := m.most(v)
	if math.IsInf(high, 1) {
		for high = max(v, 1); m.logE(high, v) < goal; high *= 2 {
		}
	} else if m.logE(high, v) < goal {
		return high
	}
	return crossing(0, high, func(s float64) bool { return m.logE(s, v) >= goal })
}

func endless(float64) float64 { return math.Inf(1) }

// BestRho is the tuning of a two-sided normal mixture that is near its tightest at intrinsic time v and level alpha: Howard et al. 2021,
// section 3.5, with the usual approximation of Lambert's W. Needs v > 0 and alpha in (0, 1).
func BestRho(v, alpha float64) float64 {
	l := -2 * math.Log(alpha)
	return v / (l + math.Log(1+l))
}

// NormalTwoSided is the mixture over a normal prior around 0 (Robbins 1970; Howard et al. 2021, proposition 4). For sub-Gaussian increments:
// v adds up their variance factors. For other means with finite variance it holds asymptotically. vOpt > 0, alphaOpt in (0, 1).
func NormalTwoSided(vOpt, alphaOpt float64) (Mixture, error) {
	if err := tuning(vOpt, alphaOpt, 1); err != nil {
		return Mixture{}, err
	}
	rho := BestRho(vOpt, alphaOpt)
	return Mixture{most: endless, logE: func(s, v float64) float64 {
		return s*s/(2*(v+rho)) - 0.5*math.Log1p(v/rho)
	}}, nil
}

// NormalOneSided is the mixture over the upper half of a normal prior (Howard et al. 2021, proposition 5). For sums whose upper tail is
// sub-Gaussian, v as above. alphaOpt is in (0, 0.5).
func NormalOneSided(vOpt, alphaOpt float64) (Mixture, error) {
	if err := tuning(vOpt, alphaOpt, 0.5); err != nil {
		return Mixture{}, err
	}
	rho := BestRho(vOpt, 2*alphaOpt)
	return Mixture{most: endless, logE: func(s, v float64) float64 {
		return math.Ln2 + s*s/(2*(v+rho)) - 0.5*math.Log1p(v/rho) + LogNormalCDF(s/math.Sqrt(v+rho))
	}}, nil
}

// GammaExponential is the mixture for sub-exponential sums of scale c > 0: ln E exp(λX) ≤ −(ln(1−cλ) + cλ)/c² · variance, for 0 ≤ λ < 1/c
// (Howard et al. 2021, proposition 8). It fits exponential increments of mean c, less their mean; and any increments within a range of width c, less
// their mean, with v the sum of squared deviations from predictable guesses of them (their empirical Bernstein bound). alphaOpt is in (0, 0.5).
func GammaExponential(vOpt, alphaOpt, c float64) (Mixture, error) {
	if err := tuning(vOpt, alphaOpt, 0.5, c); err != nil {
		return Mixture{}, err
	}
	r := BestRho(vOpt, 2*alphaOpt) / (c * c)
	start := lnLowerIntegral(r, r)
	return Mixture{most: endless, logE: func(s, v float64) float64 {
		a := v/(c*c) + r
		return s/c + v/(c*c) + lnLowerIntegral(a, s/c+a) - start
	}}, nil
}

// GammaPoisson is the mixture for sub-Poisson sums of scale c > 0: ln E exp(λX) ≤ (exp(cλ) − cλ − 1)/c² · variance, for λ ≥ 0 (Howard et al.
// 2021, proposition 9). It fits increments of at most c above their mean, with v the sum of their variances, and counts minus their means at c = 1.
// alphaOpt is in (0, 0.5).
func GammaPoisson(vOpt, alphaOpt, c float64) (Mixture, error) {
	if err := tuning(vOpt, alphaOpt, 0.5, c); err != nil {
		return Mixture{}, err
	}
	r := BestRho(vOpt, 2*alphaOpt) / (c * c)
	start := lnUpperIntegral(r, r)
	return Mixture{most: endless, logE: func(s, v float64) float64 {
		x := v/(c*c) + r
		return v/(c*c) + lnUpperIntegral(s/c+x, x) - start
	}}, nil
}

// BetaBinomial is the mixture for sub-Bernoulli sums: increments between −g and h around 0 (g, h > 0), with v = g·h for each
// (Howard et al. 2021, propositions 6 and 7). Successes minus np have g = p and h = 1 − p and v = n·p·(1−p). alphaOpt is in (0, 1), for one
// side in (0, 0.5). s is taken into its range, −v/h to v/g.
func BetaBinomial(vOpt, alphaOpt, g, h float64, oneSided bool) (Mixture, error) {
	sides := 1.0
	if oneSided {
		sides = 0.5
	}
	if err := tuning(vOpt, alphaOpt, sides, g, h); err != nil {
		return Mixture{}, err
	}
	return betaBinomial(vOpt, alphaOpt, g, h, oneSided), nil
}

func betaBinomial(vOpt, alphaOpt, g, h float64, oneSided bool) Mixture {
	upTo := 1.0
	if oneSided {
		alphaOpt, upTo = 2*alphaOpt, h/(g+h)
	}
	r := max(BestRho(vOpt, alphaOpt)-g*h, 1e-3*g*h)
	width, lnG, lnH, lnWidth := g+h, math.Log(g), math.Log(h), math.Log(g+h)
	start := lnBetaIntegral(r/(g*width), r/(h*width), upTo)
	return Mixture{most: func(v float64) float64 { return v / g }, logE: func(s, v float64) float64 {
		s = min(max(s, -v/h), v/g)
		below, above := (v-g*s)/(g*width), (v+h*s)/(h*width) // how many increments were −g, and how many h
		return (below+above)*lnWidth - above*lnG - below*lnH + lnBetaIntegral(r/(g*width)+below, r/(h*width)+above, upTo) - start
	}}
}

// BernoulliInterval is a confidence sequence for the probability of a success after so many of n trials: the true one lies in all of these intervals
// together with probability 1 − alpha at least (Howard et al. 2021, the beta-binomial bound, inverted). nOpt ≥ 1 is the number of trials at which it is
// tightest. Trials must be independent, or have the same probability given the past.
func BernoulliInterval(successes, n int64, alpha, nOpt float64) (low, high float64, err error) {
	if successes < 0 || successes > n || n < 1 {
		return 0, 1, fmt.Errorf("an interval for %d successes of %d trials: expected 0 ≤ successes ≤ trials, and a trial at least", successes, n)
	}
	if err := tuning(nOpt, alpha, 1); err != nil {
		return 0, 1, err
	}
	mean, goal := float64(successes)/float64(n), -math.Log(alpha)
	excluded := func(p float64) bool {
		if p <= 0 || p >= 1 {
			return true
		}
		v := p * (1 - p)
		return betaBinomial(v*nOpt, bernoulliAlphaOpt, p, 1-p, false).logE((mean-p)*float64(n), v*float64(n)) >= goal
	}
	low, high = 0, 1
	if successes > 0 {
		low = crossing(mean, 0, excluded)
	}
	if successes < n {
		high = crossing(mean, 1, excluded)
	}
	return low, high, nil
}

// bernoulliAlphaOpt is the level for which the reference implementation tunes the interval, whatever level is asked for.
const bernoulliAlphaOpt = 0.05

// tuning checks the parameters of a boundary: what is positive, and a level below limit.
func tuning(vOpt, alphaOpt, limit float64, scales ...float64) error {
	if !(vOpt > 0) || math.IsInf(vOpt, 1) {
		return fmt.Errorf("a boundary tuned for an intrinsic time of %v: must be positive and finite", vOpt)
	}
	if !(alphaOpt > 0 && alphaOpt < limit) {
		return fmt.Errorf("a boundary of level %v: must be between 0 and %v", alphaOpt, limit)
	}
	for _, scale := range scales {
		if !(scale > 0) || math.IsInf(scale, 1) {
			return fmt.Errorf("a boundary for increments of scale %v: must be positive and finite", scale)
		}
	}
	return nil
}

// crossing is where holds becomes true between a place where it does not and one where it does, by bisection to the last bit.
func crossing(not, does float64, holds func(float64) bool) float64 {
	for range 200 {
		mid := not + (does-not)/2
		if mid == not || mid == does {
			break
		}
		if holds(mid) {
			does = mid
		} else {
			not = mid
		}
	}
	return does
}
