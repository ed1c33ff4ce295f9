package units

import (
	"math"

	"gonum.org/v1/gonum/floats"
)

// Unit is what one unit did in the window before: events among requests, all on the old release. Events may be fractions, where they were divided by the size of
// the clusters they come in.
type Unit struct {
	Events   float64 `json:"events"`
	Requests int64   `json:"requests"`
}

// sds is the grid of σ, the standard deviation of the units' log rates: about 1.4 times from one to the next, so that none between two
// is far from both. The least stands for "alike".
var sds = [...]float64{0.005, 0.03, 0.05, 0.08, 0.12, 0.17, 0.23, 0.3, 0.4, 0.55, 0.8}

// Spread is what is known of σ: natural logarithms of weights on the grid, which need not add up to 1. The zero value says nothing.
type Spread struct {
	LogWeight [len(sds)]float64 `json:"log_weight"`
}

// usual is how much units differ, mostly: machines of one kind behind one balancer by less than this.
const usual = 0.3

// Usual is what is believed of σ before anything was learnt: |N(0, 0.3²)|. It is the prior of few units, or of few events, from which little can be learnt: with none, a factor of ten between two hosts passes for
// a habit of theirs. A window with some events on each unit soon says more than it does.
func Usual() (s Spread) {
	for i, sd := range sds {
		s.LogWeight[i] = -sd * sd / (2 * usual * usual)
	}
	return s
}

// forget is how much of what one window taught is still believed at the next: fleets change.
const forget = 0.9

// Then is what is known of σ at the next window: the same, believed less.
func (s Spread) Then() Spread {
	top := floats.Max(s.LogWeight[:])
	for i := range s.LogWeight {
		s.LogWeight[i] = forget * (s.LogWeight[i] - top)
	}
	return s
}

// Mean is the expected standard deviation of the units' log rates.
func (s Spread) Mean() float64 {
	total := floats.LogSumExp(s.LogWeight[:])
	mean := 0.0
	for i, sd := range sds {
		mean += sd * math.Exp(s.LogWeight[i]-total)
	}
	return mean
}

// variance is the expected variance of the units' log rates, 0 where "alike" is most of it.
func (s Spread) variance() float64 {
	total := floats.LogSumExp(s.LogWeight[:])
	sum := 0.0
	for i, sd := range sds[1:] {
		sum += sd * sd * math.Exp(s.LogWeight[i+1]-total)
	}
	return sum
}

// Learn adds to the prior what the window before shows of the units' spread.
func Learn(prior Spread, before []Unit) Spread {
	for i := range sds {
		prior.LogWeight[i] += posteriorsAt(i, before).evidence
	}
	return prior
}

// posteriors are the units' log rates after the window before, for one σ: normal with these modes and variances.
type posteriors struct {
	mode     []float64
	variance []float64
	evidence float64 // log marginal likelihood, up to what no σ changes
	// logWeight is that of σ, beside the best one's.
	logWeight float64
}

// Window is what the units did before, worked out: it stays the same while phases come and go.
type Window struct {
	units []Unit
	// posteriors are those under each σ that is possible.
	posteriors []posteriors
}

// NewWindow works out the window before. spread is what is known of the units' σ, that window included (see Learn).
func NewWindow(before []Unit, spread Spread) *Window {
	return newWindow(before, spread, func(i int) posteriors { return posteriorsAt(i, before) })
}

// NewWindowAfter is NewWindow of a spread that is learnt from the prior and the window, in half the time.
func NewWindowAfter(prior Spread, before []Unit) *Window {
	var all [len(sds)]posteriors
	for i := range all {
		all[i] = posteriorsAt(i, before)
		prior.LogWeight[i] += all[i].evidence
	}
	return newWindow(before, prior, func(i int) posteriors { return all[i] })
}

func newWindow(before []Unit, spread Spread, at func(int) posteriors) *Window {
	w := &Window{units: before}
	top := floats.Max(spread.LogWeight[:])
	for i, weight := range spread.LogWeight {
		if weight-top < math.Log(unlikely) {
			continue
		}
		p := at(i)
		p.logWeight = weight - top
		w.posteriors = append(w.posteriors, p)
	}
	return w
}

// posteriorsAt computes each unit's posterior for one σ. The common rate is estimated by events over requests; the prior's mean of −σ²/2 makes
// the mean of a rate's factor 1.
func posteriorsAt(sd int, before []Unit) posteriors {
	var events, requests float64
	for _, u := range before {
		events, requests = events+u.Events, requests+float64(u.Requests)
	}
	rate := 0.0
	if requests > 0 {
		rate = events / requests
	}
	p := posteriors{mode: make([]float64, len(before)), variance: make([]float64, len(before))}
	for i, u := range before {
		var evidence float64
		p.mode[i], p.variance[i], evidence = posterior(sds[sd], u.Events, float64(u.Requests)*rate)
		p.evidence += evidence
	}
	return p
}

// posterior is Laplace's approximation for one unit: x events where mean were expected, Poisson, and a log factor h ~ N(−sd²/2, sd²).
func posterior(sd, x, mean float64) (mode, variance, evidence float64) {
	precision := 1 / (sd * sd)
	centre := -sd * sd / 2
	h := centre
	for range 40 {
		m := mean * math.Exp(h)
		step := (x - m - (h-centre)*precision) / (m + precision)
		h += max(-1, min(1, step))
		if math.Abs(step) < 1e-10 {
			break
		}
	}
	m := mean * math.Exp(h)
	variance = 1 / (m + precision)
	evidence = x*h - m + mean - (h-centre)*(h-centre)*precision/2 + math.Log(variance*precision)/2
	return h, variance, evidence
}
