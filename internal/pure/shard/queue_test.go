package shard_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/slipwayhq/slipway/internal/pure/shard"
)

func known(d time.Duration) shard.Estimate { return shard.Observe(shard.Estimate{}, d) }

// units draws units with unique names, some of them never seen.
func units(t *rapid.T) []shard.Unit {
	n := rapid.IntRange(0, 60).Draw(t, "units")
	list := make([]shard.Unit, n)
	for i := range list {
		list[i].Name = fmt.Sprintf("unit%d", i)
		if ms := rapid.IntRange(0, 5000).Draw(t, "ms"); ms > 0 {
			list[i].Estimate = known(time.Duration(ms) * time.Millisecond)
		}
	}
	return list
}

// However leases are taken, finished in part, returned and answered late,
// each unit gets exactly one result and none is lost.
func TestNoneLostNoneTwice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := units(t)
		f := &fleet{
			queue: shard.NewQueue(shard.Policy{}, all), open: map[int][]string{},
			stale: map[int][]string{}, counted: map[string]int{},
		}
		for range 400 {
			f.act(t)
			waiting, leased, done := f.queue.Counts()
			if waiting+leased+done != len(all) || done != len(f.counted) {
				t.Fatalf("%d waiting, %d leased, %d done of %d", waiting, leased, done, len(all))
			}
		}
		for id, names := range f.open {
			f.finish(t, id, names)
		}
		for lease, ok := f.queue.Lease(1); ok; lease, ok = f.queue.Lease(1) {
			f.finish(t, lease.ID, lease.Units)
		}
		for _, u := range all {
			if f.counted[u.Name] != 1 {
				t.Fatalf("%s was counted %d times", u.Name, f.counted[u.Name])
			}
		}
	})
}

// fleet is what the workers know.
type fleet struct {
	queue   *shard.Queue
	open    map[int][]string // leases, with the units that have no result yet
	stale   map[int][]string // leases that expired
	counted map[string]int   // results by unit
}

func (f *fleet) finish(t *rapid.T, id int, names []string) {
	if err := f.queue.Finish(id, names...); err != nil {
		t.Fatalf("finish: %v", err)
	}
	for _, name := range names {
		f.counted[name]++
	}
}

// act is one thing that happens.
func (f *fleet) act(t *rapid.T) {
	switch rapid.IntRange(0, 3).Draw(t, "action") {
	case 0:
		if lease, ok := f.queue.Lease(rapid.IntRange(0, 9).Draw(t, "workers")); ok {
			f.open[lease.ID] = lease.Units
		}
	case 1: // some units of a lease are done
		if id, ok := pick(t, f.open); ok {
			n := rapid.IntRange(1, len(f.open[id])).Draw(t, "done")
			f.finish(t, id, f.open[id][:n])
			if f.open[id] = f.open[id][n:]; len(f.open[id]) == 0 {
				delete(f.open, id)
			}
		}
	case 2: // a lease expires
		if id, ok := pick(t, f.open); ok {
			back, err := f.queue.Return(id)
			if err != nil || !slices.Equal(back, f.open[id]) {
				t.Fatalf("returned %v (%v), want %v", back, err, f.open[id])
			}
			f.stale[id] = f.open[id]
			delete(f.open, id)
		}
	case 3: // the worker of an expired lease answers after all
		if id, ok := pick(t, f.stale); ok {
			if err := f.queue.Finish(id, f.stale[id]...); !errors.Is(err, shard.ErrStale) {
				t.Fatalf("a late result was taken: %v", err)
			}
		}
	}
}

func pick(t *rapid.T, leases map[int][]string) (int, bool) {
	if len(leases) == 0 {
		return 0, false
	}
	return rapid.SampledFrom(slices.Sorted(maps.Keys(leases))).Draw(t, "lease"), true
}

