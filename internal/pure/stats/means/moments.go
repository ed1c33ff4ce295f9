package means

import (
	"errors"
	"fmt"
	"math"
)

// Moments is what is kept of one arm: how many units, the means of their values, and how these vary together. All units have the same number of
// values. The zero value is empty and ready.
type Moments struct {
	N int64 `json:"n"`
	// Mean is in the unit of the values.
	Mean []float64 `json:"mean"`
	// Scatter is the k×k matrix of Σ(x−x̄)(y−ȳ), row by row.
	Scatter []float64 `json:"scatter"`
}

// Add takes in one unit (Welford 1962, which loses no digits to large means). An error, for another number of values or one that is not finite,
// changes nothing.
func (m *Moments) Add(values ...float64) error {
	if m.N > 0 && len(values) != len(m.Mean) {
		return fmt.Errorf("a unit with %d values among units with %d", len(values), len(m.Mean))
	}
	for _, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("a unit with the value %v: not a number", v)
		}
	}
	if m.N == 0 {
		*m = empty(len(values))
	}
	m.N++
	k := len(values)
	delta := make([]float64, 0, 4)
	for i, v := range values {
		delta = append(delta, v-m.Mean[i])
		m.Mean[i] += delta[i] / float64(m.N)
	}
	for i := range k {
		for j := range k {
			m.Scatter[i*k+j] += delta[i] * delta[j] * float64(m.N-1) / float64(m.N)
		}
	}
	return nil
}

// Merge takes in the units of o (Chan, Golub & LeVeque 1979). An error, for units with another number of values, changes nothing.
func (m *Moments) Merge(o Moments) error {
	if o.N == 0 {
		return nil
	}
	if m.N == 0 {
		*m = empty(len(o.Mean))
	}
	k := len(m.Mean)
	if len(o.Mean) != k || len(o.Scatter) != len(m.Scatter) {
		return fmt.Errorf("merging units with %d values into units with %d", len(o.Mean), k)
	}
	total := float64(m.N + o.N)
	delta := make([]float64, k)
	for i := range k {
		delta[i] = o.Mean[i] - m.Mean[i]
	}
	for i := range k {
		m.Mean[i] += delta[i] * float64(o.N) / total
		for j := range k {
			m.Scatter[i*k+j] += o.Scatter[i*k+j] + delta[i]*delta[j]*float64(m.N)*float64(o.N)/total
		}
	}
	m.N += o.N
	return nil
}

// FromSums makes Moments of what others keep: n, Σx of each of k values, and the k×k matrix of Σxy, row by row.
func FromSums(n int64, sums, products []float64) (Moments, error) {
	k := len(sums)
	if n < 1 || len(products) != k*k {
		return Moments{}, fmt.Errorf("moments of %d units with %d sums and %d products: expected a unit at least and a product of each pair", n, k, len(products))
	}
	m := empty(k)
	m.N = n
	for i := range k {
		m.Mean[i] = sums[i] / float64(n)
		for j := range k {
			m.Scatter[i*k+j] = products[i*k+j] - sums[i]*sums[j]/float64(n)
			if s := m.Scatter[i*k+j]; math.IsNaN(s) || math.IsInf(s, 0) {
				return Moments{}, errors.New("moments of sums that are not numbers")
			}
		}
	}
	return m, nil
}

// Proportion makes Moments of n units of which so many succeeded; the variance is p(1−p), as for proportions in GrowthBook.
func Proportion(successes, n int64) (Moments, error) {
	if n < 1 || successes < 0 || successes > n {
		return Moments{}, fmt.Errorf("a proportion of %d of %d: expected 0 ≤ successes ≤ units, and a unit at least", successes, n)
	}
	p := float64(successes) / float64(n)
	return Moments{N: n, Mean: []float64{p}, Scatter: []float64{p * (1 - p) * float64(n-1)}}, nil
}

func empty(k int) Moments {
	return Moments{Mean: make([]float64, k), Scatter: make([]float64, k*k)}
}

// cov is the covariance of values i and j; 0 with fewer than two units.
func (m Moments) cov(i, j int) float64 {
	if m.N < 2 {
		return 0
	}
	return m.Scatter[i*len(m.Mean)+j] / float64(m.N-1)
}

// form is aᵀ·Cov·b over the values from on.
func (m Moments) form(a, b []float64) float64 {
	sum := 0.0
	for i := range a {
		for j := range b {
			if a[i] != 0 && b[j] != 0 {
				sum += a[i] * b[j] * m.cov(i, j)
			}
		}
	}
	return sum
}
