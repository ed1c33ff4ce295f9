package machine

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/pure/judge"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

// world is a rollout with hosts and edges that do what they are asked, in memory: the machine is stored and read again before every move.
type world struct {
	t      testing.TB
	m      *Rollout
	now    time.Time
	ids    int
	moves  []State
	second int64
	// asked since the last answer
	deploys []event.DeployRequested
	traffic *event.TrafficRequested
	// running by host: the releases a host runs.
	running map[string][]string
	split   event.Split
	// requests a second on each host.
	requests int
	// The edges follow a split this long after they were asked, at edgesAt.
	edgeDelay time.Duration
	edgesAt   time.Time
	// starts are the numbers for which hosts started the old release; those of stuck cannot start it anew, those of mute do not answer, and agents of an older version do not know how.
	starts           map[string]int64
	stuck, mute, old map[string]bool
	// Somebody took away the hosts that ran the new release while visitors were sent there: the edges send them to the old one instead.
	bereft bool
}

func policy() manifest.Rollout {
	p := manifest.DefaultRollout()
	p.Steps = []manifest.Step{
		{Share: .25, Watch: manifest.Every(30 * time.Second)},
		{Share: 1, HoldBack: .25, Watch: manifest.Every(60 * time.Second)},
	}
	p.Settle = manifest.Every(5 * time.Second)
	p.Alpha = .01
	p.FalseAlarms = manifest.Rate{}
	return p
}

func newWorld(t testing.TB, mode manifest.Canary, from string) *world {
	w := &world{t: t, now: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC), running: map[string][]string{}, requests: 400}
	m := &Rollout{
		ID: "rol_1", App: "shop", Env: "production", Release: "rel_2", From: from, Policy: policy(), Mode: mode, State: Queued,
		Hosts: []string{"h1", "h2", "h3", "h4"}, Split: event.Split{Old: from}, InForce: true, Created: w.now, Started: w.now,
	}
	m.Steps = StepsOf(m)
	if m.Judged() {
		m.Judge = PolicyOf(m, .01, map[string]float64{"errors": 1}, nil, nil)
		m.Evidence = judge.NewState(m.Judge)
		m.Verdict = judge.Unknown
	}
	for _, h := range m.Hosts {
		w.running[h] = Compact(from)
	}
	w.split, w.m = m.Split, m
	w.move(m.To(Staging, Because("started", nil, "go")))
	return w
}

// reload is what a restart does.
func (w *world) reload() {
	body, err := json.Marshal(w.m)
	if err != nil {
		w.t.Fatal(err)
	}
	m := &Rollout{}
	if err := json.Unmarshal(body, m); err != nil {
		w.t.Fatal(err)
	}
	w.m = m
}

func (w *world) move(mv Move) {
	w.m.Enter(mv, w.now)
	w.moves = append(w.moves, w.m.State)
	if len(mv.Reasons) == 0 || mv.Reasons[0].Text == "" {
		w.t.Errorf("a move to %s without a reason", mv.To)
	}
	d, tr := w.m.Requests(func(p string) string { w.ids++; return fmt.Sprintf("%s_%d", p, w.ids) })
	w.deploys = append(w.deploys, d...)
	if tr != nil {
		w.traffic, w.edgesAt = tr, w.now.Add(w.edgeDelay)
	}
	w.reload()
	w.check()
}

func (w *world) advance() {
	for range 20 {
		mv, ok := w.m.Decide(w.now)
		if !ok {
			return
		}
		w.move(mv)
		if mv.To == Watching && w.moves[len(w.moves)-2] == Watching {
			return
		}
	}
	w.t.Fatalf("the machine does not rest: %v", w.moves)
}

// answer lets hosts and edges do what they were asked.
func (w *world) answer() {
	due := func() bool { return w.traffic != nil && !w.now.Before(w.edgesAt) }
	for len(w.deploys) > 0 || due() {
		if tr := w.traffic; due() {
			w.traffic, w.split = nil, tr.Split
			if tr.Traffic == w.m.Traffic {
				w.m.inForce(w.now)
			}
			w.check()
		}
		ds := w.deploys
		w.deploys = nil
		for _, d := range ds {
			w.do(d)
		}
		w.reload()
		w.advance()
	}
}

// do lets hosts do what they were asked.
func (w *world) do(d event.DeployRequested) {
	for _, h := range d.Hosts {
		if slices.Contains(d.Run, w.m.Release) && !slices.Contains(w.running[h], w.m.Release) {
			w.m.process(event.ProcessChanged{Host: h, Release: w.m.Release, Process: "web", State: "up"}, w.now)
		}
		w.running[h] = d.Run
		if n := d.Starts[w.m.From]; n != 0 && n != w.starts[h] && !w.old[h] {
			if w.mute[h] {
				continue
			}
			if w.stuck[h] {
				w.m.failed(event.DeployFailed{Deploy: d.Deploy, Host: h, Release: w.m.From, Code: "start", Text: "cannot find the database\nat line 3"})
				continue
			}
			if w.starts == nil {
				w.starts = map[string]int64{}
			}
			w.starts[h] = n
			w.m.process(event.ProcessChanged{Host: h, Release: w.m.From, Process: "web", Start: n, State: "up"}, w.now)
		}
		w.m.applied(event.DeployApplied{Deploy: d.Deploy, Host: h})
	}
}

