package machine

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/decide/rollout/before"
	"github.com/slipwayhq/slipway/internal/decide/rollout/control"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/pure/judge"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
	"github.com/slipwayhq/slipway/internal/pure/stats/units"
)

// coldFarm is a farm whose processes fail eight times as often while they are cold, which takes twenty seconds, on either release; its policy restarts controls, or not.
func coldFarm(t *testing.T, seed uint64, harm float64, restart bool) *farm {
	f := newFarm(t, seed, 20, .2)
	f.m.Number = 7
	f.m.Policy.RestartControls, f.m.Policy.Settle = restart, manifest.Every(20*time.Second)
	f.factor = func(h, release string) float64 {
		factor, began := 1.0, f.m.VisitorsSince[h]
		if release == "rel_1" {
			began = f.m.Controls.By[h].Up
		} else {
			factor = harm
		}
		if !began.IsZero() && f.now.Sub(began) <= 20*time.Second {
			factor *= 8
		}
		return factor
	}
	return f
}

// groups are the sizes of the groups of hosts that were compared, one after the other.
func (f *farm) groups() (sizes [][2]int) {
	for _, p := range f.m.Evidence.Vitals[0].Units.Phases {
		sizes = append(sizes, [2]int{len(p.Layout.New), len(p.Layout.Old)})
	}
	return sizes
}

// A cold start is no harm where the other side is as cold, and a release that is good goes out. In each step as many controls start anew as hosts get the new release, as far as there are any; those that
// are neither count once all have settled.
func TestControlsAreAsColdAsCanaries(t *testing.T) {
	for seed := range uint64(3) {
		f := coldFarm(t, seed, 1, true)
		f.run(400, nil)
		if f.m.State != Promoted || f.m.Verdict != judge.Healthy {
			t.Errorf("seed %d: a good release ended %s, %s: %v", seed, f.m.State, f.m.Verdict, f.m.Why)
		}
		if got, want := f.groups(), [][2]int{{4, 4}, {4, 16}, {12, 4}, {16, 4}}; !slices.Equal(got, want) {
			t.Errorf("seed %d: compared were %v, want %v", seed, got, want)
		}
		if got, want := f.m.Evidence.Vitals[0].Units.Phases[0].Layout.Visitors, control.Visitors(.2, .2); got != want {
			t.Errorf("seed %d: drawn visitors count as those of %v, want %v", seed, got, want)
		}
		if len(f.starts) != 8 {
			t.Errorf("seed %d: hosts started anew for %v, and none has to twice", seed, f.starts)
		}
	}
}

// Each step starts as many anew as it has new canaries, not as it has canaries.
func TestAsManyControlsAsNewCanaries(t *testing.T) {
	f := coldFarm(t, 1, 1, true)
	f.m.Policy.Steps = []manifest.Step{
		{Share: .1, Watch: manifest.Every(10 * time.Second)}, {Share: .3, Watch: manifest.Every(10 * time.Second)}, {Share: 1, HoldBack: .2, Watch: manifest.Every(10 * time.Second)},
	}
	f.m.Steps = StepsOf(f.m)
	f.run(400, nil)
	count := map[int64]int{}
	for _, n := range f.starts {
		count[n]++
	}
	if want := map[int64]int{7001: 2, 7002: 4, 7003: 4}; f.m.State != Promoted || !maps.Equal(count, want) {
		t.Errorf("it ended %s; started anew for each number were %v, want %v", f.m.State, count, want)
	}
}

// Harm of the first second is seen while processes are cold still. Without the option it waits until they have settled.
func TestHarmIsSeenInTheColdStart(t *testing.T) {
	seen := map[bool]int{}
	for seed := range uint64(4) {
		for _, restart := range []bool{true, false} {
			f := coldFarm(t, seed, 3, restart)
			f.run(18, nil)
			if f.m.State == RolledBack && f.m.Vital == judge.Errors {
				seen[restart]++
				if f.m.RegressAt.Sub(f.m.SplitSince) > 20*time.Second {
					t.Errorf("seed %d: it was seen only %s after the split", seed, f.m.RegressAt.Sub(f.m.SplitSince))
				}
			}
		}
	}
	if seen[true] != 4 || seen[false] != 0 {
		t.Errorf("within the settle time harm was seen %d times of 4 with controls started anew, and %d times without", seen[true], seen[false])
	}
}

// stop lets a farm go on until what it was asked satisfies ok.
func (f *farm) stop(what string, ok func() bool) {
	f.t.Helper()
	for range 400 {
		if ok() {
			return
		}
		f.run(1, nil)
	}
	f.t.Fatalf("never: %s; it is %s", what, f.m.State)
}

