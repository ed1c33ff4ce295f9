package units_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gonum.org/v1/gonum/stat/distuv"

	"github.com/slipwayhq/slipway/internal/pure/stats"
	"github.com/slipwayhq/slipway/internal/pure/stats/units"
)

// fleet is a simulated one: hosts with log rates of standard deviation sd, at rps requests a second, of which one in a hundred is an
// event; the first hosts are the canaries, as their order is random.
type fleet struct {
	hosts   int
	sd      float64
	rps     float64
	before  float64 // seconds
	shares  []float64
	seconds int // of each share
	ratio   float64
	mix     float64 // sd of the log rate between 64 buckets of visitors
}

// rate of events to requests, and how often a test looks, in seconds.
const (
	rate = 0.01
	tick = 15
)

func poisson(rng *rand.Rand, mean float64) int64 {
	if mean <= 0 {
		return 0
	}
	return int64(distuv.Poisson{Lambda: mean, Src: rng}.Rand())
}

func deviations(rng *rand.Rand, n int, sd float64) []float64 {
	f := make([]float64, n)
	for i := range f {
		f[i] = math.Exp(sd * rng.NormFloat64())
	}
	return f
}

// window draws what units with the factors f did before.
func (f fleet) window(rng *rand.Rand, factors []float64) []units.Unit {
	before := make([]units.Unit, len(factors))
	for i, factor := range factors {
		requests := f.rps / float64(len(factors)) * f.before
		before[i] = units.Unit{Events: float64(poisson(rng, requests*rate*factor)), Requests: poisson(rng, requests)}
	}
	return before
}

// play is one rollout: the seconds until the test reaches 1/alpha, or −1.
func (f fleet) play(rng *rand.Rand, alpha float64) int {
	hosts, visitors := deviations(rng, f.hosts, f.sd), deviations(rng, 64, f.mix)
	before, mixed := f.window(rng, hosts), f.window(rng, visitors)
	test := units.New(1, stats.UsualStake())
	for step, share := range f.shares {
		canaries := int(math.Ceil(share*float64(f.hosts) - 1e-9))
		share = float64(canaries) / float64(f.hosts)
		l := units.Layout{}
		if f.mix > 0 {
			l.Visitors = share
		}
		var sum [2]float64
		for i := range hosts {
			if i < canaries {
				l.New, sum[1] = append(l.New, i), sum[1]+hosts[i]
			} else {
				l.Old, sum[0] = append(l.Old, i), sum[0]+hosts[i]
			}
		}
		test.Begin(units.NewWindow(before, units.Learn(units.Spread{}, before)), units.Learn(units.Spread{}, mixed), l)
		mean := f.rps / float64(f.hosts) * tick * rate
		onNew, onOld := parts(visitors, share)
		for t := 0; t < f.seconds; t += tick {
			x, y := poisson(rng, mean*sum[1]*onNew*f.ratio), poisson(rng, mean*sum[0]*onOld)
			test.Fold(float64(x), float64(x+y), share)
			if test.LogE() >= -math.Log(alpha) {
				return step*f.seconds + t + tick
			}
		}
	}
	return -1
}

// parts are the mean factors of the first part of the buckets and of the rest.
func parts(factors []float64, share float64) (first, rest float64) {
	n := share * float64(len(factors))
	for i, f := range factors {
		w := max(0, min(1, n-float64(i)))
		first, rest = first+w*f, rest+(1-w)*f
	}
	return first / n, rest / (float64(len(factors)) - n)
}

func (f fleet) reached(runs int, alpha float64) (fraction float64, seconds []int) {
	for i := range runs {
		if s := f.play(rand.New(rand.NewPCG(3, uint64(i))), alpha); s >= 0 {
			seconds = append(seconds, s)
		}
	}
	return float64(len(seconds)) / float64(runs), seconds
}

func TestUnequalUnitsDoNotFire(t *testing.T) {
	const runs, alpha = 60, 0.05
	bound := alpha + 3*math.Sqrt(alpha*(1-alpha)/runs)
	for name, f := range map[string]fleet{
		"alike":                 {hosts: 100, sd: 0, rps: 2000, before: 300, shares: []float64{.1}, seconds: 1200},
		"differ":                {hosts: 100, sd: .2, rps: 2000, before: 300, shares: []float64{.1}, seconds: 1200},
		"differ much, few seen": {hosts: 100, sd: .3, rps: 200, before: 300, shares: []float64{.1}, seconds: 1200},
		"steps":                 {hosts: 10, sd: .2, rps: 2000, before: 300, shares: []float64{.1, .9}, seconds: 600},
		"three hosts":           {hosts: 3, sd: .2, rps: 2000, before: 300, shares: []float64{.3, .6}, seconds: 600},
		"visitors differ, too":  {hosts: 100, sd: .2, rps: 2000, before: 1800, shares: []float64{.1, .5, .95}, seconds: 400, mix: .24},
	} {
		f.ratio = 1
		if fraction, _ := f.reached(runs, alpha); fraction > bound {
			t.Errorf("%s: %.3f of the rollouts of a release that changes nothing reach 1/alpha; at most %.3f may", name, fraction, bound)
		}
	}
}

