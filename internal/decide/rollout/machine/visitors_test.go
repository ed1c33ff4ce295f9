package machine

import (
	"testing"

	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

// Visitors count from when all has settled, under the present share alone, and anew in each step.
func TestVisitorsCountOnceAllHasSettled(t *testing.T) {
	w := slowEdges(t, manifest.CanaryVisitors)
	for w.m.State != Settling {
		if got := w.m.visitorsBegun(); got != 0 {
			t.Fatalf("%s: visitors count from %d on", w.m.State, got)
		}
		w.pass(1, .02, .02)
	}
	for w.m.State == Settling {
		w.pass(1, .02, .02)
	}
	begun := w.m.visitorsBegun()
	if want := w.m.Current().Settled.Unix() + 1; begun != want {
		t.Fatalf("visitors count from %d on, all had settled by %d", begun, want)
	}
	if w.m.Judge.LooksAtVisitors() < 0 {
		t.Fatal("the policy does not look at visitors")
	}
	told := event.RouteSecond{Split: w.m.Split, Erred: map[string][][5]int64{w.m.Release: {{0, 1, 1, 0, 1}}}}
	other := told
	other.Split.Share /= 2
	for _, c := range []struct {
		rs     event.RouteSecond
		second int64
		heard  bool
	}{{other, begun + 24, false}, {told, begun, false}, {told, begun + 24, true}} {
		if _, err := w.m.lookAtVisitors(c.rs, c.second); err != nil || (w.m.Erred.At > 0) != c.heard {
			t.Errorf("second %d, share %v: gathered %+v (%v), heard should be %t", c.second-begun, c.rs.Split.Share, w.m.Erred, err, c.heard)
		}
	}
	if s, err := w.m.lookAtVisitors(event.RouteSecond{Split: w.m.Split}, begun+40); err != nil || s == nil || s.Visitors.Look != 0 || s.Counted() {
		t.Errorf("the look is %+v, %v", s, err)
	}
	at := w.m.Step
	for w.m.Step == at {
		w.pass(1, .02, .02)
	}
	if got := w.m.visitorsBegun(); got != 0 {
		t.Errorf("visitors of the next step count from %d on, in %s", got, w.m.State)
	}
}
