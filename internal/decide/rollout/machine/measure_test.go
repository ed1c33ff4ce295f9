package machine

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/slipwayhq/slipway/internal/decide/rollout/before"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/pure/judge"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

// plant is a world whose hosts measure what they use, and what the app counts.
type plant struct {
	*world
	rng *rand.Rand
	cpu map[string]float64
	// harm is what the new release does to the cpu, to the failures of the checkout, and to orders.
	cpuHarm, failing, orders float64
}

func newPlant(t *testing.T, seed uint64, mode manifest.Canary, vitals ...manifest.Vital) *plant {
	t.Helper()
	w := newWorld(t, mode, "rel_1")
	p := &plant{world: w, rng: rand.New(rand.NewPCG(seed, 5)), cpu: map[string]float64{}, cpuHarm: 1, failing: 1, orders: 1}
	w.m.Hosts = nil
	for i := range 20 {
		h := string(rune('a'+i)) + "1"
		w.m.Hosts = append(w.m.Hosts, h)
		w.running[h] = []string{"rel_1"}
		p.cpu[h] = .4 * math.Exp(.4*p.rng.NormFloat64())
	}
	w.m.Policy.Vitals = append([]manifest.Vital{{Name: manifest.VitalErrors, Weight: 1}}, vitals...)
	w.m.Policy.Steps = []manifest.Step{{Share: .25, Watch: manifest.Every(3 * time.Minute)}}
	w.m.Steps = StepsOf(w.m)
	win := &before.Window{Measured: &before.Measured{Hosts: map[string]*before.Slot{}}}
	for _, h := range w.m.Hosts {
		s := before.Slot{}
		for range 60 {
			s.Merge(p.slot(h, "rel_1"))
		}
		win.Measured.Hosts[h] = &s
	}
	w.m.Judge = PolicyOf(w.m, .01, w.m.Policy.Weights(mode), win, nil)
	w.m.Evidence = judge.NewState(w.m.Judge)
	w.m.PrepareUsed(win)
	w.m.Asked, w.m.Waiting, w.deploys = nil, nil, nil
	w.move(w.m.To(Staging, Because("started", nil, "go")))
	return p
}

// slot is what a host measures of a release in ten seconds: 200 checkouts on a whole host, of which 4 fail and, where that is asked, 20 are ordered by who had not ordered before.
func (p *plant) slot(host, release string) before.Slot {
	started, failed, cpu := 200.0, 4.0, p.cpu[host]
	if p.m.Mode == manifest.CanaryVisitors {
		share := 1 - p.split.Share
		if release == p.m.Release {
			share = p.split.Share
		}
		started, failed = started*share, failed*share
	}
	if release == p.m.Release {
		failed, cpu = failed*p.failing, cpu*p.cpuHarm
	}
	s := before.Slot{Uses: 10, CPU: 10 * cpu * math.Exp(.1*p.rng.NormFloat64()), Memory: 1e9, Loads: 10, Load: 7}
	s.Counters = map[string]float64{"checkout.started": started, "checkout.failed": distuv.Poisson{Lambda: failed, Src: p.rng}.Rand()}
	if slices.ContainsFunc(p.m.Policy.Vitals, func(v manifest.Vital) bool { return v.Event != "" }) {
		orders := started / 10
		if release == p.m.Release {
			orders *= p.orders
		}
		s.Counters["event/order per page"], s.Counters["event/order per page/per"] = distuv.Poisson{Lambda: orders, Src: p.rng}.Rand(), started
	}
	return s
}

// run lets seconds go by, with the edge's seconds and the hosts' slots.
func (p *plant) run(seconds int) {
	p.t.Helper()
	p.answer()
	for range seconds {
		p.now = p.now.Add(time.Second)
		if p.split.New != "" {
			p.tick(.02, .02)
		}
		if from, to, ok := p.m.SlotsDue(p.now); ok {
			for slot := from; slot <= to; slot++ {
				p.measure(slot)
			}
		}
		p.advance()
		p.answer()
		if p.m.State.Ended() {
			return
		}
	}
}

func (p *plant) measure(slot int64) {
	p.t.Helper()
	var hosts []before.HostSlot
	for _, h := range p.m.Hosts {
		for _, release := range p.running[h] {
			// By host the new release's process serves alone where it runs.
			if p.m.Mode == manifest.CanaryHosts && slices.Contains(p.m.Split.NewHosts, h) != (release == p.m.Release) {
				continue
			}
			hosts = append(hosts, before.HostSlot{Slot: slot, Release: release, Host: h, Measured: p.slot(h, release)})
		}
	}
	if _, _, _, err := p.m.Measure(slot, hosts, p.now); err != nil {
		p.t.Fatal(err)
	}
	again := p.m.Evidence.Ticks
	if _, _, changed, err := p.m.Measure(slot, hosts, p.now); err != nil || changed || p.m.Evidence.Ticks != again {
		p.t.Errorf("a slot counts twice: %v", err)
	}
	p.reload()
}

