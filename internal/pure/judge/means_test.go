package judge_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/slipwayhq/slipway/internal/pure/judge"
)

func cpuPolicy(alpha float64, bad judge.Direction) judge.Policy {
	return judge.Policy{Unit: judge.ByHost, Alpha: alpha, RuleOut: 2, Vitals: []judge.VitalSpec{{Name: "cpu", Weight: 1, Mean: true, Bad: bad}}}
}

// looks takes nine looks at 4 hosts against 16 that differ by half, each with a drift of its own of 10 % since before, and noise.
func looks(t *testing.T, rng *rand.Rand, p judge.Policy, harm float64) judge.Verdict {
	t.Helper()
	s := judge.NewState(p)
	own, drift := make([]float64, 20), make([]float64, 20)
	for i := range own {
		own[i], drift[i] = 0.4*math.Exp(.5*rng.NormFloat64()), math.Exp(.1*rng.NormFloat64())
	}
	for look := range 9 {
		phase := 0
		if look > 4 {
			phase = 1
		}
		var arms [2][]judge.HostValue
		for i := range own {
			v := judge.HostValue{Before: own[i], Now: own[i] * drift[i] * math.Exp(.1*rng.NormFloat64()/math.Sqrt(float64(look+1)))}
			at := 1
			if i < 4 {
				v.Now *= harm
				at = 0
			}
			arms[at] = append(arms[at], v)
		}
		if err := s.Measure(p, 0, phase, arms[0], arms[1]); err != nil {
			t.Fatal(err)
		}
	}
	return judge.Judge(p, s)
}

// Over many rollouts that change nothing, few are called harmful at any of the looks; a rise by 60 % is seen, and what a rise is for one is a drop for another.
func TestMeansOfHosts(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	const runs, alpha = 4000, .05
	fired, seen, healthy, dropped := 0, 0, 0, 0
	for range runs {
		if looks(t, rng, cpuPolicy(alpha, judge.Rise), 1).Outcome == judge.Regressed {
			fired++
		}
	}
	if limit := int(runs * (alpha + 3*math.Sqrt(alpha*(1-alpha)/runs))); fired > limit {
		t.Errorf("%d of %d rollouts that change nothing are called harmful, more than %d", fired, runs, limit)
	}
	for range 100 {
		v := looks(t, rng, cpuPolicy(.01, judge.Rise), 1.6)
		if v.Outcome == judge.Regressed && strings.Contains(v.Reasons[0].Text, "(4 hosts against 16)") && math.Abs(v.Vitals[0].RatioEstimate-1.6) < .5 {
			seen++
		}
		if looks(t, rng, cpuPolicy(.01, judge.Rise), 1).Outcome == judge.Healthy {
			healthy++
		}
		if looks(t, rng, cpuPolicy(.01, judge.Drop), 1/1.6).Outcome == judge.Regressed {
			dropped++
		}
	}
	if seen < 90 || healthy < 80 || dropped < 90 {
		t.Errorf("of 100 rises by 60 %% %d are seen, of 100 drops %d; %d of 100 good ones are healthy", seen, dropped, healthy)
	}
}

