package world

import (
	"fmt"
	"math"

	"github.com/slipwayhq/slipway/sim/canary"
)

// Catalogue is all scenarios: for each world the one without harm, called "aa-" and the world's name, and then one for each harm,
// called by the harm's name and the world's.
func Catalogue() []Scenario {
	var c catalogue
	c.traffic()
	c.metrics()
	c.hosts()
	c.faults()
	c.vitals()
	c.stepping()
	c.mixes()
	c.visitors()
	c.shapes()
	return c.all
}

// named is a harm with the name that it gives to scenarios.
type named struct {
	name string
	harm Harm
}

func ratios(name string, ratios ...float64) named { return named{name, Harm{Ratios: ratios}} }

var (
	errors12 = named{"errors-1.2x", Harm{Ratios: []float64{1.2}}}
	errors2  = named{"errors-2x", Harm{Ratios: []float64{2}}}
	errors10 = named{"errors-10x", Harm{Ratios: []float64{10}}}
	// cold is what a process does that has just been started: 5 % errors for a minute.
	cold = Spell{Seconds: 60, Rate: 0.04}
)

type catalogue struct{ all []Scenario }

// add adds a world and its harms. The world is the usual one, changed: 100 hosts of which 10 get the new release for 30 minutes, alike, every
// request on its own, 30 minutes known from before, 1 % errors.
func (c *catalogue) add(world string, rps float64, change func(*Scenario), harms ...named) {
	s := Scenario{
		Name: "aa-" + world, Twin: "aa-" + world, Split: canary.ByHost,
		Fleet: Fleet{Hosts: 100}, Traffic: Traffic{RPS: rps}, Before: 1800,
		Steps:  []canary.Step{{Share: 0.10, Seconds: 1800}},
		Vitals: []canary.Vital{{Name: "errors", Base: 0.01}},
		Kinds:  []Kind{{Rate: 0.01, Marks: []int{0}}},
	}
	if change != nil {
		change(&s)
	}
	c.all = append(c.all, s)
	for _, h := range harms {
		s.Name, s.Harm = h.name+"-"+world, h.harm
		c.all = append(c.all, s)
	}
}

func rps(world string, rps float64) string {
	name := fmt.Sprintf("%grps", rps)
	if world != "" {
		name = world + "-" + name
	}
	return name
}

// traffic: nothing but more or less traffic, and the three ways to split it.
func (c *catalogue) traffic() {
	c.add(rps("", 0.2), 0.2, nil)
	c.add(rps("", 2), 2, nil, errors2)
	c.add(rps("", 20), 20, nil, errors2, errors10)
	c.add(rps("", 200), 200, nil, errors2,
		named{"warm-up-no-settle", Harm{WarmUp: cold}},
		named{"slow-leak", Harm{Ratios: []float64{5}, From: 300, Grow: true}},
		named{"restart-storm", Harm{Storm: Spell{From: 60, Seconds: 20, Rate: 0.5}, StormEvery: 300}})
	c.add(rps("", 2000), 2000, nil, errors12, errors2)
	for _, known := range []struct {
		rps   float64
		harms []named
	}{{20, []named{errors2}}, {200, []named{errors2}}, {2000, []named{errors12}}} {
		c.add(rps("before-5min", known.rps), known.rps, func(s *Scenario) { s.Before = 300 }, known.harms...)
		c.add(rps("by-request", known.rps), known.rps, func(s *Scenario) { s.Split = canary.ByRequest }, known.harms...)
	}
	c.add(rps("drift", 200), 200, func(s *Scenario) { s.Traffic.Drift = 2 }, errors2)
	c.add(rps("outage", 200), 200, func(s *Scenario) { s.Traffic.Outage = Spell{From: 600, Seconds: 30, Rate: 0.19} }, errors2)
}

// lognormal is how much more often a log-normal latency whose log has the standard deviation 1 passes the old p50, p90 and p99 when it is 1.5
// times as long.
func lognormal() []float64 {
	beyond := func(z float64) float64 { return 0.5 * math.Erfc((z-math.Log(1.5))/math.Sqrt2) }
	p50, p90, p99 := beyond(0), beyond(1.2815515655), beyond(2.3263478740)
	return []float64{1, p99 / 0.01, (p90 - p99) / 0.09, (p50 - p90) / 0.40}
}

// slow adds the vitals of latency.
func slow(s *Scenario) {
	s.Vitals = append(s.Vitals, canary.Vital{Name: "latency_p99", Base: 0.01}, canary.Vital{Name: "latency_p90", Base: 0.10}, canary.Vital{Name: "latency_p50", Base: 0.50})
	s.Kinds = append(s.Kinds, Kind{0.01, []int{1, 2, 3}}, Kind{0.09, []int{2, 3}}, Kind{0.40, []int{3}})
}

