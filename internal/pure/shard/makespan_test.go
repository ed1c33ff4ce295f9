package shard_test

import (
	"cmp"
	"container/heap"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/pure/shard"
)

// scenario is a build in simulated time.
type scenario struct {
	units, workers int
	skew           float64       // standard deviation of the logarithm of a unit's length; 0 stands for 1
	cost           time.Duration // of a lease, besides its units
	wrong          float64       // predictions are off by a factor in 1 ± wrong
	unseen         float64       // part of the units that have no prediction
	seed           uint64
}

// ratio returns the build's time over max(longest unit, sum/workers).
func (s scenario) ratio() float64 {
	rng := rand.New(rand.NewPCG(s.seed, 7))
	actual := make(map[string]time.Duration, s.units)
	list := make([]shard.Unit, s.units)
	longest, sum := time.Duration(0), time.Duration(0)
	for i := range list {
		d := time.Duration(math.Exp(cmp.Or(s.skew, 1)*rng.NormFloat64()) * float64(2*time.Second)) // median 2 s
		list[i].Name = fmt.Sprintf("unit%d", i)
		if rng.Float64() >= s.unseen {
			list[i].Estimate = known(time.Duration(float64(d) * (1 + s.wrong*(2*rng.Float64()-1))))
		}
		actual[list[i].Name] = d
		longest, sum = max(longest, d), sum+d
	}
	bound := max(longest, sum/time.Duration(s.workers))
	return float64(s.makespan(list, actual)) / float64(bound)
}

// makespan lets whichever worker is free first take the next lease.
func (s scenario) makespan(list []shard.Unit, actual map[string]time.Duration) time.Duration {
	q := shard.NewQueue(shard.Policy{LeaseCost: s.cost}, list)
	free := make(times, s.workers)
	end := time.Duration(0)
	for lease, ok := q.Lease(s.workers); ok; lease, ok = q.Lease(s.workers) {
		now := heap.Pop(&free).(time.Duration) + s.cost
		for _, name := range lease.Units {
			now += actual[name]
		}
		if err := q.Finish(lease.ID, lease.Units...); err != nil {
			panic(err)
		}
		heap.Push(&free, now)
		end = max(end, now)
	}
	return end
}

// times is a heap of when workers are free.
type times []time.Duration

func (t times) Len() int           { return len(t) }
func (t times) Less(i, j int) bool { return t[i] < t[j] }
func (t times) Swap(i, j int)      { t[i], t[j] = t[j], t[i] }
func (t *times) Push(x any)        { *t = append(*t, x.(time.Duration)) }
func (t *times) Pop() any {
	last := len(*t) - 1
	x := (*t)[last]
	*t = (*t)[:last]
	return x
}

// ratios returns those of many seeds, sorted.
func (s scenario) ratios(seeds int) []float64 {
	all := make([]float64, seeds)
	for i := range all {
		s.seed = uint64(i)
		all[i] = s.ratio()
	}
	slices.Sort(all)
	return all
}

// The target: 200 units of skewed length on 8 workers, predictions off by up to
// 30 %, 50 ms a lease: at most 10 % over what is possible at all.
func TestBuildTimeOverBound(t *testing.T) {
	for _, skew := range []float64{0.5, 1, 1.5} {
		s := scenario{units: 200, workers: 8, skew: skew, cost: 50 * time.Millisecond, wrong: 0.3}
		all := s.ratios(500)
		median, p95, worst := all[250], all[475], all[499]
		t.Logf("skew %.1f: build time over the bound, 500 seeds: median %.3f, p95 %.3f, worst %.3f", skew, median, p95, worst)
		if worst > 1.10 {
			t.Errorf("skew %.1f: worst %.3f, want at most 1.10", skew, worst)
		}
	}
}

// BenchmarkBuildTime prints the ratio for other builds as well.
func BenchmarkBuildTime(b *testing.B) {
	for name, s := range map[string]scenario{
		"200 units, 8 workers":              {units: 200, workers: 8, wrong: 0.3},
		"200 units, 8 workers, 10% unseen":  {units: 200, workers: 8, wrong: 0.3, unseen: 0.1},
		"200 units, 8 workers, none known":  {units: 200, workers: 8, unseen: 1},
		"1000 units, 32 workers":            {units: 1000, workers: 32, wrong: 0.3},
		"50 units, 4 workers, off by half":  {units: 50, workers: 4, wrong: 0.5},
		"2000 units, 4 workers, off by 90%": {units: 2000, workers: 4, wrong: 0.9},
	} {
		b.Run(name, func(b *testing.B) {
			s.cost = 50 * time.Millisecond
			var all []float64
			for b.Loop() {
				all = s.ratios(200)
			}
			b.ReportMetric(all[100], "median/bound")
			b.ReportMetric(all[190], "p95/bound")
		})
	}
}
