package world

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/slipwayhq/slipway/sim/canary"
	"github.com/slipwayhq/slipway/sim/draw"
)

// crowd draws visitors one by one, each counted by the cell of its hash. There is one vital, that of kind 0, and there are no hosts: old and new
// run side by side on all of them.
type crowd struct {
	s      *Scenario
	steps  []canary.Step
	length float64 // seconds
	ticks  int
	rng    *rand.Rand
	cells  []cell
	first  [canary.Buckets + 1]int // of a bucket's cells
	// fine requests of visitors at risk and of the others
	atRisk, later []flow

	extra *rand.Rand
	spans []span // by step
}

// cell is a part of the hash that goes to one release at any time, within one bucket.
type cell struct {
	upper    float64
	bucket   int
	switches float64 // when it gets the new release; +Inf never
	first    []int32 // by tick
	all      []int32
}

// flow is an expected number of requests by tick: cover alone, and slope for what goes on at an even rate until it is taken away again.
type flow struct {
	cover, slope []float64
	rate         float64 // the sum of slopes so far
}

func newCrowd(s *Scenario, steps []canary.Step) *crowd {
	c := &crowd{s: s, steps: steps}
	for _, step := range steps {
		c.length += float64(step.Seconds)
	}
	c.ticks = int(c.length) / TickSeconds
	var edges []float64
	for b := range canary.Buckets {
		edges = append(edges, float64(b+1)/canary.Buckets)
	}
	for _, step := range steps {
		edges = append(edges, step.Share)
	}
	slices.Sort(edges)
	edges = slices.CompactFunc(edges, func(a, b float64) bool { return math.Abs(a-b) < 1e-12 })
	for _, upper := range edges {
		bucket := min(int(math.Ceil(upper*canary.Buckets-1e-9))-1, canary.Buckets-1)
		c.cells = append(c.cells, cell{upper: upper, bucket: bucket, switches: c.switchTime(upper), first: make([]int32, c.ticks), all: make([]int32, c.ticks)})
		c.first[bucket+1] = len(c.cells)
	}
	c.atRisk, c.later, c.spans = c.flows(), c.flows(), spansOf(steps)
	return c
}

func (c *crowd) flows() []flow {
	all := make([]flow, len(c.cells))
	for i := range all {
		all[i] = flow{cover: make([]float64, c.ticks+2), slope: make([]float64, c.ticks+2)}
	}
	return all
}

// switchTime is when visitors up to this hash get the new release: shares only grow.
func (c *crowd) switchTime(upper float64) float64 {
	start := 0
	for _, step := range c.steps {
		if upper <= step.Share+1e-12 {
			return float64(start)
		}
		start += step.Seconds
	}
	return math.Inf(1)
}

func (c *crowd) begin(rng, extra *rand.Rand, w *canary.Window) {
	c.rng, c.extra = rng, extra
	for i := range c.spans {
		for k := range c.spans[i].erred {
			c.spans[i].erred[k] = c.spans[i].erred[k][:0]
		}
	}
	for i := range c.cells {
		clear(c.cells[i].first)
		clear(c.cells[i].all)
		c.atRisk[i].clear()
		c.later[i].clear()
	}
	v := c.s.Traffic.Visitors
	present := draw.Poisson(rng, c.s.Traffic.RPS/v.Rate)
	arriving := int64(0)
	if v.Stay > 0 {
		arriving = draw.Poisson(rng, c.s.Traffic.RPS/v.Rate*c.length/v.Stay)
	}
	for range present {
		c.visit(0, float64(w.Seconds))
	}
	for range arriving {
		c.visit(rng.Float64()*c.length, 0)
	}
	c.before(w)
}

// before draws the window before roughly: even buckets, and every failing request by another visitor, who repeats it.
func (c *crowd) before(w *canary.Window) {
	w.Buckets = fit(w.Buckets, canary.Buckets)
	load := c.s.Traffic.RPS * float64(w.Seconds) / canary.Buckets
	for b := range w.Buckets {
		n := draw.Poisson(c.rng, load*c.s.Kinds[0].Rate) * int64(1+c.s.Traffic.Visitors.Retries)
		w.Buckets[b].Events[0] = n
		w.Buckets[b].Requests = n + draw.Poisson(c.rng, load*(1-c.s.Kinds[0].Rate))
		w.Total.Add(&w.Buckets[b])
	}
}

// most is the largest fraction of one visitor's requests that fail.
const most = 0.5

