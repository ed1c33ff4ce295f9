package boundary

import (
	"math"

	"gonum.org/v1/gonum/mathext"
)

// tiny: below this a regularised function has lost its digits, and a bound takes over.
const tiny = 1e-290

// LogNormalCDF is the natural logarithm of the standard normal distribution function, without underflow.
func LogNormalCDF(z float64) float64 {
	if z > -30 {
		return math.Log(0.5 * math.Erfc(-z/math.Sqrt2))
	}
	// Mills' ratio: z/(1+z²) < Φ/φ < 1/z, here within 0.1 %.
	return -z*z/2 - 0.5*math.Log(2*math.Pi) + math.Log(-z) - math.Log1p(z*z)
}

// lnLowerIntegral is ln ∫₀¹ t^(a−1) e^(−xt) dt = ln(Γ(a) P(a, x) x^−a), for a > 0 and any x. Where P underflows or x is negative: Jensen's lower
// bound, with t drawn from the density a·t^(a−1), whose mean is a/(a+1).
func lnLowerIntegral(a, x float64) float64 {
	if x > 0 {
		if p := mathext.GammaIncReg(a, x); p > tiny {
			return lnGamma(a) + math.Log(p) - a*math.Log(x)
		}
	}
	return -math.Log(a) - x*a/(a+1)
}

// lnUpperIntegral is ln ∫₁^∞ t^(a−1) e^(−xt) dt = ln(Γ(a) Q(a, x) x^−a), for x > 0 and any a. Where Q underflows or a is negative, a lower bound: t^(a−1)
// is at least 1 for a ≥ 1, else at least e^((a−1)(t−1)).
func lnUpperIntegral(a, x float64) float64 {
	if a > 0 {
		if q := mathext.GammaIncRegComp(a, x); q > tiny {
			return lnGamma(a) + math.Log(q) - a*math.Log(x)
		}
	}
	return -x - math.Log(x+max(1-a, 0))
}

// lnBetaIntegral is ln ∫₀^x t^(a−1) (1−t)^(b−1) dt for a, b > 0 and x in (0, 1]. Where it underflows: the lower bound with the least (1−t)^(b−1).
func lnBetaIntegral(a, b, x float64) float64 {
	all := lnGamma(a) + lnGamma(b) - lnGamma(a+b)
	if x == 1 {
		return all
	}
	if part := mathext.RegIncBeta(a, b, x); part > tiny {
		return math.Log(part) + all
	}
	return a*math.Log(x) - math.Log(a) + max(b-1, 0)*math.Log1p(-x)
}

func lnGamma(a float64) float64 {
	l, _ := math.Lgamma(a)
	return l
}
