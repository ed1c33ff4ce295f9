package track

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/slipwayhq/slipway/internal/pure/capture"
)

// mostFaults is how many different faults are told apart in an app; what is more is counted under the name More.
const (
	mostFaults = 1000
	More       = "(more)"
)

// FaultCount is how often events were not as planned in one way, since this server started.
type FaultCount struct {
	Kind capture.Kind `json:"kind"`
	Name string       `json:"name"`
	PlanFault
	Count int64     `json:"count"`
	First time.Time `json:"first"`
	Last  time.Time `json:"last"`
	// Example is the id that the client gave the last one: what it held is where events are, and goes with them.
	Example string `json:"example,omitempty" doc:"Message id of the last one: it is among the events, or where it was rejected among the failed ones"`
}

// faultKey is what is counted apart.
type faultKey struct {
	planned
	PlanFault
}

// tally counts the faults of one app.
type tally struct {
	mu     sync.Mutex
	faults map[faultKey]*FaultCount
}

func (t *tally) add(e *capture.Event, f PlanFault) {
	t.mu.Lock()
	defer t.mu.Unlock()
	key := faultKey{planned{e.Kind, e.Name}, f}
	c := t.faults[key]
	if c == nil && len(t.faults) >= mostFaults {
		key = faultKey{planned: planned{name: More}}
		c = t.faults[key]
	}
	if c == nil {
		c = &FaultCount{Kind: key.kind, Name: key.name, PlanFault: key.PlanFault, First: e.Received}
		t.faults[key] = c
	}
	c.Count++
	c.Last, c.Example = e.Received, e.ID
}

// Faults are how events of an app were not as planned, the most frequent first.
func (s *Service) Faults(app string) []FaultCount {
	t := s.tally(app)
	t.mu.Lock()
	defer t.mu.Unlock()
	out := []FaultCount{}
	for _, c := range t.faults {
		out = append(out, *c)
	}
	slices.SortFunc(out, func(a, b FaultCount) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Fault, b.Fault))
	})
	return out
}

func (s *Service) tally(app string) *tally {
	t, _ := s.tallies.LoadOrStore(app, &tally{faults: map[faultKey]*FaultCount{}})
	return t.(*tally) //nolint:forcetypeassert // nothing else is put there
}

// Check tells how an event is not as planned, counts it, and whether it is to be a failed event; nil when it is as planned, or nobody asks.
func (r *Rules) Check(e *capture.Event) (f *PlanFault, reject bool) {
	if r.plan == nil || r.plan.mode == Observe {
		return nil, false
	}
	if f = r.plan.check(e); f != nil {
		r.faults.add(e, *f)
	}
	return f, r.plan.mode == Reject
}
