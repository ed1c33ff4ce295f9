package limit_test

import (
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/takes"
)

// TestStepsOfUse: points are of lengths that people count in, few enough to be drawn, and begin where the clock does.
func TestStepsOfUse(t *testing.T) {
	w := newWorld(t)
	begin := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	w.clock.Store(begin.Add(20 * time.Minute).UnixNano())
	for m := range 20 {
		w.limits.Fold(begin.Add(time.Duration(m)*time.Minute), []takes.Row{{App: "shop", Env: "production", Limit: "api", Group: "api:ana", Asks: 1, Asked: 1, Denied: 1}})
	}
	for span, want := range map[time.Duration]struct {
		step   time.Duration
		points int
	}{
		time.Hour: {time.Minute, 20}, 6 * time.Hour: {time.Minute, 20}, 24 * time.Hour: {5 * time.Minute, 4}, 7 * 24 * time.Hour: {30 * time.Minute, 1}, 8 * 24 * time.Hour: {time.Hour, 1}, 100 * 24 * time.Hour: {8 * time.Hour, 1},
	} {
		u, err := w.limits.Use(t.Context(), "shop", "production", "api", begin, begin.Add(span))
		if err != nil || time.Duration(u.StepSeconds)*time.Second != want.step || len(u.Points) != want.points || !u.Points[0].At.Equal(begin) || len(u.Denied) != 1 || len(u.Denied[0].Points) != want.points {
			t.Errorf("%v: points of %d s, %d of them, not %v and %d: %+v %v", span, u.StepSeconds, len(u.Points), want.step, want.points, u.Denied, err)
		}
	}
}
