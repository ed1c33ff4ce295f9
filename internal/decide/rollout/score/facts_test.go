package score_test

import (
	"math"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/decide/rollout/machine"
	"github.com/slipwayhq/slipway/internal/decide/rollout/route"
	"github.com/slipwayhq/slipway/internal/decide/rollout/score"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/pure/judge"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// returned is a rollout that the judge took back, 20 s into a watch of 60 s: 1,000 of 10,000 requests went to the new release in 50 s, of which 100 failed; 1 of 100 did on the old one.
func returned() *machine.Rollout {
	m := &machine.Rollout{
		ID: "rol_7", Number: 7, App: "shop", Env: "production", Release: "rel_7", From: "rel_6", State: machine.RolledBack, Outcome: "rolled_back",
		Verdict: judge.Regressed, Vital: judge.Errors, RegressAt: noon, EndedAt: noon.Add(time.Second),
		Steps: []machine.Step{
			{Share: .1, Watch: time.Minute, Until: noon.Add(40 * time.Second)},
			{Share: 1, HoldBack: .05, Watch: 5 * time.Minute},
		},
		Totals: machine.Totals{RequestsNew: 1000, ErrorsNew: 100, RequestsOld: 9000, ErrorsOld: 90},
		Why:    []event.Reason{{Code: "errors_regressed", Text: "errors rose tenfold"}},
	}
	m.Judge = machine.PolicyOf(m, .01, map[string]float64{judge.Errors: 1}, nil, nil)
	m.Policy.FalseAlarms = manifest.Rate{Count: 1, Per: "week"}
	m.Evidence = judge.NewState(m.Judge)
	for i := range 20 {
		tick := judge.Tick{Second: int64(i), Share: .1, Counts: map[string]judge.Count{judge.Errors: {New: 5, AtRiskNew: 50, Old: 5, AtRiskOld: 450}}}
		if err := m.Evidence.Fold(m.Judge, tick); err != nil {
			panic(err)
		}
	}
	return m
}

func facts(t *testing.T, m *machine.Rollout) score.Facts {
	t.Helper()
	f, ok := score.Of(m, score.Seen{First: noon.Unix() - 50, Seconds: 50})
	if !ok {
		t.Fatal("it is none of the score's")
	}
	return f
}

func TestWhatWasSpared(t *testing.T) {
	f := facts(t, returned())
	if f.By != score.Judge || !f.Judged || f.Alpha != .01 || math.Abs(f.PerDay-1./7) > 1e-12 || f.Text != "errors rose tenfold" || f.Vital != judge.Errors {
		t.Errorf("the facts are %+v", f)
	}
	if f.Decided.Sub(f.Met) != 50*time.Second || f.Ended != noon.Add(time.Second) {
		t.Errorf("visitors at %s, decided at %s, ended at %s", f.Met, f.Decided, f.Ended)
	}
	h := f.Harm
	// 10 % failed where 1 % did: 9 % of 1,000 requests, and of all the 200 a second for 40 s at 10 % and 300 s at 95 %.
	if h == nil || h.Kind != score.Failed || h.Done != 90 || h.Second != 18 || h.Rest != 289 || h.Spared != 18*289 {
		t.Fatalf("the harm is %+v", h)
	}
	m := returned()
	low := judge.Judge(m.Judge, m.Evidence).Vitals[0].RatioLow
	if want := math.Round(.01 * (low - 1) * 200 * 289); h.Least != want || !(h.Least > 0 && h.Least < h.Spared) {
		t.Errorf("at least %v of %v was spared, want %v: the ratio is at least %v", h.Least, h.Spared, want, low)
	}
}

// The lower end is neither above the estimate nor below nothing, whatever the two counts say.
func TestTheLeastThatWasSpared(t *testing.T) {
	m := returned()
	m.Totals.ErrorsNew = 20 // all requests differ less than those that the judge counted
	if h := facts(t, m).Harm; h == nil || h.Spared != 2*289 || h.Least != h.Spared {
		t.Errorf("the harm is %+v", h)
	}
	m = returned()
	m.Evidence = judge.NewState(m.Judge) // no interval
	if h := facts(t, m).Harm; h == nil || h.Spared != 18*289 || h.Least != 0 {
		t.Errorf("the harm is %+v", h)
	}
}

// The plan is what was left of it: no more than the watch, none of one that is over, all of one that had not begun.
func TestTheRestOfThePlan(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*machine.Rollout)
		want   float64
	}{
		"over":          {func(m *machine.Rollout) { m.Steps[0].Until = noon.Add(-time.Hour) }, 285},
		"prolonged":     {func(m *machine.Rollout) { m.Steps[0].Until = noon.Add(time.Hour) }, 6 + 285},
		"not begun":     {func(m *machine.Rollout) { m.Steps[0].Until = time.Time{} }, 6 + 285},
		"begun once":    {func(m *machine.Rollout) { m.Steps[1].Until = noon.Add(-time.Hour) }, 4 + 285},
		"the last step": {func(m *machine.Rollout) { m.Step, m.Steps[1].Until = 1, noon.Add(100*time.Second) }, 95},
	} {
		m := returned()
		c.change(m)
		if h := facts(t, m).Harm; h == nil || h.Rest != c.want {
			t.Errorf("%s: %+v, want %v s", name, h, c.want)
		}
	}
}