// Controls start the old release anew once the canaries are up, before any visitor is sent there, and their wish says the number. The reasons name them.
func TestControlsStartOnceTheCanariesAreUp(t *testing.T) {
	f := coldFarm(t, 1, 1, true)
	f.run(1, nil)
	asked := func() (hosts []string) {
		for _, h := range sortedKeys(f.m.Asked) {
			if strings.Contains(f.m.Asked[h].Wish, `{"rel_1":7001}`) {
				hosts = append(hosts, h)
			}
		}
		return hosts
	}
	want := slices.Sorted(slices.Values(f.m.Hosts[4:8]))
	if got := asked(); !slices.Equal(got, want) || f.m.State != Settling {
		t.Errorf("in %s asked to start anew are %v, want the first of the draw behind the canaries, %v", f.m.State, got, want)
	}
	if moves := []State{Staging, Staging, Starting, Starting, Shifting, Settling}; !slices.Equal(f.moves, moves) {
		t.Errorf("moves %v, want %v", f.moves, moves)
	}
	g := coldFarm(t, 1, 1, true)
	for g.m.State == Staging || g.m.Controls.Asked == 0 { // until controls are asked, and no further
		g.deploys = nil
		for _, h := range g.m.Hosts[:max(g.m.StartedHosts(), 4)] {
			g.m.process(event.ProcessChanged{Host: h, Release: "rel_2", Process: "web", State: "up"}, g.now)
		}
		for _, h := range g.m.Hosts {
			g.m.applied(event.DeployApplied{Deploy: g.m.Asked[h].Deploy, Host: h})
		}
		g.advance()
	}
	if text := g.m.Reasons[0].Text; g.m.State != Starting || !strings.HasPrefix(text, "4 hosts of the old release start it anew (") || !strings.Contains(text, strings.Join(g.m.Hosts[4:8], ", ")) {
		t.Errorf("in %s it says %q", g.m.State, text)
	}
	if text := g.m.Sentence(g.now, 0); text != "The old release starts anew, to be compared with the new one while both are cold: 0 of 4 hosts are ready" {
		t.Errorf("it says %q", text)
	}
	if mv, ok := g.m.Decide(g.now); ok {
		t.Errorf("it goes on to %s before they are up", mv.To)
	}
	for _, h := range g.m.Hosts[4:8] { // the old processes are there still: the answers to the requests are not
		g.m.process(event.ProcessChanged{Host: h, Release: "rel_1", Process: "web", Start: 7001, State: "up"}, g.now)
	}
	if mv, ok := g.m.Decide(g.now); !ok || mv.To != Shifting {
		t.Errorf("once they are up it goes to %s, %v", mv.To, ok)
	}
}

// What cannot start anew is compared as it is: hosts whose old release does not come up, and those whose agent is of a version that knows no numbers. The rollout goes on, and says so.
func TestControlsThatCannotStartAnew(t *testing.T) {
	f := coldFarm(t, 2, 1, true)
	f.stuck = set(f.m.Hosts[4:6])
	f.run(400, nil)
	if f.m.State != Promoted {
		t.Errorf("it ended %s: %v", f.m.State, f.m.Why)
	}
	if got, want := f.groups(), [][2]int{{4, 2}, {4, 16}, {12, 4}, {16, 4}}; !slices.Equal(got, want) {
		t.Errorf("compared were %v, want %v", got, want)
	}
	g := coldFarm(t, 2, 1, true)
	g.stuck = f.stuck
	g.stop("visitors are sent to the canaries", func() bool { return g.m.State == Settling })
	for h := range g.stuck {
		if w := g.m.wishHosts()[h]; w.starts != nil || g.m.HostState(h, false) == "failed" {
			t.Errorf("%s is asked for %v, and is %s", h, w.starts, g.m.HostState(h, false))
		}
	}

	f = coldFarm(t, 2, 1, true)
	f.old = set(f.m.Hosts)
	f.run(400, nil)
	if f.m.State != Promoted || len(f.starts) > 0 {
		t.Errorf("with old agents it ended %s, started anew for %v: %v", f.m.State, f.starts, f.m.Why)
	}
	if got, want := f.groups(), [][2]int{{4, 16}, {4, 4}, {16, 4}}; !slices.Equal(got, want) {
		t.Errorf("with old agents compared were %v, want as without the option, %v", got, want)
	}
}

// A control that does not answer is waited for as long as a release may take to start.
func TestALateControlIsNotWaitedForForEver(t *testing.T) {
	f := coldFarm(t, 3, 1, true)
	late := f.m.Hosts[4]
	f.m.UpWithin = 10 * time.Second
	f.mute = map[string]bool{late: true}
	f.stop("visitors are sent to the canaries", func() bool { return f.m.State == Settling })
	if f.now.Sub(f.m.Created) < 70*time.Second {
		t.Errorf("it went on after %s", f.now.Sub(f.m.Created))
	}
	if !f.m.Controls.By[late].GivenUp {
		t.Errorf("%s is %+v", late, f.m.Controls.By[late])
	}
	f.run(400, nil)
	if f.m.State != Promoted {
		t.Errorf("it ended %s: %v", f.m.State, f.m.Why)
	}
}

