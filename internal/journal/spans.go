package journal

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// span is which events a message has: the sequence of the first, and the one behind the last.
type span struct{ first, behind uint64 }

// spans are those that were asked for. A message does not change, and to read an old one the log reads the whole block that it lies in, some MiB, while whoever writes there waits.
type spans struct {
	mu      sync.Mutex
	created time.Time // of the stream that they are of
	of      map[uint64]span
}

// mostSpans is how many are kept; then they are asked for anew. A search among any number of messages asks for the same few first.
const mostSpans = 4096

func (s *spans) get(created time.Time, message uint64) (span, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !created.Equal(s.created) {
		return span{}, false
	}
	found, ok := s.of[message]
	return found, ok
}

func (s *spans) put(created time.Time, message uint64, found span) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of == nil || len(s.of) >= mostSpans || !created.Equal(s.created) {
		s.created, s.of = created, map[uint64]span{}
	}
	s.of[message] = found
}

// span is which events a message has.
func (j *Journal) span(ctx context.Context, stream jetstream.Stream, at uint64) (span, error) {
	created := stream.CachedInfo().Created
	if found, ok := j.spans.get(created, at); ok {
		return found, nil
	}
	m, err := stream.GetMsg(ctx, at)
	if err != nil {
		return span{}, fmt.Errorf("read message %d of the log's events: %w", at, err)
	}
	found, err := spanOf(Telemetry{Sequence: m.Sequence, Subject: m.Subject, Data: m.Data})
	if err == nil {
		j.spans.put(created, at, found)
	}
	return found, err
}

// find is the message that has an event, or else the first one behind it.
func (j *Journal) find(ctx context.Context, h held, event uint64) (at uint64, err error) {
	if event > h.last.event {
		return h.last.message + 1, nil
	}
	first, last := h.before.message+1, h.last.message // it is one of these
	for first < last {
		at := middle(first, last)
		found, err := j.span(ctx, h.stream, at)
		switch {
		case errors.Is(err, jetstream.ErrMsgNotFound): // it has become too old just now
			first = at + 1
		case err != nil:
			return at, err
		case found.behind > event:
			last = at
		default:
			first = at + 1
		}
	}
	return first, nil
}

// middle is the number from first (at least 1) up to before last that the highest power of two divides: between other ends it is mostly the same one. A search by it takes at most twice as many steps as one by halves.
func middle(first, last uint64) uint64 {
	bit := bits.Len64((first-1)^(last-1)) - 1 // the highest in which what lies before differs from the greatest
	return (last - 1) >> bit << bit
}
