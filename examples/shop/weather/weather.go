// Package weather makes a shop without customers behave like one in the open: its pages take as long as the
// services behind it would, and now and then one of those fails. It costs no CPU: the waits are timers.
package weather

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"
)

// spread is the standard deviation of the logarithm of a wait: with 0.6 the slowest in a hundred takes four
// times the median.
const spread = 0.6

// Outlook says how rough it is.
type Outlook struct {
	ErrorRate float64       // share of requests that fail by themselves, 0 to 1
	Latency   time.Duration // median wait of a request; 0 is none
	Seed      uint64        // the same seed draws the same errors and waits
}

// Weather draws errors and waits. It is safe for concurrent use.
type Weather struct {
	outlook Outlook
	mu      sync.Mutex
	rng     *rand.Rand
}

// New checks the outlook and starts its random numbers.
func New(o Outlook) (*Weather, error) {
	if math.IsNaN(o.ErrorRate) || o.ErrorRate < 0 || o.ErrorRate > 1 {
		return nil, fmt.Errorf("error rate %v: want a number from 0 to 1", o.ErrorRate)
	}
	if o.Latency < 0 {
		return nil, fmt.Errorf("latency %v: want 0 or more", o.Latency)
	}
	return &Weather{outlook: o, rng: rand.New(rand.NewPCG(o.Seed, 0))}, nil
}

// Over lets requests wait and fail on their way to next.
func (w *Weather) Over(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		wait, fail := w.draw()
		if !Wait(r.Context(), wait) {
			return
		}
		if fail {
			http.Error(rw, "payment provider timed out", http.StatusServiceUnavailable)
			return
		}
		next.ServeHTTP(rw, r)
	})
}

// Latency is the median wait of a request.
func (w *Weather) Latency() time.Duration { return w.outlook.Latency }

func (w *Weather) draw() (wait time.Duration, fail bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	wait = time.Duration(float64(w.outlook.Latency) * math.Exp(spread*w.rng.NormFloat64()))
	return wait, w.rng.Float64() < w.outlook.ErrorRate
}

// Wait waits and says whether the visitor is still there.
func Wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
