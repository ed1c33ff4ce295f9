package shadow_test

import (
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"github.com/slipwayhq/slipway/internal/pure/shadow"
)

// habit is how a site's errors change by themselves.
type habit struct {
	name string
	// rate gives each minute's rate, relative to the mean one.
	rate func(r *rand.Rand, minutes int) []float64
	// cluster is how many errors come together.
	cluster int
}

func steady(_ *rand.Rand, n int) []float64 {
	all := make([]float64, n)
	for i := range all {
		all[i] = 1
	}
	return all
}

// restless swings with the hour and wanders besides: log rates of ten minutes with a standard deviation of 0.2, half of each carried on.
func restless(r *rand.Rand, n int) []float64 {
	all, noise := make([]float64, n), 0.0
	for i := range all {
		if i%10 == 0 {
			noise = noise/2 + 0.2*math.Sqrt(0.75)*r.NormFloat64()
		}
		all[i] = math.Exp(0.35*math.Sin(2*math.Pi*float64(i)/1440) + noise)
	}
	return all
}

// outages are some minutes of ten times the errors, on average once in ten hours.
func outages(r *rand.Rand, n int) []float64 {
	all := steady(r, n)
	for i := range all {
		if r.Float64() < 1.0/600 {
			for j := i; j < min(n, i+2+r.IntN(9)); j++ {
				all[j] = 10
			}
		}
	}
	return all
}

// nightly is half an hour of four times the errors, each night at three.
func nightly(r *rand.Rand, n int) []float64 {
	all := steady(r, n)
	for i := range all {
		if i%1440 >= 180 && i%1440 < 210 {
			all[i] = 4
		}
	}
	return all
}

// counts makes days of a site by the minute. From the minute bad on, for two hours, there are times as many errors.
func (h habit) counts(t *testing.T, seed uint64, days int, requests, errors float64, bad int, times float64) *shadow.Traffic {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 7))
	var all shadow.Traffic
	for m, rate := range h.rate(r, days*1440) {
		if m >= bad && m < bad+120 {
			rate *= times
		}
		mean := requests * (1 + 0.7*math.Sin(2*math.Pi*float64(m)/1440-2))
		n := int64(max(0, mean+math.Sqrt(mean)*r.NormFloat64()))
		x := min(int64(poisson(r, mean*errors*rate/float64(h.cluster))*h.cluster), n)
		if err := all.Add(shadow.Sample{Second: at(0, 0, m), Host: "web", Requests: n, Errors: x}); err != nil {
			t.Fatal(err)
		}
	}
	return &all
}

func habits() []habit {
	return []habit{{"steady", steady, 1}, {"restless", restless, 1}, {"outages", outages, 1}, {"nightly", nightly, 1}, {"errors in twenties", steady, 20}}
}

// What is called bad where nothing was deployed must stay rare whatever the habit, and a deploy with four times the errors must be seen where habits allow it.
func TestFalseAlarmsStayRareWhateverTheHabit(t *testing.T) {
	const days = 5
	worlds := 6 // SLIPWAY_WORLDS=60 makes the table in docs/statistics.md
	if n, err := strconv.Atoi(os.Getenv("SLIPWAY_WORLDS")); err == nil {
		worlds = n
	}
	for _, h := range habits() {
		moments, called, doubled, seen, minutes := 0, 0, 0, 0, 0.0
		for seed := range uint64(worlds) {
			bad := at(3, 10, 7)
			deploys := []shadow.Deploy{{Time: bad, Release: "v2"}, {Time: bad + 7200, Release: "v3"}}
			r := judge(t, h.counts(t, seed, days, 600, 0.01, 3*1440+607, 4), deploys, shadow.Options{Alpha: 0.05})
			moments += r.Score.Moments
			called += r.Score.Called
			if d := r.Deploys[0]; d.Verdict == shadow.Indicated {
				seen++
				minutes += d.At.Sub(d.Time).Minutes()
			}
			if judge(t, h.counts(t, seed, days, 600, 0.01, 3*1440+607, 2), deploys, shadow.Options{Alpha: 0.05}).Deploys[0].Verdict == shadow.Indicated {
				doubled++
			}
		}
		t.Logf("%s: %d of %d moments called; of %d deploys with twice the errors %d seen, with four times %d, after %.0f minutes", h.name, called, moments, worlds, doubled, seen, minutes/max(1, float64(seen)))
		if allowed := 0.05*float64(moments) + 3*math.Sqrt(0.05*0.95*float64(moments)); float64(called) > allowed || moments < worlds*90 {
			t.Errorf("%s: %d of %d moments without a deploy were called bad", h.name, called, moments)
		}
		if seen*4 < worlds*3 {
			t.Errorf("%s: four times the errors were seen in %d of %d", h.name, seen, worlds)
		}
	}
}
