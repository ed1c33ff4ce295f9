package judge

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/slipwayhq/slipway/internal/pure/stats"
)

var update = flag.Bool("update", false, "write the verdicts of testdata anew")

// story is one file of testdata: what was counted. Its verdict in words stands beside it.
type story struct {
	About  string `json:"about"`
	Policy Policy `json:"policy"`
	Ticks  []struct {
		Repeat int  `json:"repeat"`
		Tick   Tick `json:"tick"`
	} `json:"ticks"`
}

func (s story) judge(t *testing.T) Verdict {
	t.Helper()
	if err := s.Policy.Validate(); err != nil {
		t.Fatal(err)
	}
	state := NewState(s.Policy)
	for _, stretch := range s.Ticks {
		for i := range stretch.Repeat {
			tick := stretch.Tick
			tick.Second += int64(i)
			if err := state.Fold(s.Policy, tick); err != nil {
				t.Fatal(err)
			}
		}
	}
	return Judge(s.Policy, state)
}

func TestStories(t *testing.T) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no stories: %v", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		t.Run(name, func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var s story
			decoder := json.NewDecoder(bytes.NewReader(data))
			decoder.DisallowUnknownFields()
			if err := decoder.Decode(&s); err != nil {
				t.Fatal(err)
			}
			golden(t, strings.TrimSuffix(file, ".json")+".verdict", words(s.About, s.judge(t)))
		})
	}
}

// words is a verdict as people read it.
func words(about string, v Verdict) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n%s\n", about, v.Outcome)
	for _, r := range v.Reasons {
		fmt.Fprintf(&b, "  because %s\n", r.Text)
	}
	for _, e := range v.Vitals {
		fmt.Fprintf(&b, "%s is %s: e-value 10^%.2f of 10^%.2f, excluded 10^%.2f of 10^%.2f, ratio %.2f (%.2f to %.2f), needs %d events, %d requests; detects in %d, %d\n",
			e.Name, e.Outcome, e.Peak, e.Threshold, e.Excluded, e.ExcludeThreshold, e.RatioEstimate, e.RatioLow, e.RatioHigh,
			e.Needed.Events, e.Needed.Requests, e.ToDetect.Events, e.ToDetect.Requests)
	}
	return b.String()
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", file, got, want)
	}
}

func standard(unit Unit) Policy {
	return Standard(unit, 0.05, []Threshold{{Vital: LatencyP99, Ms: 840, Base: 0.01}})
}

func genTick(t *rapid.T) Tick {
	tick := Tick{Second: rapid.Int64Range(0, 1e9).Draw(t, "second"), Share: rapid.SampledFrom([]float64{0, .1, .5, .95, 1}).Draw(t, "share"), Counts: map[string]Count{}}
	for _, name := range []string{Errors, LatencyP99} {
		if rapid.Bool().Draw(t, name) {
			a, b := rapid.Int64Range(0, 500).Draw(t, "at risk new"), rapid.Int64Range(0, 500).Draw(t, "at risk old")
			tick.Counts[name] = Count{
				New: rapid.Int64Range(0, a).Draw(t, "new"), Old: rapid.Int64Range(0, b).Draw(t, "old"), AtRiskNew: a, AtRiskOld: b,
			}
		}
	}
	return tick
}

