package shard

import (
	"errors"
	"fmt"
	"slices"
)

// Lease is a set of units that one worker runs in one go.
type Lease struct {
	ID    int // from 1, never used again
	Units []string
}

// ErrStale is returned for a lease that was returned or is finished: its late
// results must not be counted, for the units run elsewhere.
var ErrStale = errors.New("the lease is no longer open")

// Queue is the state of one build's units. It is not safe for concurrent use.
type Queue struct {
	policy  Policy
	waiting []Unit // in the order of Sort
	leased  map[int][]Unit
	done    map[string]bool
	leases  int
}

// NewQueue returns a queue of the units. Of units with the same name the first
// counts.
func NewQueue(policy Policy, units []Unit) *Queue {
	q := &Queue{policy: policy, leased: make(map[int][]Unit), done: make(map[string]bool)}
	seen := make(map[string]bool, len(units))
	for _, u := range units {
		if !seen[u.Name] {
			seen[u.Name] = true
			q.waiting = append(q.waiting, u)
		}
	}
	Sort(q.waiting)
	return q
}

// Lease takes the next units out of the queue for one of the workers that
// share it. There are none to lease if ok is false; some may still come back.
func (q *Queue) Lease(workers int) (lease Lease, ok bool) {
	n := q.policy.Next(q.waiting, workers)
	if n == 0 {
		return Lease{}, false
	}
	q.leases++
	taken := slices.Clone(q.waiting[:n])
	q.waiting = q.waiting[n:]
	q.leased[q.leases] = taken
	lease.ID = q.leases
	for _, u := range taken {
		lease.Units = append(lease.Units, u.Name)
	}
	return lease, true
}

// Finish records that the named units of the lease have a result. Others of
// the lease stay open; when none is left, the lease is over. It changes
// nothing and returns ErrStale (wrapped) for a lease that is not open, and an
// error for a unit the lease does not hold.
func (q *Queue) Finish(lease int, names ...string) error {
	held, open := q.leased[lease]
	if !open {
		return fmt.Errorf("finish units of lease %d: %w", lease, ErrStale)
	}
	for _, name := range names {
		if !slices.ContainsFunc(held, func(u Unit) bool { return u.Name == name }) {
			return fmt.Errorf("finish units of lease %d: it does not hold %q", lease, name)
		}
	}
	for _, name := range names {
		q.done[name] = true
	}
	held = slices.DeleteFunc(held, func(u Unit) bool { return q.done[u.Name] })
	if len(held) == 0 {
		delete(q.leased, lease)
	} else {
		q.leased[lease] = held
	}
	return nil
}

// Return puts the unfinished units of a lease back: it expired, or its worker
// is gone. It returns their names, and ErrStale (wrapped) if it is not open.
func (q *Queue) Return(lease int) ([]string, error) {
	held, open := q.leased[lease]
	if !open {
		return nil, fmt.Errorf("return lease %d: %w", lease, ErrStale)
	}
	delete(q.leased, lease)
	var names []string
	for _, u := range held {
		u.Returns++
		q.waiting = append(q.waiting, u)
		names = append(names, u.Name)
	}
	Sort(q.waiting)
	return names, nil
}

// Waiting returns the units that are not leased, in the order of [Sort].
func (q *Queue) Waiting() []Unit { return slices.Clone(q.waiting) }

// Counts returns how many units wait, are leased and are done.
func (q *Queue) Counts() (waiting, leased, done int) {
	for _, units := range q.leased {
		leased += len(units)
	}
	return len(q.waiting), leased, len(q.done)
}