// What comes late, of a second in which hosts were cold, changes no groups any more.
func TestALateColdSecondChangesNothing(t *testing.T) {
	f := coldFarm(t, 4, 1, true)
	f.stop("all are compared", func() bool { return f.m.State == Watching && len(f.groups()) == 2 })
	before, err := json.Marshal(f.m.Evidence)
	if err != nil {
		t.Fatal(err)
	}
	folded, _, err := f.m.Fold(f.counted(f.split, 1), nil, f.m.SplitSince.Unix()+3, f.now)
	if after, _ := json.Marshal(f.m.Evidence); err != nil || len(folded) > 0 || string(after) != string(before) {
		t.Errorf("folded was %+v, %v", folded, err)
	}
}

// While controls start for the next step, the hosts of the step before are compared on, without them.
func TestControlsThatStartAreLeftOut(t *testing.T) {
	f := coldFarm(t, 5, 1, true)
	f.stop("the second step is watched for", func() bool {
		return f.m.Step == 0 && f.m.State == Watching && !f.now.Before(f.m.Current().Until.Add(-time.Second))
	})
	controls := f.m.Hosts[16:]
	f.mute = set(controls) // they take their time
	f.stop("controls are to start for the second step", func() bool { return f.m.Controls.Asked == 2 })
	if f.m.State != Starting || len(f.m.Controls.Pending(controls)) != 4 {
		t.Fatalf("in %s controls are %+v", f.m.State, f.m.Controls)
	}
	for range 3 {
		f.now = f.now.Add(time.Second)
		if _, _, err := f.m.Fold(f.counted(f.split, 1), nil, f.now.Unix()-1, f.now); err != nil {
			t.Fatal(err)
		}
	}
	last := f.m.lastLayout()
	if len(last.New) != 4 || len(last.Old) != 12 {
		t.Errorf("compared are %+v", last)
	}
	for _, i := range last.Old {
		if slices.Contains(controls, f.m.Judge.Fleet.Hosts[i]) {
			t.Errorf("%s is compared while it starts", f.m.Judge.Fleet.Hosts[i])
		}
	}
	if e := f.m.Evidence.Vitals[0]; e.Hosts[len(e.Hosts)-1][last.Old[0]].Requests == 0 {
		t.Error("hosts that wait for visitors to their new process do not count on the old one")
	}
}

// Where few groups are left to compare, the option falls silent: hosts that started anew for the last of them would be compared alone for good.
func TestControlsNeedGroupsThatAreLeft(t *testing.T) {
	f := coldFarm(t, 6, 1, true)
	f.m.Evidence.Vitals[0].Units.Phases = make([]units.Phase, maxPhases-2)
	for _, h := range f.m.Hosts[:4] {
		f.m.UpSince = map[string]time.Time{h: f.now}
	}
	f.m.State = Starting
	if n := f.m.coldCanaries(); n != 0 {
		t.Errorf("%d canaries want controls", n)
	}
	f.m.Evidence.Vitals[0].Units.Phases = make([]units.Phase, maxPhases-3)
	if n := f.m.coldCanaries(); n == 0 {
		t.Error("no canary wants a control")
	}
}

// knowHosts gives the judge a window before the push in which all hosts did the same, so that controls can start anew.
func (w *world) knowHosts() {
	minute := &before.Minute{}
	rs := event.RouteSecond{App: "shop", Env: "production", Split: event.Split{Old: "rel_1"}}
	for _, h := range w.m.Hosts {
		c := event.Counts{Requests: 6000, AtRisk: 6000, Errors: 120, FirstErrors: 120}
		rs.Hosts = append(rs.Hosts, event.HostCount{Release: "rel_1", Host: h, Counts: c})
	}
	minute.Add(rs, 0)
	window := &before.Window{}
	window.Merge(minute)
	w.m.Policy.RestartControls = true
	w.m.Judge = PolicyOf(w.m, .01, map[string]float64{"errors": 1}, window, nil)
	w.m.Evidence = judge.NewState(w.m.Judge)
}

// What is known of how the groups share the requests begins anew with other groups: in quiet times it would be wrong for minutes.
func TestOtherGroupsShareTheRequestsAnew(t *testing.T) {
	f := coldFarm(t, 4, 1, true)
	f.stop("all are compared", func() bool {
		return len(f.m.Evidence.Vitals) > 0 && f.m.Evidence.Vitals[0].Units != nil && len(f.groups()) == 2
	})
	if e := f.m.Evidence.Vitals[0]; e.RecentNew != 400 || e.RecentOld != 1600 {
		t.Errorf("after the first second of all the shares are those of %d and %d requests", e.RecentNew, e.RecentOld)
	}
}

