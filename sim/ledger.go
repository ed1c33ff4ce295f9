package main

import (
	"math/rand/v2"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/slipwayhq/slipway/internal/pure/judge"
)

// The arms.
const (
	oldArm = iota
	newArm
	arms
)

// ledger is what an edge would have counted, by vital, arm and second.
type ledger struct {
	seconds int
	events  [vitals][arms][]int64
	// cover is the expected number of requests at risk that are no events; slope is its change from second to second.
	cover [vitals][arms][]float64
	slope [vitals][arms][]float64
}

func newLedger(seconds int) *ledger {
	l := &ledger{seconds: seconds}
	for v := range vitals {
		for a := range arms {
			l.events[v][a] = make([]int64, seconds)
			l.cover[v][a] = make([]float64, seconds+2)
			l.slope[v][a] = make([]float64, seconds+2)
		}
	}
	return l
}

func (l *ledger) clear() {
	for v := range vitals {
		for a := range arms {
			clear(l.events[v][a])
			clear(l.cover[v][a])
			clear(l.slope[v][a])
		}
	}
}

// atRisk adds requests of a visitor at the given rate from time a to time b, in seconds.
func (l *ledger) atRisk(vital, arm int, from, to, rate float64) {
	if to <= from {
		return
	}
	i, j := int(from), int(to)
	cover, slope := l.cover[vital][arm], l.slope[vital][arm]
	if i == j {
		cover[i] += rate * (to - from)
		return
	}
	cover[i] += rate * (float64(i+1) - from)
	cover[j] += rate * (to - float64(j))
	slope[i+1] += rate
	slope[j] -= rate
}

// play feeds the ledger to the judge second by second and calls look after each tick until it says stop.
func (l *ledger) play(p judge.Policy, shares []float64, rng *rand.Rand, look func(second int, s *judge.State) (stop bool)) judge.State {
	state := judge.NewState(p)
	var flow [vitals][arms]float64
	tick := judge.Tick{Counts: make(map[string]judge.Count, vitals)}
	for second, share := range shares {
		tick.Second, tick.Share = int64(second), share
		for v, spec := range p.Vitals {
			var c judge.Count
			c.New, c.AtRiskNew = l.count(v, newArm, second, &flow, rng)
			c.Old, c.AtRiskOld = l.count(v, oldArm, second, &flow, rng)
			tick.Counts[spec.Name] = c
		}
		if err := state.Fold(p, tick); err != nil {
			panic(err) // the simulation counts wrongly
		}
		if look(second, &state) {
			break
		}
	}
	return state
}

// count draws the requests at risk of one second; flow carries the sum of slopes.
func (l *ledger) count(vital, arm, second int, flow *[vitals][arms]float64, rng *rand.Rand) (events, atRisk int64) {
	flow[vital][arm] += l.slope[vital][arm][second]
	mean := l.cover[vital][arm][second] + flow[vital][arm]
	events = l.events[vital][arm][second]
	if mean > 1e-9 {
		atRisk = int64(distuv.Poisson{Lambda: mean, Src: rng}.Rand())
	}
	return events, events + atRisk
}
