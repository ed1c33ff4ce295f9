package machine

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/slipwayhq/slipway/internal/decide/rollout/before"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/pure/judge"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
	"github.com/slipwayhq/slipway/internal/pure/stats/units"
)

// farm is a world of many hosts that differ, with traffic of chance.
type farm struct {
	*world
	rng *rand.Rand
	// rate is each host's part of failing requests; factor what the new release makes of it.
	rate   map[string]float64
	factor func(host, release string) float64
	path   func(host, release string) event.FailureCount
	// fronts: each host's requests are told of by a front of its own.
	fronts bool
}

func newFarm(t *testing.T, seed uint64, hosts int, sd float64) *farm {
	t.Helper()
	f := &farm{world: newWorld(t, manifest.CanaryHosts, "rel_1"), rng: rand.New(rand.NewPCG(seed, 7)), rate: map[string]float64{}}
	f.factor = func(string, string) float64 { return 1 }
	f.path = func(host, release string) event.FailureCount {
		return event.FailureCount{Release: release, Host: host, Path: "/", Status: 500}
	}
	m := f.m
	m.Hosts, m.Policy.Steps = nil, []manifest.Step{{Share: .2, Watch: manifest.Every(30 * time.Second)}, {Share: 1, HoldBack: .2, Watch: manifest.Every(30 * time.Second)}}
	m.Steps = StepsOf(m)
	for i := range hosts {
		h := fmt.Sprintf("h%02d", i)
		m.Hosts = append(m.Hosts, h)
		f.rate[h] = 0.02 * math.Exp(sd*f.rng.NormFloat64())
		f.running[h] = []string{"rel_1"}
	}
	w := &before.Window{}
	for i := range 30 {
		minute := &before.Minute{}
		rs := f.counted(event.Split{Old: "rel_1"}, 60)
		minute.Add(rs, int64(60*i))
		w.Merge(minute)
	}
	m.Judge = PolicyOf(m, .01, map[string]float64{"errors": 1}, w, nil)
	if m.Judge.Fleet == nil || m.Judge.Margin != 0 {
		t.Fatalf("the judge knows nothing of the hosts: %+v", m.Judge)
	}
	m.Evidence = judge.NewState(m.Judge)
	m.Asked, m.Waiting, f.deploys = nil, nil, nil
	f.move(m.To(Staging, Because("started", nil, "go")))
	return f
}

// counted is what an edge counts in so many seconds: 100 requests a second on each host, a fifth of them on /pay.
func (f *farm) counted(s event.Split, seconds float64) event.RouteSecond {
	rs := event.RouteSecond{App: "shop", Env: "production", Rollout: f.m.ID, Traffic: f.m.Traffic, Split: s, Buckets: []event.BucketCount{{Release: "rel_1", Bucket: 1, Requests: 100}}}
	paths := map[string]*event.PathCount{}
	for _, h := range f.m.Hosts {
		release := s.Old
		if slices.Contains(s.NewHosts, h) {
			release = s.New
		}
		n := int64(100 * seconds)
		bad := int64(distuv.Poisson{Lambda: float64(n) * f.rate[h] * f.factor(h, release), Src: f.rng}.Rand())
		rs.Hosts = append(rs.Hosts, event.HostCount{Release: release, Host: h, Counts: event.Counts{Requests: n, AtRisk: n, Errors: bad, FirstErrors: bad}})
		failure := f.path(h, release)
		failure.Errors, failure.FirstErrors = bad, bad
		rs.Failures = append(rs.Failures, failure)
		for _, path := range []string{"/", "/pay"} {
			key := release + path
			if paths[key] == nil {
				paths[key] = &event.PathCount{Release: release, Path: path}
			}
			part := n * 4 / 5
			if path == "/pay" {
				part = n / 5
			}
			paths[key].Requests, paths[key].AtRisk = paths[key].Requests+part, paths[key].AtRisk+part
			if failure.Path == path {
				paths[key].Errors, paths[key].FirstErrors = paths[key].Errors+bad, paths[key].FirstErrors+bad
			}
		}
	}
	for _, key := range sortedKeys(paths) {
		rs.Paths = append(rs.Paths, *paths[key])
	}
	return rs
}

