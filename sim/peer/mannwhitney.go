package peer

import (
	"errors"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// mannWhitney is Kayenta's confidence interval for the shift between two samples (kayenta-mannwhitney, MannWhitney.scala), which follows R's
// wilcox.test with correction and without the exact distribution.
type mannWhitney struct {
	experiment, control []float64 // sorted
}

// errTied: all values are the same, so that there is no interval.
var errTied = errors.New("all observations are tied")

func newMannWhitney(experiment, control []float64) mannWhitney {
	m := mannWhitney{slices.Clone(experiment), slices.Clone(control)}
	slices.Sort(m.experiment)
	slices.Sort(m.control)
	return m
}

// z is the rank sum's distance from its mean when the experiment is shifted down by mu, in standard deviations, with the correction for
// continuity, minus quantile. NaN when all values are tied.
func (m mannWhitney) z(mu, quantile float64) float64 {
	nx, ny := float64(len(m.experiment)), float64(len(m.control))
	ranks, ties, rank := 0.0, 0.0, 0.0
	for i, j := 0, 0; i < len(m.experiment) || j < len(m.control); {
		value := math.Inf(1)
		if i < len(m.experiment) {
			value = m.experiment[i] - mu
		}
		if j < len(m.control) {
			value = min(value, m.control[j])
		}
		mine, all := 0.0, 0.0
		for ; i < len(m.experiment) && m.experiment[i]-mu == value; i++ {
			mine++
			all++
		}
		for ; j < len(m.control) && m.control[j] == value; j++ {
			all++
		}
		ranks += mine * (rank + (all+1)/2)
		ties += all*all*all - all
		rank += all
	}
	distance := ranks - nx*(nx+1)/2 - nx*ny/2
	if distance != 0 {
		distance -= math.Copysign(0.5, distance)
	}
	sigma := math.Sqrt(nx * ny / 12 * (nx + ny + 1 - ties/((nx+ny)*(nx+ny-1))))
	if sigma == 0 {
		return math.NaN()
	}
	return distance/sigma - quantile
}

// reach is the smallest and the largest shift that can matter.
func (m mannWhitney) reach() (low, high float64) {
	return m.experiment[0] - m.control[len(m.control)-1], m.experiment[len(m.experiment)-1] - m.control[0]
}

// interval is the confidence interval of the shift at a level, and its estimate. The samples must not be empty.
func (m mannWhitney) interval(level float64) (low, high, estimate float64, err error) {
	quantile := distuv.UnitNormal.Quantile((1 - level) / 2)
	from, to := m.reach()
	root := func(q float64, guard bool) float64 {
		at := func(mu float64) float64 {
			z := m.z(mu, q)
			if math.IsNaN(z) {
				err = errTied
			}
			return z
		}
		atLow, atHigh := at(from), at(to)
		switch {
		case err != nil || guard && atLow <= 0:
			return from
		case guard && atHigh >= 0:
			return to
		}
		return zeroIn(from, to, atLow, atHigh, at)
	}
	low, high, estimate = root(-quantile, true), root(quantile, true), root(0, false)
	return low, high, estimate, err
}
