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
	// Of each phase's log likelihood at z: its slope, and its curvature downwards.
	slope, curve []float64
	top          float64   // the last integrand's largest value
	gradient     []float64 // see ceiling, and lean
	moves        []float64
}

func (t *Test) workspace() *workspace {
	n, models := len(t.Phases), len(t.Models)
	room := make([]float64, 6*n+models*(n+1)+n*(n+1)/2)
	take := func(n int) (part []float64) {
		part, room = room[:n:n], room[n:]
		return part
	}
	w := &workspace{
		test: t, effect: take(n), terms: take(models), modes: make([][]float64, models), step: take(n), chol: make([][]float64, n),
		slope: take(n), curve: take(n), gradient: take(n), moves: take(n),
	}
	for i := range w.modes {
		w.modes[i] = take(n)
	}
	for j := range w.chol {
		w.chol[j] = take(j + 1)
	}
	return w
}

// likelihood is the logarithm of the likelihood of one effect in all phases.
func (w *workspace) likelihood(effect float64) float64 { return w.likelihoodFrom(0, effect, effect) }

// likelihoodFrom is the logarithm of the likelihood of an effect that is before until a phase, and then after.
func (w *workspace) likelihoodFrom(phase int, before, after float64) float64 {
	w.put(phase, before, after)
	for i := range w.terms {
		w.terms[i] = w.term(i)
	}
	return floats.LogSumExp(w.terms)
}

// put makes the effect before until a phase, and then after.
func (w *workspace) put(phase int, before, after float64) {
	for k := range w.effect {
		w.effect[k] = before
		if k >= phase {
			w.effect[k] = after
		}
	}
}

// term is the logarithm of one model's part in the likelihood.
func (w *workspace) term(i int) float64 {
	m := &w.test.Models[i]
	w.z = w.modes[i] // where the last effect's mode was, which is near
	return m.LogWeight + w.integral(m)
}

// integral is the logarithm of ∫ Π_k L_k(c_k + effect_k) φ(c) dc by Laplace's approximation. The integrand is log-concave in z.
func (w *workspace) integral(m *Model) float64 {
	for range 40 {
		w.bend(m)
		size := w.solve()
		if size > 2 { // far away: a damped step
			floats.Scale(2/size, w.step)
		}
		floats.Add(w.z, w.step)
		if size < 1e-4 { // the error is of the order of its fourth power
			break
		}
	}
	w.bend(m)
	w.top = w.value(m)
	value := w.top
	for j := range w.chol {
		value -= math.Log(w.chol[j][j])
	}
	return value
}

// value is the log integrand at z. The steps do without it: most of the time of a look would go to its logarithms.
func (w *workspace) value(m *Model) (value float64) {
	for _, z := range w.z {
		value -= z * z / 2
	}
	for k := range w.test.Phases {
		value += w.test.Phases[k].value(w.difference(m, k))
	}
	return value
}

// bend leaves the log integrand's gradient at z in step, and the decomposition of its negated Hessian in chol.
func (w *workspace) bend(m *Model) {
	for j, z := range w.z {
		w.step[j] = -z
		clear(w.chol[j])
		w.chol[j][j] = 1
	}
	for k := range w.test.Phases {
		slope, curve := w.test.Phases[k].bend(w.difference(m, k))
		w.slope[k], w.curve[k] = slope, curve
		f := m.Factor[k]
		for j, a := range f {
			w.step[j] += a * slope
			for i, b := range f[:j+1] {
				w.chol[j][i] += a * b * curve
			}
		}
	}
	cholesky(w.chol)
}

// difference is that of the log rates in a phase, with the units' differences at z.
func (w *workspace) difference(m *Model, phase int) float64 {
	c := m.Mean[phase] + w.effect[phase]
	for j, a := range m.Factor[phase] {
		c += a * w.z[j]
	}
	return c
}

// value is the phase's log likelihood at the difference c of the log rates.
func (p *Phase) value(c float64) float64 {
	ratio := math.Exp(c)
	value := p.New * c
	for _, b := range p.Blocks {
		value -= b.Events * math.Log(b.Share*ratio+1-b.Share)
	}
	return value
}

// bend is the slope of the phase's log likelihood at c, and its curvature downwards.
func (p *Phase) bend(c float64) (slope, curve float64) {
	ratio := math.Exp(c)
	slope = p.New
	for _, b := range p.Blocks {
		odds := b.Share * ratio
		q := odds / (odds + 1 - b.Share)
		slope -= b.Events * q
		curve += b.Events * q * (1 - q)
	}
	return slope, curve
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