var (
	cpu     = manifest.Vital{Name: manifest.VitalCPU, Weight: 1}
	order   = manifest.Vital{Name: "order", Event: "order", Per: "page", Bad: manifest.Drop, Weight: 1}
	counter = manifest.Vital{Name: "checkout.failed", Counter: "checkout.failed", Per: "checkout.started", Bad: manifest.Rise, Weight: 1}
)

// What hosts use, and what the app counts, is harm of its own; what does not change is none.
func TestWhatHostsMeasureIsJudged(t *testing.T) {
	for name, test := range map[string]struct {
		mode                 manifest.Canary
		vital                manifest.Vital
		cpu, failing, orders float64
	}{
		"cpu":                            {manifest.CanaryHosts, cpu, 1.6, 1, 1},
		"a counter, by host":             {manifest.CanaryHosts, counter, 1, 4, 1},
		"a counter, by visitor":          {manifest.CanaryVisitors, counter, 1, 4, 1},
		"an event, by host":              {manifest.CanaryHosts, order, 1, 1, .5},
		"an event, by visitor":           {manifest.CanaryVisitors, order, 1, 1, .5},
		"no change of cpu":               {manifest.CanaryHosts, cpu, 1, 1, 1},
		"no change of a counter":         {manifest.CanaryVisitors, counter, 1, 1, 1},
		"no change of a counter by host": {manifest.CanaryHosts, counter, 1, 1, 1},
		"no change of an event":          {manifest.CanaryVisitors, order, 1, 1, 1},
		"no change of an event by host":  {manifest.CanaryHosts, order, 1, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlant(t, 1, test.mode, test.vital)
			p.cpuHarm, p.failing, p.orders = test.cpu, test.failing, test.orders
			p.run(400)
			bad := test.cpu > 1 || test.failing > 1 || test.orders < 1
			if got := p.m.State == RolledBack; got != bad || bad && p.m.Vital != test.vital.Name {
				t.Errorf("it ended %s on %q: %v", p.m.State, p.m.Vital, p.m.Why)
			}
		})
	}
}

// By visitor both releases run on each host, with different shares of the visitors: what they use cannot be compared, and is not.
func TestHostsAreComparedByHostOnly(t *testing.T) {
	p := newPlant(t, 1, manifest.CanaryVisitors, cpu)
	if p.m.Used != nil || p.m.judges(manifest.VitalCPU) {
		t.Errorf("cpu is judged: %+v", p.m.Judge.Vitals)
	}
	if _, _, ok := p.m.SlotsDue(p.now.Add(time.Hour)); ok {
		t.Error("slots are due that nobody asks for")
	}
}

// Nothing is taken before the split is in force and all has settled, and a slot only when it is whole.
func TestSlotsBeginWhenAllHasSettled(t *testing.T) {
	p := newPlant(t, 1, manifest.CanaryHosts, cpu, counter)
	p.stopAt(Settling)
	since := p.m.SplitSince
	if from, to, ok := p.m.SlotsDue(since.Add(24 * time.Second)); !ok || from*10 < since.Unix() || (to+1)*10 > since.Unix()+24-5 {
		t.Errorf("slots %d to %d (%v) of a split since %d", from, to, ok, since.Unix())
	}
	slot := since.Unix() / 10
	p.measure(slot)
	if p.m.Used.Slots != 0 || p.m.Evidence.Ticks != 0 {
		t.Error("what settles counts")
	}
	p.now = since.Add(time.Minute)
	p.measure(slot + 3)
	if p.m.Used.Slots != 1 || len(p.m.Used.Hosts) != 20 {
		t.Errorf("what has settled does not count: %+v", p.m.Used)
	}
	old := p.m.Used.Sides
	p.m.Drop(p.m.Hosts[19])
	p.measure(slot + 4)
	if p.m.Used.Phase != 1 || p.m.Used.Sides == old || p.m.Used.Slots != 1 {
		t.Errorf("other hosts are compared as if they were the same: %+v", p.m.Used)
	}
}