func TestMeansTakeNoNonsense(t *testing.T) {
	p := cpuPolicy(.05, judge.Rise)
	s := judge.NewState(p)
	good := []judge.HostValue{{.4, .4}, {.5, .5}, {.3, .4}}
	for name, arms := range map[string][2][]judge.HostValue{
		"nothing": {}, "one host": {good[:1], good}, "no number": {{{math.NaN(), .4}, {.4, math.Inf(1)}, {0, 1}, {-1, 2}, {.4, .4}}, good}, "all alike": {{{1, 1}, {1, 1}}, {{1, 1}, {1, 1}, {1, 1}}},
	} {
		if err := s.Measure(p, 0, 0, arms[0], arms[1]); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if v := judge.Judge(p, s); v.Outcome != judge.Unknown || !strings.Contains(v.Vitals[0].Text, "not yet measured on two hosts") || v.Vitals[0].Peak > 0 {
		t.Errorf("%s: %+v", v.Outcome, v.Vitals[0])
	}
	if err := s.Measure(p, 0, 1, good, good); err != nil {
		t.Fatal(err)
	}
	if s.Measure(p, 0, 0, good, good) == nil {
		t.Error("a phase that is over takes a look")
	}
	p.Unit = judge.ByVisitor
	if p.Validate() == nil {
		t.Error("a mean of hosts in a split by visitor")
	}
}

// Events that come twenty at a time are worth one each: no false alarm where the plain test fires, and a doubling is still seen.
func TestClusteredCounts(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 8))
	run := func(clustered bool, harm float64) judge.Verdict {
		p := judge.Policy{Unit: judge.ByVisitor, Alpha: .01, RuleOut: 2, Vitals: []judge.VitalSpec{{Name: "retries", Weight: 1, Clustered: clustered}}}
		s := judge.NewState(p)
		for range 90 {
			visitors := func(mean float64) int64 { return 20 * int64(distuv.Poisson{Lambda: mean, Src: rng}.Rand()) }
			c := judge.Count{New: visitors(2 * harm), Old: visitors(8), AtRiskNew: 2000, AtRiskOld: 8000}
			if err := s.Fold(p, judge.Tick{Share: .2, Counts: map[string]judge.Count{"retries": c}}); err != nil {
				t.Fatal(err)
			}
		}
		return judge.Judge(p, s)
	}
	plain, fired, seen, healthy := 0, 0, 0, 0
	for range 100 {
		if run(false, 1).Outcome == judge.Regressed {
			plain++
		}
		switch run(true, 1).Outcome {
		case judge.Regressed:
			fired++
		case judge.Healthy:
			healthy++
		}
		if run(true, 2).Outcome == judge.Regressed {
			seen++
		}
	}
	if plain < 20 || fired > 4 || seen < 90 || healthy < 60 {
		t.Errorf("of 100: plain %d, clustered %d false alarms; %d doublings seen, %d good ones healthy", plain, fired, seen, healthy)
	}
	short := judge.Policy{Unit: judge.ByVisitor, Alpha: .01, RuleOut: 2, Vitals: []judge.VitalSpec{{Name: "retries", Weight: 1, Clustered: true}}}
	s := judge.NewState(short)
	for range 3 {
		if err := s.Fold(short, judge.Tick{Share: .2, Counts: map[string]judge.Count{"retries": {New: 400, Old: 10, AtRiskNew: 2000, AtRiskOld: 8000}}}); err != nil {
			t.Fatal(err)
		}
	}
	if v := judge.Judge(short, s); v.Outcome != judge.Unknown {
		t.Errorf("before it is known how events come together it says %s", v.Outcome)
	}
	for range 2000 {
		if err := s.Fold(short, judge.Tick{Share: .2, Counts: map[string]judge.Count{"retries": {New: 1, Old: 4, AtRiskNew: 20, AtRiskOld: 80}}}); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(s.Vitals[0].Clustered.Events); n > 512 || n < 256 {
		t.Errorf("%d cells are kept", n)
	}
}

// A bad release on two steps, minute by minute: with its share grows the rate of both releases together, which is not taken for events that come together. A good one on the same steps is left alone.
func TestClusteredCountsOverSteps(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 8))
	regressed := map[float64]int{}
	for _, harm := range []float64{1, 5} {
		for range 100 {
			p := judge.Policy{Unit: judge.ByVisitor, Alpha: .01, RuleOut: 2, Vitals: []judge.VitalSpec{{Name: "orders_failed", Weight: 1, Clustered: true}}}
			s := judge.NewState(p)
			poisson := func(n, rate float64) int64 { return int64(distuv.Poisson{Lambda: n * rate, Src: rng}.Rand()) }
			for minute := range 9 {
				share := .2
				if minute >= 4 {
					share = .8
				}
				c := judge.Count{New: poisson(1800*share, .01*harm), Old: poisson(1800*(1-share), .01), AtRiskNew: int64(1800 * share), AtRiskOld: int64(1800 * (1 - share))}
				if err := s.Fold(p, judge.Tick{Second: int64(60 * minute), Share: share, Counts: map[string]judge.Count{"orders_failed": c}}); err != nil {
					t.Fatal(err)
				}
			}
			if judge.Judge(p, s).Outcome == judge.Regressed {
				regressed[harm]++
			}
		}
	}
	if regressed[1] > 4 || regressed[5] < 95 {
		t.Errorf("of 100 good ones %d were called regressed, of 100 bad ones %d", regressed[1], regressed[5])
	}
}
