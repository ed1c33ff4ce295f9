package visitors

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// beat is how often the crowd looks at what has fallen due.
const beat = 2 * time.Millisecond

// Crowd is the visitors of one shop.
type Crowd struct {
	options Options
	counter counter
	links   links
	running atomic.Bool

	// Of Run's goroutine alone:
	rng     *rand.Rand
	ready   []*visitor // who have no request open
	present int        // who came and did not leave

	mu   sync.Mutex
	back []*visitor // who have their answer, and join ready at the next beat
}

// New checks the options, all at once, and sends nothing yet.
func New(o Options) (*Crowd, error) {
	o, err := o.complete()
	if err != nil {
		return nil, fmt.Errorf("visitors: %w", err)
	}
	return &Crowd{options: o, rng: rand.New(rand.NewPCG(o.Seed, 1))}, nil
}

// Stats is what the crowd has seen so far; it may be asked at any time.
func (c *Crowd) Stats() Stats { return c.counter.snapshot() }

// Run sends traffic until ctx ends or Options.Requests were begun, and returns when each begun request is answered or
// lost. A shop that is not there is no error: that is what Stats counts. Running twice at a time is one.
func (c *Crowd) Run(ctx context.Context) error {
	if !c.running.CompareAndSwap(false, true) {
		return errors.New("visitors: the crowd is running already")
	}
	defer c.running.Store(false)
	defer c.links.close()
	var open sync.WaitGroup
	defer c.rejoin()
	defer open.Wait()

	for c.present < c.options.Visitors {
		c.ready = append(c.ready, c.arrive())
	}
	clock := time.NewTicker(beat)
	defer clock.Stop()
	due, begun := time.Now(), int64(0)
	for {
		c.rejoin()
		for now := time.Now(); due.Before(now); due = due.Add(c.gap()) {
			if c.begin(&open) {
				begun++
			}
			if begun == c.options.Requests && begun > 0 {
				return nil
			}
			if ctx.Err() != nil {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-clock.C:
		}
	}
}

// gap is the time to the next request: exponential, as for many people who know nothing of each other.
func (c *Crowd) gap() time.Duration {
	return time.Duration(c.rng.ExpFloat64() / c.options.RPS * float64(time.Second))
}

// begin lets the next visitor click. When all have a request open someone else comes: a slow shop is not asked less.
func (c *Crowd) begin(open *sync.WaitGroup) bool {
	full := false
	c.counter.change(func(s *Stats) {
		if full = s.Open >= int64(c.options.MaxOpen); full {
			s.Skipped++
			return
		}
		s.Open++
	})
	if full {
		return false
	}
	v := c.pick()
	r := v.next(c.rng)
	open.Go(func() { c.click(v, r) })
	return true
}

// pick draws one of the ready visitors, the busier the likelier.
func (c *Crowd) pick() *visitor {
	if len(c.ready) == 0 {
		return c.arrive()
	}
	i := c.rng.IntN(len(c.ready))
	for range 16 {
		if c.rng.Float64()*maxPace < c.ready[i].pace {
			break
		}
		i = c.rng.IntN(len(c.ready))
	}
	v, last := c.ready[i], len(c.ready)-1
	c.ready[i] = c.ready[last]
	c.ready = c.ready[:last]
	return v
}

// click sends one request and counts how it went.
func (c *Crowd) click(v *visitor, r request) {
	var o outcome
	l, err := c.links.take(&c.options)
	if err != nil {
		o.err = err
	} else {
		var reuse bool
		o, reuse = l.exchange(&c.options, v.cookie(), r)
		v.see(o)
		if reuse {
			c.links.put(l)
		} else {
			_ = l.conn.Close() // the request is over, well or not
		}
	}
	c.counter.finish(r, o)
	v.left--
	c.mu.Lock()
	defer c.mu.Unlock()
	c.back = append(c.back, v)
}

// rejoin makes those ready who have their answer. Who is done leaves, and someone else comes unless there are too
// many already.
func (c *Crowd) rejoin() {
	c.mu.Lock()
	back := c.back
	c.back = nil
	c.mu.Unlock()
	for _, v := range back {
		if v.left <= 0 {
			c.present--
			if c.present >= c.options.Visitors {
				continue
			}
			v = c.arrive()
		}
		c.ready = append(c.ready, v)
	}
}

func (c *Crowd) arrive() *visitor {
	c.present++
	number := int64(0)
	c.counter.change(func(s *Stats) {
		s.Visitors++
		number = s.Visitors
	})
	return arrive(c.rng, number)
}