// A group of hosts that nobody has told of yet survives being stored, and a host that was lost before the push keeps no vital from being read.
func TestWhatIsNotToldOf(t *testing.T) {
	p := newPlant(t, 1, manifest.CanaryHosts, cpu)
	p.stopAt(Settling)
	p.now = p.m.SplitSince.Add(time.Minute)
	slot := p.now.Unix() / 10
	for i := range int64(2) {
		if _, _, _, err := p.m.Measure(slot+i, nil, p.now); err != nil {
			t.Fatal(err)
		}
		p.reload()
	}
	p.measure(slot + 2)
	if len(p.m.Used.Hosts) != 20 {
		t.Errorf("%d hosts are known", len(p.m.Used.Hosts))
	}

	v := newPlant(t, 1, manifest.CanaryVisitors, counter)
	gone := v.m.Hosts[3]
	v.m.SetLost(gone, true)
	v.stopAt(Settling)
	delete(v.m.UpSince, gone)
	v.now = v.m.SplitSince.Add(time.Minute)
	v.measure(v.now.Unix() / 10)
	if v.m.Evidence.Ticks != 1 {
		t.Error("a lost host keeps the counters of all others from being read")
	}
}

// What a Prometheus has grows in lumps, once a minute for each process at a time of its own: a minute counts whole, or not at all.
func TestLumpsCountByTheMinute(t *testing.T) {
	query := manifest.Vital{Name: "failed", Prometheus: "a", Per: "b", Bad: manifest.Rise, Weight: 1}
	p := newPlant(t, 1, manifest.CanaryVisitors, query)
	p.stopAt(Settling)
	p.now = p.m.SplitSince.Add(10 * time.Minute)
	first := p.m.SplitSince.Unix()/10 + 1
	events, per, _ := query.Counters()
	lump := func(slot int64) {
		t.Helper()
		release, n := "rel_1", 0.0
		switch slot % 6 {
		case 1:
			n = 1500
		case 4:
			release, n = "rel_2", 500
		}
		hosts := []before.HostSlot{{Slot: slot, Release: release, Measured: before.Slot{Counters: map[string]float64{events: n, per: 10 * n}}}}
		s, _, _, err := p.m.Measure(slot, hosts, p.now)
		if err != nil {
			t.Fatal(err)
		}
		if s.Counted() != (s.Tick.Second/10%6 == 5 && len(s.Tick.Counts) > 0) {
			t.Errorf("slot %d counts: %+v", slot%6, s.Tick.Counts)
		}
		p.reload()
	}
	for slot := first; slot < first+60; slot++ {
		lump(slot)
	}
	total := p.m.Evidence.Vitals[1].Total
	if p.m.Verdict == judge.Regressed || total.New == 0 || total.New*3 != total.Old {
		t.Errorf("%s after %+v", p.m.Verdict, total)
	}
	if begun := time.Unix((first+60)*10, 0).Sub(p.m.SplitSince.Add(scrapeLag)); total.New > 500*int64(begun/time.Minute) {
		t.Errorf("%+v in %v: the minute in which the split was new counts", total, begun)
	}
}

// Without errors among the vitals the others are judged all the same.
func TestVitalsWithoutErrors(t *testing.T) {
	w := newWorld(t, manifest.CanaryVisitors, "rel_1")
	w.m.Thresholds = []judge.Threshold{{Vital: judge.LatencyP90, Quantile: .9, Ms: 100, Base: .1}}
	w.m.Judge = PolicyOf(w.m, .01, map[string]float64{manifest.VitalLatency: 1}, nil, nil)
	w.m.Evidence = judge.NewState(w.m.Judge)
	w.answer()
	for range 60 {
		w.now = w.now.Add(time.Second)
		if s := w.split; s.New != "" {
			rs := event.RouteSecond{Split: s}
			for release, share := range map[string]float64{s.Old: 1 - s.Share, s.New: s.Share} {
				n := int64(400 * share)
				c := event.Counts{Requests: n, AtRisk: n, AtRiskSlow: [3]int64{n}, FirstSlow: [3]int64{n / 10}}
				if release == s.New {
					c.FirstSlow[0] = n / 2
				}
				rs.Hosts = append(rs.Hosts, event.HostCount{Release: release, Host: "h1", Counts: c})
			}
			if _, _, err := w.m.Fold(rs, nil, w.now.Unix()-1, w.now); err != nil {
				t.Fatal(err)
			}
		}
		w.advance()
		w.answer()
	}
	if w.m.State != RolledBack || w.m.Vital != judge.LatencyP90 {
		t.Errorf("it ended %s on %q", w.m.State, w.m.Vital)
	}
}

// Where all hosts that were compared have gone, the judge is prepared anew for those that came.
func TestOtherHostsAreAnotherComparison(t *testing.T) {
	f := newFarm(t, 1, 12, .1)
	if !f.m.Begun() {
		t.Error("it has begun")
	}
	f.m.Hosts = []string{"n1", "n2", "n3"}
	if f.m.Begun() {
		t.Error("nothing is known of the hosts that came")
	}
}
