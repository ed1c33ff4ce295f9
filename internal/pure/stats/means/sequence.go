package means

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/slipwayhq/slipway/internal/pure/stats/boundary"
)

// Welch is the classical interval of level 1 − alpha, for one look (Welch 1947). Its lower end at level 2·alpha is the one-sided bound.
func (e Effect) Welch(alpha float64) (low, high float64) {
	t := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: e.DF}.Quantile(1 - alpha/2)
	return e.Estimate - t*e.SE, e.Estimate + t*e.SE
}

// WelchP is the classical two-sided p-value of "the effect is null", for one look.
func (e Effect) WelchP(null float64) float64 {
	t := math.Abs(e.Estimate-null) / e.SE
	return 2 * distuv.StudentsT{Mu: 0, Sigma: 1, Nu: e.DF}.Survival(t)
}

// Rho is the tuning of a confidence sequence of level alpha that is tightest at nOpt units, both arms together (equation 161, approximately): of dimension
// 1/√units. Tune one-sided bounds with 2·alpha. It must be fixed before the first look; any positive value is valid.
func Rho(alpha, nOpt float64) (float64, error) {
	if !(alpha > 0 && alpha < 1) || !(nOpt >= 1) || math.IsInf(nOpt, 1) {
		return 0, fmt.Errorf("tuning a confidence sequence of level %v for %v units: expected a level between 0 and 1 and a unit at least", alpha, nOpt)
	}
	l := -2 * math.Log(alpha)
	return math.Sqrt((l + math.Log1p(l)) / nOpt), nil
}

// RhoOf is the tuning that bets on effects of the size tau (> 0, in the effect's unit): the mSPRT of Johari, Koomen, Pekelis & Walsh 2017 with a
// normal prior of standard deviation tau. Unlike a fixed rho it means the same when the arms' shares change.
func (e Effect) RhoOf(tau float64) float64 { return tau / (e.SE * math.Sqrt(float64(e.N))) }

// times is n·ρ² + 1, the factor by which the prior's variance exceeds what has been learned, and the share n·ρ²/(n·ρ² + 1).
func (e Effect) times(rho float64) (factor, share float64) {
	nr := float64(e.N) * rho * rho
	return nr + 1, nr / (nr + 1)
}

// Interval is the asymptotic confidence sequence of level 1 − alpha (equation 9): it holds at all looks together.
func (e Effect) Interval(alpha, rho float64) (low, high float64) {
	factor, share := e.times(rho)
	radius := e.SE * math.Sqrt(2/share*(0.5*math.Log(factor)-math.Log(alpha)))
	return e.Estimate - radius, e.Estimate + radius
}

// Lower is the one-sided lower confidence sequence of level 1 − alpha (equation 134): at no look is the true effect below it, with that probability.
func (e Effect) Lower(alpha, rho float64) float64 { return e.Estimate - e.radius(alpha, rho) }

// Upper is the upper one-sided confidence sequence, the mirror image of Lower.
func (e Effect) Upper(alpha, rho float64) float64 { return e.Estimate + e.radius(alpha, rho) }

func (e Effect) radius(alpha, rho float64) float64 {
	factor, share := e.times(rho)
	return e.SE * math.Sqrt(2/share*math.Log1p(math.Sqrt(factor)/(2*alpha)))
}

// LogE is the ln e-value against "the effect is null" (equation 155); the sequential p-value is min(1, exp(−LogE)).
func (e Effect) LogE(null, rho float64) float64 {
	factor, share := e.times(rho)
	z := (e.Estimate - null) / e.SE
	return share*z*z/2 - 0.5*math.Log(factor)
}

// LogERise is the ln e-value against "the effect is null or less": the normal mixture over its upper half (Howard, Ramdas, McAuliffe & Sekhon 2021, proposition
// 5), from whose e-value equation 134 follows. For drops give the negated effect and null.
func (e Effect) LogERise(null, rho float64) float64 {
	factor, share := e.times(rho)
	z := (e.Estimate - null) / e.SE * math.Sqrt(share)
	return math.Ln2 + z*z/2 + boundary.LogNormalCDF(z) - 0.5*math.Log(factor)
}

// LogET is the ln e-value against "the effect is null" for few units (Lindon et al.; log_G_t of the R package avlm with g = 1/ρ²): it knows that the
// variance, too, is an estimate. At many units it is LogE.
func (e Effect) LogET(null, rho float64) float64 {
	factor, _ := e.times(rho)
	t := (e.Estimate - null) / e.SE
	q := t * t / e.DF
	return 0.5*(e.DF+1)*(math.Log1p(q)-math.Log1p(q/factor)) - 0.5*math.Log(factor)
}

// IntervalT are the effects that LogET does not exclude at level alpha (t_radius of avlm). Infinite while there are too few units to exclude anything.
func (e Effect) IntervalT(alpha, rho float64) (low, high float64) {
	factor, _ := e.times(rho)
	power := math.Exp((2*math.Log(alpha) - math.Log(factor)) / (e.DF + 1))
	if power <= 1/factor {
		return math.Inf(-1), math.Inf(1)
	}
	radius := e.SE * math.Sqrt(e.DF*(1-power)/(power-1/factor))
	return e.Estimate - radius, e.Estimate + radius
}
