package takes

import (
	"slices"
	"sync"
	"time"

	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/pure/rate"
)

// shard is a part of the table, with what is not yet written down of it.
type shard struct {
	mu      sync.Mutex
	cells   table
	leases  map[hashed]*leases
	changed bool  // since it was saved
	swept   int64 // when it was last looked for what may be forgotten, ns since 1970

	cycle   *cycle // the one that writes down what is pending
	pending []pending
	names   []byte // of pending
	acts    []act
	noted   int // the pending that was noted last
}

// leases are what is out of a concurrent limit under one group.
type leases struct {
	limit *rate.Defined
	group string
	out   []rate.Lease
	noted uint32
}

// pending is what happened to one group since the last cycle.
type pending struct {
	of                                hashed
	limit                             *rate.Defined
	name, end                         int // in names
	asks, asked, given, denied, nears int64
	counted                           int64 // of what was given
}

// act is what cannot be added up: a lease, by its end, and how much of it is out now; or, with no end, that all is forgotten.
type act struct {
	limit     *rate.Defined
	group     string
	ends, out int64
}

// errFull is for a group that is new when the table is full.
var errFull error = fault.Limited("so many groups are counted at once that no other can be; let limits be shorter, or allow more keys (--limit-keys)")

// look answers without taking.
func (s *shard) look(h hashed, rule *rate.Rule, ask *Ask, now int64) rate.Answer {
	if rule.Limit.Kind == rate.Concurrent {
		var out []rate.Lease
		if l := s.leases[h]; l != nil {
			out = slices.Clone(l.out)
		}
		_, a := rule.Lease(out, now, ask.Amount, ask.Partial)
		return a
	}
	var c rate.Cell
	if i, ok := s.cells.find(h); ok {
		c = s.cells.at(i)
	}
	return rule.Take(&c, now, ask.Amount, ask.Partial)
}

// take takes, notes it, and puts the answer where it is wanted: answers are large enough that copies of them cost.
func (s *shard) take(m *Memory, h hashed, rule *rate.Rule, ask *Ask, now int64, a *rate.Answer) (err error) {
	if ask.Amount == 0 {
		*a = s.look(h, rule, ask, now)
		return nil
	}
	if rule.Limit.Kind == rate.Concurrent {
		*a, err = s.lease(m, h, rule, ask, now)
		return err
	}
	i, err := s.place(m, h, ask.Limit, now)
	if err != nil {
		return err
	}
	c := &s.cells.cells[i]
	cell := rate.Cell{At: c.at, Used: c.used}
	*a = rule.Take(&cell, now, ask.Amount, ask.Partial)
	c.at, c.used = cell.At, cell.Used
	s.add(m, &c.noted, h, ask, a)
	return nil
}

func (s *shard) lease(m *Memory, h hashed, rule *rate.Rule, ask *Ask, now int64) (a rate.Answer, err error) {
	l, err := s.leaseOf(m, h, ask, now)
	if err != nil {
		return a, err
	}
	l.out, a = rule.Lease(l.out, now, ask.Amount, ask.Partial)
	if a.Ends != 0 {
		s.acts = append(s.acts, act{ask.Limit, l.group, a.Ends, a.Counted()})
	}
	s.add(m, &l.noted, h, ask, &a)
	return a, nil
}

// note notes an ask that took nothing.
func (s *shard) note(m *Memory, h hashed, rule *rate.Rule, ask *Ask, a *rate.Answer) error {
	now := m.now()
	if rule.Limit.Kind == rate.Concurrent {
		l, err := s.leaseOf(m, h, ask, now)
		if err == nil {
			s.add(m, &l.noted, h, ask, a)
		}
		return err
	}
	i, err := s.place(m, h, ask.Limit, now)
	if err == nil {
		s.add(m, &s.cells.cells[i].noted, h, ask, a)
	}
	return err
}

