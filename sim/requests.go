package main

import (
	"math"
	"math/rand/v2"
)

// drift is the standard deviation, and memory the seconds, of the slow wander of the error rate that both releases share.
const drift, memory = 0.5, 60.0

// drawRequests fills the ledger with a rollout whose split is by request: a coin for each, retries included. All requests count.
func drawRequests(l *ledger, w world, h harm, rps float64, shares []float64, rng *rand.Rand) {
	l.clear()
	base := [kinds]float64{baseErrors / 2, baseErrors / 2, slowAbove99, slowAbove90, slowAbove50}
	worse := h.worse()
	wander := drift * rng.NormFloat64()
	for second, share := range shares {
		wander = wander*(1-1/memory) + drift*math.Sqrt(2/memory)*rng.NormFloat64()
		fine := rps
		for k, q := range base {
			if k == failing || k == failingSlow {
				q *= math.Exp(wander - drift*drift/2)
			}
			fine -= rps * q
			ratio := worse[k]
			if second < h.begins {
				ratio = 1
			}
			onNew, onOld := poisson(rng, rps*q*ratio*share), poisson(rng, rps*q*(1-share))
			l.addEvents(k, newArm, second, onNew)
			l.addEvents(k, oldArm, second, onOld)
			if k == failing || k == failingSlow {
				l.repeat(k, second, share, (onNew+onOld)*w.retries, rng)
			}
		}
		for vital := range vitals {
			l.cover[vital][newArm][second] += max(0, fine*share)
			l.cover[vital][oldArm][second] += max(0, fine*(1-share))
		}
	}
}

// repeat adds n retries that fail again, each sent to a release by a coin of its own.
func (l *ledger) repeat(kind, second int, share float64, n int, rng *rand.Rand) {
	onNew := 0
	for range n {
		if rng.Float64() < share {
			onNew++
		}
	}
	l.addEvents(kind, newArm, second, onNew)
	l.addEvents(kind, oldArm, second, n-onNew)
}

// marks says of which vitals a kind is an event.
var marks = [kinds][vitals]bool{
	failing:     {errorsVital: true},
	failingSlow: {errorsVital: true, p50Vital: true, p90Vital: true, p99Vital: true},
	slow99:      {p50Vital: true, p90Vital: true, p99Vital: true},
	slow90:      {p50Vital: true, p90Vital: true},
	slow50:      {p50Vital: true},
}

// addEvents adds n requests of a kind: an event for some vitals, a request like any other for the rest.
func (l *ledger) addEvents(kind, arm, second, n int) {
	for vital, is := range marks[kind] {
		if is {
			l.events[vital][arm][second] += int64(n)
		} else {
			l.cover[vital][arm][second] += float64(n)
		}
	}
}

// countEvery counts all requests of a visitor, not only the first events: the mistake that the table shows. No harm.
func (v *visitor) countEvery(l *ledger, retries int, rng *rand.Rand) {
	for k, q := range v.kind {
		for t := v.arrives; q > 0; {
			t += rng.ExpFloat64() / (v.rate * q)
			if t >= v.leaves {
				break
			}
			n := 1
			if k == failing || k == failingSlow {
				n *= 1 + retries
			}
			l.addEvents(k, v.armAt(t), int(t), n)
		}
	}
	fine := v.rate
	for _, q := range v.kind {
		fine -= v.rate * q
	}
	moved := min(max(v.switches, v.arrives), v.leaves)
	for vital := range vitals {
		l.atRisk(vital, oldArm, v.arrives, moved, fine)
		l.atRisk(vital, newArm, moved, v.leaves, fine)
	}
}
