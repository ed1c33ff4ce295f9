package redis

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"time"

	"github.com/slipwayhq/slipway/internal/pure/rate"
	"github.com/slipwayhq/slipway/internal/takes"
)

const prefix = "slipway:takes:"

func keyOf(a takes.Ask) string {
	return prefix + strconv.FormatUint(a.Limit.Series, 10) + ":" + a.Group
}

// slot is a key in a round: what was read, and what has become of it since.
type slot struct {
	key   string
	was   string // as it is in Redis; empty: it is not there
	cell  rate.Cell
	out   []rate.Lease
	until int64 // when it may be forgotten, ns since 1970
	write bool
	unit  *unit

	unreadable bool // it counts something, and nobody knows what
}

// The value of a key: a version, the cell, until when it is kept, and the leases; big-endian. Leases have the cell of nothing.
const (
	version   = '1'
	head      = 1 + 3*8
	leaseSize = 2 * 8
)

func (s *slot) decode(value string) {
	s.was = value
	if value == "" {
		return
	}
	b := []byte(value)
	if len(b) < head || b[0] != version || (len(b)-head)%leaseSize != 0 {
		s.unreadable = true
		return
	}
	n := func(at int) int64 { return int64(binary.BigEndian.Uint64(b[at:])) }
	s.cell, s.until = rate.Cell{At: n(1), Used: n(9)}, n(17)
	for at := head; at < len(b); at += leaseSize {
		s.out = append(s.out, rate.Lease{Ends: n(at), Amount: n(at + 8)})
	}
}

// encode gives the value to write; empty: nothing is left to remember.
func (s *slot) encode() string {
	if s.cell.Used == 0 && len(s.out) == 0 {
		return ""
	}
	b := make([]byte, 0, head+len(s.out)*leaseSize)
	b = append(b, version)
	for _, n := range []int64{s.cell.At, s.cell.Used, s.until} {
		b = binary.BigEndian.AppendUint64(b, uint64(n))
	}
	for _, l := range s.out {
		b = binary.BigEndian.AppendUint64(b, uint64(l.Ends))
		b = binary.BigEndian.AppendUint64(b, uint64(l.Amount))
	}
	return string(b)
}

// expiry is in how many ms Redis forgets the key; empty: never.
func (s *slot) expiry(now, linger int64) string {
	if s.until == rate.Never {
		return ""
	}
	const milli = int64(time.Millisecond)
	return strconv.FormatInt(max((s.until-now+linger)/milli+1, 1), 10)
}

// look answers without taking.
func (s *slot) look(a takes.Ask, now, want int64) rate.Answer {
	aside := slot{cell: s.cell, out: append([]rate.Lease(nil), s.out...)}
	return aside.take(a, now, want)
}

// take takes, and says what has to be written. A refusal changes nothing that would not be computed again, unless the clock has gone back, or what is out comes back more slowly than it did.
func (s *slot) take(a takes.Ask, now, want int64) (answer rate.Answer) {
	rule := a.Limit.For(a.Group)
	if rule.Limit.Kind == rate.Concurrent {
		s.out, answer = rule.Lease(s.out, now, want, a.Partial)
		if answer.Got > 0 {
			s.changed()
		}
		return answer
	}
	before := s.cell.At
	answer = rule.Take(&s.cell, now, want, a.Partial)
	if answer.Got > 0 || s.cell.Used > 0 && (s.cell.At < before || answer.Full > s.until) {
		s.write, s.until = true, answer.Full
	}
	return answer
}

// changed is for leases: the last says how long they are remembered.
func (s *slot) changed() {
	s.write = true
	if n := len(s.out); n > 0 {
		s.until = s.out[n-1].Ends
	}
}

// readable gives an error where what was written is not known.
func (w *wish) readable() error {
	for _, s := range w.slots {
		if s.unreadable {
			return away(fmt.Errorf("read %q of Redis: %d bytes that this version did not write", s.key, len(s.was)))
		}
	}
	return nil
}

// take takes of all, or of none.
func (w *wish) take(now int64) error {
	if err := w.readable(); err != nil {
		return err
	}
	passed := true
	for i, a := range w.asks {
		w.answers[i] = w.slots[i].look(a, now, a.Amount)
		passed = passed && w.answers[i].Passed
	}
	for i, a := range w.asks {
		switch {
		case a.Amount == 0:
		case passed || !w.answers[i].Passed:
			w.answers[i] = w.slots[i].take(a, now, a.Amount)
		default: // it has enough, and keeps it, for another has not
			w.answers[i] = w.slots[i].look(a, now, 0)
		}
	}
	return nil
}

func (w *wish) giveBack(now int64) error {
	if err := w.readable(); err != nil {
		return err
	}
	s := w.slots[0]
	s.out, w.ok = rate.Return(rate.Ended(s.out, now), w.ends, w.asks[0].Amount)
	if w.ok {
		s.changed()
	}
	return nil
}

func (w *wish) forget(int64) error {
	s := w.slots[0]
	s.cell, s.out, s.write, s.unreadable = rate.Cell{}, nil, true, false
	return nil
}
