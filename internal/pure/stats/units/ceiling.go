package units

import (
	"math"

	"gonum.org/v1/gonum/floats"
)

// slack is more than rounding adds to the ln e-value, up to a billion events.
const slack = 1e-6

// LogEAbove is LogE where that may be above floor. Else ok is false: LogE is at most floor, and most of its work was spared.
func (t *Test) LogEAbove(floor float64) (logE float64, ok bool) {
	if len(t.Phases) == 0 {
		return 0, floor < 0
	}
	w := t.workspace()
	null, most := w.ceiling()
	if most < math.Exp(floor-slack) {
		return 0, false
	}
	return w.logE(null), true
}

// ceiling is the logarithm of the null's likelihood, and a bound of the e-value from above by what is known where the null's integrals have their modes.
//
// For one σ, and a bet that raises the phases' effects by d ≥ 0, the log integrand f(z) = −|z|²/2 + Σ_k ℓ_k(c_k + d_k + F_k·(z − m)) is sought, where m is the null's mode
// and c_k the difference there. Its value anywhere, less the logarithm of a determinant of at least 1, is what integral calls the bet's logarithm; so the
// largest value of f bounds it. Each ℓ_k is a sum of binomial log likelihoods, whose curvature is q(1 − q) times a number of events. As q(1 − q) is a logistic
// function's slope, its logarithm changes by at most |u| when c moves by u, so that with slope s_k and downward curvature κ_k at c_k
//
//	ℓ_k(c_k + u) ≤ ℓ_k(c_k) + s_k·u − κ_k·(e^−|u| − 1 + |u|) ≤ ℓ_k(c_k) + s_k·u − κ_k·ψ(u),   ψ(u) = u²/(2 + |u|)
//
// the latter as e^−u ≥ (2 − u)/(2 + u) for u ≥ 0. ψ is convex, and lies above its tangent at any û_k. With p_k = κ_k·ψ'(û_k), y = z − m and g the gradient of f at the null's mode (0
// but for what Newton's steps left), that leaves a quadratic in y, whose maximum is known:
//
//	f ≤ f_null(m) + Σ_k s_k·d_k − Σ_k (κ_k·ψ(û_k) + p_k·(d_k − û_k)) + |g − Fᵀp|²/2
//
// This holds for any û. Near to where the bet's own mode is it is tight: there Newton's first step from the null's mode leads, û = d − F·H⁻¹·Fᵀ·(κ·d), and as all d of a
// phase are multiples of each other it is solved for once.
func (w *workspace) ceiling() (null, most float64) {
	t := w.test
	bets := t.bets()
	w.put(0, t.Null, t.Null)
	for i := range t.Models {
		m := &t.Models[i]
		w.terms[i] = w.term(i)
		copy(w.gradient, w.step)
		top := m.LogWeight + w.top - w.terms[0]
		from := -1
		for _, b := range bets {
			if b.from != from {
				from = b.from
				w.lean(m, from)
			}
			most += b.part * math.Exp(top+w.rise(m, from, b.effect))
		}
	}
	null = floats.LogSumExp(w.terms)
	return null, t.Reserve + most*math.Exp(w.terms[0]-null)
}

// lean leaves in moves how far each phase's difference moves, by Newton's first step, for a unit of effect from a phase on.
func (w *workspace) lean(m *Model, from int) {
	clear(w.step)
	for k := from; k < len(w.moves); k++ {
		for j, a := range m.Factor[k] {
			w.step[j] -= a * w.curve[k]
		}
	}
	w.solve()
	for k, f := range m.Factor {
		w.moves[k] = 0
		if k >= from {
			w.moves[k] = 1
		}
		for j, a := range f {
			w.moves[k] += a * w.step[j]
		}
	}
}

// rise bounds by how much the log integrand's maximum can lie above the null's, for an effect from a phase on: see ceiling.
func (w *workspace) rise(m *Model, from int, effect float64) (rise float64) {
	copy(w.step, w.gradient)
	for k, f := range m.Factor {
		u := effect * w.moves[k]
		room := 2 + math.Abs(u)
		pull := w.curve[k] * u * (2 + room) / (room * room) // p_k
		rise += pull*u - w.curve[k]*u*u/room
		if k >= from {
			rise += (w.slope[k] - pull) * effect
		}
		for j, a := range f {
			w.step[j] -= a * pull
		}
	}
	for _, g := range w.step {
		rise += g * g / 2
	}
	return rise
}
