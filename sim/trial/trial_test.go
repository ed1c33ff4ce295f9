package trial

import (
	"bytes"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/slipwayhq/slipway/sim/canary"
	"github.com/slipwayhq/slipway/sim/peer"
	"github.com/slipwayhq/slipway/sim/slipway"
	"github.com/slipwayhq/slipway/sim/world"
)

// plan plays the named scenarios to the named judges.
func plan(runs int, judges []string, scenarios ...string) *Plan {
	p := &Plan{All: world.Catalogue(), Runs: runs, Workers: 2, Seed: 3, Alphas: []float64{0.05}, Progress: io.Discard}
	for _, s := range p.All {
		if slices.Contains(scenarios, s.Name) {
			p.Scenarios = append(p.Scenarios, s)
		}
	}
	for _, m := range peer.All() {
		if slices.Contains(judges, m.Name) {
			p.Makers = append(p.Makers, m)
		}
	}
	return p
}

func rows(t *testing.T, p *Plan) (all []Row) {
	t.Helper()
	if err := p.Run(func(r Row) error {
		all = append(all, r)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if len(all) != len(p.Scenarios)*len(p.Makers) || len(all) == 0 {
		t.Fatalf("%d rows for %d scenarios and %d judges", len(all), len(p.Scenarios), len(p.Makers))
	}
	return all
}

func TestRowsDependOnThePlanAlone(t *testing.T) {
	names := []string{"grid", "z-peek", "kayenta-60s"}
	one := plan(12, names, "aa-20rps", "errors-10x-20rps")
	three := plan(12, names, "aa-20rps", "errors-10x-20rps")
	one.Workers, three.Workers = 1, 3
	// A scenario's rows do not depend on what else is played, nor a judge's on who else watches.
	alone := plan(12, names[:1], "errors-10x-20rps")
	a, b, c := rows(t, one), rows(t, three), rows(t, alone)
	if !reflect.DeepEqual(a, b) {
		t.Errorf("one worker %+v, three %+v", a, b)
	}
	if i := slices.IndexFunc(a, func(r Row) bool { return r.Scenario == c[0].Scenario && r.Judge == c[0].Judge }); !reflect.DeepEqual(a[i], c[0]) {
		t.Errorf("together %+v, alone %+v", a[i], c[0])
	}
}

func TestHarmIsFoundAndCosts(t *testing.T) {
	for _, r := range rows(t, plan(20, []string{"grid", "z-once"}, "errors-10x-20rps")) {
		early := r.Judge == "grid"
		if r.RolledBack != 1 || r.Missed != 0 || r.MedianMin == nil || (*r.MedianMin < 2) != early || (r.ExcessBad < 20) != early {
			t.Errorf("%+v", r)
		}
	}
	for _, r := range rows(t, plan(20, []string{"flagger-2pct-x5"}, "errors-1.2x-2000rps")) {
		if r.RolledBack != 0 || r.Missed != 1 || r.MedianMin != nil || r.ExcessBad < 700 || r.ExcessBad > 740 {
			t.Errorf("a limit above the harm: %+v", r)
		}
	}
}

func TestCadenceMakesAllLookAlike(t *testing.T) {
	p := plan(20, []string{"grid", "kayenta-10s", "gst-pocock"}, "errors-10x-20rps")
	p.Cadence = 120
	for _, r := range rows(t, p) {
		if r.Every != 120 || r.MedianMin == nil || *r.MedianMin < 2 || int(*r.MedianMin*60)%120 != 0 {
			t.Errorf("%+v", r)
		}
	}
}

// Calibrated, everybody has the same rate of false rollbacks: a rash judge becomes slower, a careful one faster.
func TestCalibration(t *testing.T) {
	names := []string{"imvu", "z-peek", "grid", "kayenta-60s", "flagger-1.5pct-x5"}
	p := plan(60, names, "aa-20rps", "errors-2x-20rps")
	p.Calibrated = true
	plain := rows(t, plan(60, names, "aa-20rps", "errors-2x-20rps"))
	for i, r := range rows(t, p) {
		if !r.Calibrated {
			t.Errorf("not said to be calibrated: %+v", r)
		}
		if r.Scenario == "aa-20rps" && r.RolledBack > 0.0501 {
			t.Errorf("%s rolls back %v of the innocent", r.Judge, r.RolledBack)
		}
		if rash := r.Judge != "grid" && r.Judge != "kayenta-60s"; r.Scenario != "aa-20rps" && rash != (r.RolledBack <= plain[i].RolledBack) {
			t.Errorf("%s: %v calibrated, %v as it is", r.Judge, r.RolledBack, plain[i].RolledBack)
		}
	}
}

func TestThresholdLeavesAlphaAbove(t *testing.T) {
	runs := make([]outcome, 40)
	for i := range runs {
		runs[i].evidence = float64(i)
	}
	if limit := (&Plan{Alphas: []float64{0.05}}).calibrate([][]outcome{runs})[0]; limit != 37 {
		t.Errorf("limit %v: above it should be 38 and 39", limit)
	}
}

// undecided holds every third rollout, and cannot tell about the others.
type undecided struct{ rollouts int }

func (u *undecided) Begin(*canary.Setting, *canary.Window) { u.rollouts++ }
func (*undecided) Observe(*canary.Tick)                    {}
func (*undecided) End() canary.Verdict                     { return canary.Unknown }
func (u *undecided) Look(int) canary.Opinion {
	if u.rollouts%3 == 0 {
		return canary.Opinion{Action: canary.Hold}
	}
	return canary.Opinion{}
}

func TestHeldAndUnknownAreCounted(t *testing.T) {
	p := plan(9, nil, "aa-20rps", "errors-2x-20rps")
	p.Workers = 1
	p.Makers = []canary.Maker{{Name: "undecided", Every: 10, New: func(float64) canary.Judge { return &undecided{} }}}
	for _, r := range rows(t, p) {
		missed := 0.0
		if r.Scenario != "aa-20rps" {
			missed = 2.0 / 3
		}
		if r.RolledBack != 0 || r.Held < 0.33 || r.Held > 0.34 || r.Unknown < 0.66 || r.Missed < missed-1e-6 || r.Missed > missed+1e-6 {
			t.Errorf("%+v", r)
		}
	}
}

func TestMarkdown(t *testing.T) {
	var out bytes.Buffer
	m, minutes := Markdown{Out: &out}, 1.25
	for _, r := range []Row{{Scenario: "a", Judge: "b", Alpha: 0.05, Runs: 3, RolledBack: 0.5, MedianMin: &minutes, P90Min: &minutes}, {Scenario: "c"}} {
		if err := m.Row(r); err != nil {
			t.Fatal(err)
		}
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 4 || !strings.Contains(lines[2], "| 50.00 |") || !strings.Contains(lines[2], "| 1.2 |") {
		t.Errorf("%s", out.String())
	}
	for _, l := range lines {
		if strings.Count(l, "|") != strings.Count(lines[0], "|") {
			t.Errorf("a row with other columns: %s", l)
		}
	}
}

// At several levels each judge sees what it would alone: a row is the same, whoever sits beside it.
func TestSeveralLevelsOnTheSameStreams(t *testing.T) {
	played := func(alphas ...float64) (found []Row) {
		p := plan(60, []string{"grid", "z-once"}, "aa-hosts-sd-0.3-2000rps")
		p.Alphas = alphas
		if err := p.Run(func(r Row) error { found = append(found, r); return nil }); err != nil {
			t.Fatal(err)
		}
		return found
	}
	both, strict := played(0.05, 0.001), played(0.001)
	if len(strict) != 2 || len(both) != 4 {
		t.Fatalf("%d and %d rows", len(strict), len(both))
	}
	for i, r := range strict {
		if got := both[2*i+1]; !reflect.DeepEqual(got, r) || both[2*i].Alpha != 0.05 || both[2*i].Judge != r.Judge || both[2*i].RolledBack < r.RolledBack {
			t.Errorf("alone %+v, beside another %+v, at 0.05 %+v", r, got, both[2*i])
		}
	}
}

// One judge whose evidence is an e-value answers for all levels: each row is as if it had been made for that level, a broken host and a split that is wrong included.
func TestOneJudgeForAllLevels(t *testing.T) {
	played := func(alphas ...float64) []Row {
		p := plan(40, nil, "errors-2x-broken-host-200rps", "aa-share-off-2x-by-visitor-200rps", "errors-2x-20rps")
		p.Makers, p.Alphas = []canary.Maker{slipway.Maker()}, alphas
		var found []Row
		if err := p.Run(func(r Row) error { found = append(found, r); return nil }); err != nil {
			t.Fatal(err)
		}
		return found
	}
	all, strict := played(0.001, 0.05, 0.01), played(0.01)
	for i, r := range strict {
		if got := all[3*i+2]; !reflect.DeepEqual(got, r) {
			t.Errorf("alone %+v, beside others %+v", r, got)
		}
	}
	if all[0].RolledBack > all[1].RolledBack || reflect.DeepEqual(all[6], all[7]) {
		t.Errorf("levels do not matter: %+v", all)
	}
}
