package judge_test

import (
	"math"
	"testing"

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
