package judge_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/slipwayhq/slipway/internal/pure/judge"
	"github.com/slipwayhq/slipway/internal/pure/stats/units"
)

// large is a fleet of so many hosts with ten vitals and fifty routes, split as asked, with a tick of one second in which every host has requests.
func large(b *testing.B, unit judge.Unit, hosts int) (judge.Policy, judge.State, judge.Tick) {
	b.Helper()
	rng := rand.New(rand.NewPCG(1, 1))
	p := judge.Policy{Unit: unit, Alpha: .001, RuleOut: 2}
	for i := range 60 {
		v := judge.VitalSpec{Name: fmt.Sprintf("vital %d", i), Weight: 1. / 60, AlarmOnly: i >= 10}
		p.Vitals = append(p.Vitals, v)
	}
	t := judge.Tick{Share: .1, Counts: map[string]judge.Count{}}
	if unit != judge.ByHost {
		for _, v := range p.Vitals {
			t.Counts[v.Name] = judge.Count{New: 20, Old: 180, AtRiskNew: 2000, AtRiskOld: 18000}
		}
		return p, judge.NewState(p), t
	}
	p.Fleet, t.Counts, t.Hosts = &judge.Fleet{Before: map[string][]units.Unit{}}, nil, map[string][]judge.HostCount{}
	l := units.Layout{Visitors: .1}
	for i := range hosts {
		p.Fleet.Hosts = append(p.Fleet.Hosts, fmt.Sprint(i))
		if i < hosts/10 {
			l.New = append(l.New, i)
		} else {
			l.Old = append(l.Old, i)
		}
	}
	for _, v := range p.Vitals {
		before, now := make([]units.Unit, hosts), make([]judge.HostCount, hosts)
		for i := range before {
			before[i] = units.Unit{Events: float64(100 + rng.IntN(40)), Requests: 12000}
			now[i] = judge.HostCount{Events: int64(i % 2), Requests: 50} // both groups alike: nothing is wrong, as in nearly all seconds
		}
		p.Fleet.Before[v.Name], t.Hosts[v.Name] = before, now
	}
	s := judge.NewState(p)
	if err := s.Group(p, l); err != nil {
		b.Fatal(err)
	}
	return p, s, t
}

// BenchmarkTick is the cost of one second: ten vitals and fifty routes, folded and asked whether harm shows.
func BenchmarkTick(b *testing.B) {
	for _, unit := range []judge.Unit{judge.ByVisitor, judge.ByHost} {
		b.Run(string(unit)+"-1000-hosts", func(b *testing.B) {
			p, s, t := large(b, unit, 1000)
			for b.Loop() {
				if err := s.Fold(p, t); err != nil {
					b.Fatal(err)
				}
				judge.HasRegressed(p, &s)
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/float64(b.N), "ms/tick")
		})
	}
}
