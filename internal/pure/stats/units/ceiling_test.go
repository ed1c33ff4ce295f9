package units_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipwayhq/slipway/internal/pure/stats"
	"github.com/slipwayhq/slipway/internal/pure/stats/units"
)

// drawn is a test in the midst of a rollout, any: few or many hosts and events, steps, visitors who stay, shares that roam, and an effect or none.
func drawn(rng *rand.Rand) *units.Test {
	hosts, between := 2+rng.IntN(30), func(low, high float64) float64 { return low * math.Pow(high/low, rng.Float64()) }
	f := fleet{rps: between(0.1, 3000), before: between(60, 1800)}
	factors := deviations(rng, hosts, 0.4*rng.Float64())
	before := f.window(rng, factors)
	test := units.New(1+0.2*float64(rng.IntN(2)), stats.UsualStake())
	window, visitors := units.NewWindow(before, units.Learn(units.Usual(), before)), units.Usual()
	ratio := 1.0
	for m := 1 + rng.IntN(hosts-1); m < hosts; m += 1 + rng.IntN(hosts) {
		l := units.Layout{Visitors: float64(rng.IntN(2)) * float64(m) / float64(hosts)}
		for i := range hosts {
			if i < m {
				l.New = append(l.New, i)
			} else {
				l.Old = append(l.Old, i)
			}
		}
		test.Begin(window, visitors, l)
		if rng.IntN(3) == 0 {
			ratio = between(0.3, 5)
		}
		for range 1 + rng.IntN(20) {
			share := float64(m) / float64(hosts) * between(0.7, 1)
			n := poisson(rng, between(0.1, 1+f.rps*tick*rate))
			x := 0.0
			for range n {
				if rng.Float64() < share*ratio/(share*ratio+1-share) {
					x++
				}
			}
			test.Fold(x, float64(n), share)
		}
	}
	return &test
}

// What may be above the floor is worked out, and is the same to the last bit; what is spared is not above it.
func TestLogEAboveAFloor(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 17))
	spared, could := 0, 0
	for range 3000 {
		test := drawn(rng)
		want := test.LogE()
		if e, ok := test.LogEAbove(want - 1e-6); !ok || e != want {
			t.Fatalf("ln e %v, known as %v (%t) above a floor just below it: %+v", want, e, ok, test)
		}
		floor := math.Max(0, want+rng.ExpFloat64()-0.5)
		e, ok := test.LogEAbove(floor)
		if ok && e != want || !ok && want > floor {
			t.Fatalf("ln e %v, known as %v (%t) above %v", want, e, ok, floor)
		}
		if want < floor {
			could++
			if !ok {
				spared++
			}
		}
	}
	if spared < could*4/5 {
		t.Errorf("%d of %d were spared", spared, could)
	}
	empty := units.New(1, stats.UsualStake())
	if e, ok := empty.LogEAbove(-1); e != 0 || !ok {
		t.Errorf("ln e %v (%t) before the first phase", e, ok)
	}
	if _, ok := empty.LogEAbove(0); ok {
		t.Error("evidence above 0 before the first phase")
	}
}

// A window whose spread is learnt on the way is the same to the last bit.
func TestAWindowAfterAPrior(t *testing.T) {
	before := []units.Unit{{Events: 12, Requests: 1000}, {Events: 20, Requests: 1100}, {Events: 0, Requests: 0}, {Events: 3, Requests: 900}}
	for _, prior := range []units.Spread{{}, units.Usual()} {
		tests := [2]units.Test{}
		for i, w := range []*units.Window{units.NewWindow(before, units.Learn(prior, before)), units.NewWindowAfter(prior, before)} {
			tests[i] = units.New(1, stats.UsualStake())
			tests[i].Begin(w, units.Spread{}, units.Layout{New: []int{0}, Old: []int{1, 2, 3}})
		}
		if diff := cmp.Diff(tests[0], tests[1]); diff != "" || len(tests[0].Models) == 0 {
			t.Error(diff)
		}
	}
}
