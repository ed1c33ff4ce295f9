package takestest

import (
	"sync"
	"sync/atomic"

	"github.com/slipwayhq/slipway/internal/pure/rate"
	"github.com/slipwayhq/slipway/internal/takes"
)

// crowd takes n times at once, and gives how often that passed.
func (w *world) crowd(n int, asks func(i int) []takes.Ask) (passed int64) {
	var wg sync.WaitGroup
	var count atomic.Int64
	begin := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			a := asks(i)
			answers := make([]rate.Answer, len(a))
			<-begin
			if err := w.store.Take(w.Context(), a, answers); err != nil {
				w.Errorf("take: %v", err)
				return
			}
			all := true
			for _, a := range answers {
				all = all && a.Passed
			}
			if all {
				count.Add(1)
			}
		})
	}
	close(begin)
	wg.Wait()
	return count.Load()
}

func countsACrowd(w *world) {
	for _, d := range append(w.ofEachKind(100), w.limit(rate.Limit{Kind: rate.Ever, Amount: 100})) {
		if passed := w.crowd(800, func(int) []takes.Ask { return []takes.Ask{ask(d, 1)} }); passed != 100 {
			w.Errorf("%s: of 800 at once %d passed a limit of 100", d.Rule.Limit.Kind, passed)
		}
		w.left("none is left", d, 0)
	}
	once := w.limit(rate.Limit{Kind: rate.Ever, Amount: 1})
	if passed := w.crowd(200, func(int) []takes.Ask { return []takes.Ask{ask(once, 1)} }); passed != 1 {
		w.Errorf("what is once ever passed %d times", passed)
	}
	lent := w.limit(rate.Limit{Kind: rate.Concurrent, Amount: 100, HoldSeconds: 60})
	var wg sync.WaitGroup
	var out, most atomic.Int64
	for range 40 {
		wg.Go(func() {
			answers := make([]rate.Answer, 1)
			for range 10 {
				if err := w.store.Take(w.Context(), []takes.Ask{ask(lent, 7)}, answers); err != nil {
					w.Errorf("take: %v", err)
					return
				}
				if !answers[0].Passed {
					continue
				}
				n := out.Add(7)
				for was := most.Load(); n > was && !most.CompareAndSwap(was, n); was = most.Load() {
				}
				out.Add(-7)
				if ok, err := w.store.Return(w.Context(), ask(lent, 7), answers[0].Ends); err != nil || !ok {
					w.Errorf("return: %v, %v", ok, err)
				}
			}
		})
	}
	wg.Wait()
	if most.Load() > 100 {
		w.Errorf("%d of 100 were out at once", most.Load())
	}
	w.left("all came back", lent, 100)
}

// Takes of the same limits in other orders, of which one has enough for all: those that pass have taken of both.
func letsNobodyWaitForOneAnother(w *world) {
	few, many := w.limit(rate.Limit{Kind: rate.Rolling, Amount: 30, Unit: rate.Day}), w.limit(rate.Limit{Kind: rate.Ever, Amount: 1000})
	third := w.limit(rate.Limit{Kind: rate.Calendar, Amount: 1000, Unit: rate.Day})
	passed := w.crowd(200, func(i int) []takes.Ask {
		switch i % 4 {
		case 0:
			return []takes.Ask{ask(few, 1), ask(many, 1), ask(third, 1)}
		case 1:
			return []takes.Ask{ask(third, 1), ask(many, 1), ask(few, 1)}
		case 2:
			return []takes.Ask{ask(many, 1), ask(few, 1), ask(third, 1)}
		}
		return []takes.Ask{ask(few, 1), ask(third, 1), ask(many, 1)}
	})
	if passed != 30 {
		w.Errorf("%d passed a limit of 30", passed)
	}
	w.left("of those that have enough", many, 970)
	w.left("of those that have enough", third, 970)
	w.left("of the one that has not", few, 0)
}
