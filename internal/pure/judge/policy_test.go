package judge

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/slipwayhq/slipway/internal/pure/stats"
	"github.com/slipwayhq/slipway/internal/pure/stats/units"
)

func TestValidateNamesEveryMistake(t *testing.T) {
	p := Policy{
		Unit: "weather", Alpha: 0.7, RuleOut: 1, ExcludeAlpha: -1, Margin: math.NaN(),
		Vitals: []VitalSpec{
			{Name: "", Weight: 0.5},
			{Name: "a", Weight: 0.6, Bad: "sideways", Base: 1},
			{Name: "a", Weight: 0, Bad: Drop, Negligible: 0.1},
			{Name: "b", Weight: 0.2, Negligible: -1},
		},
	}
	err := p.Validate()
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		`unit "weather": write visitors`, "alpha 0.7", "margin NaN", "rule_out 1:", "exclude_alpha -1", "vital 1: needs a name", `"a": named twice`,
		`bad "sideways": write rise or drop`, "base 1 ", "weight 0 ", "negligible is for", "negligible -1", "weights add up to 1.3",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("missing %q in\n%v", want, err)
		}
	}
	if err := (Policy{Unit: ByHost, Alpha: .05, RuleOut: 2}).Validate(); err == nil || !strings.Contains(err.Error(), "name at least one") {
		t.Errorf("no vitals: %v", err)
	}
}

func TestStandardPoliciesAreValid(t *testing.T) {
	var h stats.Histogram
	for i := range 10_000 {
		h.Observe(10 / (1 - float64(i)/10_000)) // Pareto: the q-quantile is 10/(1 − q)
	}
	thresholds := Thresholds(&h)
	if len(thresholds) != 3 {
		t.Fatalf("thresholds %+v", thresholds)
	}
	for _, c := range thresholds {
		if want := 10 / (1 - c.Quantile); math.Abs(c.Ms/want-1) > 0.0625 || math.Abs(c.Base/(1-c.Quantile)-1) > 0.0625 {
			t.Errorf("%+v, want about %v ms", c, want)
		}
	}
	for _, unit := range []Unit{ByVisitor, ByRequest, ByHost} {
		for _, latency := range [][]Threshold{nil, thresholds} {
			if err := Standard(unit, 0.01, latency).Validate(); err != nil {
				t.Errorf("%s: %v", unit, err)
			}
		}
	}
}

func TestThresholdsOfOddApps(t *testing.T) {
	var empty, same stats.Histogram
	for range 100 {
		same.Observe(50)
	}
	if got := Thresholds(&empty); got != nil {
		t.Errorf("without data: %+v", got)
	}
	// All alike: one vital is left, for what is slower than anything before.
	got := Thresholds(&same)
	if len(got) != 1 || got[0].Vital != LatencyP99 || got[0].Ms <= 50 || got[0].Ms > 54 || got[0].Base != 0 {
		t.Errorf("all alike: %+v", got)
	}
	weights := 0.0
	for _, v := range Standard(ByVisitor, 0.01, got).Vitals {
		weights += v.Weight
	}
	if math.Abs(weights-1) > 1e-12 {
		t.Errorf("weights add up to %v", weights)
	}
}

func TestRuleOutIsCappedByTheBase(t *testing.T) {
	p := Policy{RuleOut: 2}
	for _, c := range []struct {
		base, want float64
		bad        Direction
	}{{0, 2, Rise}, {0.01, 2, Rise}, {0.5, 1.8, ""}, {0.9, 1, Rise}, {0.9, 2, Drop}} {
		if got := p.RuleOutFor(VitalSpec{Base: c.base, Bad: c.bad}); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("base %v: %v, want %v", c.base, got, c.want)
		}
	}
}

