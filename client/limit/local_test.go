package limit_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/client/limit"
)

const many = 64

// crowd asks in many goroutines, each until it is denied, and counts what passed.
func crowd(t *testing.T, l limit.Limiter, group string) (passed int64) {
	t.Helper()
	var n atomic.Int64
	var wg sync.WaitGroup
	for range many {
		wg.Go(func() {
			for {
				a, err := l.Check(t.Context(), group)
				if err != nil || !a.Passed {
					if err != nil || a.Failed {
						t.Errorf("%+v %v", a, err)
					}
					return
				}
				n.Add(a.Amount)
			}
		})
	}
	wg.Wait()
	return n.Load()
}

// However many ask, in however many programs: exactly the limit is handed out, and the server is asked far less often.
func TestLocalHandsOutTheLimit(t *testing.T) {
	const amount = 5000
	for kind, definition := range map[string]map[string]any{
		"rolling":  {"kind": "rolling", "amount": amount, "unit": "year"},
		"calendar": {"kind": "calendar", "amount": amount, "unit": "month"},
		"ever":     {"kind": "ever", "amount": 100},
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.limit("api", definition)
			var passed atomic.Int64
			var wg sync.WaitGroup
			for range 2 {
				wg.Go(func() {
					l := limit.NewLocal(w.client(), limit.LocalOptions{KeepFor: time.Hour, DenyFor: time.Hour}) // nothing is thrown away
					passed.Add(crowd(t, l, "api:hot"))
				})
			}
			wg.Wait()
			if want := int64(definition["amount"].(int)); passed.Load() != want {
				t.Errorf("%d were handed out of %d", passed.Load(), want)
			}
			if asked := w.asked.Load(); kind != "ever" && asked > amount/5 {
				t.Errorf("%d requests for %d takes", asked, amount)
			}
			if a, err := w.client().Look(t.Context(), "api:hot"); err != nil || a.Left != 0 {
				t.Errorf("the server has more: %+v %v", a, err)
			}
		})
	}
}

func TestLocalDeniesByItself(t *testing.T) {
	w := newWorld(t)
	w.limit("api", perMinute(60, 2))
	l := limit.NewLocal(w.client(), limit.LocalOptions{DenyFor: time.Hour})
	check(t, l, "api:a")
	check(t, l, "api:a")
	denied := check(t, l, "api:a")
	if denied.Passed || denied.RetryAfter <= 0 || denied.RetryAfter > time.Second {
		t.Errorf("%+v", denied)
	}
	// It says when there is one more, not when there is the batch that it asked for.
	w.limit("big", map[string]any{"kind": "rolling", "amount": 1000, "unit": "hour"})
	l = limit.NewLocal(w.client(), limit.LocalOptions{KeepFor: time.Hour, DenyFor: time.Hour})
	for range 20 { // batches grow
		check(t, l, "big:a")
	}
	if a, err := w.client().Take(t.Context(), limit.Ask{Group: "big:a", Amount: 1000, Partial: true}); err != nil || !a.Passed {
		t.Fatalf("%+v %v", a, err)
	}
	for denied = check(t, l, "big:a"); denied.Passed; {
		denied = check(t, l, "big:a")
	}
	if denied.RetryAfter <= 0 || denied.RetryAfter > 3600*time.Millisecond {
		t.Errorf("%+v", denied)
	}
	l = limit.NewLocal(w.client(), limit.LocalOptions{DenyFor: time.Hour})
	first := check(t, l, "big:a")
	before := w.asked.Load()
	for range 100 {
		if a := check(t, l, "big:a"); a.Passed || a.Failed || a.RetryAfter <= 0 || a.RetryAfter > 3600*time.Millisecond || a.RetryAfter > first.RetryAfter {
			t.Fatalf("%+v", a)
		}
	}
	if asked := w.asked.Load() - before; asked != 0 {
		t.Errorf("%d requests for what is known", asked)
	}
	// Whoever gets more is heard when DenyFor is over.
	l = limit.NewLocal(w.client(), limit.LocalOptions{DenyFor: 1})
	if a := check(t, l, "big:a"); a.Passed {
		t.Errorf("%+v", a)
	}
	w.override("big", "big:a", `{"amount": 2000, "burst": 2000}`)
	if a := check(t, l, "big:a"); !a.Passed {
		t.Errorf("after its limit was raised: %+v", a)
	}
}

