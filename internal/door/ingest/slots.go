package ingest

import (
	"context"
	"sync"
	"time"

	"github.com/slipwayhq/slipway/internal/pure/turns"
)

// slots are for how many large bodies are read at once: half as many as there are processors, so that what follows, up to the disk, need not wait for what is read. Who waits takes turns by sender, so that one's thousand connections
// hold another up no longer than one turn takes. Small bodies are read at once, as to wait would take longer; but those of who sends many a second count as large while others send few, and are read some together. While the
// bodies of who sends little, or small ones, take longer than they do alone, who sends much rests after each turn.
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
	// mostWaiting is how many bytes of one sender wait at most: who is held up fills no memory that others need.
	mostWaiting = mostHeld / 4
)

func newSlots(n int) *slots {
	return &slots{free: n, waiting: turns.Queue[*place]{Quantum: turnBytes}, senders: newSenders()}
}

// place is that of one body at the slots.
type place struct {
	of     *slots
	who    *sender
	name   string // of the sender
	sent   int    // bytes, as they came
	size   int    // bytes, as they may become
	bytes  int    // bytes, as they were once they were unpacked
	small  bool   // it needs no slot
	rested bool   // it came while its sender did
	came   time.Time
	turn   *turn
	comes  chan struct{}
	once   sync.Once
}

// turn is what has one slot: bodies of one sender, that were read from begun on.
type turn struct {
	begun  time.Time
	bodies int
	left   int // of them, those that are still read
	bytes  int // of those that were read
}

// take waits for a slot for a body, if it needs one; give it back, in any case. A sender who is not known is only an address.
func (s *slots) take(ctx context.Context, sender string, known bool, body []byte) (*place, error) {
	p := &place{of: s, name: sender, sent: len(body), bytes: len(body), size: weight(body), came: time.Now()}
	s.mu.Lock()
	p.who = s.senders.met(p.came, sender, known, p.sent)
	if p.small = p.size <= smallBody && !s.senders.disturbs(p.came, p.who); p.small {
		if p.who.much() {
			s.pace.works(p.came, p.who)
		}
		s.mu.Unlock()
		return p, nil
	}
	if s.free > 0 && !s.waiting.Held(sender) {
		s.begin(p)
		s.mu.Unlock()
		return p, nil
	}
	if p.who.waits > 0 && p.who.waits+p.sent > mostWaiting {
		s.mu.Unlock()
		return p, errCrowded
	}
	p.rested = p.who.resting > 0
	p.who.waits += p.sent
	p.comes = make(chan struct{})
	s.waiting.Push(sender, p.size+bodyBytes, p)
	s.mu.Unlock()
	select {
	case <-p.comes:
		return p, nil
	case <-ctx.Done():
		s.mu.Lock()
		if s.waiting.Remove(sender, func(other *place) bool { return other == p }) { // or it came just now, and is given back
			p.who.waits -= p.sent
		}
		s.mu.Unlock()
		return p, errLater
	}
}

// unpacked is take, and what is in the body.
func (s *slots) unpacked(ctx context.Context, sender string, known bool, body []byte) (p *place, inside []byte, err error) {
	if p, err = s.take(ctx, sender, known, body); err != nil {
		return p, nil, err
	}
	if inside, err = unpack(body); err != nil {
		return p, nil, err
	}
	if p.bytes = len(inside); p.bytes > p.sent {
		s.mu.Lock()
		p.who.unpacked(p.bytes - p.sent)
		s.mu.Unlock()
	}
	return p, inside, nil
}

// begin gives bodies of a sender a slot.
func (s *slots) begin(all ...*place) {
	s.free--
	t := &turn{begun: time.Now(), bodies: len(all), left: len(all)}
	for _, p := range all {
		p.turn = t
	}
}

// give gives back what take took; once is enough. Where others need the slot, the sender has no other for a while, once he has had his turn's worth, and is to be patient with what follows.
func (p *place) give() (patient bool) {
	if !p.small {
		p.once.Do(func() { patient = p.of.given(p) })
	}
	return patient
}

func (s *slots) given(p *place) (patient bool) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.turn == nil { // it gave up before it came
		return false
	}
	rests := !s.senders.spared(now, p.who)
	if rests {
		s.pace.works(now, p.who)
		patient = s.pace.needed(now, p.who)
	}
	p.turn.bytes += p.bytes
	if p.turn.left--; p.turn.left > 0 {
		return patient
	}
	if all, over := p.who.worked(work{now.Sub(p.turn.begun), p.turn.bodies, p.turn.bytes}); over && rests {
		if pause := s.pace.rest(now, p.who, all); pause > 0 {
			s.hold(p.name, p.who, pause)
		}
	}
	s.free++
	s.next()
	return patient
}

// hold keeps a sender from the slots for a while.
func (s *slots) hold(name string, who *sender, pause time.Duration) {
	who.resting++
	s.waiting.Hold(name)
	time.AfterFunc(pause, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if who.resting--; who.resting == 0 {
			s.waiting.Release(name)
			s.next()
		}
	})
}

// next gives free slots to who waits for them. Small bodies of a turn are read together, and so are written together.
func (s *slots) next() {
	for s.free > 0 {
		all := s.waiting.Turn(func(p *place) bool { return p.size <= smallBody })
		if len(all) == 0 {
			return
		}
		s.begin(all...)
		for _, p := range all {
			p.who.waits -= p.sent
			close(p.comes)
		}
	}
}

// answered is told of each body whose events are on disk, and whose they are.
func (p *place) answered(key string) {
	now, s := time.Now(), p.of
	s.mu.Lock()
	defer s.mu.Unlock()
	who := p.who
	if !who.known { // his key was inside
		who = s.senders.met(now, key, true, p.bytes)
	}
	if p.small || !p.rested && s.senders.spared(now, p.who) && s.senders.spared(now, who) {
		s.pace.answered(now, who, now.Sub(p.came), p.bytes)
	}
}