// run lets seconds go by until the rollout has ended; news tells which failures are of a new kind.
func (f *farm) run(seconds int, news func(event.FailureCount) bool) {
	f.t.Helper()
	f.answer()
	for range seconds {
		f.now = f.now.Add(time.Second)
		if f.split.New != "" {
			rs := f.counted(f.split, 1)
			var fresh []event.FailureCount
			for _, c := range rs.Failures {
				if news != nil && news(c) {
					fresh = append(fresh, c)
				}
			}
			for _, part := range f.parts(rs) {
				if _, _, err := f.m.Fold(part, fresh, f.now.Unix()-1, f.now); err != nil {
					f.t.Fatal(err)
				}
			}
			f.reload()
		}
		f.advance()
		f.answer()
		if f.m.State.Ended() {
			return
		}
	}
}

// parts are the seconds of the edges: one, or one of each host.
func (f *farm) parts(rs event.RouteSecond) []event.RouteSecond {
	if !f.fronts {
		return []event.RouteSecond{rs}
	}
	var parts []event.RouteSecond
	for _, i := range f.rng.Perm(len(rs.Hosts)) {
		one := rs
		one.Hosts, one.Paths, one.Failures = rs.Hosts[i:i+1], nil, rs.Failures[i:i+1]
		parts = append(parts, one)
	}
	return parts
}

// Each host has a front of its own, which tells of one release only, and half of all requests fail, as half are slower than the median. A good release goes out, and harm is seen.
func TestFrontsTellOfOneReleaseEach(t *testing.T) {
	for seed := range uint64(5) {
		for _, harm := range []float64{1, 1.6} {
			f := newFarm(t, seed, 12, .05)
			for h := range f.rate {
				f.rate[h] = .5
			}
			f.fronts = true
			f.factor = func(_, release string) float64 { return map[string]float64{"rel_1": 1, "rel_2": harm}[release] }
			f.run(300, nil)
			want := Promoted
			if harm > 1 {
				want = RolledBack
			}
			if f.m.State != want || len(f.m.Halves) > 3 {
				t.Errorf("seed %d, %v times the errors: it ended %s with %d halves: %v", seed, harm, f.m.State, len(f.m.Halves), f.m.Why)
			}
		}
	}
}

// One side alone is no evidence, however much it tells: it waits for the other, and then it is a gap.
func TestOneSideAloneIsAGap(t *testing.T) {
	f := newFarm(t, 1, 12, .05)
	f.fronts = true
	f.factor = func(string, string) float64 { return 20 }
	f.run(8, nil)
	before := f.m.Evidence.Ticks
	for second := range int64(200) {
		for _, part := range f.parts(f.counted(f.split, 1)) {
			if part.Hosts[0].Release != "rel_2" {
				continue
			}
			if _, _, err := f.m.Fold(part, nil, f.now.Unix()+second, f.now); err != nil {
				t.Fatal(err)
			}
		}
	}
	if e := f.m.Evidence.Vitals[0]; f.m.Evidence.Ticks > before+1 || e.Total.New > 0 && e.Total.Old == 0 || f.m.Verdict == judge.Regressed || len(f.m.Halves) > 8 {
		t.Errorf("%d ticks more, %+v, %d halves wait, %s", f.m.Evidence.Ticks-before, e.Total, len(f.m.Halves), f.m.Verdict)
	}
}

