package ingest

import (
	"context"
	"sync"
	"time"

	"github.com/slipwayhq/slipway/internal/pure/turns"
)

// slots are for how many large bodies are read at once: half as many as there are processors, so that what follows, up to the disk, need not wait for what is read. Who waits takes turns by sender, so that one's thousand connections
// hold another up no longer than one body takes. Small bodies are read at once: to wait would take longer. While they take longer than they do without large ones beside them, a slot rests after each large body.
type slots struct {
	mu      sync.Mutex
	free    int
	waiting turns.Queue[chan struct{}]
	pace    pace
}

const (
	// smallBody is read without a slot, and turnBytes are what a turn is worth.
	smallBody = 4 << 10
	turnBytes = 32 << 10
)

func newSlots(n int) *slots {
	return &slots{free: n, waiting: turns.Queue[chan struct{}]{Quantum: turnBytes}}
}

// take waits for a slot for a body of so many bytes; give it back by what it returns, which may be called again.
func (s *slots) take(ctx context.Context, sender string, size int) (give func(), err error) {
	if size <= smallBody {
		return func() {}, nil
	}
	var begun time.Time
	give = sync.OnceFunc(func() { s.rest(sender, begun) })
	s.mu.Lock()
	if s.free > 0 {
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

// rest gives a slot back, later where others need it.
func (s *slots) rest(sender string, begun time.Time) {
	if begun.IsZero() { // it was never used
		s.give()
		return
	}
	now := time.Now()
	s.mu.Lock()
	pause := s.pace.rest(now, sender, now.Sub(begun))
	s.mu.Unlock()
	if pause > 0 {
		time.AfterFunc(pause, s.give)
		return
	}
	s.give()
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

func (s *slots) give() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if next, ok := s.waiting.Pop(); ok {
		close(next)
		return
	}
	s.free++
}
