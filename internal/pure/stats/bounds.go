package stats

import "math"

// The grid of Bounds: ratios 2^(j/8), j from −40 to 40, that is 1/32 to 32 in steps of 9 %.
const (
	boundsPerOctave = 8
	boundsHalf      = 40
	boundsPoints    = 2*boundsHalf + 1
	// boundsReach: bounds are looked for between 2^(−28/8) and 2^(28/8), about 1/11 and 11, so that each has alternatives beyond it.
	boundsReach = 28
)

// boundsOffsets are the alternatives to each ratio, in grid points; weights are equal.
var boundsOffsets = [...]int{1, 2, 4, 8, 12}

// Bounds is a confidence sequence for a rate ratio, one-sided each way: the log likelihood of each ratio on a fixed grid. A ratio
// is excluded from above when the weighted mean of the likelihood ratios of smaller ones against it reaches 1/α. The zero value is
// ready to use. Resolution is 9 %, rounded away from the estimate.
type Bounds struct {
	LogLik [boundsPoints]float64 `json:"log_lik"`
}

// boundsRatio is the ratio of grid point j − boundsHalf.
func boundsRatio(j int) float64 { return math.Exp2(float64(j) / boundsPerOctave) }

// boundsMinusOne holds ratio − 1 for each grid point.
var boundsMinusOne = func() (m [boundsPoints]float64) {
	for i := range m {
		m[i] = boundsRatio(i-boundsHalf) - 1
	}
	return m
}()

// LogRatio is the natural logarithm of the ratio that LogLik[i] is the likelihood of.
func (b *Bounds) LogRatio(i int) float64 {
	return float64(i-boundsHalf) / boundsPerOctave * math.Ln2
}

// Fold adds a tick: x of n events were in the new arm, whose share was rho in [0, 1]. Needs 0 ≤ x ≤ n.
func (b *Bounds) Fold(x, n int64, rho float64) {
	if n == 0 {
		return
	}
	const step = math.Ln2 / boundsPerOctave
	for i, m := range boundsMinusOne {
		b.LogLik[i] += float64(x)*step*float64(i-boundsHalf) - float64(n)*math.Log1p(rho*m)
	}
}

// logE is the ln e-value against grid point i, with alternatives on the side given by sign (−1: smaller ratios).
func (b *Bounds) logE(i, sign int) float64 {
	var terms [len(boundsOffsets)]float64
	for k, offset := range boundsOffsets {
		terms[k] = b.LogLik[i+sign*offset] - b.LogLik[i]
	}
	return logSumExp(terms[:]) - math.Log(float64(len(boundsOffsets)))
}

// Upper is the least ratio such that it and every larger one on the grid are excluded at level alpha. ok is false when even a ratio
// of 11 is not. Coverage holds at all times together: a false bound needs the false rejection of the one grid point just below the
// truth, whose test has level alpha.
func (b *Bounds) Upper(alpha float64) (ratio float64, ok bool) {
	goal := -math.Log(alpha)
	for j := boundsReach; j >= -boundsReach; j-- {
		if b.logE(j+boundsHalf, -1) < goal {
			break
		}
		ratio, ok = boundsRatio(j), true
	}
	return ratio, ok
}

// Lower is the greatest ratio such that it and every smaller one on the grid are excluded at level alpha. ok is false when even a
// ratio of 1/11 is not.
func (b *Bounds) Lower(alpha float64) (ratio float64, ok bool) {
	goal := -math.Log(alpha)
	for j := -boundsReach; j <= boundsReach; j++ {
		if b.logE(j+boundsHalf, 1) < goal {
			break
		}
		ratio, ok = boundsRatio(j), true
	}
	return ratio, ok
}

// Estimate is the ratio of greatest likelihood, by a parabola through the best grid point and its neighbours. ok is false without
// events or when the best ratio lies at the grid's edge (all events in one arm).
func (b *Bounds) Estimate() (ratio float64, ok bool) {
	best := 0
	for i, l := range b.LogLik {
		if l > b.LogLik[best] {
			best = i
		}
	}
	if best == 0 || best == boundsPoints-1 {
		return 0, false
	}
	left, mid, right := b.LogLik[best-1], b.LogLik[best], b.LogLik[best+1]
	curve := left - 2*mid + right
	if curve >= 0 {
		return 0, false
	}
	shift := 0.5 * (left - right) / curve
	return math.Exp2((float64(best-boundsHalf) + shift) / boundsPerOctave), true
}