// Hosts that differ by 40 % make no harm of a release that changes nothing, and hide none of one that does.
func TestHostsThatDiffer(t *testing.T) {
	for seed := range uint64(6) {
		f := newFarm(t, seed, 20, .4)
		f.run(300, nil)
		if f.m.State != Promoted {
			t.Errorf("seed %d: a good release ended %s: %v", seed, f.m.State, f.m.Why)
		}
		if phases := f.m.Evidence.Vitals[0].Units.Phases; len(phases) != 3 || len(phases[0].Layout.New) != 4 || len(phases[2].Layout.New) != 16 || len(phases[2].Layout.Old) != 4 {
			t.Errorf("seed %d: %d groups of hosts were compared", seed, len(phases))
		}
		f = newFarm(t, seed, 20, .4)
		f.factor = func(_, release string) float64 { return map[string]float64{"rel_1": 1, "rel_2": 2}[release] }
		f.run(300, nil)
		if f.m.State != RolledBack || f.m.Vital != judge.Errors || f.m.Step != 0 {
			t.Errorf("seed %d: a doubling ended %s in step %d: %s %v", seed, f.m.State, f.m.Step, f.m.Vital, f.m.Why)
		}
	}
}

// leavesOut goes on until a host is left out, and gives the reasons; nil where it never is.
func (f *farm) leavesOut(host string) []event.Reason {
	f.t.Helper()
	f.answer()
	for range 300 {
		f.now = f.now.Add(time.Second)
		if f.split.New != "" {
			if _, _, err := f.m.Fold(f.counted(f.split, 1), nil, f.now.Unix()-1, f.now); err != nil {
				f.t.Fatal(err)
			}
		}
		if mv, ok := f.m.Decide(f.now); ok && slices.Contains(mv.LeaveOut, host) {
			f.advance()
			return mv.Reasons
		}
		f.advance()
		f.answer()
	}
	return nil
}

// One canary breaks: it is named, another one is drawn, and the release goes out.
func TestABrokenCanaryIsReplaced(t *testing.T) {
	f := newFarm(t, 3, 20, .2)
	broken := f.m.Hosts[1]
	f.m.Call(broken, "web-"+broken)
	f.factor = func(host, release string) float64 {
		if host == broken && release == "rel_2" {
			return 12
		}
		return 1
	}
	why := f.leavesOut(broken)
	if why == nil || why[0].Code != "host_suspect" || !strings.Contains(f.m.Named(why)[0].Text, "host web-"+broken+" alone") || !slices.Contains(f.m.Unfit, broken) {
		t.Fatalf("%s: it was not left out: %v %v", f.m.State, f.m.Reasons, f.m.Why)
	}
	if f.m.WhyOut[broken] != outBroken {
		t.Errorf("of the host that broke the page says %q", f.m.WhyOut[broken])
	}
	if f.m.StartedHosts() != 4 || slices.Contains(f.m.Split.NewHosts, broken) && f.m.State != Starting {
		t.Errorf("canaries %v", f.m.Split.NewHosts)
	}
	f.run(300, nil)
	if f.m.State != Promoted || f.m.Verdict == judge.Regressed {
		t.Errorf("it ended %s: %v", f.m.State, f.m.Why)
	}
}

// Where no other host could take its place, a broken one is named and nothing is taken back for it.
func TestABrokenCanaryWithoutAnother(t *testing.T) {
	f := newFarm(t, 5, 4, .1)
	f.m.Steps[0].Share = .75
	f.m.Steps = f.m.Steps[:1]
	f.m.Policy.Unknown = manifest.UnknownHold
	broken := f.m.Hosts[1]
	f.factor = func(host, release string) float64 {
		if host == broken && release == "rel_2" {
			return 12
		}
		return 1
	}
	for f.m.State != Watching {
		f.run(1, nil)
	}
	for _, h := range f.m.Hosts[3:] {
		f.m.SetLost(h, true)
	}
	f.run(60, nil)
	if f.m.State == RolledBack || slices.Contains(f.m.LeftOut, broken) {
		t.Errorf("it ended %s: %v", f.m.State, f.m.Why)
	}
}

// With two canaries of three hosts the one that broke is left out, one canary goes on, and the last host stays on the old release: what is said is that, and not that another one was drawn.
func TestABrokenCanaryOfThreeHosts(t *testing.T) {
	f := newFarm(t, 7, 3, .1)
	f.m.Steps[0].Share = .6
	broken := f.m.Hosts[1]
	f.factor = func(host, release string) float64 {
		if host == broken && release == "rel_2" {
			return 12
		}
		return 1
	}
	why := f.leavesOut(broken)
	if why == nil || !strings.HasSuffix(why[0].Text, "it is left out, and the watch begins again without it") {
		t.Fatalf("%s: %v %v", f.m.State, why, f.m.Why)
	}
	if f.m.StartedHosts() != 1 || len(f.m.Hosts) != 2 {
		t.Errorf("%d of %d hosts are canaries", f.m.StartedHosts(), len(f.m.Hosts))
	}
}

