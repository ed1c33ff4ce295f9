package boundary

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// Sample is an empirical distribution: how many observations there are of each value. Its bins may be those of a histogram, if both arms use the same.
type Sample struct {
	values []float64
	upTo   []int64 // observations at most this value
}

// NewSample makes a Sample of values in any unit and order; counts[i] is how often values[i] was seen, and no counts means once each. An error names what is not a number
// or negative; a sample may be empty.
func NewSample(values []float64, counts []int64) (Sample, error) {
	if counts != nil && len(counts) != len(values) {
		return Sample{}, fmt.Errorf("a sample of %d values with %d counts", len(values), len(counts))
	}
	type bin struct {
		value float64
		n     int64
	}
	bins := make([]bin, 0, len(values))
	var total int64
	for i, value := range values {
		n := int64(1)
		if counts != nil {
			n = counts[i]
		}
		if math.IsNaN(value) || n < 0 || n > math.MaxInt64-total {
			return Sample{}, fmt.Errorf("a sample with %d observations of %v: not a number, negative or too many", n, value)
		}
		if total += n; n > 0 {
			bins = append(bins, bin{value, n})
		}
	}
	slices.SortFunc(bins, func(a, b bin) int { return cmp.Compare(a.value, b.value) })
	s := Sample{}
	var sum int64
	for i, b := range bins {
		sum += b.n
		if i > 0 && b.value == bins[i-1].value {
			s.upTo[len(s.upTo)-1] = sum
			continue
		}
		s.values, s.upTo = append(s.values, b.value), append(s.upTo, sum)
	}
	return s, nil
}

// Size is the number of observations.
func (s Sample) Size() int64 {
	if len(s.upTo) == 0 {
		return 0
	}
	return s.upTo[len(s.upTo)-1]
}

// Quantile is the smallest value that at least the fraction p of the observations reach; 0 when empty.
func (s Sample) Quantile(p float64) float64 {
	if len(s.values) == 0 {
		return 0
	}
	rank := int64(math.Ceil(p * float64(s.Size())))
	i, _ := slices.BinarySearch(s.upTo, max(rank, 1))
	return s.values[min(i, len(s.values)-1)]
}

// below is the fraction of observations under x, and upTo that of observations up to x.
func (s Sample) fractions(x float64) (below, upTo float64) {
	i, exact := slices.BinarySearch(s.values, x)
	n := float64(s.Size())
	if i > 0 {
		below = float64(s.upTo[i-1]) / n
	}
	if !exact {
		return below, below
	}
	return below, float64(s.upTo[i]) / n
}

// QuantileTest is the sequential test of "both arms have the same p-quantile" (Howard & Ramdas 2022, theorem 5): for any common value x, one of the two
// beta-binomial e-processes of "x is the p-quantile" has grown, so the least product over x is an e-value.
type QuantileTest struct {
	p       float64
	mixture Mixture
}

// NewQuantileTest tests the p-quantile, p in (0, 1), and is tuned for nOpt ≥ 1 observations an arm and the level alphaOpt.
func NewQuantileTest(p, nOpt, alphaOpt float64) (QuantileTest, error) {
	if !(p > 0 && p < 1) {
		return QuantileTest{}, fmt.Errorf("a test of the %v-quantile: must be between 0 and 1", p)
	}
	m, err := BetaBinomial(nOpt*p*(1-p), alphaOpt, p, 1-p, false)
	return QuantileTest{p: p, mixture: m}, err
}

// LogE is the ln e-value that the arms' quantiles differ, in either direction, valid at any time; Sample.Quantile says in which. Its observations must be
// independent, with a distribution that does not change (unlike event counts, which may drift). An arm without data gives 0. The p-value
// is min(1, exp(−LogE)).
func (q QuantileTest) LogE(a, b Sample) float64 {
	if a.Size() == 0 || b.Size() == 0 {
		return 0
	}
	bestA, bestB := q.mostLikely(a.Size()), q.mostLikely(b.Size())
	// Outside of the two quantiles both arms grow together, so the least product lies between them, and at a value that was seen.
	low, high := min(a.Quantile(bestA), b.Quantile(bestB)), max(a.Quantile(bestA), b.Quantile(bestB))
	least := math.Inf(1)
	for _, values := range [][]float64{a.values, b.values} {
		i, _ := slices.BinarySearch(values, low)
		for ; i < len(values) && values[i] <= high; i++ {
			least = min(least, q.arm(a, bestA, values[i])+q.arm(b, bestB, values[i]))
		}
	}
	return least
}

// arm is the ln e-value that x is not the p-quantile of s. Ties leave open how many observations are below x: the most favourable number counts.
func (q QuantileTest) arm(s Sample, best, x float64) float64 {
	below, upTo := s.fractions(x)
	return q.at(min(max(best, below), upTo), s.Size())
}

func (q QuantileTest) at(fraction float64, size int64) float64 {
	n := float64(size)
	return q.mixture.LogE((fraction-q.p)*n, q.p*(1-q.p)*n)
}

// mostLikely is the fraction of n observations below a quantile that speaks least against it, by golden section: the e-value is convex.
func (q QuantileTest) mostLikely(n int64) float64 {
	golden := (math.Sqrt(5) - 1) / 2
	low, high := 0.0, 1.0
	for range 60 {
		a, b := high-golden*(high-low), low+golden*(high-low)
		if q.at(a, n) <= q.at(b, n) {
			high = b
		} else {
			low = a
		}
	}
	return (low + high) / 2
}
