package judge_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gonum.org/v1/gonum/stat/distuv"

	"github.com/slipwayhq/slipway/internal/pure/judge"
	"github.com/slipwayhq/slipway/internal/pure/stats/units"
)

// farm is a fleet of hosts that differ, at 2,000 requests a second with 1 % errors, and a rollout on it.
type farm struct {
	rng   *rand.Rand
	hosts []float64 // factors of the error rate
	p     judge.Policy
	s     judge.State
}

func newFarm(seed uint64, hosts int, sd float64, bad judge.Direction) *farm {
	f := &farm{rng: rand.New(rand.NewPCG(9, seed))}
	fleet := judge.Fleet{Before: map[string][]units.Unit{}}
	for range hosts {
		factor := math.Exp(sd * f.rng.NormFloat64())
		f.hosts = append(f.hosts, factor)
		fleet.Hosts = append(fleet.Hosts, "host")
		requests := 2000 / float64(hosts) * 300
		fleet.Before["errors"] = append(fleet.Before["errors"], units.Unit{Events: float64(f.poisson(requests * 0.01 * factor)), Requests: int64(requests)})
	}
	f.p = judge.Policy{Unit: judge.ByHost, Alpha: 0.05, RuleOut: 2, Fleet: &fleet, Vitals: []judge.VitalSpec{{Name: "errors", Weight: 1, Bad: bad}}}
	f.s = judge.NewState(f.p)
	return f
}

func (f *farm) poisson(mean float64) int64 {
	return int64(distuv.Poisson{Lambda: mean, Src: f.rng}.Rand())
}

// group puts the first hosts on the new release.
func (f *farm) group(t *testing.T, canaries int) {
	t.Helper()
	var l units.Layout
	for i := range f.hosts {
		if i < canaries {
			l.New = append(l.New, i)
		} else {
			l.Old = append(l.Old, i)
		}
	}
	if err := f.s.Group(f.p, l); err != nil {
		t.Fatal(err)
	}
}

