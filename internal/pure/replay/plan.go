package replay

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/slipwayhq/slipway/internal/pure/judge"
	"github.com/slipwayhq/slipway/internal/pure/stats"
	"github.com/slipwayhq/slipway/internal/pure/stats/units"
)

// Options are what a verdict depends on besides the counts. The zero value of each is its default.
type Options struct {
	Alpha   float64 // false rollbacks allowed; 0.05
	Margin  float64 // harm that is tolerated; negative: 0, and 0.2 for hosts without a window before
	RuleOut float64 // the harm that healthy excludes; 2
	Settle  int64   // seconds that a host is left out for after it got the new release
	Share   float64 // part of the requests that hosts which run both releases were meant to send to the new one; 0: not known, and not checked
	// Rise and Drop name vitals of which a rise, or a drop, is harm; of others both are.
	Rise, Drop []string
}

func (o Options) check(t *Table) error {
	var errs []error
	if o.Settle < 0 {
		errs = append(errs, fmt.Errorf("settle %d: must be 0 or more seconds", o.Settle))
	}
	if !(o.Share >= 0 && o.Share < 1) {
		errs = append(errs, fmt.Errorf("share %v: must be above 0 and below 1", o.Share))
	}
	for _, name := range slices.Concat(o.Rise, o.Drop) {
		if !slices.Contains(t.Named, name) {
			errs = append(errs, fmt.Errorf("there is no vital %q in the table; it has %v besides errors and slow requests", name, t.Named))
		}
	}
	return errors.Join(errs...)
}

// The parts of alpha. They are made to add up to 1.
const (
	errorsWeight = 0.5
	namedWeight  = 0.25
	routesWeight = 0.25
	// maxRoutes are judged: those with the most requests.
	maxRoutes = 50
	// negligibleErrors is that of rollouts: fewer cannot be shown not to have doubled.
	negligibleErrors = 0.001
)

// series is one vital and where its counts are in a row; several judge the same column.
type series struct {
	spec judge.VitalSpec
	name string // as people call it
	// part: it is a part of all errors. How much hosts differ is then known from those.
	part bool
	take func(Row) (events, of int64, ok bool)
}

// vitals lists what is judged.
func vitals(t *Table, o Options) []series {
	all := []series{{
		spec: judge.VitalSpec{Name: judge.Errors, Weight: errorsWeight, Negligible: negligibleErrors}, name: judge.Errors,
		take: func(r Row) (int64, int64, bool) { return r.Errors, r.Requests, true },
	}}
	weights, beyond := [3]float64{0.1, 0.15, 0.25}, [3]float64{0.5, 0.1, 0.01}
	for i, name := range slowness {
		if t.Slow[i] {
			all = append(all, series{
				spec: judge.VitalSpec{Name: name, Weight: weights[i], Negligible: beyond[i]}, name: name,
				take: func(r Row) (int64, int64, bool) { return r.Slow[i], r.Requests, true },
			})
		}
	}
	for i, name := range t.Named {
		all = append(all, named(i, name, o)...)
	}
	busy := busiest(t)
	for _, route := range busy {
		all = append(all, series{
			spec: judge.VitalSpec{Name: judge.RouteErrors(t.Routes[route]), Weight: routesWeight / float64(len(busy)), Negligible: negligibleErrors, AlarmOnly: true},
			name: judge.RouteErrors(t.Routes[route]), part: true,
			take: func(r Row) (int64, int64, bool) { return r.Errors, r.Requests, r.Route == route },
		})
	}
	total := 0.0
	for _, s := range all {
		total += s.spec.Weight
	}
	for i := range all {
		all[i].spec.Weight /= total
	}
	return all
}

// named is a vital of the user's own: in one direction, or in both.
func named(i int, name string, o Options) (found []series) {
	rise, drop := slices.Contains(o.Rise, name), slices.Contains(o.Drop, name)
	if !rise && !drop {
		rise, drop = true, true
	}
	weight := namedWeight
	if rise && drop {
		weight /= 2
	}
	take := func(r Row) (int64, int64, bool) { return r.Named[i].Events, r.Named[i].Of, true }
	if rise {
		found = append(found, series{spec: judge.VitalSpec{Name: name + " (rise)", Label: name, Weight: weight}, name: name, take: take})
	}
	if drop {
		found = append(found, series{spec: judge.VitalSpec{Name: name + " (drop)", Label: name, Weight: weight, Bad: judge.Drop}, name: name, take: take})
	}
	return found
}

