package peer

import "math"

const (
	// zeroTolerance is absolute, so that results depend on the unit of what is measured.
	zeroTolerance  = 1e-4
	zeroIterations = 1001
	zeroEpsilon    = 2.220446049250313e-16
)

// zeroIn finds a zero of f between a and b, given its values there, by R. Brent's method ("Algorithms for Minimization without Derivatives",
// 1973, chapter 4) with the choices of R's zeroin that Kayenta's BrentSolver.java repeats: the same steps, so the same digits.
func zeroIn(a, b, fa, fb float64, f func(float64) float64) float64 {
	if fa == 0 {
		return a
	}
	if fb == 0 {
		return b
	}
	c, fc := a, fa
	for range zeroIterations {
		before := b - a
		if math.Abs(fc) < math.Abs(fb) {
			a, b, c = b, c, b
			fa, fb, fc = fb, fc, fb
		}
		tolerance := 2*zeroEpsilon*math.Abs(b) + zeroTolerance/2
		step := (c - b) / 2
		if math.Abs(step) <= tolerance || fb == 0 {
			return b
		}
		if math.Abs(before) >= tolerance && math.Abs(fa) > math.Abs(fb) {
			step = interpolate(a, b, c, fa, fb, fc, before, step, tolerance)
		}
		switch {
		case math.Abs(step) >= tolerance:
		case step > 0:
			step = tolerance
		default:
			step = -tolerance
		}
		a, fa = b, fb
		b += step
		fb = f(b)
		if fb > 0 && fc > 0 || fb < 0 && fc < 0 {
			c, fc = a, fa
		}
	}
	return b
}

// interpolate is the step to the zero of a line or parabola, or the given half step where that would lead too far or converge too slowly.
func interpolate(a, b, c, fa, fb, fc, before, half, tolerance float64) float64 {
	var p, q float64
	width := c - b
	if a == c {
		t := fb / fa
		p, q = width*t, 1-t
	} else {
		s, t, u := fa/fc, fb/fc, fb/fa
		p = u * (width*s*(s-t) - (b-a)*(t-1))
		q = (s - 1) * (t - 1) * (u - 1)
	}
	if p > 0 {
		q = -q
	} else {
		p = -p
	}
	if p < 0.75*width*q-math.Abs(tolerance*q)/2 && p < math.Abs(before*q/2) {
		return p / q
	}
	return half
}