// pass lets seconds go by with traffic: error rates per request of old and new, 100 requests a second.
func (w *world) pass(seconds int, oldRate, newRate float64) {
	for range seconds {
		w.now = w.now.Add(time.Second)
		w.second++
		if w.split.New != "" {
			w.tick(oldRate, newRate)
		}
		w.advance()
		w.answer()
	}
}

func (w *world) tick(oldRate, newRate float64) {
	requests := w.requests
	rs := event.RouteSecond{App: "shop", Env: "production", Rollout: w.m.ID, Split: w.split}
	for _, h := range w.m.Hosts {
		for _, release := range w.running[h] {
			share, rate := 1-w.split.Share, oldRate
			if release == w.m.Release {
				share, rate = w.split.Share, newRate
			}
			n := int64(float64(requests) * share)
			c := event.Counts{Requests: n, AtRisk: n, Errors: int64(rate * float64(n)), FirstErrors: int64(rate * float64(n))}
			rs.Hosts = append(rs.Hosts, event.HostCount{Release: release, Host: h, Counts: c})
		}
	}
	if _, _, err := w.m.Fold(rs, nil, w.now.Unix()-1, w.now); err != nil {
		w.t.Fatal(err)
	}
	w.reload()
}

// check holds at every moment: visitors are only sent where a process runs, and the old release runs wherever it may be needed again.
func (w *world) check() {
	w.t.Helper()
	if len(w.m.Hosts) == 0 {
		return // nothing runs
	}
	for _, r := range Compact(w.split.Old, w.split.New) {
		if !w.up(r) && (!w.bereft || r != w.split.New) {
			w.t.Errorf("in %s visitors are sent to %s, which runs nowhere", w.m.State, r)
		}
	}
	if w.m.From != "" && !w.m.State.Ended() {
		for _, h := range w.m.Hosts {
			if !slices.Contains(w.running[h], w.m.From) {
				w.t.Errorf("in %s host %s does not run the old release any more", w.m.State, h)
			}
		}
	}
}

// up tells whether a release runs anywhere.
func (w *world) up(release string) bool {
	return slices.ContainsFunc(w.m.Hosts, func(h string) bool { return slices.Contains(w.running[h], release) })
}

func (w *world) want(states ...State) {
	w.t.Helper()
	if !slices.Equal(w.moves, states) {
		w.t.Errorf("moves %v\nwant  %v\nreasons %v", w.moves, states, w.m.Reasons)
	}
}

func TestGoodReleaseReachesEveryone(t *testing.T) {
	for _, mode := range []manifest.Canary{manifest.CanaryVisitors, manifest.CanaryHosts, manifest.CanaryRequests} {
		t.Run(string(mode), func(t *testing.T) {
			w := newWorld(t, mode, "rel_1")
			w.answer()
			w.pass(200, .02, .02)
			states := []State{Staging, Starting, Shifting, Settling, Watching, Starting, Shifting, Settling, Watching, Promoting, Promoted}
			if mode == manifest.CanaryHosts {
				states = slices.Insert(states, 9, Promoting) // once all hosts run it
			}
			w.want(states...)
			if w.m.Verdict != judge.Healthy {
				t.Errorf("verdict %s: %v", w.m.Verdict, w.m.Why)
			}
			for h, run := range w.running {
				if !slices.Equal(run, []string{"rel_2"}) {
					t.Errorf("host %s runs %v", h, run)
				}
			}
		})
	}
}

func TestBadReleaseComesBack(t *testing.T) {
	for _, mode := range []manifest.Canary{manifest.CanaryVisitors, manifest.CanaryHosts, manifest.CanaryRequests} {
		t.Run(string(mode), func(t *testing.T) {
			w := newWorld(t, mode, "rel_1")
			w.answer()
			w.pass(60, .02, .08)
			w.want(Staging, Starting, Shifting, Settling, Watching, Returning, RolledBack)
			if w.m.Vital != judge.Errors || w.m.Verdict != judge.Regressed {
				t.Errorf("verdict %s on %q", w.m.Verdict, w.m.Vital)
			}
			if w.split.New != "" || w.split.Old != "rel_1" {
				t.Errorf("the edges split %+v", w.split)
			}
			if text := w.m.Why[0].Text; !strings.Contains(text, "times") {
				t.Errorf("the reason has no number: %s", text)
			}
		})
	}
}

