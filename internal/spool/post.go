package spool

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

// Times of the posting loop.
const (
	backoffFirst = 50 * time.Millisecond
	backoffLast  = 5 * time.Second
	// adoptEvery is how often files of processes that ended meanwhile are looked for.
	adoptEvery = 10 * time.Second
)

// ErrRefused is what Post gives (wrapped) for a batch that the server will never take. A refused batch is sent again second by second, and a second
// that is refused alone is dropped and counted, so that one bad second does not hold up the rest.
var ErrRefused = errors.New("refused for good")

// Post sends a JSON array of seconds and returns nil once the server has it for good.
type Post func(ctx context.Context, batch []byte) error

// Run posts, in order, until ctx ends.
func (s *Spool) Run(ctx context.Context, post Post) error {
	adopt := time.NewTicker(adoptEvery)
	defer adopt.Stop()
	failures, single := 0, 0
	for {
		batch, body := s.batch(single > 0)
		if len(batch) == 0 {
			select {
			case <-ctx.Done():
				return nil
			case <-s.wake:
			case <-adopt.C:
				s.adopt()
			}
			continue
		}
		err := post(ctx, body)
		switch {
		case err == nil:
			s.acknowledge(batch)
			failures, single = 0, max(0, single-1)
			continue
		case errors.Is(err, ErrRefused) && len(batch) > 1:
			single = len(batch)
			continue
		case errors.Is(err, ErrRefused):
			s.refuse(batch, err)
			single = max(0, single-1)
			continue
		}
		if failures++; failures == 1 {
			s.log.Warn("seconds wait: the server does not take them", "queued", s.Stats().Queued, "error", err)
		}
		if !s.pause(ctx, failures, adopt.C) {
			return nil
		}
	}
}

// pause waits before the next try, at least half of a time that doubles; it is false when ctx ended.
func (s *Spool) pause(ctx context.Context, failures int, adopt <-chan time.Time) bool {
	wait := min(backoffLast, backoffFirst<<min(failures-1, 10))
	timer := time.NewTimer(wait/2 + rand.N(wait/2)) // jitter needs no secret
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-timer.C:
			return true
		case <-adopt:
			s.adopt()
		}
	}
}

// batch gives the front of the queue and its JSON.
func (s *Spool) batch(single bool) ([]*entry, []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var batch, broken []*entry
	var body bytes.Buffer
	for _, e := range s.queue {
		if len(batch) == batchLines || single && len(batch) == 1 || len(batch) > 0 && body.Len()+e.size > batchSize {
			break
		}
		line, err := e.bytes()
		if err != nil {
			s.log.Error("a second cannot be read back from the spool and is lost", "error", err)
			broken = append(broken, e)
			continue
		}
		if len(batch) == 0 {
			body.WriteByte('[')
		} else {
			body.WriteByte(',')
		}
		body.Write(line)
		batch = append(batch, e)
	}
	body.WriteByte(']')
	if len(broken) > 0 {
		s.dropped += int64(len(broken))
		s.finish(broken)
	}
	return batch, body.Bytes()
}

func (s *Spool) acknowledge(batch []*entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.finish(batch)
}

func (s *Spool) refuse(batch []*entry, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropped += int64(len(batch))
	s.log.Error("the server refuses a second: it is lost", "error", err)
	s.finish(batch)
}
