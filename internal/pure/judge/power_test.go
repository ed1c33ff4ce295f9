package judge_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/slipwayhq/slipway/internal/pure/judge"
)

// watched is after how many seconds each of many simulated releases is called the outcome, in order; those that never are come last.
func watched(t *testing.T, p judge.Policy, l judge.Load, ratio float64, outcome judge.Outcome, most int) []int {
	t.Helper()
	rng := rand.New(rand.NewPCG(9, uint64(100*ratio)))
	poisson := func(mean float64) int64 { return int64(distuv.Poisson{Lambda: mean, Src: rng}.Rand()) }
	var times []int
	for range 200 {
		s := judge.NewState(p)
		at := most
		for second := 1; second <= most; second++ {
			fresh, old := l.PerSecond*l.Share, l.PerSecond*(1-l.Share)
			c := judge.Count{New: poisson(fresh * l.Rate * ratio), Old: poisson(old * l.Rate), AtRiskNew: int64(fresh) + 50, AtRiskOld: int64(old) + 50}
			if err := s.Fold(p, judge.Tick{Share: l.Share, Counts: map[string]judge.Count{judge.Errors: c}}); err != nil {
				t.Fatal(err)
			}
			if outcome == judge.Regressed && judge.HasRegressed(p, &s) || outcome == judge.Healthy && judge.Judge(p, s).Outcome == outcome {
				at = second
				break
			}
		}
		times = append(times, at)
	}
	slices.Sort(times)
	return times
}

// What is foretold is what happens: in 9 of 10 cases a doubling is seen by then, and half of them not much sooner.
func TestDetectForetellsTheJudge(t *testing.T) {
	for name, l := range map[string]judge.Load{
		"few": {PerSecond: 40, Rate: .01, Share: .1}, "many": {PerSecond: 400, Rate: .01, Share: .25}, "half": {PerSecond: 100, Rate: .02, Share: .5},
	} {
		p := judge.Policy{Unit: judge.ByRequest, Alpha: .01, RuleOut: 2, Vitals: []judge.VitalSpec{{Name: judge.Errors, Weight: .5}}}
		told := p.Detect(p.Vitals[0], l)
		times := watched(t, p, l, 2, judge.Regressed, int(4*told))
		if p80, p97 := times[len(times)*80/100], times[len(times)*97/100]; told < float64(p80) || told > float64(p97)*1.25 {
			t.Errorf("%s: told %.0f s; 80 %% were seen by %d s, 97 %% by %d", name, told, p80, p97)
		}
		told = p.Exclude(p.Vitals[0], l)
		times = watched(t, p, l, 1, judge.Healthy, int(4*told))
		if p75, p98 := times[len(times)*75/100], times[len(times)*98/100]; told < float64(p75) || told > float64(p98)*1.25 {
			t.Errorf("%s: told %.0f s to rule out; 75 %% were by %d s, 98 %% by %d", name, told, p75, p98)
		}
	}
}

// Without traffic nothing is foretold, and less traffic or a smaller alpha takes longer.
func TestDetectKnowsItsLimits(t *testing.T) {
	p := judge.Policy{Unit: judge.ByVisitor, Alpha: .01, RuleOut: 2, Vitals: []judge.VitalSpec{{Name: judge.Errors, Weight: 1, Negligible: .001}}}
	v := p.Vitals[0]
	base := judge.Load{PerSecond: 40, Rate: .01, Share: .1}
	for name, l := range map[string]judge.Load{"no requests": {Rate: .01, Share: .1}, "no errors": {PerSecond: 40, Share: .1}, "nobody on it": {PerSecond: 40, Rate: .01}} {
		if got := p.Detect(v, l); got != 0 {
			t.Errorf("%s: %v s", name, got)
		}
	}
	if got := p.Exclude(v, judge.Load{PerSecond: 40, Share: .1}); !(got > 100 && got < 3600) {
		t.Errorf("an app that never fails is shown to be fine after %v s", got)
	}
	strict := p
	strict.Alpha = 1e-4
	slow := base
	slow.PerSecond = 4
	if !(strict.Detect(v, base) > p.Detect(v, base)) || !(p.Detect(v, slow) > 9*p.Detect(v, base)) {
		t.Errorf("strict %v, slow %v, base %v", strict.Detect(v, base), p.Detect(v, slow), p.Detect(v, base))
	}
}
