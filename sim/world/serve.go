package world

import (
	"github.com/slipwayhq/slipway/sim/canary"
	"github.com/slipwayhq/slipway/sim/draw"
)

// next draws one tick.
func (f *fleet) next(t *canary.Tick) (excess float64) {
	begun := t.Second - TickSeconds
	if t.Step != f.step {
		f.enter(t.Step, begun)
	}
	t.Hosts, t.Routes = fit(t.Hosts, f.s.Fleet.Hosts), fit(t.Routes, len(f.s.Traffic.Routes))
	if f.s.Traffic.Known {
		t.FirstHosts = fit(t.FirstHosts, f.s.Fleet.Hosts)
	}
	if f.s.Traffic.Sticky {
		t.Buckets = fit(t.Buckets, canary.Buckets)
	}
	for h := range t.Hosts {
		t.Hosts[h].Age = -1
		if f.since[h] >= 0 {
			t.Hosts[h].Age = begun - f.since[h]
		}
	}
	for r := range f.sides {
		excess += f.serve(t, r)
	}
	if f.first {
		f.atRisk(t)
	}
	t.Ended = t.Total
	return excess + f.hang(t)
}

// serve draws what one release gets in a tick.
func (f *fleet) serve(t *canary.Tick, r int) (excess float64) {
	sd := &f.sides[r]
	begun, load := t.Second-TickSeconds, sd.load*TickSeconds
	clear(f.bad[:sd.hosts])
	for k := range f.s.Kinds {
		kind := &f.s.Kinds[k]
		rate := load * kind.Rate * sd.mix * f.drift(begun)
		ratio := 1.0
		if r == canary.New {
			ratio = f.s.Harm.ratio(k, begun, f.length)
		}
		f.bear(t, r, k, rate*ratio)
		harm := rate * (ratio - 1) * sd.byKind[k].Total()
		if f.s.Vitals[kind.Marks[0]].Drop {
			harm = -harm
		}
		excess += harm
	}
	excess += f.fail(t, r, load) + f.failRoute(t, r, load)
	f.fine(t, r, load)
	return excess
}

// bear draws the events of one kind and puts them on hosts; rate is the expected number on a host whose effect is 1.
func (f *fleet) bear(t *canary.Tick, r, k int, rate float64) {
	sd := &f.sides[r]
	choice, marks := &sd.byKind[k], f.s.Kinds[k].Marks
	effect := f.effect[k][sd.first : sd.first+sd.hosts]
	for h, e := range effect {
		f.bad[h] += rate * e
	}
	rate /= f.cluster()
	if mean := rate * choice.Total(); mean < 3*float64(sd.hosts) {
		for range draw.Poisson(f.rng, mean) {
			f.put(t, r, choice.Draw(f.rng), 1, marks, -1)
		}
		return
	}
	for h, e := range effect {
		f.put(t, r, h, draw.Poisson(f.rng, rate*e), marks, -1)
	}
}

// fail draws the failures that have nothing to do with kinds: outages, broken and cold hosts, storms. All are of kind 0.
func (f *fleet) fail(t *canary.Tick, r int, load float64) (excess float64) {
	faults, harm, begun := &f.s.Faults, &f.s.Harm, t.Second-TickSeconds
	outage := f.s.Traffic.Outage.at(begun)
	if outage == 0 && f.s.Fleet.Broken == 0 && (r == canary.Old || faults.WarmUp.Rate == 0 && harm.WarmUp.Rate == 0 && harm.StormEvery == 0) {
		return 0
	}
	sd := &f.sides[r]
	for h := range sd.hosts {
		rate := outage
		if sd.first+h == 0 && f.since[0] >= 0 {
			rate += f.s.Fleet.Broken
		}
		if r == canary.New {
			age := begun - f.since[h]
			cold := harm.WarmUp.at(age)
			rate += faults.WarmUp.at(age) + cold
			excess += load * cold
			// The hosts fall over one after the other.
			if harm.StormEvery > 0 && age >= harm.Storm.From && (age+h*TickSeconds)%harm.StormEvery < harm.Storm.Seconds {
				rate += harm.Storm.Rate
				excess += load * harm.Storm.Rate
			}
		}
		if rate > 0 {
			mean := load * min(rate, 1)
			f.bad[h] += mean
			f.put(t, r, h, draw.Poisson(f.rng, mean/f.cluster()), f.s.Kinds[0].Marks, -1)
		}
	}
	return excess
}

// failRoute draws the failures of a route that the new release broke.
func (f *fleet) failRoute(t *canary.Tick, r int, load float64) (excess float64) {
	harm := &f.s.Harm
	if r == canary.Old || harm.RouteRate == 0 {
		return 0
	}
	sd := &f.sides[r]
	mean := load * f.s.Traffic.Routes[harm.Route] * harm.RouteRate
	for h := range sd.hosts {
		f.bad[h] += mean
		f.put(t, r, h, draw.Poisson(f.rng, mean), f.s.Kinds[0].Marks, harm.Route)
	}
	return mean * float64(sd.hosts)
}