// A test that knows nothing of the units fires in a fifth of such rollouts: the cases above are hard ones.
func TestTheSameWithoutSpreadFires(t *testing.T) {
	f := fleet{hosts: 100, sd: .2, rps: 2000, before: 300, shares: []float64{.1}, seconds: 1200, ratio: 1, mix: .24}
	fired := 0
	for i := range 150 {
		rng := rand.New(rand.NewPCG(3, uint64(i)))
		hosts := deviations(rng, f.hosts, f.sd)
		before := make([]units.Unit, f.hosts)
		test := units.New(1, stats.UsualStake())
		l := units.Layout{}
		var sum [2]float64
		for i, h := range hosts {
			if i < 10 {
				l.New, sum[1] = append(l.New, i), sum[1]+h
			} else {
				l.Old, sum[0] = append(l.Old, i), sum[0]+h
			}
		}
		var alike units.Spread
		for i := range alike.LogWeight[1:] {
			alike.LogWeight[i+1] = -1000
		}
		test.Begin(units.NewWindow(before, alike), alike, l)
		for range 120 {
			x, y := poisson(rng, 2*sum[1]), poisson(rng, 2*sum[0])
			test.Fold(float64(x), float64(x+y), .1)
			if test.LogE() >= math.Log(20) {
				fired++
				break
			}
		}
	}
	if fired < 15 {
		t.Errorf("%d of 150 fired", fired)
	}
}

func TestHarmIsFound(t *testing.T) {
	for name, c := range map[string]struct {
		fleet
		minutes float64 // at the median
	}{
		"a doubling":                            {fleet{hosts: 100, rps: 200, before: 300, ratio: 2}, 1.5},
		"a doubling, hosts differ":              {fleet{hosts: 100, sd: .2, rps: 200, before: 300, ratio: 2}, 2},
		"a fifth more, hosts differ":            {fleet{hosts: 100, sd: .2, rps: 2000, before: 1800, ratio: 1.2}, 3},
		"a fifth more, hosts differ, short ago": {fleet{hosts: 100, sd: .2, rps: 2000, before: 300, ratio: 1.2}, 4.5},
	} {
		c.shares, c.seconds = []float64{.1}, 1800
		const runs = 41
		fraction, seconds := c.reached(runs, 0.05)
		if fraction < 0.9 {
			t.Errorf("%s: found in %.2f of the rollouts", name, fraction)
			continue
		}
		fast := 0
		for _, s := range seconds {
			if float64(s) <= c.minutes*60 {
				fast++
			}
		}
		if fast < runs/2 {
			t.Errorf("%s: only %d of %d within %.1f minutes: %v", name, fast, runs, c.minutes, seconds)
		}
	}
}

// The integral over the units' differences, done by brute force for one phase.
func TestLaplaceIsNear(t *testing.T) {
	for _, x := range []float64{0, 1, 3, 12, 200} {
		before := []units.Unit{{Events: 12, Requests: 1000}, {Events: 20, Requests: 1000}, {Events: 10, Requests: 1000}}
		test := units.New(1, stats.UsualStake())
		test.Begin(units.NewWindow(before, units.Learn(units.Spread{}, before)), units.Spread{LogWeight: [11]float64{1000}}, units.Layout{New: []int{0}, Old: []int{1, 2}})
		n := 2*x + 3
		test.Fold(x, n, 0.3)
		exact := func(effect float64) float64 {
			sum := 0.0
			for _, m := range test.Models {
				const step = 0.01
				for z := -9.0; z < 9; z += step {
					c := m.Mean[0] + m.Factor[0][0]*z + effect
					l := float64(x)*c - float64(n)*math.Log(0.3*math.Exp(c)+0.7)
					sum += math.Exp(m.LogWeight+l-z*z/2) / math.Sqrt(2*math.Pi) * step
				}
			}
			return math.Log(sum)
		}
		bets := 0.15 * math.Exp(exact(0))
		for effect, part := range map[float64]float64{.05: 3, .1: 2, .2: 5, .35: 3, .7: 12, 1.1: 3, 1.6: 2, 2.3: 2} {
			bets += 0.85 * 15 / 16 * part / 32 * math.Exp(exact(effect))
		}
		for _, far := range []float64{3.5, 6} {
			bets += 0.85 / 32 * math.Exp(exact(far))
		}
		if got, want := test.LogE(), math.Log(bets)-exact(0); math.Abs(got-want) > 0.02 {
			t.Errorf("%v of %v: ln e = %.4f, by quadrature %.4f", x, n, got, want)
		}
	}
}

