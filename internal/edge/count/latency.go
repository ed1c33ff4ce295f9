package count

import (
	"sync"
	"time"

	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/pure/stats"
)

// latency is a histogram of the times to the answer's header that many may write to.
type latency struct {
	mu   sync.Mutex
	hist stats.Histogram
}

func (l *latency) observe(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hist.Observe(float64(d) / float64(time.Millisecond))
}

// drain gives what was observed since the last drain.
func (l *latency) drain() stats.Histogram {
	l.mu.Lock()
	defer l.mu.Unlock()
	hist := l.hist
	l.hist = stats.Histogram{}
	return hist
}

// drainLatency gives the latencies by release, and by host of the release that serves alone.
func (e *Epoch) drainLatency(into *event.RouteSecond) {
	for _, a := range e.arms {
		var all stats.Histogram
		for _, c := range e.cells {
			if c.arm != a {
				continue
			}
			hist := c.latency.drain()
			if hist.Total() == 0 {
				continue
			}
			all.Merge(&hist)
			if e.key.Split.New == "" && c.host != "" && a.release == e.key.Split.Old {
				put(&into.HostLatency, c.host, &hist)
			}
		}
		if all.Total() > 0 {
			put(&into.Latency, a.release, &all)
		}
	}
}

func put(into *map[string]event.HistogramData, key string, hist *stats.Histogram) {
	if *into == nil {
		*into = map[string]event.HistogramData{}
	}
	var data event.HistogramData
	for i, n := range hist.Buckets {
		data.Index, data.Count = append(data.Index, i), append(data.Count, n)
	}
	(*into)[key] = data
}
