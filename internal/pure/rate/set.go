package rate

import "strings"

// Defined is a limit under the name of its group.
type Defined struct {
	// App and Env are whose limit it is, and Group what it limits.
	App, Env, Group string
	// Series names what is counted: another one begins at nothing. A limit that changes keeps it while it counts in the same way.
	Series uint64
	Rule   *Rule
	// Overrides are other rules for single keys, by their whole group. They count in the same series, so that another amount holds at once.
	Overrides map[string]*Rule
}

// For is the rule for one key.
func (d *Defined) For(group string) *Rule {
	if len(d.Overrides) > 0 {
		if r, ok := d.Overrides[group]; ok {
			return r
		}
	}
	return d.Rule
}

// Set finds limits by what they limit. It is never changed.
type Set struct {
	byGroup map[string]*Defined
	depths  uint64 // bit n: some group has n colons; the last bit is for all deeper ones
}

const deepest = 63

// NewSet makes a set of limits, each under its own group.
func NewSet(all []*Defined) *Set {
	s := &Set{byGroup: make(map[string]*Defined, len(all))}
	for _, d := range all {
		s.byGroup[d.Group] = d
		s.depths |= 1 << min(strings.Count(d.Group, ":"), deepest)
	}
	return s
}

// Find gives the limit for a group: that of the longest group that is defined and is the group itself or begins it, up to a colon. nil: it has no limit.
func (s *Set) Find(group string) *Defined {
	depth := strings.Count(group, ":")
	for {
		if s.depths&(1<<min(depth, deepest)) != 0 {
			if d, ok := s.byGroup[group]; ok {
				return d
			}
		}
		i := strings.LastIndexByte(group, ':')
		if i < 0 {
			return nil
		}
		group, depth = group[:i], depth-1
	}
}

// All gives each limit, in no order.
func (s *Set) All(yield func(*Defined) bool) {
	for _, d := range s.byGroup {
		if !yield(d) {
			return
		}
	}
}

// Slowest is the rule by which the least comes back, of the limit's and its overrides': what is idle by it is idle by all. Overrides differ in amounts alone.
func (d *Defined) Slowest() *Rule {
	slow := d.Rule
	for _, r := range d.Overrides {
		if r.amount > 0 && (slow.amount == 0 || r.amount < slow.amount) {
			slow = r
		}
	}
	return slow
}