func TestSpreadIsLearnt(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	for _, sd := range []float64{0.05, 0.2, 0.5} {
		f := fleet{rps: 2000, before: 1800}
		got := units.Learn(units.Spread{}, f.window(rng, deviations(rng, 100, sd))).Mean()
		if got < sd*0.75 || got > sd*1.35 {
			t.Errorf("standard deviation %.2f is taken for %.3f", sd, got)
		}
	}
	nothing := []units.Unit{{}, {}, {}}
	if got, want := units.Learn(units.Spread{}, nothing).Mean(), (units.Spread{}).Mean(); math.Abs(got-want) > 1e-9 {
		t.Errorf("without a request the spread is %.3f, before it was %.3f", got, want)
	}
}

// What earlier windows taught makes the same evidence stronger where the last one saw little.
func TestHistoryHelps(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 6))
	quiet := fleet{rps: 20, before: 60}.window(rng, deviations(rng, 100, 0))
	history := units.Learn(units.Spread{}, fleet{rps: 2000, before: 1800}.window(rng, deviations(rng, 100, 0))).Then()
	evidence := func(prior units.Spread) float64 {
		test := units.New(1, stats.UsualStake())
		l := units.Layout{New: []int{0}}
		for i := 1; i < 100; i++ {
			l.Old = append(l.Old, i)
		}
		test.Begin(units.NewWindow(quiet, units.Learn(prior, quiet)), units.Spread{}, l)
		test.Fold(15, 300, 0.01)
		return test.LogE()
	}
	if with, without := evidence(history), evidence(units.Spread{}); with <= without+0.5 {
		t.Errorf("ln e with history %.2f, without %.2f", with, without)
	}
}

func TestStateSurvivesJSON(t *testing.T) {
	before := []units.Unit{{Events: 12, Requests: 1000}, {Events: 20, Requests: 1100}, {Events: 3, Requests: 900}}
	test := units.New(1.1, stats.UsualStake())
	for _, l := range []units.Layout{{New: []int{0}, Old: []int{1, 2}, Visitors: .3}, {New: []int{0, 1}, Old: []int{2}, Visitors: .6}} {
		test.Begin(units.NewWindow(before, units.Learn(units.Spread{}, before)), units.Spread{}, l)
		test.Fold(3, 8, .31)
		test.Fold(2, 5, .36)
		test.Fold(2, 5, .6)
	}
	data, err := json.Marshal(test)
	if err != nil {
		t.Fatal(err)
	}
	var again units.Test
	if err := json.Unmarshal(data, &again); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(test, again); diff != "" {
		t.Error(diff)
	}
	if test.LogE() != again.LogE() || test.LogExcludes(2) != again.LogExcludes(2) || test.Bounds() != again.Bounds() {
		t.Error("the evidence is another one after JSON")
	}
}

// A test that was kept before it knew its stake bets as usual.
func TestAStakeThatWasNotKept(t *testing.T) {
	hosts := []units.Unit{{Events: 50, Requests: 5000}, {Events: 50, Requests: 5000}, {Events: 50, Requests: 5000}}
	test := units.New(1, stats.UsualStake())
	test.Begin(units.NewWindow(hosts, units.Learn(units.Spread{}, hosts)), units.Spread{}, units.Layout{New: []int{0}, Old: []int{1, 2}})
	test.Fold(60, 90, 1./3)
	want := test.LogE()
	test.Stake = stats.Stake{}
	if got := test.LogE(); got != want || want < 1 {
		t.Errorf("ln e %v without, %v with", got, want)
	}
}

// A gap is no evidence, and a phase with the groups of the last one is none of its own.
func TestNothingHappened(t *testing.T) {
	before := []units.Unit{{Events: 12, Requests: 1000}, {Events: 20, Requests: 1100}}
	test := units.New(1, stats.UsualStake())
	if test.LogE() != 0 {
		t.Error("evidence before the first phase")
	}
	l := units.Layout{New: []int{0}, Old: []int{1}}
	for range 3 {
		test.Begin(units.NewWindow(before, units.Spread{}), units.Spread{}, l)
		test.Fold(0, 0, .5)
		test.Fold(3, 3, 1)
		test.Fold(0, 3, 0)
	}
	if e := test.LogE(); math.Abs(e) > 1e-9 || len(test.Phases) != 1 {
		t.Errorf("ln e %.3g after nothing to compare, in %d phases", e, len(test.Phases))
	}
}

func BenchmarkLogE(b *testing.B) {
	rng := rand.New(rand.NewPCG(8, 8))
	f := fleet{rps: 2000, before: 1800}
	before := f.window(rng, deviations(rng, 1000, .2))
	spread := units.Learn(units.Spread{}, before)
	test := units.New(1, stats.UsualStake())
	for _, m := range []int{100, 500, 950} {
		l := units.Layout{}
		for i := range 1000 {
			if i < m {
				l.New = append(l.New, i)
			} else {
				l.Old = append(l.Old, i)
			}
		}
		test.Begin(units.NewWindow(before, spread), units.Spread{}, l)
		test.Fold(float64(m), 1000, float64(m)/1000)
	}
	for b.Loop() {
		test.Fold(1, 10, .95)
		test.LogE()
	}
}