func TestFirstReleaseIsJudgedByItsHealthAlone(t *testing.T) {
	w := newWorld(t, manifest.CanaryVisitors, "")
	w.answer()
	w.pass(20, 0, 0)
	w.want(Staging, Starting, Shifting, Settling, Watching, Promoting, Promoted)
	if w.m.Why[0].Code != "first_release" {
		t.Errorf("reasons %v", w.m.Why)
	}
}

func TestUnknownAtTheEndOfAWatch(t *testing.T) {
	for unknown, last := range map[manifest.Unknown]State{manifest.UnknownPromote: Promoted, manifest.UnknownHold: Held, manifest.UnknownWait: Watching} {
		t.Run(string(unknown), func(t *testing.T) {
			w := newWorld(t, manifest.CanaryVisitors, "rel_1")
			w.m.Policy.Unknown, w.requests = unknown, 4
			w.answer()
			w.pass(150, 0, 0) // too few requests to tell
			if w.m.State != last {
				t.Errorf("ended %s, want %s: %v", w.m.State, last, w.m.Reasons)
			}
		})
	}
}

func TestCrashedButUnknownIsHeld(t *testing.T) {
	w := newWorld(t, manifest.CanaryVisitors, "rel_1")
	w.requests = 4
	w.answer()
	w.pass(10, 0, 0)
	w.m.process(event.ProcessChanged{Host: "h1", Release: "rel_2", Process: "web", State: "up", Restarts: 1, Text: "panic"}, w.now)
	w.pass(60, 0, 0)
	if w.m.State != Held {
		t.Errorf("ended %s: %v", w.m.State, w.m.Reasons)
	}
}

func TestCrashLoopComesBack(t *testing.T) {
	w := newWorld(t, manifest.CanaryVisitors, "rel_1")
	w.answer()
	w.pass(10, .01, .01)
	w.m.process(event.ProcessChanged{Host: "h2", Release: "rel_2", Process: "web", State: "crashed", Restarts: 2, Text: "exit status 2"}, w.now)
	w.pass(2, .01, .01)
	if w.m.State != RolledBack || w.m.Why[0].Code != "crash_loop" {
		t.Errorf("ended %s: %v", w.m.State, w.m.Why)
	}
}

func TestReleaseThatCannotStartComesBack(t *testing.T) {
	w := newWorld(t, manifest.CanaryVisitors, "rel_1")
	w.deploys = nil
	for _, h := range w.m.Hosts {
		w.m.applied(event.DeployApplied{Deploy: w.m.Asked[h].Deploy, Host: h})
	}
	w.advance() // starting
	w.m.failed(event.DeployFailed{Deploy: w.m.Asked["h3"].Deploy, Host: "h3", Release: "rel_2", Code: "unhealthy", Text: "/healthz answered 500"})
	w.deploys = nil
	w.advance()
	w.answer()
	if w.m.State != RolledBack || !strings.Contains(w.m.Why[0].Text, "h3") {
		t.Errorf("ended %s: %v", w.m.State, w.m.Why)
	}
}

func TestHostsThatCannotFetchAreLeftOut(t *testing.T) {
	w := newWorld(t, manifest.CanaryVisitors, "rel_1")
	for _, h := range w.m.Hosts[1:] {
		w.m.applied(event.DeployApplied{Deploy: w.m.Asked[h].Deploy, Host: h})
	}
	w.deploys = nil
	w.m.failed(event.DeployFailed{Deploy: w.m.Asked["h1"].Deploy, Host: "h1", Release: "rel_2", Code: "disk", Text: "no space left"})
	w.advance()
	if w.m.State != Staging {
		t.Fatalf("state %s at once", w.m.State)
	}
	w.now = w.now.Add(stageTime)
	w.advance()
	w.answer()
	w.pass(150, .02, .02)
	if w.m.State != Promoted || !slices.Contains(w.m.LeftOut, "h1") || slices.Contains(w.m.Hosts, "h1") {
		t.Errorf("ended %s, left out %v", w.m.State, w.m.LeftOut)
	}
}

func TestPauseStopsTheClockNotTheGuard(t *testing.T) {
	w := newWorld(t, manifest.CanaryVisitors, "rel_1")
	w.answer()
	w.pass(10, .02, .02)
	until := w.m.Current().Until
	mv, err := w.m.Order(Pause, "person:ana", "lunch")
	if err != nil {
		t.Fatal(err)
	}
	w.move(mv)
	w.pass(100, .02, .02)
	if w.m.State != Paused || w.m.Before != Watching {
		t.Fatalf("state %s", w.m.State)
	}
	since := w.m.Since
	if mv, err = w.m.Order(Resume, "person:ana", ""); err != nil {
		t.Fatal(err)
	}
	w.move(mv)
	w.m.Shift(w.now.Sub(since))
	if got := w.m.Current().Until.Sub(until); got != 100*time.Second {
		t.Errorf("the watch was moved by %s", got)
	}
	if mv, err = w.m.Order(Pause, "person:ana", "again"); err != nil {
		t.Fatal(err)
	}
	w.move(mv)
	w.pass(60, .02, .2)
	if w.m.State != RolledBack {
		t.Errorf("a regression during a pause ended in %s", w.m.State)
	}
}

