package ingest

import (
	"context"
	"sync"
	"time"

	"github.com/slipwayhq/slipway/internal/pure/turns"
)

// slots are for how many large bodies are read at once: half as many as there are processors, so that what follows, up to the disk, need not wait for what is read. Who waits takes turns by sender, so that one's thousand connections
// hold another up no longer than one turn takes. Small bodies are read at once, as to wait would take longer; but those of who sends many a second count as large while others send few. While small bodies take longer than they do
// without large ones beside them, a sender of large ones rests after each turn.
type slots struct {
	mu      sync.Mutex
	free    int
	waiting turns.Queue[*place]
	pace    pace
	senders *senders
}

const (
	// smallBody is read without a slot, and turnBytes are what a turn is worth.
	smallBody = 4 << 10
	turnBytes = 32 << 10
	// What a request takes besides being read, from its headers to its answer: about as much as bodyBytes more would.
	bodyBytes = 2 << 10
	bodyWork  = 150 * time.Microsecond
)

func newSlots(n int) *slots {
	return &slots{free: n, waiting: turns.Queue[*place]{Quantum: turnBytes}, senders: newSenders()}
}

// place is that of one body at the slots.
type place struct {
	of     *slots
	sender string
	size   int
	small  bool      // it needs no slot
	begun  time.Time // when it was to be read
	turn   *turn
	comes  chan struct{}
	once   sync.Once
}

// turn is what has one slot: bodies of one sender, that were read from begun on.
type turn struct {
	begun  time.Time
	bodies int
	left   int // of them, those that are still read
	bytes  int
}

// take waits for a slot for a body of so many bytes, if it needs one; give it back, in any case.
func (s *slots) take(ctx context.Context, sender string, size int) (*place, error) {
	p := &place{of: s, sender: sender, size: size, begun: time.Now()}
	s.mu.Lock()
	who := s.senders.met(p.begun, sender, size)
	if p.small = size <= smallBody && !s.senders.disturbs(p.begun, who); p.small {
		s.mu.Unlock()
		return p, nil
	}
	if s.free > 0 && !s.waiting.Held(sender) {
		s.begin(p)
		s.mu.Unlock()
		return p, nil
	}
	p.comes = make(chan struct{})
	s.waiting.Push(sender, size+bodyBytes, p)
	s.mu.Unlock()
	select {
	case <-p.comes:
		return p, nil
	case <-ctx.Done():
		s.mu.Lock()
		s.waiting.Remove(sender, func(other *place) bool { return other == p }) // or it came just now, and is given back
		s.mu.Unlock()
		return p, ctx.Err()
	}
}

// begin gives bodies of a sender a slot.
func (s *slots) begin(all ...*place) {
	s.free--
	t := &turn{begun: time.Now(), bodies: len(all), left: len(all)}
	for _, p := range all {
		p.turn, p.begun = t, t.begun
		t.bytes += p.size + bodyBytes
	}
}

// give gives back what take took; once is enough. Where others need the slot, the sender has no other for a while, once he has had his turn's worth.
func (p *place) give() {
	if !p.small {
		p.once.Do(func() { p.of.given(p) })
	}
}

func (s *slots) given(p *place) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.turn == nil { // it gave up before it came
		return
	}
	if p.turn.left--; p.turn.left > 0 {
		return
	}
	who := s.senders.of(now, p.sender)
	if work, bytes := who.worked(now.Sub(p.turn.begun)+time.Duration(p.turn.bodies)*bodyWork, p.turn.bytes); bytes > 0 {
		if pause := s.pace.rest(now, who.name, work, bytes); pause > 0 {
			who.resting++
			s.waiting.Hold(who.name)
			time.AfterFunc(pause, func() { s.rested(who) })
		}
	}
	s.free++
	s.next()
}

// rested ends a rest.
func (s *slots) rested(who *sender) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if who.resting--; who.resting == 0 {
		s.waiting.Release(who.name)
		s.next()
	}
}

// next gives free slots to who waits for them. Small bodies of a turn are read together, and written together.
func (s *slots) next() {
	for s.free > 0 {
		all := s.waiting.Turn()
		if len(all) == 0 {
			return
		}
		s.begin(all...)
		for _, p := range all {
			close(p.comes)
		}
	}
}

// answered is told of each body whose events are on disk.
func (p *place) answered() {
	if !p.small {
		return
	}
	now := time.Now()
	p.of.mu.Lock()
	defer p.of.mu.Unlock()
	p.of.pace.answered(now, p.sender, now.Sub(p.begun))
}
