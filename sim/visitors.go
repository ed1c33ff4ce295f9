package main

import (
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/stat/distuv"
)

// The kinds of bad requests, from which all vitals are derived.
const (
	failing     = iota // fails fast
	failingSlow        // fails after the p99
	slow99
	slow90
	slow50
	kinds
)

// visitor is one of them: requests a second, the fraction of them of each kind, and when the split moves it to the new release.
type visitor struct {
	rate     float64
	kind     [kinds]float64
	arrives  float64
	leaves   float64
	switches float64 // +Inf: never
}

// drawVisitors fills the ledger with a rollout under the given traffic and harm. Each visitor is counted by count.
func drawVisitors(l *ledger, w world, rps float64, rng *rand.Rand, count func(*visitor)) {
	l.clear()
	rate, end := w.visitorRate(rps), float64(l.seconds)
	present := poisson(rng, rps*(1-w.monitor)/rate)
	arriving := 0
	if w.visit > 0 {
		arriving = poisson(rng, rps*(1-w.monitor)/rate*end/w.visit)
	}
	var v visitor // one for all: what goes through count would be allocated anew each time
	for i := range present + arriving {
		v = visitor{leaves: end}
		if i >= present {
			v.arrives = rng.Float64() * end
		}
		if w.visit > 0 {
			v.leaves = min(end, v.arrives+rng.ExpFloat64()*w.visit)
		}
		v.draw(w, rate, rng)
		v.switches = switchTime(rng.Float64())
		count(&v)
	}
	if w.monitor > 0 {
		v = visitor{rate: w.monitor * rps, leaves: end, switches: switchTime(rng.Float64())}
		count(&v)
	}
}

// draw gives the visitor its activity, error rate and slowness, each log-normal with mean 1 times the base.
func (v *visitor) draw(w world, rate float64, rng *rand.Rand) {
	activity, failure, slowness := 1.0, 1.0, 1.0
	if w.spread > 0 {
		half := w.spread * w.spread / 2
		z := rng.NormFloat64()
		activity = math.Exp(w.spread*rng.NormFloat64() - half)
		failure = min(math.Exp(w.spread*z-half), 5)
		slowness = min(math.Exp(w.spread*(0.5*z+math.Sqrt(0.75)*rng.NormFloat64())-half), maxSlowness)
	}
	v.rate = rate * activity
	v.kind = [kinds]float64{
		baseErrors / 2 * failure, baseErrors / 2 * failure,
		slowAbove99 * slowness, slowAbove90 * slowness, slowAbove50 * slowness,
	}
}

// switchTime is when a visitor whose hash is u gets the new release: the shares only grow, so that it stays there.
func switchTime(u float64) float64 {
	start := 0
	for _, s := range steps {
		if u < s.share {
			return float64(start)
		}
		start += s.seconds
	}
	return math.Inf(1)
}

// countFirst draws the visitor's first event of each kind, and from them those of each vital, and adds them to the ledger.
func (v *visitor) countFirst(l *ledger, h harm, retries int, rng *rand.Rand) {
	worse := h.worse()
	var first [kinds]float64
	for k, q := range v.kind {
		first[k] = v.firstEvent(v.rate*q, worse[k], rng.ExpFloat64())
	}
	var at [vitals]float64
	at[errorsVital] = min(first[failing], first[failingSlow])
	at[p99Vital] = min(first[failingSlow], first[slow99])
	at[p90Vital] = min(at[p99Vital], first[slow90])
	at[p50Vital] = min(at[p90Vital], first[slow50])
	onOld, onNew := badFractions(v.kind, noHarm.worse()), badFractions(v.kind, worse)
	for vital, t := range at {
		v.record(l, vital, t, [arms]float64{oldArm: onOld[vital], newArm: onNew[vital]})
	}
	v.retry(l, at, retries)
}

// badFractions is the fraction of requests that are events of each vital.
func badFractions(kind, worse [kinds]float64) (f [vitals]float64) {
	f[errorsVital] = kind[failing]*worse[failing] + kind[failingSlow]*worse[failingSlow]
	f[p99Vital] = kind[failingSlow]*worse[failingSlow] + kind[slow99]*worse[slow99]
	f[p90Vital] = f[p99Vital] + kind[slow90]
	f[p50Vital] = f[p90Vital] + kind[slow50]
	return f
}

// firstEvent is when a Poisson process of the given rate, worse times that on the new release, has used up the unit exponential
// draw; +Inf when the visitor leaves before.
func (v *visitor) firstEvent(rate, worse, draw float64) float64 {
	t := v.arrives
	if v.switches > t {
		untilSwitch := (v.switches - t) * rate
		if draw < untilSwitch || math.IsInf(v.switches, 1) {
			return within(t+draw/rate, v.leaves)
		}
		draw -= untilSwitch
		t = v.switches
	}
	return within(t+draw/(rate*worse), v.leaves)
}

func within(t, limit float64) float64 {
	if t < limit {
		return t
	}
	return math.Inf(1)
}

// record adds one vital: its first event, if any, and the requests at risk until then.
func (v *visitor) record(l *ledger, vital int, first float64, bad [arms]float64) {
	until := min(first, v.leaves)
	moved := min(max(v.switches, v.arrives), until)
	l.atRisk(vital, oldArm, v.arrives, moved, v.rate*max(0, 1-bad[oldArm]))
	l.atRisk(vital, newArm, moved, until, v.rate*max(0, 1-bad[newArm]))
	if !math.IsInf(first, 1) {
		l.events[vital][v.armAt(first)][int(first)]++
	}
}

func (v *visitor) armAt(t float64) int {
	if t >= v.switches {
		return newArm
	}
	return oldArm
}

// retry adds the repeats of the first failing request to what is at risk for the other vitals; for errors the visitor no longer is.
func (v *visitor) retry(l *ledger, at [vitals]float64, retries int) {
	t := at[errorsVital]
	if retries == 0 || math.IsInf(t, 1) {
		return
	}
	for _, vital := range [...]int{p50Vital, p90Vital, p99Vital} {
		if at[vital] > t {
			l.cover[vital][v.armAt(t)][int(t)] += float64(retries)
		}
	}
}

func poisson(rng *rand.Rand, mean float64) int {
	if mean <= 0 {
		return 0
	}
	return int(distuv.Poisson{Lambda: mean, Src: rng}.Rand())
}