// A state that was written and read between any two ticks goes on as if nothing had happened, and nothing in a verdict is NaN
// or infinite, which JSON would refuse.
func TestStateSurvivesJSONBetweenTicks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := standard(rapid.SampledFrom([]Unit{ByVisitor, ByRequest, ByHost}).Draw(t, "unit"))
		kept, reread := NewState(p), State{} // the zero State is a beginning, too
		for range rapid.IntRange(0, 12).Draw(t, "ticks") {
			tick := genTick(t)
			if err := kept.Fold(p, tick); err != nil {
				t.Fatal(err)
			}
			if err := reread.Fold(p, tick); err != nil {
				t.Fatal(err)
			}
			data, err := json.Marshal(reread)
			if err != nil {
				t.Fatal(err)
			}
			reread = State{}
			if err := json.Unmarshal(data, &reread); err != nil {
				t.Fatal(err)
			}
		}
		one, err := json.Marshal(Judge(p, kept))
		if err != nil {
			t.Fatal(err)
		}
		two, err := json.Marshal(Judge(p, reread))
		if err != nil || !bytes.Equal(one, two) {
			t.Fatalf("verdict %s, after JSON %s (%v)", one, two, err)
		}
		if (Judge(p, kept).Outcome == Regressed) != HasRegressed(p, &kept) {
			t.Fatal("HasRegressed and Judge disagree")
		}
		if Judge(p, kept).Outcome != Says(p, &kept) {
			t.Fatal("Says and Judge disagree")
		}
	})
}

// The steps 10 % and 95 % are two: when the second begins, part of the reserve is bet anew, once, whatever late ticks of the first follow.
func TestAStepBetsAnew(t *testing.T) {
	p := standard(ByVisitor)
	s := NewState(p)
	reserve := func() float64 { return s.Vitals[0].Harm.Reserve }
	start := reserve()
	for _, c := range []struct{ share, reserve float64 }{{.1, start}, {.1, start}, {.95, start / 3}, {.1, start / 3}, {.95, start / 3}, {1, start / 9}} {
		if err := s.Fold(p, Tick{Share: c.share, Counts: map[string]Count{Errors: {New: 1, Old: 1, AtRiskNew: 9, AtRiskOld: 9}}}); err != nil {
			t.Fatal(err)
		}
		if math.Abs(reserve()-c.reserve) > 1e-12 {
			t.Errorf("share %v: reserve %v, want %v", c.share, reserve(), c.reserve)
		}
	}
}

// What was excluded comes back when things get worse: healthy is about now.
func TestLateHarmUndoesHealth(t *testing.T) {
	p := standard(ByVisitor)
	p.Vitals = p.Vitals[:1]
	s := NewState(p)
	fold := func(c Count, times int) Outcome {
		for range times {
			if err := s.Fold(p, Tick{Share: .5, Counts: map[string]Count{Errors: c}}); err != nil {
				t.Fatal(err)
			}
		}
		return Judge(p, s).Outcome
	}
	if got := fold(Count{New: 5, Old: 5, AtRiskNew: 500, AtRiskOld: 500}, 600); got != Healthy {
		t.Errorf("after ten good minutes: %s", got)
	}
	if got := fold(Count{New: 10, Old: 5, AtRiskNew: 500, AtRiskOld: 500}, 10); got == Healthy {
		t.Errorf("after ten bad seconds: %s", got)
	}
}

// The test against harm must not look at the requests at risk when visitors were drawn: one healthy client with half of the
// traffic on the old release would make any release look bad.
func TestHarmByVisitorIgnoresRequestsAtRisk(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := standard(ByVisitor)
		plain, skewed := NewState(p), NewState(p)
		for range rapid.IntRange(1, 10).Draw(t, "ticks") {
			tick := genTick(t)
			if err := plain.Fold(p, tick); err != nil {
				t.Fatal(err)
			}
			for name, c := range tick.Counts {
				c.AtRiskOld += 1000
				tick.Counts[name] = c
			}
			if err := skewed.Fold(p, tick); err != nil {
				t.Fatal(err)
			}
		}
		for i := range plain.Vitals {
			if plain.Vitals[i].Harm != skewed.Vitals[i].Harm {
				t.Fatal("requests at risk changed the evidence of harm")
			}
		}
	})
}