// A second of the split before, told late, changes no group: what does not fit is left out.
func TestALateSecondOfTheSplitBefore(t *testing.T) {
	f := newFarm(t, 1, 10, .1)
	f.run(12, nil)
	first := f.split
	for range 200 {
		if f.m.Step == 1 && f.m.State == Watching {
			break
		}
		f.run(1, nil)
	}
	f.run(2, nil)
	phases := len(f.m.Evidence.Vitals[0].Units.Phases)
	total := f.m.Evidence.Vitals[0].Total
	s, _, err := f.m.Fold(f.counted(first, 1), nil, f.now.Unix()-1, f.now)
	if err != nil || len(s) != 1 || s[0].Layout != nil || len(f.m.Evidence.Vitals[0].Units.Phases) != phases {
		t.Fatalf("%v: %+v", err, s)
	}
	got := f.m.Evidence.Vitals[0].Total
	// Two canaries of ten are on the new release in both, two are held back in both.
	if got.AtRiskNew-total.AtRiskNew != 200 || got.AtRiskOld-total.AtRiskOld != 200 {
		t.Errorf("%d new and %d old requests count", got.AtRiskNew-total.AtRiskNew, got.AtRiskOld-total.AtRiskOld)
	}
}

// A broken route, and errors of a kind that nobody has seen, are harm of their own.
func TestAlarms(t *testing.T) {
	onPay := func(host, release string) event.FailureCount {
		c := event.FailureCount{Release: release, Host: host, Path: "/", Status: 500}
		if release == "rel_2" {
			c.Path = "/pay"
		}
		return c
	}
	f := newFarm(t, 1, 10, .1)
	f.path = onPay
	f.run(200, nil)
	if f.m.State != RolledBack || f.m.Vital != judge.RouteErrors("/pay") {
		t.Errorf("a route that breaks ended %s on %q", f.m.State, f.m.Vital)
	}
	f = newFarm(t, 1, 10, .1)
	f.run(200, func(c event.FailureCount) bool { return c.Release == "rel_2" })
	if f.m.State != RolledBack || f.m.Vital != judge.NewErrors {
		t.Errorf("errors of a new kind ended %s on %q", f.m.State, f.m.Vital)
	}
	f = newFarm(t, 1, 10, .1)
	f.run(300, func(c event.FailureCount) bool { return c.Errors%3 == 0 })
	if f.m.State != Promoted {
		t.Errorf("a new kind on both releases ended %s on %q: %v", f.m.State, f.m.Vital, f.m.Why)
	}
}

// By visitor: the same alarms, from first errors alone.
func TestAlarmsByVisitor(t *testing.T) {
	for name, test := range map[string]struct {
		news  bool
		path  string
		vital string
	}{
		"a route": {path: "/pay", vital: "errors on /pay"}, "a new kind": {news: true, vital: judge.NewErrors}, "neither": {},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, manifest.CanaryVisitors, "rel_1")
			win := &before.Window{}
			win.Merge(&before.Minute{Paths: map[string]*before.Cell{"/": {Requests: 90}, "/pay": {Requests: 1}}})
			w.m.Judge = PolicyOf(w.m, .01, map[string]float64{"errors": 1}, win, nil)
			w.m.Evidence = judge.NewState(w.m.Judge)
			w.answer()
			for range 40 {
				w.now = w.now.Add(time.Second)
				if s := w.split; s.New != "" {
					rs := event.RouteSecond{Split: s, Rollout: w.m.ID}
					for release, share := range map[string]float64{s.Old: 1 - s.Share, s.New: s.Share} {
						n := int64(4000 * share)
						rs.Hosts = append(rs.Hosts, event.HostCount{Release: release, Host: "h1", Counts: event.Counts{Requests: n, AtRisk: n, Errors: n / 50, FirstErrors: n / 50}})
						p := event.PathCount{Release: release, Path: "/pay", Requests: 4, Errors: 1, AtRisk: 4}
						if release == s.New && test.path != "" {
							p.FirstErrors = 3
						}
						rs.Paths = append(rs.Paths, p)
					}
					var news []event.FailureCount
					if test.news {
						news = []event.FailureCount{{Release: s.New, Host: "h1", Path: "/", Status: 500, Errors: 9, FirstErrors: 2}}
					}
					if _, _, err := w.m.Fold(rs, news, w.now.Unix()-1, w.now); err != nil {
						t.Fatal(err)
					}
				}
				w.advance()
				w.answer()
			}
			if got := w.m.Verdict == judge.Regressed; got != (test.vital != "") || w.m.Vital != test.vital {
				t.Errorf("%s on %q", w.m.Verdict, w.m.Vital)
			}
		})
	}
}

