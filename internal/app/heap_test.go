package app

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"testing"
	"time"
)

func TestSmallHeapsGrowMore(t *testing.T) {
	for live, want := range map[uint64]int{0: 400, 1: 400, 30 << 20: 400, 40 << 20: 400, 80 << 20: 200, 160 << 20: 100, 1 << 40: 100} {
		if got := growth(live); got != want {
			t.Errorf("%d MiB in use: %d, not %d", live>>20, got, want)
		}
	}
}

// What the process had is there again at the end, and GOGC is left alone.
func TestTheHeapsWayIsGivenBack(t *testing.T) {
	percent := func() uint64 {
		s := []metrics.Sample{{Name: "/gc/gogc:percent"}}
		metrics.Read(s)
		return s[0].Value.Uint64()
	}
	defer debug.SetGCPercent(debug.SetGCPercent(123))
	run := func(meanwhile func()) {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- tuneHeap(ctx) }()
		meanwhile()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	t.Setenv("GOGC", "")
	run(func() {
		for percent() == 123 {
			time.Sleep(time.Millisecond)
		}
	})
	if p := percent(); p != 123 {
		t.Errorf("afterwards %d", p)
	}
	t.Setenv("GOGC", "123")
	run(func() {})
	if p := percent(); p != 123 {
		t.Errorf("with GOGC %d", p)
	}
}