// step puts the first hosts on the new release, whose error rate is ratio times the old one's, for so many ticks of ten seconds.
func (f *farm) step(t *testing.T, canaries, ticks int, ratio float64) {
	t.Helper()
	f.group(t, canaries)
	var c judge.Count
	each := 20000 / float64(len(f.hosts))
	for range ticks {
		c = judge.Count{}
		for i, h := range f.hosts {
			if i < canaries {
				c.New, c.AtRiskNew = c.New+f.poisson(each*0.01*h*ratio), c.AtRiskNew+f.poisson(each)
			} else {
				c.Old, c.AtRiskOld = c.Old+f.poisson(each*0.01*h), c.AtRiskOld+f.poisson(each)
			}
		}
		if err := f.s.Fold(f.p, judge.Tick{Share: 0.5, Counts: map[string]judge.Count{"errors": c}}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestHostsMayDiffer(t *testing.T) {
	fired, without := 0, 0
	const runs = 40
	for i := range runs {
		f := newFarm(uint64(i), 10, 0.2, judge.Rise)
		f.step(t, 1, 40, 1)
		f.step(t, 9, 40, 1)
		if judge.HasRegressed(f.p, &f.s) {
			fired++
		}
		blind := newFarm(uint64(i), 10, 0.2, judge.Rise)
		blind.p.Fleet = nil
		blind.s = judge.NewState(blind.p)
		blind.step(t, 1, 40, 1)
		if judge.HasRegressed(blind.p, &blind.s) {
			without++
		}
	}
	if fired > 5 || without < 10 {
		t.Errorf("of %d rollouts that change nothing %d are called regressed, and %d without the window before", runs, fired, without)
	}
}

func TestHarmOnHosts(t *testing.T) {
	f := newFarm(1, 100, 0.2, judge.Rise)
	f.step(t, 10, 30, 2)
	v := judge.Judge(f.p, f.s)
	if v.Outcome != judge.Regressed {
		t.Fatalf("%+v", v)
	}
	if e := v.Vitals[0]; e.RatioLow < 1.5 || e.RatioHigh > 2.6 || e.RatioEstimate < e.RatioLow || e.RatioEstimate > e.RatioHigh {
		t.Errorf("ratio %.2f (%.2f to %.2f)", e.RatioEstimate, e.RatioLow, e.RatioHigh)
	}
	drop := newFarm(1, 100, 0.2, judge.Drop)
	drop.step(t, 10, 30, 0.5)
	if v := judge.Judge(drop.p, drop.s); v.Outcome != judge.Regressed {
		t.Errorf("a halving of what should not drop: %+v", v)
	}
	good := newFarm(2, 100, 0.2, judge.Drop)
	good.step(t, 10, 30, 1)
	if v := judge.Judge(good.p, good.s); v.Outcome != judge.Healthy {
		t.Errorf("nothing changed: %+v", v)
	}
}

// With one host of three on the new release, what the window before left open stays open; the verdict says what is missing, or that nothing helps.
func TestFewHostsCannotTell(t *testing.T) {
	f := newFarm(3, 3, 0.2, judge.Rise)
	for i := range f.p.Fleet.Before["errors"] {
		f.p.Fleet.Before["errors"][i] = units.Unit{Events: 1, Requests: 100}
	}
	f.s = judge.NewState(f.p)
	f.step(t, 1, 3, 1)
	v := judge.Judge(f.p, f.s)
	if e := v.Vitals[0]; v.Outcome != judge.Unknown || e.Text == "" {
		t.Errorf("%+v", e)
	}
}

func TestFleetSurvivesJSON(t *testing.T) {
	f := newFarm(4, 10, 0.2, judge.Rise)
	f.step(t, 1, 3, 1)
	f.step(t, 5, 3, 1)
	data, err := json.Marshal(f.s)
	if err != nil {
		t.Fatal(err)
	}
	var again judge.State
	if err := json.Unmarshal(data, &again); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(judge.Judge(f.p, f.s), judge.Judge(f.p, again)); diff != "" {
		t.Error(diff)
	}
}

func TestImpossibleFleets(t *testing.T) {
	f := newFarm(5, 3, 0.2, judge.Rise)
	for name, l := range map[string]units.Layout{
		"nobody is new":   {Old: []int{0, 1, 2}},
		"unknown host":    {New: []int{3}, Old: []int{0}},
		"in both":         {New: []int{0}, Old: []int{0, 1}},
		"negative host":   {New: []int{-1}, Old: []int{0}},
		"part of nothing": {New: []int{0}, Old: []int{1}, Visitors: math.NaN()},
	} {
		if err := f.s.Group(f.p, l); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	f.p.Fleet.Before["errors"][0].Events = -1
	f.p.Fleet.Before["latency"] = f.p.Fleet.Before["errors"][:1]
	err := f.p.Validate()
	if err == nil || !strings.Contains(err.Error(), "1 hosts, and there are 3") || !strings.Contains(err.Error(), "impossible counts -1") {
		t.Errorf("%v", err)
	}
}

// What is not worked out, as it can neither be a new peak nor show harm, would have been no more: the peak is the largest evidence of all ticks.
func TestThePeakIsTheLargestOfAllTicks(t *testing.T) {
	peaks := map[float64]bool{}
	for seed, ratio := range []float64{0.9, 1, 1, 1.05, 1.1, 1.15} {
		f := newFarm(uint64(seed), 40, 0.2, judge.Rise)
		peak := 0.0
		for _, canaries := range []int{4, 20, 38} {
			for range 40 {
				f.step(t, canaries, 1, ratio)
				peak = math.Max(peak, f.s.Vitals[0].LogE())
				if peak >= f.p.Threshold(f.p.Vitals[0]) {
					break // a host may have broken, too
				}
				if got := f.s.Vitals[0].Peak; got != peak {
					t.Fatalf("ratio %g: the peak is %v, the largest evidence %v", ratio, got, peak)
				}
				peaks[peak] = true
			}
		}
	}
	if len(peaks) < 10 {
		t.Errorf("%d peaks: too few to tell", len(peaks))
	}
}
