package judge_test

import (
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/slipwayhq/slipway/internal/pure/judge"
	"github.com/slipwayhq/slipway/internal/pure/replay"
	"github.com/slipwayhq/slipway/internal/pure/stats/repeats"
)

func visitorPolicy(t *testing.T, steps int) judge.Policy {
	t.Helper()
	p := judge.Standard(judge.ByVisitor, 0.01, nil)
	judge.AddVisitors(&p, steps)
	if err := p.Validate(); err != nil {
		t.Fatal(err)
	}
	return p
}

// worse is a look at 66 of 660 visitors who have 16 errors after their first where others have one.
func worse(step, look int) judge.VisitorLook {
	return judge.VisitorLook{Step: step, Look: look, Share: .1, Cells: []repeats.Cell{
		{Errors: repeats.Bucket(16), Requests: repeats.Bucket(100), New: 46, Old: 14},
		{Errors: repeats.Bucket(1), Requests: repeats.Bucket(100), New: 20, Old: 580},
	}}
}

func TestAddVisitors(t *testing.T) {
	p := visitorPolicy(t, 3)
	if len(p.Vitals) != 2 || p.Vitals[1].Name != judge.VisitorErrors || !p.Vitals[1].AlarmOnly || p.LooksAtVisitors() != 1 {
		t.Fatalf("vitals %+v", p.Vitals)
	}
	if sum := p.Vitals[0].Weight + p.Vitals[1].Weight; math.Abs(sum-1) > 1e-12 || p.Vitals[0].Weight < .8 {
		t.Errorf("weights %+v", p.Vitals)
	}
	for _, unit := range []judge.Unit{judge.ByHost, judge.ByRequest} {
		other := judge.Standard(unit, .01, nil)
		if judge.AddVisitors(&other, 3); len(other.Vitals) != 1 || other.LooksAtVisitors() != -1 {
			t.Errorf("split by %s: %+v", unit, other.Vitals)
		}
		other.Vitals = p.Vitals
		if err := other.Validate(); err == nil || !strings.Contains(err.Error(), "for a split by visitors") {
			t.Errorf("split by %s looks at visitors: %v", unit, err)
		}
	}
}

// One look at visitors who err again and again on the new release is enough, says so in words, and outlives JSON.
func TestVisitorsWhoErrAgain(t *testing.T) {
	p := visitorPolicy(t, 3)
	s := judge.NewState(p)
	if v := judge.Judge(p, s); !strings.Contains(v.Vitals[1].Text, "no visitor with errors was looked at yet") {
		t.Errorf("before the first look: %s", v.Vitals[1].Text)
	}
	if err := s.LookAtVisitors(p, worse(0, 4)); err != nil {
		t.Fatal(err)
	}
	stored, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var read judge.State
	if err := json.Unmarshal(stored, &read); err != nil || !reflect.DeepEqual(read, s) {
		t.Fatalf("read again it is %+v, %v", read, err)
	}
	v := judge.Judge(p, read)
	const want = "errors, visitor by visitor: of 660 visitors with errors 66 are on the new release (66 expected), with 12.5 errors each, against 2.4 on the old one; a release that changes nothing shows this"
	if v.Outcome != judge.Regressed || len(v.Reasons) != 1 || !strings.HasPrefix(v.Reasons[0].Text, want) {
		t.Errorf("%s: %+v", v.Outcome, v.Reasons)
	}
	weight := repeats.Part(4) / 3
	if got, want := s.Vitals[1].Peak, math.Log(weight)+repeats.LogE(worse(0, 4).Cells, .1); math.Abs(got-want) > 1e-9 {
		t.Errorf("the evidence is %v, by the plan %v", got, want)
	}
	better := judge.NewState(p)
	l := worse(0, 4)
	for i, c := range l.Cells {
		l.Cells[i].New, l.Cells[i].Old = c.Old, c.New
	}
	l.Share = .9
	if err := better.LookAtVisitors(p, l); err != nil || judge.HasRegressed(p, &better) {
		t.Errorf("fewer errors on the new release are called harm: %v", err)
	}
}

