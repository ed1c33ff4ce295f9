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

// smoothing is over how many bodies it is averaged how large an event is.
const smoothing = 16

// limits are how many events a second sources may send: a bucket each, which fills at its limit, and which a large body may leave in debt, as it is taken whole or not at all.
type limits struct {
	mu      sync.Mutex
	buckets map[string]*bucket // by source
}

type bucket struct {
	limit, tokens float64
	at            time.Time
	refused       track.Refusal
	// promised is when the next who is refused is told to come: behind those who were told before, or all would come at once, again and again.
	promised time.Time
	// weight is how many bytes an event takes, as they come.
	weight float64
}

// guess is about how many events are in a body that was not read.
func (b *bucket) guess(size int) float64 { return math.Max(1, float64(size)/math.Max(b.weight, 1)) }

// takes is how long the source has to wait for so many.
func (b *bucket) takes(events float64) time.Duration {
	return time.Duration(events / b.limit * float64(time.Second))
}

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
	soonest := now.Add(b.takes(1 - b.tokens))
	if b.promised.Before(soonest) || b.promised.After(soonest.Add(burst*time.Second)) { // too many: they are spread over these seconds once more
		b.promised = soonest
	}
	wait := b.promised.Sub(now)
	b.promised = b.promised.Add(b.takes(b.guess(size)))
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
	if weight := float64(size) / math.Max(float64(events), 1); b.weight == 0 {
		b.weight = weight
	} else {
		b.weight += (weight - b.weight) / smoothing
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
		b.tokens = math.Min(burst*b.limit, b.tokens+passed*b.limit)
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