func TestImpossibleTicksChangeNothing(t *testing.T) {
	ok := Count{New: 1, Old: 2, AtRiskNew: 10, AtRiskOld: 90}
	cases := map[string]struct {
		tick Tick
		says string
	}{
		"negative events":   {Tick{Share: .1, Counts: map[string]Count{Errors: {New: -1, AtRiskNew: 5}}}, "impossible count -1"},
		"negative requests": {Tick{Share: .1, Counts: map[string]Count{Errors: {AtRiskOld: -7}}}, "impossible count -7"},
		"absurd":            {Tick{Share: .1, Counts: map[string]Count{Errors: {AtRiskOld: math.MaxInt64}}}, "impossible count"},
		"events above risk": {Tick{Share: .1, Counts: map[string]Count{Errors: {New: 30, AtRiskNew: 5}}}, "31 events on the new release of 15 requests at risk"},
		"old above risk":    {Tick{Share: .1, Counts: map[string]Count{Errors: {Old: 300}}}, "302 events on the old release of 90"},
		"share above 1":     {Tick{Share: 1.1, Counts: map[string]Count{Errors: ok}}, "share 1.1"},
		"share NaN":         {Tick{Share: math.NaN(), Counts: map[string]Count{Errors: ok}}, "share NaN"},
		"unknown vital":     {Tick{Share: .1, Counts: map[string]Count{"eggs": ok}}, "1 vitals that the policy does not have"},
		"one good, one bad": {Tick{Share: .1, Counts: map[string]Count{Errors: ok, LatencyP99: {New: -1}}}, LatencyP99},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			p := standard(ByVisitor)
			s := NewState(p)
			if err := s.Fold(p, Tick{Second: 7, Share: .1, Counts: map[string]Count{Errors: ok}}); err != nil {
				t.Fatal(err)
			}
			before, _ := json.Marshal(Judge(p, s))
			err := s.Fold(p, c.tick)
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error %v, want %q", err, c.says)
			}
			after, _ := json.Marshal(Judge(p, s))
			if !bytes.Equal(before, after) || s.Rejected != 1 || s.Ticks != 1 {
				t.Errorf("the tick changed the verdict, or was not counted as rejected: %+v", s)
			}
		})
	}
	p := standard(ByVisitor)
	s := NewState(p)
	p.Vitals = p.Vitals[:1]
	if err := s.Fold(p, Tick{}); err == nil {
		t.Error("evidence of another policy was accepted")
	}
}

// An event may be booked ticks after its request: that is no impossible count.
func TestLateEventsCount(t *testing.T) {
	p := standard(ByVisitor)
	s := NewState(p)
	for _, c := range []Count{{AtRiskNew: 3, AtRiskOld: 20}, {New: 1}, {Old: 1}} {
		if err := s.Fold(p, Tick{Share: .1, Counts: map[string]Count{LatencyP99: c}}); err != nil {
			t.Fatal(err)
		}
	}
	want := stats.NewHarmTest(1)
	want.Fold(1, 2, .1)
	if got := s.Vitals[1].Harm.LogE(); math.Abs(got-want.LogE()) > 1e-12 {
		t.Errorf("ln e-value %v, want %v", got, want.LogE())
	}
}

func TestTheZeroStateIsABeginning(t *testing.T) {
	p := standard(ByVisitor)
	var s State
	if v := Judge(p, s); v.Outcome != Unknown || len(v.Vitals) != 2 || HasRegressed(p, &s) {
		t.Errorf("before the first tick: %+v", v)
	}
}

// Once shown, harm stays shown, whatever comes later: the verdict must not depend on when one looked.
func TestRegressedStays(t *testing.T) {
	p := standard(ByVisitor)
	s := NewState(p)
	fold := func(c Count, times int) {
		for range times {
			if err := s.Fold(p, Tick{Share: .5, Counts: map[string]Count{Errors: c}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	fold(Count{New: 5, Old: 0, AtRiskNew: 50, AtRiskOld: 50}, 5)
	fold(Count{New: 0, Old: 5, AtRiskNew: 50, AtRiskOld: 50}, 50)
	if v := Judge(p, s); v.Outcome != Regressed || v.Vitals[0].EValue >= v.Vitals[0].Threshold {
		t.Errorf("outcome %s at an e-value of 10^%v now", v.Outcome, v.Vitals[0].EValue)
	}
}