// metrics: latency and orders instead of errors.
func (c *catalogue) metrics() {
	c.add(rps("slow-p99", 200), 200, func(s *Scenario) {
		s.Vitals = []canary.Vital{{Name: "latency_p99", Base: 0.01}}
	}, ratios("tail-3x", 3))
	c.add(rps("latency", 200), 200, slow, named{"lognormal-1.5x", Harm{Ratios: lognormal()}})
	for _, load := range []float64{200, 2000} {
		c.add(rps("conversions", load), load, func(s *Scenario) {
			s.Vitals = []canary.Vital{{Name: "conversions", Base: 0.10, Drop: true}}
			s.Kinds = []Kind{{Rate: 0.10, Marks: []int{0}}}
		}, ratios("drop-5pct", 0.95))
	}
}

// hosts: unequal ones, and broken ones.
func (c *catalogue) hosts() {
	for _, sd := range []float64{0.1, 0.2, 0.3} {
		for _, load := range []float64{200, 2000} {
			world := fmt.Sprintf("hosts-sd-%g", sd)
			uneven := func(s *Scenario) { s.Fleet.SD = sd }
			harms := []named{errors2}
			if load == 2000 {
				harms = []named{errors12}
			}
			if sd != 0.2 {
				harms = nil
			}
			c.add(rps(world, load), load, uneven, harms...)
			if sd != 0.1 {
				c.add(rps(world+"-before-5min", load), load, func(s *Scenario) { uneven(s); s.Before = 300 }, harms...)
			}
		}
	}
	c.add(rps("hosts-sd-0.2", 20), 20, func(s *Scenario) { s.Fleet.SD = 0.2 }, errors2)
	for _, load := range []float64{200, 2000} {
		c.add(rps("broken-host", load), load, func(s *Scenario) { s.Fleet.Broken = 0.20 }, errors2)
	}
}

// faults: cold starts, failures in clusters, a wrong split, and metrics that are missing or late.
func (c *catalogue) faults() {
	c.add(rps("warm-up-settle", 200), 200, func(s *Scenario) { s.Faults.WarmUp, s.Settle = cold, 90 }, errors2)
	for _, size := range []int{1, 5, 20} {
		world := fmt.Sprintf("bursts-%d", size)
		var harms []named
		if size == 5 {
			harms = []named{errors2}
		}
		c.add(rps(world, 200), 200, func(s *Scenario) { s.Traffic.Cluster, s.Traffic.Known = size, true }, harms...)
		c.add(rps(world+"-by-visitor", 200), 200, func(s *Scenario) { s.Traffic.Cluster, s.Traffic.Sticky, s.Split = size, true, canary.ByVisitor }, harms...)
	}
	c.add(rps("share-off-2x", 200), 200, func(s *Scenario) { s.Traffic.ShareOff = 2 })
	c.add(rps("share-off-2x-by-visitor", 200), 200, func(s *Scenario) { s.Traffic.ShareOff, s.Traffic.Sticky, s.Split = 2, true, canary.ByVisitor })
	c.add(rps("gaps", 200), 200, func(s *Scenario) { s.Faults.Gap = 0.2 }, errors2)
	c.add(rps("gaps-one-side", 200), 200, func(s *Scenario) { s.Faults.GapOld, s.Faults.GapNew = 0.2, 0.2 }, errors2)
	c.add(rps("late-30s", 200), 200, func(s *Scenario) { s.Faults.Late, s.Faults.LateTicks = 0.5, 3 }, errors2)
}

// vitals: several of them, independent or hit by the same requests on hosts with effects of their own.
func (c *catalogue) vitals() {
	five := func(s *Scenario) {
		s.Vitals, s.Kinds = nil, nil
		for v := range 5 {
			s.Vitals = append(s.Vitals, canary.Vital{Name: fmt.Sprintf("vital-%d", v+1), Base: 0.01})
			s.Kinds = append(s.Kinds, Kind{Rate: 0.01, Marks: []int{v}})
		}
	}
	correlated := func(s *Scenario) {
		five(s)
		for k := range s.Kinds {
			s.Kinds[k].Rate = 0.004
		}
		s.Kinds = append(s.Kinds, Kind{Rate: 0.006, Marks: []int{0, 1, 2, 3, 4}})
		s.Fleet.SD, s.Fleet.Alike = 0.2, 0.8
	}
	one := ratios("one-bad-2x", 1, 1, 2)
	c.add(rps("five-vitals", 200), 200, five, one)
	// The third vital doubles by the 0.4 % of requests that hit it alone.
	own := ratios("one-bad-2x", 1, 1, 3.5)
	c.add(rps("correlated-vitals", 200), 200, correlated, own)
	c.add(rps("correlated-vitals", 2000), 2000, correlated)
}

