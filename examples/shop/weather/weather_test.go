package weather

import (
	"context"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"
)

func must(t *testing.T, o Outlook) *Weather {
	t.Helper()
	w, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestFairWeatherTouchesNothing(t *testing.T) {
	served := 0
	h := must(t, Outlook{}).Over(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { served++ }))
	for range 100 {
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/", nil))
		if rec.Code != http.StatusOK {
			t.Fatalf("got %d", rec.Code)
		}
	}
	if served != 100 {
		t.Errorf("served %d of 100", served)
	}
}

func TestErrorRateIsKept(t *testing.T) {
	h := must(t, Outlook{ErrorRate: 0.02, Seed: 7}).Over(http.NotFoundHandler())
	failed := 0
	for range 5_000 {
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/", nil))
		if rec.Code == http.StatusServiceUnavailable {
			failed++
		}
	}
	if failed < 70 || failed > 130 {
		t.Errorf("%d of 5,000 failed, want about 100", failed)
	}
}

func TestWaitsSpreadAroundTheirMedian(t *testing.T) {
	w := must(t, Outlook{Latency: 3 * time.Millisecond, Seed: 7})
	waits := make([]time.Duration, 10_001)
	for i := range waits {
		waits[i], _ = w.draw()
	}
	slices.Sort(waits)
	median, p99 := waits[5_000].Seconds(), waits[9_900].Seconds()
	if math.Abs(median/0.003-1) > 0.05 || p99 < 3*median || p99 > 5*median {
		t.Errorf("median %.4f s, p99 %.4f s", median, p99)
	}
}

func TestTheSameSeedDrawsTheSame(t *testing.T) {
	o := Outlook{ErrorRate: 0.5, Latency: time.Millisecond, Seed: 3}
	a, b := must(t, o), must(t, o)
	for range 100 {
		waitA, failA := a.draw()
		waitB, failB := b.draw()
		if waitA != waitB || failA != failB {
			t.Fatal("two runs with one seed differ")
		}
	}
}

func TestAVisitorWhoLeavesIsNotWaitedFor(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if Wait(ctx, time.Hour) || Wait(ctx, 0) {
		t.Error("still waiting for a visitor who left")
	}
}

func TestImpossibleWeatherIsRefused(t *testing.T) {
	for _, o := range []Outlook{{ErrorRate: -0.1}, {ErrorRate: 1.1}, {ErrorRate: math.NaN()}, {Latency: -1}} {
		if _, err := New(o); err == nil {
			t.Errorf("took %+v", o)
		}
	}
}