// seat makes the place that an ask will need.
func (s *shard) seat(m *Memory, h hashed, ask *Ask, now int64) error {
	if ask.Amount == 0 {
		return nil
	}
	if ask.Limit.Rule.Limit.Kind == rate.Concurrent {
		_, err := s.leaseOf(m, h, ask, now)
		return err
	}
	_, err := s.place(m, h, ask.Limit, now)
	return err
}

// place is where the cell of a group is, made when there is none.
func (s *shard) place(m *Memory, h hashed, limit *rate.Defined, now int64) (int, error) {
	if i, ok := s.cells.find(h); ok {
		return i, nil
	}
	if err := s.room(m, now); err != nil {
		return 0, err
	}
	return s.cells.add(h, m.known.number(limit)), nil
}

func (s *shard) leaseOf(m *Memory, h hashed, ask *Ask, now int64) (*leases, error) {
	if l := s.leases[h]; l != nil {
		l.limit = ask.Limit
		return l, nil
	}
	if err := s.room(m, now); err != nil {
		return nil, err
	}
	if s.leases == nil {
		s.leases = map[hashed]*leases{}
	}
	l := &leases{limit: ask.Limit, group: ask.Group}
	s.leases[h] = l
	return l, nil
}

// room makes room for one more, by forgetting what may be, at most once a second.
func (s *shard) room(m *Memory, now int64) error {
	if s.cells.count+len(s.leases) < m.most {
		return nil
	}
	if now-s.swept > int64(time.Second) || now < s.swept {
		s.sweep(m.known.renew(m.opts.Find), now)
	}
	if s.cells.count+len(s.leases) >= m.most {
		return errFull
	}
	return nil
}

// sweep forgets what is as if nothing had been taken.
func (s *shard) sweep(slow []*rate.Rule, now int64) {
	s.swept = now
	s.cells.keep(func(c *cell) bool {
		if int(c.limit) >= len(slow) { // it is newer than what is known
			return true
		}
		rule := slow[c.limit]
		return rule != nil && !rule.Idle(rate.Cell{At: c.at, Used: c.used}, now)
	})
	for h, l := range s.leases {
		if l.out = rate.Ended(l.out, now); len(l.out) == 0 { // those of a limit that is no more end, too
			delete(s.leases, h)
		}
	}
}

// add notes an ask under its group. noted is where the cell has it; what it points to may be another's by now.
func (s *shard) add(m *Memory, noted *uint32, h hashed, ask *Ask, a *rate.Answer) {
	i := int(*noted)
	if i >= len(s.pending) || s.pending[i].of != h {
		i = len(s.pending)
		*noted = uint32(i)
		begin := len(s.names)
		s.names = append(s.names, ask.Group...)
		s.pending = append(s.pending, pending{of: h, name: begin, end: len(s.names)})
		if i == 0 {
			signal(m.dirty)
		}
	}
	s.noted = i
	p := &s.pending[i]
	p.limit = ask.Limit
	p.asks++
	p.asked += ask.Amount
	p.counted += a.Counted()
	if p.given += a.Got; a.Over {
		p.denied++
	}
	if a.Near {
		p.nears++
	}
}

func (s *shard) giveBack(ask Ask, h hashed, ends, now int64) bool {
	l := s.leases[h]
	if l == nil {
		return false
	}
	l.out = rate.Ended(l.out, now)
	rest, ok := rate.Return(l.out, ends, ask.Amount)
	if !ok {
		return false
	}
	l.out = rest
	s.acts = append(s.acts, act{ask.Limit, l.group, ends, rate.OutOf(rest, ends)})
	return true
}

func (s *shard) forget(ask Ask, h hashed) {
	if i, ok := s.cells.find(h); ok {
		s.cells.cells[i].at, s.cells.cells[i].used = 0, 0
		if n := int(s.cells.cells[i].noted); n < len(s.pending) && s.pending[n].of == h {
			s.pending[n].counted = 0
		}
	}
	delete(s.leases, h)
	s.acts = append(s.acts, act{limit: ask.Limit, group: ask.Group})
}
