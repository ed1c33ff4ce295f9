// Package circle finds what leads back to itself: groups that name one another, flags that are each other's prerequisites.
package circle

// Found says, of each thing that was reached, whether it is part of a circle, and how long the longest way from it is (circles cut).
type Found[T comparable] struct {
	In    map[T]bool
	Depth map[T]int
}

// Find follows next from each of the things: the strongly connected parts, by Tarjan's algorithm.
func Find[T comparable](things []T, next func(T) []T) Found[T] {
	s := &search[T]{next: next, marks: map[T]*mark{}, Found: Found[T]{map[T]bool{}, map[T]int{}}}
	for _, t := range things {
		if s.marks[t] == nil {
			s.visit(t)
		}
	}
	return s.Found
}

type mark struct {
	order, low int
	open       bool
}

type search[T comparable] struct {
	Found[T]
	next  func(T) []T
	marks map[T]*mark
	stack []T
}

func (s *search[T]) visit(t T) *mark {
	m := &mark{order: len(s.marks), low: len(s.marks), open: true}
	s.marks[t] = m
	s.stack = append(s.stack, t)
	depth := 1
	for _, n := range s.next(t) {
		o := s.marks[n]
		switch {
		case o == nil:
			m.low = min(m.low, s.visit(n).low)
		case o.open:
			m.low = min(m.low, o.order)
		}
		depth = max(depth, s.Depth[n]+1)
		if n == t {
			s.In[t] = true
		}
	}
	s.Depth[t] = depth
	if m.low < m.order {
		return m
	}
	at := len(s.stack) - 1
	for s.stack[at] != t {
		at--
	}
	for _, one := range s.stack[at:] {
		s.marks[one].open = false
		if at < len(s.stack)-1 {
			s.In[one] = true
		}
	}
	s.stack = s.stack[:at]
	return m
}

// MaxMembers is how many members of circles a Set can tell apart.
const MaxMembers = 64

// Set is a set of members of circles, by their numbers from 1 to MaxMembers. A number beyond is always in it: who cannot be told apart counts as seen.
type Set uint64

// Has tells whether a member is in the set.
func (s Set) Has(n int) bool { return n > MaxMembers || s>>(n-1)&1 == 1 }

// Flip puts a member in, or takes it out.
func (s *Set) Flip(n int) { *s ^= 1 << (n - 1) }
