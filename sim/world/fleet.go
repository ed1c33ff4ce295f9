package world

import (
	"math"
	"math/rand/v2"

	"github.com/slipwayhq/slipway/sim/canary"
	"github.com/slipwayhq/slipway/sim/draw"
)

// fleet draws the counts of many hosts.
type fleet struct {
	s      *Scenario
	steps  []canary.Step
	length int
	rng    *rand.Rand
	// effect is the factor of a host's rate, by kind and host, 1 on average; alike is whether they are all 1.
	effect [][]float64
	alike  bool
	// bucket is the factor of the rates of a bucket's visitors.
	bucket [canary.Buckets]float64
	sides  [canary.Releases]side
	step   int   // the one that sides are for; -1 before the first
	since  []int // when a host got the new release; -1: not yet
	hung   []int64
	first  bool // first events are counted
	routes draw.Choice
	bad    []float64 // room: expected events by host in this tick
}

// side is the hosts of one release and what comes to them.
type side struct {
	first, hosts int // in the order of the fleet
	load         float64
	byKind       []draw.Choice // of the hosts, by rate
	shares       [canary.Buckets]float64
	events       draw.Choice // of buckets, by events
	share        float64     // the sum of shares
	mix          float64     // the factor of rates of all visitors together
}

func newFleet(s *Scenario, steps []canary.Step) *fleet {
	f := &fleet{s: s, steps: steps, since: make([]int, s.Fleet.Hosts), bad: make([]float64, s.Fleet.Hosts), alike: s.Fleet.SD == 0}
	f.first = s.Split == canary.ByVisitor || s.Traffic.Known
	for _, step := range steps {
		f.length += step.Seconds
	}
	f.effect = make([][]float64, len(s.Kinds))
	for k := range f.effect {
		f.effect[k] = make([]float64, s.Fleet.Hosts)
	}
	for r := range f.sides {
		f.sides[r].byKind = make([]draw.Choice, len(s.Kinds))
	}
	f.hung = make([]int64, f.length/TickSeconds)
	f.routes.Set(s.Traffic.Routes)
	return f
}

func (f *fleet) begin(rng, _ *rand.Rand, w *canary.Window) {
	f.rng, f.step = rng, -1
	clear(f.hung)
	for h := range f.since {
		f.since[h] = -1
		f.drawHost(h)
	}
	for b := range f.bucket {
		f.bucket[b] = 1
		if f.s.Traffic.MixSD > 0 {
			// The log ratio of the means of a share s of B buckets and of the rest has the variance sd²/(B·s·(1−s)).
			sd := f.s.Traffic.MixSD * math.Sqrt(canary.Buckets*MixShare*(1-MixShare))
			f.bucket[b] = math.Exp(sd*rng.NormFloat64() - sd*sd/2)
		}
	}
	f.enter(0, 0)
	f.before(w)
	for h := range f.since {
		f.since[h] = -1
	}
	f.step = -1
}

// drawHost draws the effects of a host, those of several kinds correlated.
func (f *fleet) drawHost(h int) {
	sd, alike := f.s.Fleet.SD, f.s.Fleet.Alike
	if f.alike {
		for k := range f.effect {
			f.effect[k][h] = 1
		}
		return
	}
	common := f.rng.NormFloat64()
	for k := range f.effect {
		z := common
		if k > 0 {
			z = math.Sqrt(alike)*common + math.Sqrt(1-alike)*f.rng.NormFloat64()
		}
		f.effect[k][h] = math.Exp(sd*z - sd*sd/2)
	}
}

// enter arranges the sides for a step.
func (f *fleet) enter(step, second int) {
	f.step = step
	share, hosts := f.steps[step].Share, f.s.Fleet.Hosts
	actual := share
	if off := f.s.Traffic.ShareOff; off > 0 {
		actual = min(share*off, 1)
	}
	newSide, oldSide := &f.sides[canary.New], &f.sides[canary.Old]
	newSide.first, newSide.hosts, oldSide.first, oldSide.hosts = 0, hosts, 0, hosts
	if f.s.Split == canary.ByHost {
		newSide.hosts = f.steps[step].Hosts
		oldSide.first, oldSide.hosts = newSide.hosts, hosts-newSide.hosts
	}
	newSide.load = f.s.Traffic.RPS * actual / float64(newSide.hosts)
	oldSide.load = f.s.Traffic.RPS * (1 - actual) / float64(oldSide.hosts)
	for h := range newSide.hosts {
		if f.since[h] < 0 {
			f.since[h] = second
		}
	}
	for r := range f.sides {
		sd := &f.sides[r]
		for k := range sd.byKind {
			sd.byKind[k].Set(f.effect[k][sd.first : sd.first+sd.hosts])
		}
	}
	f.mix(share)
}

// mix sends the visitors of the first buckets to the new release, one bucket perhaps in part.
func (f *fleet) mix(share float64) {
	if !f.s.Traffic.Sticky {
		f.sides[canary.Old].mix, f.sides[canary.New].mix = 1, 1
		return
	}
	var weights [canary.Releases][canary.Buckets]float64
	for b := range canary.Buckets {
		part := min(max(share*canary.Buckets-float64(b), 0), 1)
		f.sides[canary.New].shares[b], f.sides[canary.Old].shares[b] = part, 1-part
		weights[canary.New][b], weights[canary.Old][b] = part*f.bucket[b], (1-part)*f.bucket[b]
	}
	for r := range f.sides {
		sd := &f.sides[r]
		sd.events.Set(weights[r][:])
		sd.share = 0
		for _, p := range &sd.shares {
			sd.share += p
		}
		sd.mix = sd.events.Total() / sd.share
	}
}

// drift is the factor that all rates of events have reached.
func (f *fleet) drift(second int) float64 {
	if d := f.s.Traffic.Drift; d > 0 {
		return 1 + (d-1)*float64(second)/float64(f.length)
	}
	return 1
}
