package units

import (
	"math"

	"gonum.org/v1/gonum/floats"
)

// workspace integrates over σ and the units' differences, for one effect after another.
type workspace struct {
	test   *Test
	effect []float64 // in each phase
	terms  []float64 // of each model
	modes  [][]float64
	z      []float64 // where the integrand is looked at; the differences are Mean + Factor·z, with z standard normal
	step   []float64
	chol   [][]float64 // of the negated Hessian at z, which is at least the identity, however near to singular the covariance is
}

func (t *Test) workspace() *workspace {
	n := len(t.Phases)
	w := &workspace{
		test: t, effect: make([]float64, n), terms: make([]float64, len(t.Models)), modes: make([][]float64, len(t.Models)),
		step: make([]float64, n), chol: make([][]float64, n),
	}
	for i := range w.modes {
		w.modes[i] = make([]float64, n)
	}
	for j := range w.chol {
		w.chol[j] = make([]float64, j+1)
	}
	return w
}

// likelihood is the logarithm of the likelihood of one effect in all phases.
func (w *workspace) likelihood(effect float64) float64 { return w.likelihoodFrom(0, effect, effect) }

// likelihoodFrom is the logarithm of the likelihood of an effect that is before until a phase, and then after.
func (w *workspace) likelihoodFrom(phase int, before, after float64) float64 {
	for k := range w.effect {
		w.effect[k] = before
		if k >= phase {
			w.effect[k] = after
		}
	}
	for i := range w.terms {
		m := &w.test.Models[i]
		w.z = w.modes[i] // where the last effect's mode was, which is near
		w.terms[i] = m.LogWeight + w.integral(m)
	}
	return floats.LogSumExp(w.terms)
}

// integral is the logarithm of ∫ Π_k L_k(c_k + effect_k) φ(c) dc by Laplace's approximation. The integrand is log-concave in z.
func (w *workspace) integral(m *Model) float64 {
	value := w.at(m)
	for range 40 {
		size := w.solve()
		if size > 2 { // far away: a damped step
			floats.Scale(2/size, w.step)
		}
		floats.Add(w.z, w.step)
		value = w.at(m)
		if size < 1e-4 { // the error is of the order of its fourth power
			break
		}
	}
	for j := range w.chol {
		value -= math.Log(w.chol[j][j])
	}
	return value
}

// at gives the log integrand at z, and leaves its gradient in step and the decomposition of its negated Hessian in chol.
func (w *workspace) at(m *Model) (value float64) {
	for j, z := range w.z {
		value -= z * z / 2
		w.step[j] = -z
		clear(w.chol[j])
		w.chol[j][j] = 1
	}
	for k := range w.test.Phases {
		c := m.Mean[k] + w.effect[k]
		f := m.Factor[k]
		for j, a := range f {
			c += a * w.z[j]
		}
		l, slope, curve := w.test.Phases[k].at(c)
		value += l
		for j, a := range f {
			w.step[j] += a * slope
			for i, b := range f[:j+1] {
				w.chol[j][i] += a * b * curve
			}
		}
	}
	cholesky(w.chol)
	return value
}

// at is the phase's log likelihood at the difference c of the log rates, its slope, and its curvature downwards.
func (p *Phase) at(c float64) (value, slope, curve float64) {
	ratio := math.Exp(c)
	value, slope = p.New*c, p.New
	for _, b := range p.Blocks {
		mean := b.Share*ratio + 1 - b.Share
		q := b.Share * ratio / mean
		n := b.Events
		value -= n * math.Log(mean)
		slope -= n * q
		curve += n * q * (1 - q)
	}
	return value, slope, curve
}

// solve turns the gradient into Newton's step and gives its length.
func (w *workspace) solve() (size float64) {
	n, g := len(w.z), w.step
	for j := range n {
		for i := range j {
			g[j] -= w.chol[j][i] * g[i]
		}
		g[j] /= w.chol[j][j]
	}
	for j := n - 1; j >= 0; j-- {
		for i := j + 1; i < n; i++ {
			g[j] -= w.chol[i][j] * g[i]
		}
		g[j] /= w.chol[j][j]
		size += g[j] * g[j]
	}
	return math.Sqrt(size)
}

// cholesky puts the lower triangle of Cholesky's decomposition in place of c's, which may be singular.
func cholesky(c [][]float64) {
	for j := range c {
		for k := 0; k <= j; k++ {
			sum := c[j][k]
			for i := range k {
				sum -= c[j][i] * c[k][i]
			}
			switch {
			case k == j:
				c[j][j] = math.Sqrt(max(sum, 0))
			case c[k][k] > 1e-9:
				c[j][k] = sum / c[k][k]
			default:
				c[j][k] = 0
			}
		}
	}
}
