package ingest

import (
	"math"
	"sync"
	"time"

	"github.com/slipwayhq/slipway/internal/decide/track"
	"github.com/slipwayhq/slipway/internal/fault"
)

// burst is for how many seconds' worth of events may come at once, where a source has a limit.
const burst = 10

// weighed is how many bodies say how large an event is.
const weighed = 16

// limits are how many events a second sources may send: a bucket each, which fills at its limit, and which a large body may leave in debt, as it is taken whole or not at all.
type limits struct {
	mu      sync.Mutex
	buckets map[string]*bucket // by source
}

type bucket struct {
	limit, tokens float64
	at            time.Time
	refused       track.Refusal
	// booked is how many events were told to come again, and have not yet: who comes after them is told to come later, or all would come at once, again and again.
	booked float64
	// weight is how many bytes an event takes, as they come.
	weight float64
}

// events is how many a body that was not read has, about.
func (b *bucket) events(size int) float64 { return math.Max(1, float64(size)/math.Max(b.weight, 1)) }

// limited is the answer to what comes too fast.
type limited struct {
	error
	wait time.Duration
}

func (l limited) Unwrap() error { return l.error }

// check tells whether a source may send a body of so many bytes now.
func (l *limits) check(s track.Source, size int, now time.Time) error {
	if s.Limit <= 0 {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.bucket(s, now)
	if b.tokens >= 1 {
		return nil
	}
	b.refused.Bodies++
	b.refused.Last = now.UTC()
	wait := time.Duration((1 - b.tokens + b.booked) / b.limit * float64(time.Second))
	b.booked = math.Min(b.booked+b.events(size), burst*b.limit)
	return limited{fault.Limited("more came than the %d events a second that the source %q may send; send these again in %d s, or change its limit under Settings > Sources", s.Limit, s.Name, int(math.Ceil(wait.Seconds()))), wait}
}

// spend takes what came in a body out of the bucket.
func (l *limits) spend(s track.Source, size, events int, now time.Time) {
	if s.Limit <= 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.bucket(s, now)
	b.tokens -= float64(events)
	b.booked = math.Max(0, b.booked-float64(events))
	if weight := float64(size) / math.Max(float64(events), 1); b.weight == 0 {
		b.weight = weight
	} else {
		b.weight += (weight - b.weight) / weighed
	}
}

// bucket is that of a source, filled up to now. A limit that was changed counts from a full one.
func (l *limits) bucket(s track.Source, now time.Time) *bucket {
	b := l.buckets[s.ID]
	if b == nil || b.limit != float64(s.Limit) {
		refused := track.Refusal{Source: s.ID}
		if b != nil {
			refused = b.refused
		}
		b = &bucket{limit: float64(s.Limit), tokens: burst * float64(s.Limit), at: now, refused: refused}
		l.buckets[s.ID] = b
	}
	if passed := now.Sub(b.at).Seconds(); passed > 0 {
		before := math.Max(b.tokens, 0)
		b.tokens = math.Min(burst*b.limit, b.tokens+passed*b.limit)
		b.booked = math.Max(0, b.booked-math.Max(b.tokens-before, 0)) // whose time has come, and who did not
	}
	b.at = now
	return b
}

// Refusals tells of the sources of an app that were too fast.
func (e *Events) Refusals(sources []track.Source) (out []track.Refusal) {
	e.limits.mu.Lock()
	defer e.limits.mu.Unlock()
	for _, s := range sources {
		if b := e.limits.buckets[s.ID]; b != nil && b.refused.Bodies > 0 {
			out = append(out, b.refused)
		}
	}
	return out
}
