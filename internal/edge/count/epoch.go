package count

import (
	"math"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slipwayhq/slipway/internal/edge/split"
	"github.com/slipwayhq/slipway/internal/event"
)

// Key names an epoch: one environment under one split.
type Key struct {
	App, Env, Traffic, Rollout string
	Split                      event.Split
	// Assets are the path prefixes that count as one pattern each.
	Assets []string
}

// Epoch counts the requests that began under one split.
type Epoch struct {
	counter *Counter
	key     Key
	slow    [event.Thresholds]time.Duration // 0: no such threshold
	memory  *memory                         // nil without a rollout
	// open counts the requests under way. Once the epoch is over it is so far below zero that Begin sees it.
	open    atomic.Int64
	retired bool // under the counter's lock

	failures failures
	erred    *erred // nil where visitors are not drawn
	history  *history

	mu    sync.Mutex
	arms  []*arm
	cells []*Cell
}

// over marks an epoch that takes no more requests.
const over = math.MinInt64 / 2

func newEpoch(c *Counter, key Key, m *memory, h *history) *Epoch {
	e := &Epoch{counter: c, key: key, memory: m, history: h, erred: newErred(key.Split)}
	for i, ms := range key.Split.Slow {
		if i < event.Thresholds {
			e.slow[i] = time.Duration(ms * float64(time.Millisecond))
		}
	}
	return e
}

// Cell is the cell of a release on a host ("" for none), the same for every call.
func (e *Epoch) Cell(release, host string) *Cell {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, c := range e.cells {
		if c.arm.release == release && c.host == host {
			return c
		}
	}
	c := &Cell{arm: e.arm(release), host: host}
	e.cells = append(e.cells, c)
	return c
}

func (e *Epoch) arm(release string) *arm {
	for _, a := range e.arms {
		if a.release == release {
			return a
		}
	}
	a := &arm{release: release}
	e.arms = append(e.arms, a)
	return a
}

// drain gives what was counted since the last drain in the second that ends at a Unix second, and false when that was nothing.
func (e *Epoch) drain(at int64) (event.RouteSecond, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := event.RouteSecond{App: e.key.App, Env: e.key.Env, Traffic: e.key.Traffic, Rollout: e.key.Rollout, Split: e.key.Split}
	for _, c := range e.cells {
		if n, ok := c.drain(); ok {
			s.Hosts = append(s.Hosts, event.HostCount{Release: c.arm.release, Host: c.host, Counts: n})
		}
	}
	for _, a := range e.arms {
		a.drain(&s)
	}
	s.Failures = e.failures.drain()
	e.drainLatency(&s)
	if !e.retired {
		s.Erred = e.erred.tell(at)
	}
	return s, s.Hosts != nil || s.Buckets != nil || s.Paths != nil || s.Latency != nil || s.Erred != nil
}

// finished ends a retired epoch whose last request is done; from then on Begin refuses.
func (e *Epoch) finished() bool { return e.retired && e.open.CompareAndSwap(0, over) }

func (k Key) equal(o Key) bool { return reflect.DeepEqual(k, o) }

func bucketOf(v Visitor) int { return split.Bucket(v.Key) }
