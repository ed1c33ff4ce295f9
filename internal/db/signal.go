package db

import (
	"context"
	"sync"
	"time"
)

// Signal wakes everybody who waits for a change. The zero value is ready. It is told after a commit (Tx.OnCommit) and only says "look again": what changed is
// read from the store, so that a lost signal costs time and nothing else.
type Signal struct {
	mu sync.Mutex
	ch chan struct{}
}

// Wait gives a channel that is closed at the next Wake after this call.
func (s *Signal) Wait() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ch == nil {
		s.ch = make(chan struct{})
	}
	return s.ch
}

// Wake wakes all who wait.
func (s *Signal) Wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ch != nil {
		close(s.ch)
		s.ch = nil
	}
}

// pollEvery is how often a long poll looks without being woken, where another server on the same store may have made the change.
const pollEvery = 500 * time.Millisecond

// Poll calls look at once and again whenever the signal wakes it, until look says that there is something (true), it fails, or the time is over (false). When ctx
// ends it is over, too: whoever asked has gone.
func (d *DB) Poll(ctx context.Context, s *Signal, hold time.Duration, look func() (bool, error)) (bool, error) {
	end := time.NewTimer(hold)
	defer end.Stop()
	var again <-chan time.Time
	if d.Shared() {
		tick := time.NewTicker(pollEvery)
		defer tick.Stop()
		again = tick.C
	}
	for {
		woken := s.Wait() // before looking, so that no change falls between
		if ok, err := look(); ok || err != nil {
			return ok, err
		}
		select {
		case <-woken:
		case <-again:
		case <-end.C:
			return false, nil
		case <-ctx.Done():
			return false, nil
		}
	}
}