// busiest are the routes with the most requests. One route alone is no part of anything.
func busiest(t *Table) []int {
	if len(t.Routes) < 2 {
		return nil
	}
	requests := make([]int64, len(t.Routes))
	routes := make([]int, len(t.Routes))
	for i := range routes {
		routes[i] = i
	}
	for _, r := range t.Rows {
		requests[r.Route] += r.Requests
	}
	slices.SortFunc(routes, func(a, b int) int { return cmp.Or(cmp.Compare(requests[b], requests[a]), cmp.Compare(a, b)) })
	return routes[:min(len(routes), maxRoutes)]
}

// plan is a table as a rollout: who got the new release when, and by which policy it is judged.
type plan struct {
	table  *Table
	opts   Options
	series []series
	policy judge.Policy
	// first is, for each host, the second of its first row of the new release; never for those that have none.
	first  []int64
	start  int64 // of the rollout: the least of first
	before int64 // seconds of the window before
	// grouped is the layout that the judge knows of.
	grouped units.Layout
}

const never = math.MaxInt64

// planned looks how the traffic was split, and makes the policy.
func planned(t *Table, o Options) (*plan, error) {
	p := &plan{table: t, opts: o, series: vitals(t, o), first: make([]int64, len(t.Hosts)), start: never}
	for i := range p.first {
		p.first[i] = never
	}
	for _, r := range t.Rows {
		if r.New && r.Second < p.first[r.Host] {
			p.first[r.Host] = r.Second
			p.start = min(p.start, r.Second)
		}
	}
	p.policy = judge.Policy{Unit: p.unit(), Alpha: cmp.Or(o.Alpha, 0.05), RuleOut: cmp.Or(o.RuleOut, 2), ExcludeAlpha: 0.05, Margin: max(o.Margin, 0)}
	for _, s := range p.series {
		p.policy.Vitals = append(p.policy.Vitals, s.spec)
	}
	if p.policy.Unit == judge.ByHost {
		if p.policy.Fleet = p.fleet(); p.policy.Fleet == nil && o.Margin < 0 {
			p.policy.Margin = judge.DefaultHostMargin
		}
	}
	return p, p.policy.Validate()
}

// unit: hosts were drawn, unless those with the new release run the old one on beside it.
func (p *plan) unit() judge.Unit {
	var fresh, old int64
	for _, r := range p.table.Rows {
		if r.Second >= p.first[r.Host] {
			if r.New {
				fresh++
			} else {
				old++
			}
		}
	}
	if old*4 > fresh {
		return judge.ByRequest
	}
	return judge.ByHost
}

// fleet is what hosts did before the rollout, nil when nothing is known of it.
func (p *plan) fleet() *judge.Fleet {
	f := &judge.Fleet{Hosts: p.table.Hosts, Before: map[string][]units.Unit{}, Clusters: map[string]float64{}, History: map[string]units.Spread{}}
	for _, s := range p.series {
		before := make([]units.Unit, len(p.table.Hosts))
		var events, of []int64 // by second
		last := int64(never)
		for _, r := range p.table.Rows {
			if r.Second >= p.start {
				break
			}
			x, n, ok := s.take(r)
			if !ok {
				continue
			}
			before[r.Host].Events += float64(x)
			before[r.Host].Requests += n
			if r.Second != last {
				events, of, last = append(events, 0), append(of, 0), r.Second
			}
			events[len(events)-1] += x
			of[len(of)-1] += n
		}
		if len(events) > 0 {
			f.Before[s.spec.Name], f.History[s.spec.Name] = before, units.Usual()
			f.Clusters[s.spec.Name] = cluster(events, of)
			if s.part {
				f.History[s.spec.Name] = units.Learn(units.Usual(), f.Before[judge.Errors]).Then()
			}
			p.before = max(p.before, int64(len(events)))
		}
	}
	if len(f.Before) == 0 {
		return nil
	}
	return f
}

// cluster is how many events come together within a second, 1 unless it is clear that they do.
func cluster(events, of []int64) float64 {
	exposure := make([]float64, len(of))
	for i, n := range of {
		exposure[i] = float64(n)
	}
	d, err := stats.DispersionOf(events, exposure)
	if err != nil {
		return 1
	}
	return d.Clusters()
}