func TestOrdersThatMakeNoSenseAreRefused(t *testing.T) {
	w := newWorld(t, manifest.CanaryVisitors, "rel_1")
	for _, cmd := range []Command{Resume, Promote} {
		if _, err := w.m.Order(cmd, "person:ana", ""); err == nil {
			t.Errorf("%s was allowed in %s", cmd, w.m.State)
		}
	}
	w.answer()
	w.pass(200, .02, .02)
	for _, cmd := range []Command{Pause, Resume, Promote, RollBack} {
		if _, err := w.m.Order(cmd, "person:ana", ""); err == nil {
			t.Errorf("%s was allowed after the end", cmd)
		}
	}
}

// TestAnyOrderOfThingsEndsWhole throws orders, failures, losses and time at a rollout, in any order, with a restart before each move. It must end, and whole.
func TestAnyOrderOfThingsEndsWhole(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		mode := rapid.SampledFrom([]manifest.Canary{manifest.CanaryVisitors, manifest.CanaryHosts}).Draw(rt, "mode")
		w := newWorld(t, mode, "rel_1")
		if mode == manifest.CanaryHosts && rapid.Bool().Draw(rt, "controls") {
			w.knowHosts()
		}
		bad := rapid.SampledFrom([]float64{.02, .02, .1}).Draw(rt, "rate")
		for range rapid.IntRange(0, 25).Draw(rt, "things") {
			switch rapid.IntRange(0, 8).Draw(rt, "thing") {
			case 0:
				w.pass(rapid.IntRange(1, 20).Draw(rt, "seconds"), .02, bad)
			case 1:
				w.answer()
			case 2:
				cmd := rapid.SampledFrom([]Command{Pause, Resume, Promote, RollBack}).Draw(rt, "cmd")
				if mv, err := w.m.Order(cmd, "person:ana", "because"); err == nil {
					w.move(mv)
				}
			case 3:
				if len(w.m.Hosts) == 0 {
					continue
				}
				w.m.SetLost(rapid.SampledFrom(w.m.Hosts).Draw(rt, "lost"), rapid.Bool().Draw(rt, "back"))
			case 4:
				if len(w.m.Hosts) == 0 {
					continue
				}
				h := rapid.SampledFrom(w.m.Hosts).Draw(rt, "host")
				w.m.failed(event.DeployFailed{Deploy: w.m.Asked[h].Deploy, Host: h, Release: w.m.Release, Code: "disk", Text: "full"})
			case 5:
				w.m.process(event.ProcessChanged{Host: "h1", Release: w.m.Release, State: "crashed", Restarts: rapid.IntRange(0, 3).Draw(rt, "restarts")}, w.now)
			case 6:
				w.advance()
			case 8:
				h := rapid.SampledFrom([]string{"h1", "h2", "h3", "h4"}).Draw(rt, "control")
				w.stuck, w.mute, w.old = nil, nil, nil
				*rapid.SampledFrom([]*map[string]bool{&w.stuck, &w.mute, &w.old}).Draw(rt, "how") = map[string]bool{h: true}
			case 7:
				w.remove(w.m.Hosts[:rapid.IntRange(0, len(w.m.Hosts)).Draw(rt, "removed")]...)
			}
			w.rejoin()
		}
		w.stuck, w.mute = nil, nil
		for range 10 {
			for _, h := range w.m.Hosts {
				w.m.SetLost(h, false)
			}
			w.advance()
			w.answer()
			if w.m.State == Paused || w.m.State == Held {
				mv, err := w.m.Order(RollBack, "person:ana", "enough")
				if err != nil {
					rt.Fatal(err)
				}
				w.move(mv)
			}
			w.pass(120, .02, bad)
			w.rejoin()
		}
		live := map[State]string{Promoted: "rel_2", RolledBack: "rel_1"}[w.m.State]
		if live == "" {
			rt.Fatalf("it never ended: %s, %v", w.m.State, w.moves)
		}
		if w.split.Old != live || w.split.New != "" {
			rt.Fatalf("%s, but the edges split %+v", w.m.State, w.split)
		}
		for h, run := range w.running {
			if !slices.Equal(run, []string{live}) {
				rt.Fatalf("%s, but host %s runs %v", w.m.State, h, run)
			}
		}
	})
}
