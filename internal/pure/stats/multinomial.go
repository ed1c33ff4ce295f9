package stats

import (
	"errors"
	"fmt"
	"math"
)

// DefaultConcentration is that of savvi, the public implementation of Lindon & Malek.
const DefaultConcentration = 100

// LogMultinomial is the ln e-value against "each of these units fell to arm i with probability shares[i]": the Bayes factor of a Dirichlet prior with
// parameters concentration·shares (Lindon & Malek 2022, section 2; NeurIPS, arXiv 2011.03567):
//
//	ln B(k·θ + S) − ln B(k·θ) − Σ Sᵢ ln θᵢ,   B(a) = Π Γ(aᵢ) / Γ(Σ aᵢ)
//
// It is a martingale as units come in, one after another or many at a time, so it may be looked at whenever one likes. counts are units, shares
// are positive and add up to 1. The concentration, above 0, is how many units the prior is worth: it expects a share θ to be off by
// √(θ(1−θ)/(k+1)); a small one finds gross deviations sooner, a large one small ones. Shares that change: see Split.
func LogMultinomial(counts, shares []float64, concentration float64) float64 {
	logE, n, k := 0.0, 0.0, 0.0
	for i, s := range shares {
		logE += lnRising(concentration*s, counts[i])
		if counts[i] > 0 {
			logE -= counts[i] * math.Log(s)
		}
		n, k = n+counts[i], k+concentration*s
	}
	return logE - lnRising(k, n)
}

// lnRising is ln Γ(a+x) − ln Γ(a) for a > 0, x ≥ 0: the rising factorial. Its digits survive large a by Stirling's series.
func lnRising(a, x float64) float64 {
	if x == 0 {
		return 0
	}
	if a < 100 {
		above, _ := math.Lgamma(a + x)
		below, _ := math.Lgamma(a)
		return above - below
	}
	tail := func(z float64) float64 { return (1 - 1/(30*z*z)) / (12 * z) }
	return (a-0.5)*math.Log1p(x/a) + x*(math.Log(a+x)-1) + tail(a+x) - tail(a)
}

// Split is a sequential test of "each unit fell to arm i with the share it was meant to", for shares that may change from tick to tick: is traffic split
// as intended? A sample ratio mismatch means that counts of the arms cannot be compared. The zero value is ready to use.
//
// Each tick multiplies the e-value by a Dirichlet-multinomial of its own, whose prior is centred on the tick's shares, tilted by what earlier ticks
// showed (arm i was seen Observed/Expected times as often as intended), and as concentrated as the units seen so far allow. Any prior that is chosen before
// its tick makes a factor of mean 1, so the product is a martingale, exactly, for any sequence of shares. While the shares stay the same it is
// LogMultinomial of the totals; when they change, what has been learned goes along, where a fresh prior would have to learn it again.
//
// The units must be what was drawn: requests where each is drawn anew, visitors at their first request where visitors are. Requests of visitors are not:
// they come in clusters, and the test fires on a healthy split (LogMultinomial of counts divided by their Dispersion is what can be done with them).
type Split struct {
	// Concentration is the prior's weight in units; DefaultConcentration when 0.
	Concentration float64 `json:"concentration,omitempty"`
	// Observed and Expected are the units of each arm so far, and how many there should have been.
	Observed []float64 `json:"observed"`
	Expected []float64 `json:"expected"`
	// LogE is the ln e-value now, Peak the greatest so far: the split is wrong, at level α, once Peak ≥ ln 1/α.
	LogE float64 `json:"log_e"`
	Peak float64 `json:"peak"`
}

// P is the sequential p-value: 1 over the greatest e-value so far, at most 1. It never rises.
func (s *Split) P() float64 { return math.Exp(-s.Peak) }

// most is what a count may be at most, so that adding up loses nothing.
const most = 1 << 53

// Fold adds a tick: counts[i] units on arm i, while the arms' shares were in proportion to weights (which need not add up to 1). Counts may be fractions, where they
// were divided by the size of their clusters. An error changes nothing: another number of arms than before, what is negative or no
// number, weights that are all 0, or units on an arm of weight 0, which no share explains.
func (s *Split) Fold(counts, weights []float64) error {
	if s.Observed != nil && len(counts) != len(s.Observed) {
		return fmt.Errorf("counts of %d arms for a split of %d", len(counts), len(s.Observed))
	}
	shares, n, err := splitShares(counts, weights)
	if err != nil {
		return err
	}
	if s.Observed == nil {
		s.Observed, s.Expected = make([]float64, len(counts)), make([]float64, len(counts))
	}
	k := s.Concentration
	if k == 0 {
		k = DefaultConcentration
	}
	seen, total := k, 0.0
	center := make([]float64, len(counts))
	for i, share := range shares {
		seen += s.Observed[i]
		if share > 0 {
			center[i] = share * (k*share + s.Observed[i]) / (k*share + s.Expected[i])
			total += center[i]
		}
	}
	s.LogE -= lnRising(seen, n)
	for i, share := range shares {
		if share == 0 {
			continue
		}
		s.LogE += lnRising(seen*center[i]/total, counts[i]) - counts[i]*math.Log(share)
		s.Observed[i] += counts[i]
		s.Expected[i] += n * share
	}
	s.Peak = max(s.Peak, s.LogE)
	return nil
}