// visit draws one visitor from its arrival on, in seconds since the switch. One who was there before may have been for up to so many seconds of the window.
func (c *crowd) visit(from, window float64) {
	v, until := c.s.Traffic.Visitors, c.length
	if v.Stay > 0 {
		until = min(until, from+c.rng.ExpFloat64()*v.Stay)
	}
	rate, failing := v.Rate, c.s.Kinds[0].Rate
	if v.SD > 0 {
		half := v.SD * v.SD / 2
		rate *= math.Exp(v.SD*c.rng.NormFloat64() - half)
		failing = min(failing*math.Exp(v.SD*c.rng.NormFloat64()-half), most)
	}
	i := c.find(c.rng.Float64())
	moved := min(max(c.cells[i].switches, from), until)
	worse := min(failing*c.s.Harm.ratio(0, 0, 1), 1)
	past := c.past(window, rate*failing)
	erred := c.walk(i, from, moved, rate, failing, past, false)
	c.walk(i, moved, until, rate, worse, past, erred)
}

// walk counts what a visitor does between two times, at a fixed fraction of failing requests, and returns whether it has met one by then.
func (c *crowd) walk(i int, from, until, rate, failing float64, past int64, erred bool) bool {
	if until <= from {
		return erred
	}
	repeats := int32(1 + c.s.Traffic.Visitors.Retries)
	fine := rate * (1 - failing)
	begun := from
	var seen follow
	for t := from + c.rng.ExpFloat64()/(rate*failing); t < until; t += c.rng.ExpFloat64() / (rate * failing) {
		tick := int(t) / TickSeconds
		c.cells[i].all[tick] += repeats
		seen.fail(t, int64(repeats))
		if !erred {
			erred = true
			c.cells[i].first[tick]++
			c.atRisk[i].add(from, t, fine)
			begun = t
			seen = c.follow(t, fine, canary.Erred{Release: c.release(i, t), Errors: int64(repeats) - 1, Requests: int64(repeats) - 1, Before: past})
		}
	}
	seen.leave(until)
	if erred {
		c.later[i].add(begun, until, fine)
	} else {
		c.atRisk[i].add(from, until, fine)
	}
	return erred
}

// find is the cell of a hash in [0, 1).
func (c *crowd) find(u float64) int {
	i := c.first[int(u*canary.Buckets)]
	for u >= c.cells[i].upper {
		i++
	}
	return i
}

func (f *flow) clear() {
	clear(f.cover)
	clear(f.slope)
	f.rate = 0
}

// add adds requests at a rate a second between two times in seconds.
func (f *flow) add(from, until, rate float64) {
	from, until, rate = from/TickSeconds, until/TickSeconds, rate*TickSeconds
	i, j := int(from), int(until)
	if i == j {
		f.cover[i] += rate * (until - from)
		return
	}
	f.cover[i] += rate * (float64(i+1) - from)
	f.cover[j] += rate * (until - float64(j))
	f.slope[i+1] += rate
	f.slope[j] -= rate
}

// at is the expected number in a tick; ticks must be asked for in order.
func (f *flow) at(tick int) float64 {
	f.rate += f.slope[tick]
	return max(0, f.cover[tick]+f.rate)
}

func (c *crowd) next(t *canary.Tick) (excess float64) {
	t.Buckets = fit(t.Buckets, canary.Buckets)
	begun := float64(t.Second - TickSeconds)
	for i := range c.cells {
		cl := &c.cells[i]
		r := c.release(i, begun)
		b := &t.Buckets[cl.bucket]
		first, all := int64(cl.first[t.Number]), int64(cl.all[t.Number])
		fresh := draw.Poisson(c.rng, c.atRisk[i].at(t.Number))
		b.Count[r].Events[0] += all
		b.Count[r].Requests += all + fresh + draw.Poisson(c.rng, c.later[i].at(t.Number))
		b.First[r].Events[0] += first
		b.First[r].AtRisk[0] += first + fresh
	}
	for r := range canary.Releases {
		for b := range t.Buckets {
			t.Total[r].Add(&t.Buckets[b].Count[r])
			t.First[r].Events[0] += t.Buckets[b].First[r].Events[0]
			t.First[r].AtRisk[0] += t.Buckets[b].First[r].AtRisk[0]
		}
	}
	t.Ended = t.Total
	t.Erred = c.erredAt(t)
	base := c.s.Traffic.RPS * TickSeconds * c.s.Kinds[0].Rate * float64(1+c.s.Traffic.Visitors.Retries)
	return base * t.Share * (c.s.Harm.ratio(0, int(begun), int(c.length)) - 1)
}
