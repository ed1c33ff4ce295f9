package machine

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/slipwayhq/slipway/internal/decide/rollout/before"
	"github.com/slipwayhq/slipway/internal/pure/judge"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

// plant is a world whose hosts measure what they use, and what the app counts.
type plant struct {
	*world
	rng *rand.Rand
	cpu map[string]float64
	// harm is what the new release does to the cpu, and to the failures of the checkout.
	cpuHarm, failing float64
}

func newPlant(t *testing.T, seed uint64, mode manifest.Canary, vitals ...manifest.Vital) *plant {
	t.Helper()
	w := newWorld(t, mode, "rel_1")
	p := &plant{world: w, rng: rand.New(rand.NewPCG(seed, 5)), cpu: map[string]float64{}, cpuHarm: 1, failing: 1}
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

// slot is what a host measures of a release in ten seconds: 200 checkouts on a whole host, of which 4 fail.
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
	counter = manifest.Vital{Name: "checkout.failed", Counter: "checkout.failed", Per: "checkout.started", Bad: manifest.Rise, Weight: 1}
)

// What hosts use, and what the app counts, is harm of its own; what does not change is none.
func TestWhatHostsMeasureIsJudged(t *testing.T) {
	for name, test := range map[string]struct {
		mode         manifest.Canary
		vital        manifest.Vital
		cpu, failing float64
	}{
		"cpu":                            {manifest.CanaryHosts, cpu, 1.6, 1},
		"a counter, by host":             {manifest.CanaryHosts, counter, 1, 4},
		"a counter, by visitor":          {manifest.CanaryVisitors, counter, 1, 4},
		"no change of cpu":               {manifest.CanaryHosts, cpu, 1, 1},
		"no change of a counter":         {manifest.CanaryVisitors, counter, 1, 1},
		"no change of a counter by host": {manifest.CanaryHosts, counter, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlant(t, 1, test.mode, test.vital)
			p.cpuHarm, p.failing = test.cpu, test.failing
			p.run(400)
			bad := test.cpu > 1 || test.failing > 1
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