// Each look is taken once, in order, and only what is planned counts.
func TestLooksAtVisitorsKeepToThePlan(t *testing.T) {
	p := visitorPolicy(t, 2)
	s := judge.NewState(p)
	take := func(l judge.VisitorLook, ok bool) {
		t.Helper()
		was := s.Vitals[1].Peak
		if err := s.LookAtVisitors(p, l); (err == nil) != ok {
			t.Errorf("look %d of step %d: %v", l.Look, l.Step, err)
		}
		if !ok && s.Vitals[1].Peak != was {
			t.Error("a look that was refused changed the evidence")
		}
	}
	take(judge.VisitorLook{Look: repeats.Looks(), Share: .1}, false)
	take(judge.VisitorLook{Look: 2, Share: 1.1}, false)
	take(judge.VisitorLook{Look: 2, Share: .1, Cells: []repeats.Cell{{New: -1}}}, false)
	take(judge.VisitorLook{Look: 2, Share: .1}, true)
	take(worse(0, 2), false)
	take(worse(0, 1), false)
	take(judge.VisitorLook{Step: 1, Share: .1}, true)
	take(worse(0, 5), false)
	take(worse(2, 5), true) // beyond the plan
	if judge.HasRegressed(p, &s) {
		t.Error("a step beyond the plan counts")
	}
	without := judge.Standard(judge.ByVisitor, .01, nil)
	if other := judge.NewState(without); other.LookAtVisitors(without, worse(0, 0)) == nil {
		t.Error("a policy without the vital takes a look")
	}
	if err := s.Fold(p, judge.Tick{Share: .1, Counts: map[string]judge.Count{judge.VisitorErrors: {}}}); err == nil {
		t.Error("a tick counts what is looked at")
	}
}

// Where harm is tolerated, or the split is wrong, the test of "nothing changed" says nothing.
func TestVisitorsWhereTheTestDoesNotHold(t *testing.T) {
	p := visitorPolicy(t, 1)
	p.Margin = .1
	s := judge.NewState(p)
	if err := s.LookAtVisitors(p, worse(0, 4)); err != nil || judge.HasRegressed(p, &s) {
		t.Errorf("with a margin: %v, regressed %t", err, judge.HasRegressed(p, &s))
	}
	p.Margin = 0
	s = judge.NewState(p)
	buckets := make([]int64, 64)
	for i := range buckets {
		buckets[i] = 100
	}
	for second := range int64(60) {
		c := map[string]judge.Count{judge.Errors: {AtRiskNew: 3000, AtRiskOld: 6400}}
		if err := s.Fold(p, judge.Tick{Second: second, Share: .1, Counts: c, Traffic: &judge.Traffic{New: 3000, Old: 6400, Buckets: buckets}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.LookAtVisitors(p, worse(0, 4)); err != nil {
		t.Fatal(err)
	}
	if v := judge.Judge(p, s); v.Outcome != judge.WrongSplit {
		t.Errorf("with a split that is wrong: %s", v.Outcome)
	}
}

// A rollout that is judged again takes the looks it had.
func TestVisitorsAreJudgedAgain(t *testing.T) {
	p := visitorPolicy(t, 1)
	look := worse(0, 4)
	tick := judge.Tick{Second: 10, Share: .1, Counts: map[string]judge.Count{judge.Errors: {New: 1, Old: 9, AtRiskNew: 10, AtRiskOld: 90}}}
	steps := func(yield func(replay.Step) bool) {
		_ = yield(replay.Step{Tick: tick}) && yield(replay.Step{Tick: judge.Tick{Second: 200}, Gap: true, Visitors: &look})
	}
	if r := replay.Run(p, steps, 2); r.Verdict != judge.Regressed || r.Vital != judge.VisitorErrors || r.LeftOut != 0 {
		t.Errorf("%+v", r)
	}
}

// First errors may rule harm out while those who err again err more and more: that is not healthy.
func TestDoubtAboutVisitorsWhoErrAgainIsNotHealthy(t *testing.T) {
	p := visitorPolicy(t, 3)
	enough := p.Threshold(p.Vitals[1])
	for part, want := range map[float64]judge.Outcome{0.4: judge.Healthy, 0.6: judge.Unknown, 1.01: judge.Regressed} {
		s := judge.NewState(p)
		for range 400 {
			if err := s.Fold(p, judge.Tick{Share: .5, Counts: map[string]judge.Count{judge.Errors: {New: 10, Old: 10, AtRiskNew: 1000, AtRiskOld: 1000}}}); err != nil {
				t.Fatal(err)
			}
		}
		s.Vitals[1].Peak = part * enough
		v := judge.Judge(p, s)
		if v.Vitals[0].Outcome != judge.Healthy || v.Outcome != want {
			t.Errorf("at %v of the evidence: %s, errors %s: %+v", part, v.Outcome, v.Vitals[0].Outcome, v.Reasons)
		}
		if said := strings.Contains(v.Vitals[1].Text, "too much to call the release healthy"); said != (want == judge.Unknown) || want == judge.Unknown && (len(v.Reasons) != 1 || v.Reasons[0].Vital != judge.VisitorErrors) {
			t.Errorf("at %v of the evidence it says %+v", part, v.Reasons)
		}
	}
}
