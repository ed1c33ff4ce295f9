package world

import (
	"github.com/slipwayhq/slipway/sim/canary"
	"github.com/slipwayhq/slipway/sim/draw"
)

// before draws the window before the push: all hosts on the old release, all visitors everywhere, unless the cohort was routed already.
func (f *fleet) before(w *canary.Window) {
	everybody := 0.0
	for _, b := range &f.bucket {
		everybody += b / canary.Buckets
	}
	w.Hosts, w.Minute = fit(w.Hosts, f.s.Fleet.Hosts), fit(w.Minute, f.s.Fleet.Hosts)
	if f.s.Traffic.Known {
		w.First = fit(w.First, f.s.Fleet.Hosts)
	}
	minute := min(60, w.Seconds)
	for h := range w.Hosts {
		mix := everybody
		if f.s.Traffic.Cohort {
			mix = f.sides[canary.Old].mix
			if h < f.sides[canary.New].hosts {
				mix = f.sides[canary.New].mix
			}
		}
		f.quiet(&w.Minute[h], h, mix, minute)
		f.quiet(&w.Hosts[h], h, mix, w.Seconds-minute)
		w.Hosts[h].Add(&w.Minute[h])
		if f.s.Traffic.Known {
			w.First[h] = f.firstOf(&w.Hosts[h])
		}
		w.Total.Add(&w.Hosts[h])
	}
	if f.s.Traffic.Sticky {
		f.beforeByBucket(w)
	}
	f.beforeByRoute(w)
}

// quiet draws what one host counts in some seconds without a rollout.
func (f *fleet) quiet(c *canary.Count, host int, mix float64, seconds int) {
	load := f.s.Traffic.RPS / float64(f.s.Fleet.Hosts) * float64(seconds)
	fine := load
	for k := range f.s.Kinds {
		kind := &f.s.Kinds[k]
		mean := load * kind.Rate * f.effect[k][host] * mix
		n := draw.Poisson(f.rng, mean/f.cluster()) * int64(f.cluster())
		for _, v := range kind.Marks {
			c.Events[v] += n
		}
		c.Requests += n
		fine -= mean
	}
	c.Requests += draw.Poisson(f.rng, fine)
}

// firstOf is the first events among those of a host on which all come in clusters.
func (f *fleet) firstOf(c *canary.Count) (first canary.First) {
	cluster := int64(f.cluster())
	for v := range f.s.Vitals {
		first.Events[v] = c.Events[v] / cluster
		first.AtRisk[v] = c.Requests - first.Events[v]*(cluster-1)
	}
	return first
}

func (f *fleet) cluster() float64 { return float64(max(f.s.Traffic.Cluster, 1)) }

// beforeByBucket draws the same window by bucket. It does not add up to the hosts' counts: the two are drawn apart.
func (f *fleet) beforeByBucket(w *canary.Window) {
	w.Buckets = fit(w.Buckets, canary.Buckets)
	load := f.s.Traffic.RPS * float64(w.Seconds) / canary.Buckets
	for b := range w.Buckets {
		c, fine := &w.Buckets[b], load
		for k := range f.s.Kinds {
			hosts := 0.0
			for _, e := range f.effect[k] {
				hosts += e / float64(len(f.effect[k]))
			}
			mean := load * f.s.Kinds[k].Rate * hosts * f.bucket[b]
			n := draw.Poisson(f.rng, mean)
			for _, v := range f.s.Kinds[k].Marks {
				c.Events[v] += n
			}
			c.Requests += n
			fine -= mean
		}
		c.Requests += draw.Poisson(f.rng, fine)
	}
}

func (f *fleet) beforeByRoute(w *canary.Window) {
	w.Routes = fit(w.Routes, len(f.s.Traffic.Routes))
	draw.Spread(f.rng, w.Total.Events[0], f.s.Traffic.Routes, 1, func(route int, n int64) {
		w.Routes[route].Errors[canary.Old] += n
		w.Routes[route].Requests[canary.Old] += n
	})
	draw.Spread(f.rng, w.Total.Requests-w.Total.Events[0], f.s.Traffic.Routes, 1, func(route int, n int64) {
		w.Routes[route].Requests[canary.Old] += n
	})
}

// fit returns n zeroes in the room of s.
func fit[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	s = s[:n]
	clear(s)
	return s
}
