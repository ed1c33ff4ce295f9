package world

import (
	"hash/fnv"
	"math/rand/v2"

	"github.com/slipwayhq/slipway/sim/canary"
)

// TickSeconds is the length of all ticks.
const TickSeconds = 10

// machine draws the ticks of one rollout after the other. next fills the tick, whose number, second, step and share are set and whose counts are 0,
// and returns the expected number of requests that harm made bad meanwhile.
type machine interface {
	// extra draws what was added later, so that all else stays as it was.
	begin(rng, extra *rand.Rand, w *canary.Window)
	next(t *canary.Tick) (excess float64)
}

// Stream plays one scenario, one run after the other. It belongs to one goroutine.
type Stream struct {
	scenario *Scenario
	setting  canary.Setting
	machine  machine
	window   canary.Window
	tick     canary.Tick
	faults   *rand.Rand
	late     []lateTick
}

type lateTick struct {
	due  int // number of the tick after which it arrives; -1 when the place is free
	tick canary.Tick
}

// Open makes a stream of the scenario.
func (s *Scenario) Open() *Stream {
	st := &Stream{scenario: s, setting: canary.Setting{
		Split: s.Split, Vitals: s.Vitals, Hosts: s.Fleet.Hosts, Steps: s.steps(), TickSeconds: TickSeconds,
		Settle: s.Settle, Visitors: s.Traffic.Known, Routes: len(s.Traffic.Routes), Sticky: s.Traffic.Sticky || s.Traffic.Visitors != nil,
	}}
	if s.Traffic.Visitors != nil {
		st.machine = newCrowd(s, st.setting.Steps)
	} else {
		st.machine = newFleet(s, st.setting.Steps)
	}
	return st
}

// steps says for each step how many hosts it takes: the share rounded up, but never all of them, so that a comparison is left.
func (s *Scenario) steps() []canary.Step {
	steps := append([]canary.Step(nil), s.Steps...)
	for i := range steps {
		if s.Split != canary.ByHost {
			continue
		}
		hosts := int(steps[i].Share*float64(s.Fleet.Hosts) - 1e-9)
		steps[i].Hosts = min(hosts+1, s.Fleet.Hosts-1)
		steps[i].Share = float64(steps[i].Hosts) / float64(s.Fleet.Hosts)
	}
	return steps
}

// Begin starts a run. What it returns is overwritten by the next run.
func (st *Stream) Begin(seed, run uint64) (*canary.Setting, *canary.Window) {
	name := fnv.New64a()
	_, _ = name.Write([]byte(st.scenario.Name))
	seed ^= name.Sum64()
	st.faults = rand.New(rand.NewPCG(seed, run<<1|1))
	for i := range st.late {
		st.late[i].due = -1
	}
	st.tick = canary.Tick{Number: -1, Hosts: st.tick.Hosts, FirstHosts: st.tick.FirstHosts, Buckets: st.tick.Buckets, Routes: st.tick.Routes}
	st.window = canary.Window{
		Seconds: st.scenario.Before, Hosts: st.window.Hosts, Minute: st.window.Minute, First: st.window.First, Buckets: st.window.Buckets,
		Routes: st.window.Routes, Cohort: st.scenario.Traffic.Cohort,
	}
	st.machine.begin(rand.New(rand.NewPCG(seed, run<<1)), rand.New(rand.NewPCG(^seed, run)), &st.window)
	return &st.setting, &st.window
}

// Next plays one tick and gives to deliver what arrives at its end: the tick, earlier ones that are late, or nothing. It returns the second, the
// expected number of requests that harm made bad in the tick, and false when the rollout is over.
func (st *Stream) Next(deliver func(*canary.Tick)) (second int, excess float64, ok bool) {
	t := &st.tick
	t.Number++
	t.Second += TickSeconds
	step, end := 0, 0
	for step = range st.setting.Steps {
		if end += st.setting.Steps[step].Seconds; t.Second <= end {
			break
		}
	}
	if t.Second > end {
		return t.Second, 0, false
	}
	t.Step, t.Share = step, st.setting.Steps[step].Share
	t.Known = [canary.Releases]bool{true, true}
	t.Total, t.First, t.Erred = [canary.Releases]canary.Count{}, [canary.Releases]canary.First{}, nil
	excess = st.machine.next(t)
	if st.scenario.Harmless() {
		excess = 0
	}
	st.deliver(t, deliver)
	return t.Second, excess, true
}

// deliver loses, delays or passes on a tick, after those that are due.
func (st *Stream) deliver(t *canary.Tick, deliver func(*canary.Tick)) {
	f := &st.scenario.Faults
	for i := range st.late {
		if l := &st.late[i]; l.due == t.Number {
			l.due = -1
			deliver(&l.tick)
		}
	}
	if f.Gap > 0 && st.faults.Float64() < f.Gap {
		return
	}
	if f.GapOld > 0 && st.faults.Float64() < f.GapOld {
		forget(t, canary.Old)
	}
	if f.GapNew > 0 && st.faults.Float64() < f.GapNew {
		forget(t, canary.New)
	}
	if f.Late > 0 && st.faults.Float64() < f.Late {
		st.postpone(t, t.Number+f.LateTicks)
		return
	}
	deliver(t)
}

func (st *Stream) postpone(t *canary.Tick, due int) {
	for i := range st.late {
		if st.late[i].due < 0 {
			st.late[i].due = due
			st.late[i].tick.CopyFrom(t)
			return
		}
	}
	st.late = append(st.late, lateTick{due: due})
	st.late[len(st.late)-1].tick.CopyFrom(t)
}

// forget empties a tick of what is known about one release.
func forget(t *canary.Tick, release int) {
	t.Known[release], t.Erred = false, nil
	t.Total[release], t.Ended[release], t.First[release] = canary.Count{}, canary.Count{}, canary.First{}
	for i := range t.Hosts {
		t.Hosts[i].Count[release] = canary.Count{}
	}
	for i := range t.FirstHosts {
		t.FirstHosts[i][release] = canary.First{}
	}
	for i := range t.Buckets {
		t.Buckets[i].Count[release], t.Buckets[i].First[release] = canary.Count{}, canary.First{}
	}
	for i := range t.Routes {
		t.Routes[i].Requests[release], t.Routes[i].Errors[release] = 0, 0
	}
}
