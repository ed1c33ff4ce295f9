package peer

import "math"

// spending is how much of alpha may be spent at an information fraction in (0, 1], all of it at 1.
type spending func(alpha, fraction float64) float64

// The spending functions of Lan & DeMets, "Discrete sequential boundaries for clinical trials", Biometrika 70, 1983: like O'Brien & Fleming and like
// Pocock. squareSpending is the power family with exponent 2, which Spotify uses.
func fleming(alpha, fraction float64) float64 {
	return math.Erfc(critical(alpha/2) / math.Sqrt(2*fraction))
}

func pocock(alpha, fraction float64) float64 { return alpha * math.Log(1+(math.E-1)*fraction) }

func squareSpending(alpha, fraction float64) float64 { return alpha * fraction * fraction }

const (
	// boundsFar is where the normal law ends for all purposes, in standard deviations.
	boundsFar = 8
	// boundsLeast is the least probability that is worth a look of its own: less is kept for the next one.
	boundsLeast = 1e-12
	// boundsGrain is the distance of grid points, in standard deviations of an increment.
	boundsGrain = 0.1
)

// bounds are the z scores that a one-sided group-sequential test must exceed at each look, so that it does so at any look with probability alpha when there is
// nothing to find; +Inf where nothing may be spent. Fractions of the information are rising. The density of the score's Brownian motion
// among those who went on is carried from look to look by numerical integration (Armitage, McPherson & Rowe, "Repeated significance tests
// on accumulating data", Journal of the Royal Statistical Society A 132, 1969), by Simpson's rule.
func bounds(fractions []float64, alpha float64, spend spending) []float64 {
	out := make([]float64, len(fractions))
	w := walk{}
	spent, last := 0.0, 0.0
	for k, t := range fractions {
		out[k] = math.Inf(1)
		sd := math.Sqrt(t - last)
		if !(sd > 1e-6) {
			continue
		}
		limit := boundsFar * math.Sqrt(t)
		if due := spend(alpha, t) - spent; due >= boundsLeast {
			limit = w.exceeded(due, sd, limit)
			out[k] = limit / math.Sqrt(t)
			spent += due
		}
		w = w.onward(limit, sd, boundsFar*math.Sqrt(t))
		last = t
	}
	return out
}

// walk is the density of a Brownian motion that has not been stopped, on an even grid. With no points it is at 0.
type walk struct {
	from, grain float64
	mass        []float64 // density times the weight of Simpson's rule
}

// beyond is the probability that the next value, after an increment of the given standard deviation, exceeds y.
func (w walk) beyond(y, sd float64) float64 {
	if len(w.mass) == 0 {
		return 0.5 * math.Erfc(y/sd/math.Sqrt2)
	}
	sum := 0.0
	for i, m := range w.mass {
		if z := (y - w.from - float64(i)*w.grain) / sd; z < boundsFar {
			sum += m * 0.5 * math.Erfc(z/math.Sqrt2)
		}
	}
	return sum
}

// exceeded is the y that the next value exceeds with probability p.
func (w walk) exceeded(p, sd, far float64) float64 {
	low, high := -far, far
	if w.beyond(high, sd) >= p {
		return high
	}
	for range 60 {
		mid := (low + high) / 2
		if w.beyond(mid, sd) > p {
			low = mid
		} else {
			high = mid
		}
		if high-low < 1e-10 {
			break
		}
	}
	return (low + high) / 2
}

// density of the next value at y.
func (w walk) density(y, sd float64) float64 {
	scale := 1 / (sd * math.Sqrt(2*math.Pi))
	if len(w.mass) == 0 {
		return scale * math.Exp(-y*y/(2*sd*sd))
	}
	first := max(0, int((y-boundsFar*sd-w.from)/w.grain))
	last := min(len(w.mass)-1, int((y+boundsFar*sd-w.from)/w.grain)+1)
	sum := 0.0
	for i := first; i <= last; i++ {
		z := (y - w.from - float64(i)*w.grain) / sd
		sum += w.mass[i] * math.Exp(-z*z/2)
	}
	return sum * scale
}

// onward is the walk after one more increment, of those that stay under the limit.
func (w walk) onward(limit, sd, far float64) walk {
	n := int((limit+far)/(boundsGrain*sd)/2+1) * 2
	next := walk{from: -far, grain: (limit + far) / float64(n), mass: make([]float64, n+1)}
	for i := range next.mass {
		weight := 2.0
		switch {
		case i == 0 || i == n:
			weight = 1
		case i%2 == 1:
			weight = 4
		}
		next.mass[i] = w.density(next.from+float64(i)*next.grain, sd) * weight * next.grain / 3
	}
	return next
}
