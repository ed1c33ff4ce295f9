package judge

import (
	"strings"
	"testing"
)

// Once errors decide, latency that is clearly worse is named beside them although it could not decide alone; what stayed as it was is not, and nothing is before harm is shown.
func TestWhatElseIsWorseIsNamed(t *testing.T) {
	p := Standard(ByVisitor, 1e-5, []Threshold{{Vital: LatencyP99, Quantile: 0.99, Ms: 840, Base: 0.01}})
	play := func(errors, slow int64) Verdict {
		s := NewState(p)
		for second := range int64(30) {
			if err := s.Fold(p, Tick{Second: second, Share: 0.5, Counts: map[string]Count{
				p.Vitals[0].Name: {New: errors, Old: 2, AtRiskNew: 100, AtRiskOld: 100},
				p.Vitals[1].Name: {New: slow, Old: 2, AtRiskNew: 100, AtRiskOld: 100},
			}}); err != nil {
				t.Fatal(err)
			}
		}
		return Judge(p, s)
	}
	about := func(v Verdict) string {
		words := make([]string, 0, len(v.Reasons))
		for _, r := range v.Reasons {
			words = append(words, r.Vital+" "+string(r.About))
		}
		return strings.Join(words, ", ")
	}
	first, second := p.Vitals[0].Name, p.Vitals[1].Name
	for _, c := range []struct {
		errors, slow int64
		want         string
	}{
		{8, 4, first + " regressed, " + second + " also"},
		{8, 2, first + " regressed"},
		{2, 4, second + " unknown"},
	} {
		if got := about(play(c.errors, c.slow)); got != c.want {
			t.Errorf("%+v: %s, want %s", c, got, c.want)
		}
	}
	if v := play(8, 4); !strings.Contains(v.Reasons[1].Text, "also worse: "+v.Vitals[1].Label) || v.Vitals[1].Outcome == Regressed {
		t.Errorf("said %q", v.Reasons[1].Text)
	}
}

// A mean of hosts that moved, too, is said in hosts, not in events.
func TestAMeanThatMovedIsNamed(t *testing.T) {
	p := Policy{Unit: ByHost, Margin: 0.2, Alpha: 1e-9, RuleOut: 2, Vitals: []VitalSpec{{Name: Errors, Weight: 0.9}, {Name: "cpu", Weight: 0.1, Mean: true}}}
	s := NewState(p)
	if err := s.Fold(p, Tick{Counts: map[string]Count{Errors: {New: 400, Old: 40, AtRiskNew: 9000, AtRiskOld: 9000}}}); err != nil {
		t.Fatal(err)
	}
	var fresh, old []HostValue
	for i := range 4 {
		fresh = append(fresh, HostValue{Before: 0.4, Now: 0.6 + 0.01*float64(i)})
		old = append(old, HostValue{Before: 0.4, Now: 0.4 + 0.01*float64(i)})
	}
	if err := s.Measure(p, 1, 0, fresh, old); err != nil {
		t.Fatal(err)
	}
	v := Judge(p, s)
	if len(v.Reasons) != 2 || v.Reasons[1].About != Also || !strings.HasPrefix(v.Reasons[1].Text, "also worse: cpu: 1.4") || !strings.HasSuffix(v.Reasons[1].Text, "(4 hosts against 4)") {
		t.Errorf("reasons %+v, cpu %+v", v.Reasons, v.Vitals[1])
	}
}