// Slow requests are not in the totals: their rates are those of the evidence.
func TestHarmOfSlowRequests(t *testing.T) {
	m := returned()
	m.Vital = "latency_p90"
	m.Judge.Vitals = append(m.Judge.Vitals, judge.VitalSpec{Name: "latency_p90", Label: "requests slower than 40 ms", Weight: .5})
	m.Judge.Vitals[0].Weight = .5
	m.Evidence = judge.NewState(m.Judge)
	tick := judge.Tick{Second: 1, Share: .1, Counts: map[string]judge.Count{"latency_p90": {New: 30, AtRiskNew: 100, Old: 90, AtRiskOld: 900}, judge.Errors: {}}}
	if err := m.Evidence.Fold(m.Judge, tick); err != nil {
		t.Fatal(err)
	}
	if h := facts(t, m).Harm; h == nil || h.Kind != score.Slow || h.Done != 200 || h.Second != 40 {
		t.Errorf("the harm is %+v", h)
	}
	m.Totals.RequestsOld = 0
	if h := facts(t, m).Harm; h != nil {
		t.Errorf("nobody asked the old release, and the harm is %+v", h)
	}
}

// A route that breaks harms those who ask for it: errors elsewhere, and requests elsewhere, have no part in it.
func TestHarmOnOneRoute(t *testing.T) {
	for vital, want := range map[string]score.Harm{
		judge.RouteErrors("/pay"): {Kind: score.Failed, Done: 20, Second: .8, Rest: 289, Spared: math.Round(.8 * 289)},
		judge.NewErrors:           {Kind: score.Failed, Done: 300, Second: 60, Rest: 289, Spared: 60 * 289},
	} {
		m := returned()
		m.Vital = vital
		m.Judge.Vitals = append(m.Judge.Vitals, judge.VitalSpec{Name: vital, Label: vital, Weight: .5})
		m.Judge.Vitals[0].Weight = .5
		m.Totals.Paths = map[string]route.Total{"/pay": {New: 25, NewErrors: 20, Old: 25, OldErrors: 0}, "/": {New: 975, NewErrors: 80, Old: 8975, OldErrors: 90}}
		m.Evidence = judge.NewState(m.Judge)
		tick := judge.Tick{Second: 1, Share: .1, Counts: map[string]judge.Count{vital: {New: 30, AtRiskNew: 100, Old: 0, AtRiskOld: 900}, judge.Errors: {}}}
		if err := m.Evidence.Fold(m.Judge, tick); err != nil {
			t.Fatal(err)
		}
		if h := facts(t, m).Harm; h == nil || *h != want {
			t.Errorf("%s: the harm is %+v, not %+v", vital, h, want)
		}
	}
}

