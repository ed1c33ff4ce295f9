package main

import (
	"bytes"
	"encoding/json"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// results runs the program and reads its JSON.
func results(t *testing.T, args ...string) []result {
	t.Helper()
	var out bytes.Buffer
	if err := simulate(append([]string{"-json"}, args...), &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	var all []result
	for decoder := json.NewDecoder(&out); decoder.More(); {
		var r result
		if err := decoder.Decode(&r); err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	return all
}

func find(t *testing.T, all []result, w world, h harm, m method, rps float64) result {
	t.Helper()
	i := slices.IndexFunc(all, func(r result) bool {
		return r.World == w.name && r.Harm == h.name && r.Method == m && r.RPS == rps
	})
	if i < 0 {
		t.Fatalf("no row for %s, %s, %s at %v requests a second", m, w.name, h.name, rps)
	}
	return all[i]
}

// The promise, on a small scale: false rollbacks within the bound, real harm found, and the wrong ways to count shown to be wrong
// (which also shows that this test can fail).
func TestQuick(t *testing.T) {
	all := results(t, "-quick", "-runs", "200")
	promised := 0
	for _, r := range all {
		if r.Bound > 0 {
			promised++
		}
		if r.broken() {
			t.Errorf("%+v", r)
		}
	}
	if promised < 12 {
		t.Errorf("only %d rows carry the promise", promised)
	}
	if r := find(t, all, unequalVisitors, errors10, firstByDraw, 200); r.RolledBack < 0.99 || r.MedianSeconds > 10 {
		t.Errorf("tenfold errors: %+v", r)
	}
	if r := find(t, all, unequalVisitors, errors2, perRequest, 200); r.RolledBack < 0.95 || r.Healthy > 0 {
		t.Errorf("doubled errors: %+v", r)
	}
	if r := find(t, all, unequalVisitors, noHarm, firstByDraw, 200); r.Healthy < 0.8 {
		t.Errorf("a good release: %+v", r)
	}
	if r := find(t, all, heavyClients, noHarm, everyByShare, 200); r.RolledBack < 0.2 {
		t.Errorf("counting every request of heavy clients should fail: %+v", r)
	}
	if r := find(t, all, monitored, noHarm, firstAtRisk, 200); r.RolledBack < 0.2 {
		t.Errorf("the at-risk share with a monitor should fail: %+v", r)
	}
}

func TestABrokenBoundIsAnError(t *testing.T) {
	c := cell{world: heavyClients, harm: noHarm, rps: 200, method: everyByShare, runs: 60, promised: true}
	if r := c.run(0.05, 1, 0, 2); !r.broken() {
		t.Errorf("not broken: %+v", r)
	}
}

func TestResultsDependOnTheSeedAlone(t *testing.T) {
	c := cell{world: retryingClients, harm: errors2, rps: 50, method: firstByDraw, runs: 40}
	one, three, other := c.run(0.05, 7, 3, 1), c.run(0.05, 7, 3, 3), c.run(0.05, 8, 3, 3)
	if one != three {
		t.Errorf("one worker %+v, three %+v", one, three)
	}
	if one == other {
		t.Error("another seed gives the same")
	}
}

func TestBadFlags(t *testing.T) {
	for _, args := range []string{"-runs 1", "-workers 0", "-alpha 0", "-alpha NaN", "-eggs"} {
		if err := simulate(strings.Fields(args), io.Discard, io.Discard); err == nil {
			t.Errorf("%s was accepted", args)
		}
	}
}

// tally is what one simulation counted in all, by vital and arm.
type tally [vitals][arms]struct{ events, atRisk float64 }

// walk simulates a visitor request by request: the law that drawing first events must have.
func (v *visitor) walk(sum *tally, h harm, rng *rand.Rand) {
	worse := h.worse()
	var hit [vitals]bool
	for t := v.arrives + rng.ExpFloat64()/v.rate; t < v.leaves; t += rng.ExpFloat64() / v.rate {
		arm, kind := v.armAt(t), -1
		u := rng.Float64()
		for k, q := range v.kind {
			if arm == newArm {
				q *= worse[k]
			}
			if u -= q; u < 0 {
				kind = k
				break
			}
		}
		for vital := range vitals {
			if hit[vital] {
				continue
			}
			sum[vital][arm].atRisk++
			if kind >= 0 && marks[kind][vital] {
				sum[vital][arm].events++
				hit[vital] = true
			}
		}
	}
}

// Drawing first events gives the same means as walking through all requests, for each vital and arm, with and without harm.
func TestFirstEventsHaveTheLawOfRequests(t *testing.T) {
	const rollouts = 150
	for _, h := range []harm{noHarm, {name: "both", errors: 3, tail: 2}} {
		shares := schedule()
		l := newLedger(len(shares))
		var drawn, walked, drawnSquares, walkedSquares tally
		add := func(sum, squares *tally, one tally) {
			for v := range vitals {
				for a := range arms {
					sum[v][a].events += one[v][a].events
					sum[v][a].atRisk += one[v][a].atRisk
					squares[v][a].events += one[v][a].events * one[v][a].events
					squares[v][a].atRisk += one[v][a].atRisk * one[v][a].atRisk
				}
			}
		}
		for i := range uint64(rollouts) {
			rng := rand.New(rand.NewPCG(1, i))
			drawVisitors(l, unequalVisitors, 20, rng, func(v *visitor) { v.countFirst(l, h, 0, rng) })
			add(&drawn, &drawnSquares, l.tally(rng))
			var one tally
			rng = rand.New(rand.NewPCG(2, i))
			drawVisitors(l, unequalVisitors, 20, rng, func(v *visitor) { v.walk(&one, h, rng) })
			add(&walked, &walkedSquares, one)
		}
		for v := range vitals {
			for a := range arms {
				same(t, h.name+" events", v, a, drawn[v][a].events, walked[v][a].events, drawnSquares[v][a].events, walkedSquares[v][a].events, rollouts)
				same(t, h.name+" at risk", v, a, drawn[v][a].atRisk, walked[v][a].atRisk, drawnSquares[v][a].atRisk, walkedSquares[v][a].atRisk, rollouts)
			}
		}
	}
}

// tally sums the ledger, requests at risk drawn as for the judge.
func (l *ledger) tally(rng *rand.Rand) (sum tally) {
	var flow [vitals][arms]float64
	for second := range l.seconds {
		for v := range vitals {
			for a := range arms {
				events, atRisk := l.count(v, a, second, &flow, rng)
				sum[v][a].events += float64(events)
				sum[v][a].atRisk += float64(atRisk)
			}
		}
	}
	return sum
}

// same compares two means by their standard errors.
func same(t *testing.T, what string, vital, arm int, a, b, aa, bb float64, n float64) {
	t.Helper()
	a, b = a/n, b/n
	variance := (aa/n - a*a + bb/n - b*b) / n
	if math.Abs(a-b) > 4*math.Sqrt(variance) {
		t.Errorf("%s, vital %d, arm %d: drawn %v, walked %v, standard error %v", what, vital, arm, a, b, math.Sqrt(variance))
	}
}
