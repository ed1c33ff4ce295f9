package count

import (
	"sync"
	"time"
)

const (
	// historySpan is how long errors are remembered: for that time at least, and twice that at most.
	historySpan = 30 * time.Minute
	// historyLimit bounds the visitors in either half.
	historyLimit = 1 << 16
)

// history remembers who erred lately in an environment, rollout or not: what visitors did before a draw tells of them what the draw cannot have changed. It is kept in two halves, of
// which the older is dropped when the younger is half an hour old.
type history struct {
	mu         sync.Mutex
	young, old map[uint64]int64
	since      time.Time // of the younger half
}

// add counts an error, and gives how many the visitor had before it.
func (h *history) add(visitor uint64, now time.Time) (before int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.young == nil || now.Sub(h.since) >= 2*historySpan:
		h.young, h.old, h.since = map[uint64]int64{}, nil, now
	case now.Sub(h.since) >= historySpan:
		h.young, h.old, h.since = map[uint64]int64{}, h.young, now
	}
	n, known := h.young[visitor]
	before = n + h.old[visitor]
	if known || len(h.young) < historyLimit {
		h.young[visitor] = n + 1
	}
	return before
}
