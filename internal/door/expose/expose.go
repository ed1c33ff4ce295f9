package expose

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slipwayhq/slipway/internal/pure/capture"
)

const (
	// mostQueued is how many may wait for the log.
	mostQueued = 1 << 14
	// mostTold is how many are remembered, in two halves of which the older one is forgotten at a time: some 10 MB.
	mostTold = 1 << 18
	// mostWritten go to the log at once, as many as came within gather.
	mostWritten = 500
	gather      = 200 * time.Millisecond
	// writeTime is for how long the log may take to answer.
	writeTime = 20 * time.Second
)

// Exposure is that a visitor was shown a value of a flag.
type Exposure struct {
	capture.Shown
	// Release is the one that asked, as the header Slipway-Release says it; empty where that is not known.
	Release string
	// Experiment is the key by which the visitor was placed, and Variation what they were placed into, by its key; empty where no experiment decided. Another key is another exposure.
	Experiment, Variation string
}

// told is the same for all that tell the same on one day.
func (e Exposure) told(at time.Time) key {
	shown := e.Shown
	if e.Experiment != "" {
		shown.Flag += "\x00" + e.Experiment
	}
	return shown.Key(at)
}

// properties are those of the event.
func (e Exposure) properties() (map[string]json.RawMessage, error) {
	p := map[string]json.RawMessage{"value": json.RawMessage(e.Value)}
	for name, text := range map[string]string{"experiment": e.Experiment, "variation": e.Variation} {
		if text == "" {
			continue
		}
		raw, err := json.Marshal(text)
		if err != nil {
			return nil, err
		}
		p[name] = raw
	}
	return p, nil
}

type key = [16]byte

// Exposures records. Make it with New, and Run it.
type Exposures struct {
	keep  func(ctx context.Context, app, env string, body []byte) error
	now   func() time.Time
	log   *slog.Logger
	queue chan queued
	half  int // of what is remembered; tests have less

	mu           sync.Mutex
	told, before map[key]struct{}
	dropped      atomic.Int64
}

// queued is what waits for the log.
type queued struct {
	Exposure
	at  time.Time
	key key
}

// New makes what writes by keep, which is ingest.Events.Told: nil means that all of a body is on disk.
func New(keep func(ctx context.Context, app, env string, body []byte) error, now func() time.Time, log *slog.Logger) *Exposures {
	return &Exposures{keep: keep, now: now, log: log, queue: make(chan queued, mostQueued), half: mostTold / 2, told: map[key]struct{}{}}
}

// Record has an exposure written, if it was not told today. It never waits. A visitor of whom nothing is known is nobody's exposure.
func (x *Exposures) Record(e Exposure) {
	if e.User == "" && e.Anonymous == "" {
		return
	}
	q := queued{Exposure: e, at: x.now()}
	q.key = e.told(q.at)
	if !x.fresh(q.key) {
		return
	}
	select {
	case x.queue <- q:
	default: // the log is behind
		x.drop(q)
	}
}

// fresh remembers a key, and tells whether it was not known. Days need no end of their own: keys of another day are other keys, and the old ones are forgotten in their turn.
func (x *Exposures) fresh(k key) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if _, known := x.told[k]; known {
		return false
	}
	_, known := x.before[k]
	if len(x.told) >= x.half {
		x.told, x.before = map[key]struct{}{}, x.told
	}
	x.told[k] = struct{}{} // what is asked for again stays
	return !known
}

// drop counts what is not written, and forgets that it was told.
func (x *Exposures) drop(some ...queued) {
	x.dropped.Add(int64(len(some)))
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, q := range some {
		delete(x.told, q.key)
		delete(x.before, q.key)
	}
}

// Dropped is how many the log did not take since the start.
func (x *Exposures) Dropped() int64 { return x.dropped.Load() }

// Run writes what is recorded, until ctx ends, and then what is left.
func (x *Exposures) Run(ctx context.Context) error {
	failing := false // one line for as long as it fails
	for {
		batch := x.next(ctx)
		if len(batch) == 0 {
			return nil // ctx has ended, and all is written
		}
		// What is being written is finished, also at the end.
		err := x.write(context.WithoutCancel(ctx), batch)
		if err != nil && !failing {
			x.log.Error("which values of flags visitors got is not recorded just now; it is with their next question", "dropped", x.Dropped(), "error", err)
		}
		failing = err != nil
	}
}

// next waits for what is recorded, and takes what comes soon after; at the end it takes what there is.
func (x *Exposures) next(ctx context.Context) (batch []queued) {
	select {
	case q := <-x.queue:
		batch = append(batch, q)
	case <-ctx.Done():
	}
	soon := time.NewTimer(gather)
	defer soon.Stop()
	for len(batch) < mostWritten {
		if ctx.Err() != nil {
			select {
			case q := <-x.queue:
				batch = append(batch, q)
				continue
			default:
				return batch
			}
		}
		select {
		case q := <-x.queue:
			batch = append(batch, q)
		case <-soon.C:
			return batch
		case <-ctx.Done():
		}
	}
	return batch
}

// place is an environment of an app.
type place struct{ app, env string }

// write writes a batch, an environment at a time. What is not written is dropped.
func (x *Exposures) write(ctx context.Context, batch []queued) (failed error) {
	of := map[place][]queued{}
	for _, q := range batch {
		p := place{q.App, q.Environment}
		of[p] = append(of[p], q)
	}
	for p, some := range of {
		for len(some) > 0 {
			body, n, err := bodyOf(some)
			if err == nil {
				within, cancel := context.WithTimeout(ctx, writeTime)
				err = x.keep(within, p.app, p.env, body)
				cancel()
			}
			if err != nil {
				failed = err
				x.drop(some[:n]...)
			}
			some = some[n:]
		}
	}
	return failed
}

// bodyOf writes exposures in the plain form, as many as one body may have.
func bodyOf(some []queued) (body []byte, n int, err error) {
	var b strings.Builder
	b.WriteString(`{"events":[`)
	for ; n < len(some) && (n == 0 || b.Len() < capture.MaxBatch-capture.MaxEvent); n++ {
		q := some[n]
		properties, err := q.properties()
		if err != nil {
			return nil, n + 1, err
		}
		raw, err := json.Marshal(struct {
			Kind       capture.Kind               `json:"kind"`
			Name       string                     `json:"name"`
			User       string                     `json:"user,omitempty"`
			Anonymous  string                     `json:"anonymous,omitempty"`
			Time       time.Time                  `json:"time"`
			Release    string                     `json:"release,omitempty"`
			Properties map[string]json.RawMessage `json:"properties"`
		}{capture.Exposure, q.Flag, q.User, q.Anonymous, q.at.UTC().Truncate(time.Microsecond), q.Release, properties})
		if err != nil {
			return nil, n + 1, err // a value that is no JSON; what came before it is dropped with it
		}
		if n > 0 {
			b.WriteByte(',')
		}
		b.Write(raw)
	}
	b.WriteString("]}")
	return []byte(b.String()), n, nil
}