// stepping: the share grows from 10 to 50 to 95 % of unequal hosts, few or many.
func (c *catalogue) stepping() {
	for _, n := range []int{3, 10, 100} {
		for _, load := range []float64{200, 2000} {
			c.add(rps(fmt.Sprintf("steps-%d-hosts", n), load), load, func(s *Scenario) {
				s.Steps = growing()
				s.Fleet.Hosts, s.Fleet.SD = n, 0.2
			}, errors2)
		}
	}
	for _, load := range []float64{60, 600} { // errors out of nothing, where hardly any was ever seen on three hosts that are known for a minute
		c.add(rps("rare-3-hosts", load), load, func(s *Scenario) {
			s.Steps = []canary.Step{{Share: 0.33, Seconds: 120}, {Share: 0.66, Seconds: 600}}
			s.Fleet.Hosts, s.Fleet.SD, s.Before = 3, 0.3, 60
			s.Vitals[0].Base, s.Kinds[0].Rate = 0.0002, 0.0002
		}, ratios("errors-250x", 250))
	}
	c.add(rps("steps-by-request", 200), 200, func(s *Scenario) { s.Steps, s.Split = growing(), canary.ByRequest }, errors2)
}

func growing() []canary.Step {
	return []canary.Step{{Share: 0.10, Seconds: 600}, {Share: 0.50, Seconds: 600}, {Share: 0.95, Seconds: 600}}
}

// mixes: hosts get the visitors whose hash says so, and these differ from the rest.
func (c *catalogue) mixes() {
	for _, sd := range []float64{0, 0.05, 0.10} {
		var harms []named
		if sd < 0.1 {
			harms = []named{errors12, errors2}
		}
		sticky := func(s *Scenario) { s.Fleet.SD, s.Traffic.Sticky, s.Traffic.MixSD = 0.2, true, sd }
		world := fmt.Sprintf("mix-sd-%.2f", sd)
		c.add(rps(world, 2000), 2000, sticky, harms...)
		if sd > 0 {
			c.add(rps(world+"-cohort", 2000), 2000, func(s *Scenario) { sticky(s); s.Traffic.Cohort = true }, errors12)
		}
	}
	c.add(rps("mix-sd-0.05-steps", 2000), 2000, func(s *Scenario) {
		s.Fleet.SD, s.Traffic.Sticky, s.Traffic.MixSD, s.Steps = 0.2, true, 0.05, growing()
	})
}

// visitors: drawn one by one, 20 minutes.
func (c *catalogue) visitors() {
	add := func(world string, load float64, v Visitors, steps []canary.Step, harms ...named) {
		c.add(rps("visitors-"+world, load), load, func(s *Scenario) {
			s.Split, s.Before, s.Traffic.Visitors = canary.ByVisitor, 300, &v
			repeats := float64(v.Retries)
			s.Vitals[0].Base = 0.01 * (1 + repeats) / (1 + 0.01*repeats) // what a graph of requests shows
			s.Steps = []canary.Step{{Share: 0.10, Seconds: 1200}}
			if steps != nil {
				s.Steps = steps
			}
		}, harms...)
	}
	usual := Visitors{Rate: 0.1, Stay: 100}
	differ, retry, stay := usual, usual, Visitors{Rate: 200.0 / 1200, SD: 1}
	differ.SD = 1
	retry.SD, retry.Retries = 1, 3
	heavy := Visitors{Rate: 4000.0 / 1200, SD: 1.5, Retries: 3}
	add("equal", 200, usual, nil, errors2)
	add("differ", 200, differ, nil, errors2, errors12)
	add("differ", 20, differ, nil, errors2)
	add("retry", 200, retry, nil, errors2)
	add("stay", 200, stay, nil, errors2)
	add("heavy", 200, heavy, nil, errors2)
	add("steps", 200, retry, []canary.Step{{Share: 0.10, Seconds: 400}, {Share: 0.50, Seconds: 400}, {Share: 0.95, Seconds: 400}}, errors2)
}

// shapes: harm on one route, and harm that shows only as requests that do not end.
func (c *catalogue) shapes() {
	c.add(rps("routes", 200), 200, func(s *Scenario) { s.Traffic.Routes = routes() },
		named{"route-broken", Harm{Route: brokenRoute, RouteRate: 1}}, errors2)
	c.add(rps("errors-and-latency", 200), 200, func(s *Scenario) {
		s.Vitals = []canary.Vital{{Name: "errors", Base: 0.01}, {Name: "latency_p99", Base: 0.01}}
		s.Kinds = append(s.Kinds, Kind{0.01, []int{1}})
	}, named{"hanging-release", Harm{Hang: 0.02, HangMarks: []int{1}, HangSeconds: 60}})
}

// brokenRoute has 0.5 % of the traffic.
const brokenRoute = 30

// routes are 50, the n-th most popular with a share that falls as 1/n.
func routes() []float64 {
	shares, sum := make([]float64, 50), 0.0
	for i := range shares {
		shares[i] = 1 / float64(i+1)
		if i != brokenRoute {
			sum += shares[i]
		}
	}
	for i := range shares {
		shares[i] *= 0.995 / sum
	}
	shares[brokenRoute] = 0.005
	return shares
}
