package judge_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/slipwayhq/slipway/internal/pure/judge"
)

// Alarms take their part from errors, and a policy without errors gets none.
func TestAddAlarms(t *testing.T) {
	p := judge.Standard(judge.ByVisitor, 0.01, nil)
	judge.AddAlarms(&p, []string{"/pay", "/cart"})
	if err := p.Validate(); err != nil {
		t.Fatal(err)
	}
	total := 0.0
	for _, v := range p.Vitals {
		total += v.Weight
		if v.AlarmOnly != (v.Name != judge.Errors) {
			t.Errorf("%s: alarm only %v", v.Name, v.AlarmOnly)
		}
	}
	if math.Abs(total-1) > 1e-12 || len(p.Vitals) != 4 || judge.RouteOf(p.Vitals[2].Name) != "/pay" || judge.RouteOf(judge.Errors) != "" {
		t.Errorf("weights add up to %v: %+v", total, p.Vitals)
	}
	none := judge.Policy{Vitals: []judge.VitalSpec{{Name: "orders", Weight: 1}}}
	if judge.AddAlarms(&none, []string{"/"}); len(none.Vitals) != 1 {
		t.Errorf("without errors: %+v", none.Vitals)
	}
}

// A route without traffic keeps nobody from health, and harm on it is harm.
func TestAlarmsAreNotNeededForHealth(t *testing.T) {
	p := judge.Standard(judge.ByVisitor, 0.01, nil)
	judge.AddAlarms(&p, []string{"/pay"})
	s := judge.NewState(p)
	fold := func(pay judge.Count) {
		t.Helper()
		all := judge.Count{New: 10 + pay.New, Old: 90 + pay.Old, AtRiskNew: 1000, AtRiskOld: 9000}
		if err := s.Fold(p, judge.Tick{Share: 0.1, Counts: map[string]judge.Count{judge.Errors: all, "errors on /pay": pay}}); err != nil {
			t.Fatal(err)
		}
	}
	for range 20 {
		fold(judge.Count{})
	}
	if v := judge.Judge(p, s); v.Outcome != judge.Healthy || len(v.Reasons) != 1 || v.Reasons[0].Vital != judge.Errors {
		t.Fatalf("%s: %+v", v.Outcome, v.Reasons)
	}
	for range 12 {
		fold(judge.Count{New: 1, AtRiskNew: 1, AtRiskOld: 10})
	}
	if v := judge.Judge(p, s); v.Outcome != judge.Regressed || v.Reasons[0].Vital != "errors on /pay" {
		t.Errorf("%s: %+v", v.Outcome, v.Vitals)
	}
}

// With a wrong split and fifty routes a good release is held, not taken back: each of them has its part of alpha, there too.
func TestAWrongSplitWithManyRoutes(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 1))
	poisson := func(mean float64) int64 { return int64(distuv.Poisson{Lambda: mean, Src: rng}.Rand()) }
	regressed := 0
	for range 60 {
		p := judge.Standard(judge.ByVisitor, 0.01, nil)
		var routes []string
		for i := range 50 {
			routes = append(routes, fmt.Sprintf("/%d", i))
		}
		judge.AddAlarms(&p, routes)
		s := judge.NewState(p)
		for range 30 {
			tick := judge.Tick{Share: .1, Counts: map[string]judge.Count{}, Traffic: &judge.Traffic{New: 2000, Old: 8000, Buckets: make([]int64, 64)}}
			var all judge.Count
			for _, r := range routes {
				c := judge.Count{New: poisson(2), Old: poisson(8), AtRiskNew: 40, AtRiskOld: 160}
				tick.Counts[judge.RouteErrors(r)] = c
				all = judge.Count{New: all.New + c.New, Old: all.Old + c.Old, AtRiskNew: 2000, AtRiskOld: 8000}
			}
			tick.Counts[judge.Errors] = all
			for b := range tick.Traffic.Buckets {
				tick.Traffic.Buckets[b] = poisson(125)
			}
			if err := s.Fold(p, tick); err != nil {
				t.Fatal(err)
			}
		}
		switch v := judge.Judge(p, s); v.Outcome {
		case judge.Regressed:
			regressed++
		case judge.WrongSplit:
		default:
			t.Fatalf("a split of 20 %% instead of 10 %% is %s", v.Outcome)
		}
	}
	if regressed > 3 {
		t.Errorf("%d of 60 good releases are taken back", regressed)
	}
}