// splitShares makes shares of weights, and checks both against counts, whose sum is n.
func splitShares(counts, weights []float64) (shares []float64, n float64, err error) {
	if len(counts) < 2 || len(weights) != len(counts) {
		return nil, 0, fmt.Errorf("counts of %d arms with weights of %d: expected two arms at least, and a weight for each", len(counts), len(weights))
	}
	total := 0.0
	for i, w := range weights {
		if !(w >= 0 && w <= most) || !(counts[i] >= 0 && counts[i] <= most) {
			return nil, 0, fmt.Errorf("arm %d: impossible count %v or weight %v", i+1, counts[i], w)
		}
		if w == 0 && counts[i] > 0 {
			return nil, 0, fmt.Errorf("arm %d: %v units where none were meant to be", i+1, counts[i])
		}
		total, n = total+w, n+counts[i]
	}
	if total == 0 {
		return nil, 0, errors.New("weights that are all 0")
	}
	shares = make([]float64, len(weights))
	for i, w := range weights {
		shares[i] = w / total
	}
	return shares, n, nil
}

// LogRatioInterval is a confidence sequence for the ln ratio of the rates of arms a and b (0-based), ln(λa/λb), after counts[i] events in arm i whose
// traffic was in proportion to weights[i] > 0 throughout (Lindon & Malek 2022, sections 2 and 4): events are spread over the arms in proportion to
// weight·rate, however the rates drift together, and no share θ is excluded while LogMultinomial of it is under ln 1/alpha. All ratios of all pairs of
// arms lie in their intervals, at all times together, with probability 1 − alpha. An end is infinite where an arm has no events. Two arms whose
// traffic changes: see Bounds.
func LogRatioInterval(counts, weights []float64, concentration, alpha float64, a, b int) (low, high float64, err error) {
	shares, n, err := splitShares(counts, weights)
	if err != nil {
		return 0, 0, err
	}
	if a == b || min(a, b) < 0 || max(a, b) >= len(counts) || shares[a] == 0 || shares[b] == 0 || !(concentration > 0) || !(alpha > 0 && alpha < 1) {
		return 0, 0, fmt.Errorf("the ratio of arms %d and %d of %d, concentration %v, level %v: impossible", a, b, len(counts), concentration, alpha)
	}
	// The likelihood at a given ln(θa/θb) = d is greatest where the other arms have the shares that were seen.
	room := -LogMultinomial(counts, shares, concentration) - math.Log(alpha)
	for i, c := range counts {
		if c == 0 {
			continue
		}
		if i == a || i == b {
			room += c * math.Log((counts[a]+counts[b])/n/shares[i])
		} else {
			room += c * math.Log(c/n/shares[i])
		}
	}
	excluded := func(d float64) bool { return counts[a]*lnLogistic(d)+counts[b]*lnLogistic(-d) < -room }
	inside := math.Log(max(counts[a], 0.5) / max(counts[b], 0.5))
	weight := math.Log(shares[a] / shares[b])
	low, high = math.Inf(-1), math.Inf(1)
	if counts[a] > 0 {
		low = edge(inside, -1, excluded) - weight
	}
	if counts[b] > 0 {
		high = edge(inside, 1, excluded) - weight
	}
	return low, high, nil
}

// lnLogistic is ln(1/(1+e^−d)).
func lnLogistic(d float64) float64 {
	if d < 0 {
		return d - math.Log1p(math.Exp(d))
	}
	return -math.Log1p(math.Exp(-d))
}

// edge is where excluded begins, going from a place where it is false in steps that double, then by bisection. From a place where it is true it goes back first.
func edge(from, step float64, excluded func(float64) bool) float64 {
	for back := step; excluded(from); back *= 2 {
		from -= back
	}
	to := from + step
	for ; !excluded(to); step *= 2 {
		to += step
	}
	for range 100 {
		mid := from + (to-from)/2
		if mid == from || mid == to {
			break
		}
		if excluded(mid) {
			to = mid
		} else {
			from = mid
		}
	}
	return to
}
