package count

import (
	"encoding/json"
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

// drain gives what was observed since the last drain, and false when that was nothing.
func (l *latency) drain() (event.HistogramData, bool) {
	l.mu.Lock()
	hist := l.hist
	l.hist = stats.Histogram{}
	l.mu.Unlock()
	if hist.Total() == 0 {
		return event.HistogramData{}, false
	}
	var pairs []int64
	raw, err := hist.MarshalJSON()
	if err == nil {
		err = json.Unmarshal(raw, &pairs)
	}
	if err != nil {
		return event.HistogramData{}, false
	}
	var data event.HistogramData
	for i := 0; i+1 < len(pairs); i += 2 {
		data.Index = append(data.Index, int(pairs[i]))
		data.Count = append(data.Count, pairs[i+1])
	}
	return data, true
}