// What hosts measure themselves is not compared while controls are cold; a control that is taken away is forgotten, and the times go with a clock that was set.
func TestColdControlsElsewhere(t *testing.T) {
	f := coldFarm(t, 4, 1, true)
	f.stop("visitors are sent to the canaries", func() bool { return f.m.State == Settling })
	host := f.m.Hosts[5]
	for _, h := range f.m.Hosts[:4] {
		f.m.UpSince[h], f.m.VisitorsSince[h] = f.now.Add(-time.Hour), f.now.Add(-time.Hour)
	}
	if _, _, ok := f.m.sides(f.now.Unix() + 3); ok {
		t.Error("what hosts measure is compared while controls are cold")
	}
	if _, _, ok := f.m.sides(f.now.Unix() + 30); !ok {
		t.Error("what hosts measure is not compared once controls have settled")
	}
	f.m.Looked = f.now
	f.m.Look(f.now.Add(-time.Hour))
	if at := f.now.Add(-time.Hour + 3*time.Second); !f.m.Controls.Cold(host, at, f.m.settleTime()) || f.m.Controls.Cold(host, at.Add(time.Minute), f.m.settleTime()) {
		t.Errorf("after the clock was set back a control is %+v", f.m.Controls.By[host])
	}
	f.m.Drop(host)
	if f.m.Controls.Start(host) != 0 {
		t.Error("a control that is gone is not forgotten")
	}
}

// Controls get visitors a few seconds before the canaries, whose first requests are the worst: what is compared is as old, second by second.
func TestControlsAreComparedAtTheSameAge(t *testing.T) {
	for seed := range uint64(3) {
		f := coldFarm(t, seed, 1, true)
		f.edgeDelay = 4 * time.Second
		f.factor = func(h, release string) float64 {
			began := f.m.VisitorsSince[h]
			if release == "rel_1" {
				began = f.m.Controls.By[h].Up
			}
			if age := f.now.Sub(began); !began.IsZero() && age <= 4*time.Second {
				return 20
			}
			return 1
		}
		f.answer()
		for range 4 { // before the split is in force
			f.now = f.now.Add(time.Second)
			f.m.Overhear(f.counted(f.split, 1), nil, f.now.Unix()-1)
			f.reload()
		}
		f.stop("all have settled", func() bool { return f.m.State == Watching || f.m.State.Ended() })
		if len(f.m.Evidence.Vitals[0].Hosts) == 0 {
			t.Fatalf("seed %d: nothing was compared, and it is %s", seed, f.m.State)
		}
		var sums [2]judge.HostCount
		e := f.m.Evidence.Vitals[0]
		for side, hosts := range [][]int{e.Units.Phases[0].Layout.New, e.Units.Phases[0].Layout.Old} {
			for _, i := range hosts {
				sums[side].Events, sums[side].Requests = sums[side].Events+e.Hosts[0][i].Events, sums[side].Requests+e.Hosts[0][i].Requests
			}
		}
		if sums[0].Requests != sums[1].Requests || sums[0].Requests != 8000 || sums[1].Events < 600 {
			t.Errorf("seed %d: compared were %+v", seed, sums)
		}
		f.run(300, nil)
		if f.m.State != Promoted {
			t.Errorf("seed %d: a good release ended %s: %v", seed, f.m.State, f.m.Why)
		}
		if len(f.m.Controls.Held) > 0 {
			t.Errorf("seed %d: %d seconds are held for nothing", seed, len(f.m.Controls.Held))
		}
	}
}

// The second in which the split came into force has the first visitors of the canaries, and only a part of it: it is compared with nothing.
func TestASecondThatIsNotWholeIsNotCompared(t *testing.T) {
	f := coldFarm(t, 4, 1, true)
	f.now = f.now.Add(500 * time.Millisecond)
	f.run(1, nil)
	if _, _, err := f.m.Fold(f.counted(f.split, 1), nil, f.m.SplitSince.Unix(), f.now); err != nil || f.m.Evidence.Ticks != 0 {
		t.Errorf("%d seconds were compared, %v", f.m.Evidence.Ticks, err)
	}
	for f.m.Evidence.Ticks == 0 && f.m.State == Settling {
		f.run(1, nil)
	}
	if f.m.Evidence.First != f.m.SplitSince.Unix()+1 {
		t.Errorf("the first second that was compared is %d, and the split was in force at %s", f.m.Evidence.First, f.m.SplitSince)
	}
}