func TestAlphaFor(t *testing.T) {
	for _, c := range []struct {
		alarms, rollouts, want float64
		says                   string
	}{
		{1, 1000, 0.001, "at most 0.1 % of good releases come back: 1 false alarm a month over 1000 rollouts"},
		{1, 0, 0.05, "over 20 rollouts"},
		{1, 20, 0.05, ""},
		{30, 100, 0.05, "never more than 5 %"},
		{0.01, 1e6, 1e-5, "never less than 0.001 %"},
	} {
		alpha, why, err := AlphaFor(c.alarms, c.rollouts)
		if err != nil || math.Abs(alpha-c.want) > 1e-15 || !strings.Contains(why, c.says) {
			t.Errorf("%v alarms, %v rollouts: %v, %q, %v", c.alarms, c.rollouts, alpha, why, err)
		}
	}
	for _, bad := range [][2]float64{{0, 1}, {-1, 1}, {math.NaN(), 1}, {1, -1}, {1, math.NaN()}, {math.Inf(1), 1}} {
		if _, _, err := AlphaFor(bad[0], bad[1]); err == nil {
			t.Errorf("%v was accepted", bad)
		}
	}
}

// A later release of the program may bet otherwise: a rollout goes on with the bets of its own policy, and is judged again with them.
func TestAKeptPolicyKeepsItsBets(t *testing.T) {
	for _, unit := range []Unit{ByVisitor, ByHost} {
		t.Run(string(unit), func(t *testing.T) {
			p := Standard(unit, .05, nil)
			if p.Stake == nil || *p.Stake != stats.UsualStake() {
				t.Fatalf("a new policy keeps %+v", p.Stake)
			}
			usual := evidence(t, p)
			p.Stake.Parts = [8]float64{7: 1} // all on a tenfold rise
			if err := p.Validate(); err != nil {
				t.Fatal(err)
			}
			kept := evidence(t, p)
			if kept >= usual-2 {
				t.Errorf("ln e of a doubling: %.2f with all on a tenfold rise, %.2f as usual", kept, usual)
			}
		})
	}
	p := Standard(ByVisitor, .05, nil)
	for _, spoil := range []func(*stats.Stake){
		func(s *stats.Stake) { s.Parts[0] += .1 },
		func(s *stats.Stake) { s.Parts[0], s.Parts[1] = s.Parts[0]+.5, s.Parts[1]-.5 },
		func(s *stats.Stake) { s.Steps[3] = -.1 },
		func(s *stats.Stake) { s.Reserve = 1 },
	} {
		s := stats.UsualStake()
		spoil(&s)
		p.Stake = &s
		if err := p.Validate(); err == nil || !strings.Contains(err.Error(), "stake: ") {
			t.Errorf("%+v: %v", s, err)
		}
	}
}

// evidence is that of errors that double, through two steps and the policy's way to JSON and back.
func evidence(t *testing.T, p Policy) float64 {
	t.Helper()
	kept, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var q Policy
	if err := json.Unmarshal(kept, &q); err != nil {
		t.Fatal(err)
	}
	if p.Unit == ByHost {
		q.Margin = 0
		q.Fleet = &Fleet{Hosts: []string{"a", "b", "c", "d"}, Before: map[string][]units.Unit{Errors: {{Events: 900, Requests: 90_000}, {Events: 900, Requests: 90_000}, {Events: 900, Requests: 90_000}, {Events: 900, Requests: 90_000}}}}
	}
	s := NewState(q)
	for i, share := range []float64{.25, .5} {
		if p.Unit == ByHost {
			if err := s.Group(q, units.Layout{New: []int{0, 1}[:i+1], Old: []int{2, 3}}); err != nil {
				t.Fatal(err)
			}
		}
		tick := Tick{Second: int64(i), Share: share, Counts: map[string]Count{Errors: {New: 60, Old: 60, AtRiskNew: 3000, AtRiskOld: 6000}}}
		if err := s.Fold(q, tick); err != nil {
			t.Fatal(err)
		}
	}
	return s.Vitals[0].LogE()
}