// A lease is at least one unit, within all bounds of the policy.
func TestNextKeepsItsBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := units(t)
		shard.Sort(list)
		workers := rapid.IntRange(1, 12).Draw(t, "workers")
		p := shard.Policy{K: 2.5, LeaseCost: 50 * time.Millisecond, MaxUnits: 20, MaxBytes: 120}
		n := p.Next(list, workers)
		if (n == 0) != (len(list) == 0) || n > len(list) || n > p.MaxUnits {
			t.Fatalf("%d of %d units", n, len(list))
		}
		if len(list) <= workers && n > 1 {
			t.Fatalf("%d units in one of the last leases", n)
		}
		if n <= 1 {
			return
		}
		bytes := 0
		for _, u := range list[:n] {
			bytes += len(u.Name)
		}
		length, all := shard.Remaining(list[:n]), shard.Remaining(list)
		if most := max(time.Duration(float64(all)/(2.5*float64(workers))), 500*time.Millisecond); length > most || bytes > p.MaxBytes {
			t.Fatalf("%d units of %s and %d bytes, of %s", n, length, bytes, all)
		}
	})
}

func TestOrder(t *testing.T) {
	list := []shard.Unit{
		{Name: "short", Estimate: known(time.Second)},
		{Name: "new-b"},
		{Name: "long", Estimate: known(time.Minute)},
		{Name: "new-a"},
		{Name: "came back", Estimate: known(time.Second), Returns: 1},
	}
	shard.Sort(list)
	var names []string
	for _, u := range list {
		names = append(names, u.Name)
	}
	if got, want := strings.Join(names, ", "), "came back, new-a, new-b, long, short"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// A unit that took two workers down must not take others with it again.
func TestUnitThatCameBackTwiceGoesAlone(t *testing.T) {
	list := make([]shard.Unit, 100)
	for i := range list {
		list[i] = shard.Unit{Name: fmt.Sprintf("u%03d", i), Estimate: known(time.Millisecond)}
	}
	q := shard.NewQueue(shard.Policy{}, list)
	for range 2 {
		lease, ok := q.Lease(2)
		if !ok || len(lease.Units) < 2 {
			t.Fatalf("leased %v", lease)
		}
		if _, err := q.Return(lease.ID); err != nil {
			t.Fatal(err)
		}
	}
	lease, _ := q.Lease(2)
	if len(lease.Units) != 1 {
		t.Errorf("leased with %d others", len(lease.Units)-1)
	}
}

func TestQueueRefuses(t *testing.T) {
	q := shard.NewQueue(shard.Policy{}, []shard.Unit{{Name: "a"}, {Name: "a"}, {Name: "b"}})
	if waiting, _, _ := q.Counts(); waiting != 2 {
		t.Errorf("%d units wait; names must count once", waiting)
	}
	lease, _ := q.Lease(1)
	if err := q.Finish(lease.ID, "stranger"); err == nil || errors.Is(err, shard.ErrStale) {
		t.Errorf("a unit the lease does not hold: %v", err)
	}
	if err := q.Finish(99, "a"); !errors.Is(err, shard.ErrStale) {
		t.Errorf("a lease that never was: %v", err)
	}
	if err := q.Finish(lease.ID, lease.Units...); err != nil {
		t.Error(err)
	}
	if _, err := q.Return(lease.ID); !errors.Is(err, shard.ErrStale) {
		t.Errorf("a finished lease came back: %v", err)
	}
}

func TestObserve(t *testing.T) {
	e := shard.Observe(shard.Estimate{}, 10*time.Second)
	if got := e.Duration().Round(time.Millisecond); got != 10*time.Second {
		t.Errorf("after one run: %s", got)
	}
	// ln 10 + (ln 160 − ln 10)/4 = ln 20
	if got := shard.Observe(e, 160*time.Second).Duration().Round(time.Millisecond); got != 20*time.Second {
		t.Errorf("after a slow run: %s, want 20s", got)
	}
	for range 40 {
		e = shard.Observe(e, time.Second)
	}
	if got := e.Duration().Round(10 * time.Millisecond); got != time.Second {
		t.Errorf("after many fast runs: %s", got)
	}
	if (shard.Estimate{}).Duration() != 0 || (shard.Estimate{}).Known() {
		t.Error("a unit never seen has a duration")
	}
	if got := shard.Observe(shard.Estimate{}, -time.Second).Duration(); got <= 0 {
		t.Errorf("a negative run: %s", got)
	}
}
