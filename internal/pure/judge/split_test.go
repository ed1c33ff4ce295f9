package judge_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/slipwayhq/slipway/internal/pure/judge"
	"github.com/slipwayhq/slipway/internal/pure/stats"
)

// crowd is visitors of whom a part is sent to the new release. Each makes requests for a while, together in one tick, which err with a rate.
type crowd struct {
	meant, real float64
	requests    int64 // of one visitor
	bad         float64
	ratio       float64 // of the new release's error rate
}

func (c crowd) judge(t *testing.T, unit judge.Unit, seed uint64, ticks int) judge.Verdict {
	t.Helper()
	rng := rand.New(rand.NewPCG(3, seed))
	poisson := func(mean float64) int64 { return int64(distuv.Poisson{Lambda: mean, Src: rng}.Rand()) }
	p := judge.Standard(unit, 0.05, nil)
	s := judge.NewState(p)
	peak := 0.0
	for range ticks {
		traffic := judge.Traffic{Buckets: make([]int64, 64)}
		fresh, old := poisson(100*c.real), poisson(100*(1-c.real))
		for range old {
			traffic.Buckets[rng.IntN(64)] += c.requests
		}
		traffic.New, traffic.Old = fresh*c.requests, old*c.requests
		count := judge.Count{AtRiskNew: traffic.New, AtRiskOld: traffic.Old}
		count.New = min(poisson(float64(fresh)*c.bad*c.ratio), count.AtRiskNew)
		count.Old = min(poisson(float64(old)*c.bad), count.AtRiskOld)
		if err := s.Fold(p, judge.Tick{Share: c.meant, Counts: map[string]judge.Count{judge.Errors: count}, Traffic: &traffic}); err != nil {
			t.Fatal(err)
		}
		if peak = math.Max(peak, splitEvidence(unit, s.Split)); s.Split.Peak != peak {
			t.Fatalf("the peak of the split is %v, the largest evidence %v", s.Split.Peak, peak)
		}
	}
	v := judge.Judge(p, s)
	if said := judge.Says(p, &s); said != v.Outcome {
		t.Errorf("Says %s, Judge %s", said, v.Outcome)
	}
	if (v.Outcome == judge.Regressed) != judge.HasRegressed(p, &s) {
		t.Errorf("HasRegressed and Judge disagree on %s", v.Outcome)
	}
	return v
}

// splitEvidence is all the evidence of now on the split by visitor or request, worked out whether it can matter or not.
func splitEvidence(unit judge.Unit, s *judge.SplitState) float64 {
	f := 1.0
	if unit == judge.ByVisitor {
		d, err := stats.DispersionOf(slices.DeleteFunc(slices.Clone(s.Cells), func(n int64) bool { return n == 0 }), nil)
		if err != nil {
			return 0
		}
		f = d.Cautious()
	}
	if float64(s.New+s.Old) < 100*f {
		return 0
	}
	return math.Max(s.More.LogE(f), s.Less.LogE(f)) - math.Ln2
}

func TestAWrongSplitIsNotJudged(t *testing.T) {
	wrong := crowd{meant: .1, real: .2, requests: 20, bad: .2, ratio: 1}
	v := wrong.judge(t, judge.ByVisitor, 1, 100)
	if v.Outcome != judge.WrongSplit || v.Split == nil || !v.Split.Wrong || v.Split.Share < .18 || v.Split.Intended != .1 || len(v.Reasons) == 0 ||
		!strings.Contains(v.Reasons[0].Text, "and should get 10 %") {
		t.Errorf("%s %+v %v", v.Outcome, v.Split, v.Reasons)
	}
	less := crowd{meant: .5, real: .3, requests: 1, bad: .2, ratio: 1}
	if v := less.judge(t, judge.ByRequest, 2, 100); v.Outcome != judge.WrongSplit {
		t.Errorf("too few by request: %s", v.Outcome)
	}
	// What harms against the traffic that it got harms, however wrong the split.
	harm := crowd{meant: .1, real: .2, requests: 20, bad: .1, ratio: 4}
	if v := harm.judge(t, judge.ByVisitor, 3, 100); v.Outcome != judge.Regressed {
		t.Errorf("four times the errors under a wrong split: %s %+v", v.Outcome, v.Vitals[0])
	}
}

// A right split is not called wrong: not by visitors who make many requests, nor by retries that a bad release causes.
func TestARightSplitIsNotCalledWrong(t *testing.T) {
	for seed := range uint64(40) {
		for _, c := range []crowd{
			{meant: .1, real: .1, requests: 1, bad: .02, ratio: 1},
			{meant: .1, real: .1, requests: 200, bad: .02, ratio: 1},
			{meant: .5, real: .5, requests: 50, bad: .02, ratio: 1},
			{meant: .1, real: .11, requests: 1, bad: .02, ratio: 1},
		} {
			if v := c.judge(t, judge.ByVisitor, seed, 40); v.Outcome == judge.WrongSplit {
				t.Errorf("%+v is called wrong: %+v", c, v.Split)
			}
		}
	}
}

func TestHostsThatGetTooMuch(t *testing.T) {
	f := newFarm(1, 20, 0.2, judge.Rise)
	f.watch(t, 4, 10, func(int) float64 { return 1 })
	if v := judge.Judge(f.p, f.s); v.Outcome == judge.WrongSplit || v.Split == nil || v.Split.Wrong {
		t.Errorf("hosts as before: %s %+v", v.Outcome, v.Split)
	}
	for range 10 {
		counts := make([]judge.HostCount, 20)
		for i := range counts {
			counts[i] = judge.HostCount{Events: 10, Requests: f.poisson(1000)}
			if i < 4 {
				counts[i].Events, counts[i].Requests = 40, counts[i].Requests*4
			}
		}
		if err := f.s.Fold(f.p, judge.Tick{Hosts: map[string][]judge.HostCount{"errors": counts}}); err != nil {
			t.Fatal(err)
		}
	}
	if v := judge.Judge(f.p, f.s); v.Outcome != judge.WrongSplit {
		t.Errorf("four times the traffic on the new release's hosts: %s %+v", v.Outcome, v.Split)
	}
}

func TestImpossibleTraffic(t *testing.T) {
	p := judge.Standard(judge.ByVisitor, 0.05, nil)
	s := judge.NewState(p)
	for _, traffic := range []judge.Traffic{{New: -1}, {Old: 1 << 60}, {Buckets: []int64{3, -4}}} {
		if err := s.Fold(p, judge.Tick{Share: .1, Traffic: &traffic}); err == nil {
			t.Errorf("%+v: no error", traffic)
		}
	}
	if s.Rejected != 3 || s.Split != nil {
		t.Errorf("%d rejected, %+v", s.Rejected, s.Split)
	}
}
