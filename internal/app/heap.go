package app

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	// spareHeap is by how much the heap may grow between two collections, in bytes. What users send is garbage soon: with a small heap, as most servers have, it would be collected many times a second.
	spareHeap = 160 << 20
	// usualPercent is the runtime's own way, and mostPercent what small heaps grow by at most: one at rest stays small.
	usualPercent, mostPercent = 100, 400
	// heapEvery is how often it is looked at.
	heapEvery = 5 * time.Second
)

// growth is how many percent a heap may grow by, of which so many bytes are in use.
func growth(live uint64) int {
	return min(max(usualPercent, int(spareHeap*100/max(live, 1))), mostPercent)
}

// tuneHeap sees to it until ctx ends, unless GOGC says what is wanted.
func tuneHeap(ctx context.Context) error {
	if os.Getenv("GOGC") != "" {
		<-ctx.Done()
		return nil
	}
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	tune := func() int {
		metrics.Read(live)
		return debug.SetGCPercent(growth(live[0].Value.Uint64()))
	}
	defer debug.SetGCPercent(tune())
	tick := time.NewTicker(heapEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			tune()
		case <-ctx.Done():
			return nil
		}
	}
}
