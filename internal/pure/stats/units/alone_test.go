package units_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/slipwayhq/slipway/internal/pure/stats/units"
)

// The two integrals by brute force.
func TestLogAloneByQuadrature(t *testing.T) {
	samples := []units.Sample{{Events: 14, All: 90, Share: .1}, {Events: 3, All: 20, Share: .06}}
	const mean, variance = 0.1, 0.04
	integral := func(variance float64) (sum float64) {
		sd := math.Sqrt(variance)
		const step = 1e-3
		for z := -9.0; z < 9; z += step {
			h := mean + sd*z
			l := 0.0
			for _, s := range samples {
				l += s.Events*h - s.All*math.Log(s.Share*math.Exp(h)+1-s.Share)
			}
			sum += math.Exp(l-z*z/2) * step / math.Sqrt(2*math.Pi)
		}
		return sum
	}
	want := math.Log(integral(variance+4) / integral(variance))
	if got := units.LogAlone(samples, mean, variance); math.Abs(got-want) > 1e-6 {
		t.Errorf("%v, want %v", got, want)
	}
	if got := units.LogAlone([]units.Sample{{Events: 0, All: 0, Share: .1}}, 0, 0); math.Abs(got) > 1e-8 {
		t.Errorf("nothing counted says %v", got)
	}
}

// A ratio of two predictive densities has mean 1 under the lower one, and is large for a unit that broke.
func TestLogAloneIsFair(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 5))
	sum, large := 0.0, 0
	const runs = 20000
	for range runs {
		h := 0.2 * rng.NormFloat64()
		p := .1 * math.Exp(h) / (.1*math.Exp(h) + .9)
		x := distuv.Binomial{N: 60, P: p, Src: rng}.Rand()
		e := math.Exp(units.LogAlone([]units.Sample{{Events: x, All: 60, Share: .1}}, 0, .04))
		if sum += e; e >= 20 {
			large++
		}
	}
	if mean := sum / runs; mean > 1.1 || large > runs/20 {
		t.Errorf("mean %v, above 20 in %d of %d", mean, large, runs)
	}
	if got := units.LogAlone([]units.Sample{{Events: 50, All: 100, Share: .1}}, 0, .04); got < 10 {
		t.Errorf("half of all events on a tenth of the requests: %v", got)
	}
}

// What a unit explains at most is no less than what it explains, and not much more where little was counted.
func TestLogAloneAtMost(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 5))
	for range 5000 {
		mean, variance := 0.5*rng.NormFloat64(), 0.3*rng.Float64()*float64(rng.IntN(8))/7
		var samples []units.Sample
		all := 0.0
		for range 1 + rng.IntN(3) {
			share := math.Exp(-6 * rng.Float64())
			s := units.Sample{All: math.Floor(math.Exp(9 * rng.Float64())), Share: share}
			h := mean + 2*rng.NormFloat64()*float64(rng.IntN(2))
			s.Events = distuv.Binomial{N: s.All, P: min(share*math.Exp(h)/(share*math.Exp(h)+1-share), 1), Src: rng}.Rand()
			samples, all = append(samples, s), all+s.All
		}
		got, least := units.LogAloneAtMost(samples, mean, variance), units.LogAlone(samples, mean, variance)
		if got < least || all < 10 && got > least+10 {
			t.Fatalf("%v at most, %v in fact: %+v with mean %v, variance %v", got, least, samples, mean, variance)
		}
	}
}

func TestDeviations(t *testing.T) {
	before := []units.Unit{{Events: 10, Requests: 1000}, {Events: 40, Requests: 1000}, {Events: 11, Requests: 1000}, {Events: 0, Requests: 0}}
	mean, variance := units.NewWindow(before, units.Learn(units.Spread{}, before)).Deviations()
	if !(mean[1] > .3 && mean[0] < 0 && mean[0] < mean[2]) || !(variance[3] > variance[1]) {
		t.Errorf("means %v, variances %v", mean, variance)
	}
}
