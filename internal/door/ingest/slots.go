package ingest

import (
	"context"
	"sync"

	"github.com/slipwayhq/slipway/internal/pure/turns"
)

// slots are for how many bodies are read at once: as many as there are processors, for more would only make all of them wait for each other. Who waits takes turns by sender, so that one's thousand connections
// hold another up no longer than one body takes.
type slots struct {
	mu      sync.Mutex
	free    int
	waiting turns.Queue[chan struct{}]
}

// take waits for a slot; give it back by what it returns, which may be called again.
func (s *slots) take(ctx context.Context, sender string) (give func(), err error) {
	give = sync.OnceFunc(s.give)
	s.mu.Lock()
	if s.free > 0 {
		s.free--
		s.mu.Unlock()
		return give, nil
	}
	mine := make(chan struct{})
	s.waiting.Push(sender, mine)
	s.mu.Unlock()
	select {
	case <-mine:
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

func (s *slots) give() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if next, ok := s.waiting.Pop(); ok {
		close(next)
		return
	}
	s.free++
}
