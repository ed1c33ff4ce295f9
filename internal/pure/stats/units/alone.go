package units

import (
	"math"

	"gonum.org/v1/gonum/floats"
)

// Sample is what one unit did in one phase: how many of all events were its own, and its share of the requests.
type Sample struct {
	Events float64
	All    float64
	Share  float64
}

// broken is the standard deviation of what a broken unit's log rate changes by: from a tenth to ten times, mostly.
const broken = 2.0

// Deviations are the mean and variance of each unit's log rate beside what all share, given the window before.
func (w *Window) Deviations() (mean, variance []float64) {
	mean, variance = make([]float64, len(w.units)), make([]float64, len(w.units))
	total := 0.0
	for _, p := range w.posteriors {
		total += math.Exp(p.logWeight)
	}
	for _, p := range w.posteriors {
		weight := math.Exp(p.logWeight) / total
		for i := range w.units {
			mean[i] += weight * p.mode[i]
			variance[i] += weight * (p.variance[i] + p.mode[i]*p.mode[i])
		}
	}
	for i := range variance {
		variance[i] = max(variance[i]-mean[i]*mean[i], 0)
	}
	return mean, variance
}

// LogAlone is the natural logarithm of how much better "this unit broke, and nothing else changed" explains what it did than "nothing changed at all":
// the ratio of two predictive densities, in which the unit's log rate is normal with the given mean and variance, and for a broken one with a variance that
// is greater by 4.
//
// It tells a broken unit from an effect: an e-value against "no effect", divided by this, is one against "no effect, but this unit broke" (both are ratios to
// the same density of all counts; the number of events in each unit is multinomial, of which the two groups and one unit are marginals). So evidence of an effect that
// is to hold though any single unit may have broken is the e-value divided by the largest of these. Where all units of a group changed
// alike, each alone explains little, and next to nothing is lost.
func LogAlone(samples []Sample, mean, variance float64) float64 {
	return predictive(samples, mean, variance+broken*broken) - predictive(samples, mean, variance)
}

// LogAloneAtMost is no less than LogAlone, for a small part of its work. A density of a broken unit, the likelihood times a normal one of variance V, has a logarithm f with f″ ≤ −1/V, so that
// its integral is at most that of a normal curve with the same peak: e^f there, where f's slope is 0, and e^(f + V·f′²/2) beside it. The other density is an expectation of the likelihood;
// by Jensen's inequality its logarithm is at least that of the log likelihood, whose second derivative is −All/4 at least.
func LogAloneAtMost(samples []Sample, mean, variance float64) float64 {
	const rule = 1 // more than the trapezoidal rule may be off by
	wide := variance + broken*broken
	h, _ := peak(samples, mean, wide)
	slope, all := (mean-h)/wide, 0.0
	for _, s := range samples {
		q := s.Share * math.Exp(h) / (s.Share*math.Exp(h) + 1 - s.Share)
		slope += s.Events - s.All*q
		all += s.All
	}
	z := h - mean
	return logLikelihood(samples, h) - z*z/(2*wide) + wide*slope*slope/2 - logLikelihood(samples, mean) + variance*all/8 + rule
}

// predictive is ln ∫ Π p(events | h) φ(h; mean, variance) dh up to what does not depend on h, by the trapezoidal rule, which is exact to many digits for what is nearly normal.
func predictive(samples []Sample, mean, variance float64) float64 {
	const points, reach = 120, 6.0
	sd := math.Sqrt(variance)
	if sd == 0 {
		return logLikelihood(samples, mean)
	}
	// The product is narrower than the prior where counts are large: look around its own peak as well.
	mode, curve := peak(samples, mean, variance)
	width := 1 / math.Sqrt(curve)
	low, high := mode-reach*width, mode+reach*width
	step := (high - low) / points
	terms := make([]float64, points+1)
	for i := range terms {
		h := low + step*float64(i)
		z := (h - mean) / sd
		terms[i] = logLikelihood(samples, h) - z*z/2
	}
	return floats.LogSumExp(terms) + math.Log(step/(sd*math.Sqrt(2*math.Pi)))
}

// peak is where the integrand is largest, and its curvature there. The integrand is log-concave.
func peak(samples []Sample, mean, variance float64) (h, curve float64) {
	h = mean
	for range 60 {
		slope := (mean - h) / variance
		curve = 1 / variance
		for _, s := range samples {
			q := s.Share * math.Exp(h) / (s.Share*math.Exp(h) + 1 - s.Share)
			slope += s.Events - s.All*q
			curve += s.All * q * (1 - q)
		}
		step := slope / curve
		h += max(-1, min(1, step))
		if math.Abs(step) < 1e-9 {
			break
		}
	}
	return h, curve
}

func logLikelihood(samples []Sample, h float64) (l float64) {
	for _, s := range samples {
		l += s.Events*h - s.All*math.Log1p(s.Share*math.Expm1(h))
	}
	return l
}