func TestNoHarmIsMadeUp(t *testing.T) {
	for name, change := range map[string]func(*machine.Rollout){
		"nothing to compare":  func(m *machine.Rollout) { m.Totals.RequestsOld = 0 },
		"nobody came":         func(m *machine.Rollout) { m.Totals.RequestsNew = 0 },
		"no more than before": func(m *machine.Rollout) { m.Totals.ErrorsNew = 10 },
		"no matter of requests": func(m *machine.Rollout) {
			m.Vital, m.Judge.Vitals[0].Name = "orders", "orders"
		},
		"an unknown vital": func(m *machine.Rollout) { m.Vital = "orders" },
		"by a person": func(m *machine.Rollout) {
			m.Verdict, m.Why = judge.Unknown, []event.Reason{{Code: "by_rollback"}}
		},
		"promoted": func(m *machine.Rollout) { m.State, m.Outcome = machine.Promoted, "promoted" },
	} {
		m := returned()
		change(m)
		if h := facts(t, m).Harm; h != nil {
			t.Errorf("%s: %+v", name, h)
		}
	}
	if f, _ := score.Of(returned(), score.Seen{}); f.Harm != nil || !f.Met.IsZero() {
		t.Errorf("without a second: %+v", f)
	}
}

func TestWhoEndsARollout(t *testing.T) {
	for name, c := range map[string]struct {
		state   machine.State
		verdict judge.Outcome
		code    string
		want    score.By
	}{
		"a verdict":                      {machine.RolledBack, judge.Regressed, "errors_regressed", score.Judge},
		"a verdict beside a crash":       {machine.RolledBack, judge.Regressed, "crash_loop", score.Judge},
		"a command":                      {machine.RolledBack, judge.Unknown, "by_rollback", score.Person},
		"a hotfix":                       {machine.RolledBack, judge.Healthy, "hotfix", score.Person},
		"deaths":                         {machine.RolledBack, judge.Unknown, "crash_loop", score.Crash},
		"a process that does not get up": {machine.RolledBack, judge.Unknown, "host_unhealthy", score.Crash},
		"too few hosts":                  {machine.RolledBack, judge.Unknown, "not_up", score.Hosts},
		"health":                         {machine.Promoted, judge.Healthy, "errors_healthy", score.Judge},
		"an end that cannot tell":        {machine.Promoted, judge.Unknown, "errors_unknown", score.Judge},
		"a hurry":                        {machine.Promoted, judge.Unknown, "by_promote", score.Person},
	} {
		m := returned()
		m.State, m.Verdict, m.Outcome, m.Why = c.state, c.verdict, string(c.state), []event.Reason{{Code: c.code}}
		f := facts(t, m)
		if f.By != c.want || f.CanBeSaid() != (c.want == score.Judge) {
			t.Errorf("%s: by %s, can be said: %v", name, f.By, f.CanBeSaid())
		}
		if f.Decided.IsZero() != (c.state == machine.Promoted) {
			t.Errorf("%s: decided at %s", name, f.Decided)
		}
	}
}

func TestWhatIsNoVerdict(t *testing.T) {
	m := returned()
	m.State = machine.Superseded
	if _, ok := score.Of(m, score.Seen{}); ok {
		t.Error("what was superseded never went out")
	}
	m = returned()
	m.From = ""
	if f := facts(t, m); f.Judged || f.Verdict != "none" || f.Alpha != 0 || f.PerDay != 0 || f.Harm != nil || f.CanBeSaid() {
		t.Errorf("a first release is compared with nothing: %+v", f)
	}
	m = returned()
	m.Policy.Alpha = .02
	if f := facts(t, m); f.PerDay != 0 || f.Alpha != .01 {
		t.Errorf("where the policy names alpha: %+v", f)
	}
}

// What visitors who erred again spared is reckoned from all requests, as for errors; nothing is known of its least.
func TestWhatVisitorsWhoErrAgainSpared(t *testing.T) {
	m := returned()
	m.Mode, m.Vital, m.Policy.Steps = manifest.CanaryVisitors, judge.VisitorErrors, []manifest.Step{{Share: .1}, {Share: 1}}
	m.Judge = machine.PolicyOf(m, .01, map[string]float64{judge.Errors: 1}, nil, nil)
	m.Evidence = judge.NewState(m.Judge)
	if h := facts(t, m).Harm; h == nil || h.Kind != score.Failed || h.Spared != 18*289 || h.Least != 0 {
		t.Errorf("the harm is %+v", h)
	}
}