func TestLocalAsksForEachWhereItMust(t *testing.T) {
	w := newWorld(t)
	w.limit("jobs", map[string]any{"kind": "concurrent", "amount": 2, "hold_seconds": 60})
	l := limit.NewLocal(w.client(), limit.LocalOptions{})
	one, two := check(t, l, "jobs:a"), check(t, l, "jobs:a")
	if one.Lease == "" || two.Lease == "" || one.Lease == two.Lease || check(t, l, "jobs:a").Passed {
		t.Errorf("%+v %+v", one, two)
	}
	if err := l.Return(t.Context(), one); err != nil {
		t.Error(err)
	}
	if a := check(t, l, "jobs:a"); !a.Passed || a.Lease == "" {
		t.Errorf("after a return: %+v", a)
	}
	if n := w.asked.Load(); n != 5 {
		t.Errorf("%d requests", n)
	}
}

// What one caller cannot wait for is no failure of the others, and one request that fails is the answer to all who wait for it.
func TestLocalFailures(t *testing.T) {
	w := newWorld(t)
	w.limit("api", perMinute(6000, 6000))
	l := limit.NewLocal(w.client(func(o *limit.Options) { o.OnError = limit.Closed }), limit.LocalOptions{})
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Check(gone, "api:a"); err != nil {
		t.Error(err)
	}
	if a := check(t, l, "api:a"); !a.Passed || a.Failed {
		t.Errorf("after somebody who left: %+v", a)
	}
	w.server.Stop()
	before := w.asked.Load()
	var wg sync.WaitGroup
	var failed atomic.Int64
	for i := range many {
		wg.Go(func() {
			for range 50 {
				if a, err := l.Check(t.Context(), fmt.Sprintf("api:new%d", i%2)); err != nil || a.Passed || !a.Failed {
					t.Errorf("%+v %v", a, err)
				}
				failed.Add(1)
			}
		})
	}
	wg.Wait()
	if asked := w.asked.Load() - before; asked > failed.Load()/10 {
		t.Errorf("%d requests of %d to a server that is gone", asked, failed.Load())
	}
}

// A million keys take no more room than those that are kept in mind, and each is counted rightly.
func TestLocalForgetsKeys(t *testing.T) {
	w := newWorld(t)
	w.limit("api", perMinute(60, 2))
	l := limit.NewLocal(w.client(), limit.LocalOptions{Keys: 16, DenyFor: time.Hour})
	for round := range 3 {
		for i := range 200 {
			if a := check(t, l, fmt.Sprintf("api:%d", i)); a.Passed != (round < 2) {
				t.Fatalf("round %d: %+v", round, a)
			}
		}
	}
	if n := w.asked.Load(); n < 3*(200-16) {
		t.Errorf("%d requests: more than 16 keys are kept in mind", n)
	}
}

func BenchmarkLocal(b *testing.B) {
	w := newWorld(b)
	w.limit("api", map[string]any{"kind": "rolling", "amount": 1 << 40, "unit": "hour"})
	l := limit.NewLocal(w.client(), limit.LocalOptions{Batch: 1 << 20})
	run := func(b *testing.B, next func() bool) {
		for next() {
			if a, err := l.Check(b.Context(), "api:hot"); err != nil || !a.Passed {
				b.Fatal(a, err)
			}
		}
	}
	b.Run("alone", func(b *testing.B) { b.ReportAllocs(); run(b, b.Loop) })
	b.Run("together", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(p *testing.PB) { run(b, p.Next) })
	})
}
