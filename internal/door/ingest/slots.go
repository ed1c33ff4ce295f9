package ingest

import (
	"context"
	"sync"
	"time"

	"github.com/slipwayhq/slipway/internal/pure/turns"
)

// slots are for how many large bodies are read at once: half as many as there are processors, so that what follows, up to the disk, need not wait for what is read. Who waits takes turns by sender, so that one's thousand connections
// hold another up no longer than one body takes. Small bodies are read at once: to wait would take longer. While they take longer than they do without large ones beside them, a sender rests after each large body.
type slots struct {
	mu      sync.Mutex
	free    int
	waiting turns.Queue[chan struct{}]
	pace    pace
	resting map[string]int // of how many bodies, by sender
}

const (
	// smallBody is read without a slot, and turnBytes are what a turn is worth.
	smallBody = 4 << 10
	turnBytes = 32 << 10
)

func newSlots(n int) *slots {
	return &slots{free: n, waiting: turns.Queue[chan struct{}]{Quantum: turnBytes}, resting: map[string]int{}}
}

// take waits for a slot for a body of so many bytes; give it back by what it returns, which may be called again.
func (s *slots) take(ctx context.Context, sender string, size int) (give func(), err error) {
	if size <= smallBody {
		return func() {}, nil
	}
	var begun time.Time
	give = sync.OnceFunc(func() { s.rest(sender, begun) })
	s.mu.Lock()
	if s.free > 0 && !s.waiting.Held(sender) {
		s.free--
		s.mu.Unlock()
		begun = time.Now()
		return give, nil
	}
	mine := make(chan struct{})
	s.waiting.Push(sender, size, mine)
	s.mu.Unlock()
	select {
	case <-mine:
		begun = time.Now()
		return give, nil
	case <-ctx.Done():
		s.mu.Lock()
		waits := s.waiting.Remove(sender, func(c chan struct{}) bool { return c == mine })
		s.mu.Unlock()
		if !waits { // it came just now
			give()
		}
		return func() {}, ctx.Err()
	}
}

// rest gives a slot back. Where others need it, its sender has no other for a while.
func (s *slots) rest(sender string, begun time.Time) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !begun.IsZero() { // or it was never used
		if pause := s.pace.rest(now, sender, now.Sub(begun)); pause > 0 {
			s.resting[sender]++
			s.waiting.Hold(sender)
			time.AfterFunc(pause, func() { s.rested(sender) })
		}
	}
	s.free++
	s.next()
}

// rested ends a rest.
func (s *slots) rested(sender string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.resting[sender]--; s.resting[sender] == 0 {
		delete(s.resting, sender)
		s.waiting.Release(sender)
		s.next()
	}
}

// next gives free slots to who waits for them.
func (s *slots) next() {
	for s.free > 0 {
		next, ok := s.waiting.Pop()
		if !ok {
			return
		}
		s.free--
		close(next)
	}
}

// answered is told of each body whose events are on disk, and when it was to be read.
func (s *slots) answered(sender string, size int, begun time.Time) {
	if size > smallBody {
		return
	}
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pace.answered(now, sender, now.Sub(begun))
}
