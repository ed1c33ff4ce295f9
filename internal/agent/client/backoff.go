package client

import (
	"context"
	"math/rand/v2"
	"time"
)

// Backoff grows pauses between tries, each drawn at random below its bound, so that agents do not come back all at once.
// The zero value is ready: from 100 ms to 5 s.
type Backoff struct {
	Min, Max time.Duration
	tries    int
}

// Next gives the next pause.
func (b *Backoff) Next() time.Duration {
	low, high := b.Min, b.Max
	if low == 0 {
		low = 100 * time.Millisecond
	}
	if high == 0 {
		high = 5 * time.Second
	}
	bound := high
	if b.tries < 20 {
		bound = min(high, low<<b.tries)
	}
	b.tries++
	return bound/2 + rand.N(bound/2+1)
}

// Reset starts over, after a success.
func (b *Backoff) Reset() { b.tries = 0 }

// Wait pauses; false when the context ended meanwhile.
func (b *Backoff) Wait(ctx context.Context) bool {
	timer := time.NewTimer(b.Next())
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