// misrouted lets seconds go by in which the new release gets half of its requests.
func (w *world) misrouted(seconds int) {
	for range seconds {
		w.now = w.now.Add(time.Second)
		if s := w.split; s.New != "" {
			rs := event.RouteSecond{Split: s, Rollout: w.m.ID}
			fresh, old := int64(400*s.Share/2), int64(400*(1-s.Share))
			rs.Hosts = []event.HostCount{
				{Release: s.New, Host: "h1", Counts: event.Counts{Requests: fresh, AtRisk: fresh}}, {Release: s.Old, Host: "h1", Counts: event.Counts{Requests: old, AtRisk: old}},
			}
			for b := range event.Buckets {
				rs.Buckets = append(rs.Buckets, event.BucketCount{Release: s.Old, Bucket: b, Requests: old/event.Buckets + (w.second+int64(b))%2})
			}
			if _, _, err := w.m.Fold(rs, nil, w.now.Unix()-1, w.now); err != nil {
				w.t.Fatal(err)
			}
			w.second++
		}
		w.advance()
		w.answer()
	}
}

// A split that is wrong is no verdict on the release: it is held once, and never promoted by itself.
func TestAWrongSplitIsHeld(t *testing.T) {
	w := newWorld(t, manifest.CanaryVisitors, "rel_1")
	w.answer()
	w.misrouted(60)
	if w.m.State != Held || w.m.Verdict != judge.WrongSplit || w.m.Reasons[0].Code != "wrong_split" || !strings.Contains(w.m.Reasons[0].Text, "should get 25 %") {
		t.Fatalf("%s, %s: %v", w.m.State, w.m.Verdict, w.m.Reasons)
	}
	w.order(Resume)
	w.misrouted(10)
	if w.m.State != Watching {
		t.Errorf("somebody let it go on, and it is %s", w.m.State)
	}
	w.misrouted(60)
	if w.m.State != Held {
		t.Errorf("at the end of the watch it is %s: %v", w.m.State, w.m.Reasons)
	}
	w.order(Promote)
	w.misrouted(5)
	if w.m.State != Promoted {
		t.Errorf("somebody promoted it, and it is %s", w.m.State)
	}
}

func TestWhatIsLearntOfHosts(t *testing.T) {
	f := newFarm(t, 1, 20, .4)
	learnt := f.m.Learnt()
	if len(learnt) != 1 || learnt[judge.Errors].Mean() < .25 || learnt[judge.Errors].Mean() > .6 {
		t.Errorf("learnt %+v", learnt)
	}
	if newWorld(t, manifest.CanaryVisitors, "rel_1").m.Learnt() != nil {
		t.Error("where no host is compared nothing is learnt")
	}
	p := PolicyOf(f.m, .01, map[string]float64{"errors": 1}, &before.Window{}, map[string]units.Spread{})
	if p.Fleet != nil || p.Margin != judge.DefaultHostMargin {
		t.Errorf("without a window hosts keep their margin: %+v", p)
	}
}