// fine draws the requests that are no events.
func (f *fleet) fine(t *canary.Tick, r int, load float64) {
	sd := &f.sides[r]
	sum, all := 0.0, int64(0)
	for h := range sd.hosts {
		f.bad[h] = max(0, load-f.bad[h])
		sum += f.bad[h]
	}
	if sum < float64(sd.hosts) { // few: the hosts' differences in what is fine do not matter
		all = draw.Poisson(f.rng, sum)
		for range all {
			t.Hosts[sd.first+f.rng.IntN(sd.hosts)].Count[r].Requests++
		}
	} else {
		for h := range sd.hosts {
			n := draw.Poisson(f.rng, f.bad[h])
			t.Hosts[sd.first+h].Count[r].Requests += n
			all += n
		}
	}
	t.Total[r].Requests += all
	if f.s.Traffic.Sticky {
		draw.Spread(f.rng, all, sd.shares[:], sd.share, func(b int, n int64) { t.Buckets[b].Count[r].Requests += n })
	}
	draw.Spread(f.rng, all, f.s.Traffic.Routes, 1, func(route int, n int64) { t.Routes[route].Requests[r] += n })
}

// put adds n visitors who meet an event on a host, each with all the requests of a cluster. A route below 0 is drawn.
func (f *fleet) put(t *canary.Tick, r, h int, n int64, marks []int, route int) {
	if n == 0 {
		return
	}
	sd, cluster := &f.sides[r], int64(f.cluster())
	count(&t.Hosts[sd.first+h].Count[r], n*cluster, marks)
	count(&t.Total[r], n*cluster, marks)
	if f.first {
		countFirst(&t.First[r], n, cluster, marks)
	}
	if f.s.Traffic.Known {
		countFirst(&t.FirstHosts[sd.first+h][r], n, cluster, marks)
	}
	if f.s.Traffic.Sticky {
		for range n {
			b := &t.Buckets[sd.events.Draw(f.rng)]
			count(&b.Count[r], cluster, marks)
			if f.first {
				countFirst(&b.First[r], 1, cluster, marks)
			}
		}
	}
	if len(t.Routes) == 0 {
		return
	}
	failed := marks[0] == 0
	for range n {
		to := route
		if to < 0 {
			to = f.routes.Draw(f.rng)
		}
		t.Routes[to].Requests[r] += cluster
		if failed {
			t.Routes[to].Errors[r] += cluster
		}
	}
}

func count(c *canary.Count, n int64, marks []int) {
	c.Requests += n
	for _, v := range marks {
		c.Events[v] += n
	}
}

// countFirst counts n visitors' first events, and takes from the requests at risk, to which all requests are added later, those that follow.
func countFirst(c *canary.First, n, cluster int64, marks []int) {
	for _, v := range marks {
		c.Events[v] += n
		c.AtRisk[v] -= n * (cluster - 1)
	}
}

// atRisk adds all requests of the tick to those at risk. Visitors are so many that nobody meets two events.
func (f *fleet) atRisk(t *canary.Tick) {
	for r := range canary.Releases {
		for v := range f.s.Vitals {
			t.First[r].AtRisk[v] += t.Total[r].Requests
			for h := range t.FirstHosts {
				t.FirstHosts[h][r].AtRisk[v] += t.Hosts[h].Count[r].Requests
			}
			for b := range t.Buckets {
				t.Buckets[b].First[r].AtRisk[v] += t.Buckets[b].Count[r].Requests
			}
		}
	}
}

// hang draws the requests to the new release that never end, and the errors by which those of earlier ticks are given up.
func (f *fleet) hang(t *canary.Tick) (excess float64) {
	harm, sd := &f.s.Harm, &f.sides[canary.New]
	if harm.Hang == 0 {
		return 0
	}
	mean := sd.load * TickSeconds * float64(sd.hosts) * harm.Hang
	n := draw.Poisson(f.rng, mean)
	f.hung[t.Number] = n
	for range n {
		f.put(t, canary.New, f.rng.IntN(sd.hosts), 1, harm.HangMarks, -1)
	}
	if back := t.Number - harm.HangSeconds/TickSeconds; back >= 0 {
		given := f.hung[back]
		t.Ended[canary.New].Requests += given
		t.Ended[canary.New].Events[0] += given
		for _, v := range harm.HangMarks {
			t.Ended[canary.New].Events[v] += given
		}
		t.Total[canary.New].Events[0] += given
		for range given {
			t.Hosts[sd.first+f.rng.IntN(sd.hosts)].Count[canary.New].Events[0]++
		}
	}
	return mean
}
