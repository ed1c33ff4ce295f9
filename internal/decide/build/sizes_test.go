package build_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/wire"
)

// What was never seen goes out by the size of its tests: first what has no size, then the largest. The sizes are kept with the list, for the next build of the same tree.
func TestUnitsNeverSeenGoOutBySize(t *testing.T) {
	each(t, func(w *world) {
		one := goSuite()
		one.Format = "exit" // one unit a lease
		same := func(p *event.GitPushed) { p.Tree = strings.Repeat("7", 40) }
		order := func(n int) (got []string) {
			for w.nth(n).State.Open() {
				l := w.lease("agt_1")
				if l.Kind == wire.LeaseTest {
					got = append(got, l.Units...)
					w.done("agt_1", l, wire.LeaseResult{Units: units("failed", l.Units...)}) // says nothing of how long it takes
					continue
				}
				w.done("agt_1", l, wire.LeaseResult{
					Listed: []string{"a", "small", " large ", "large", "unknown", "odd"}, Sizes: []int64{20, 1, 5000, 3, 0, -7},
				})
			}
			return got
		}
		want := []string{"odd", "unknown", "large", "a", "small"}
		for n := 1; n <= 2; n++ {
			w.push(shop(one), same)
			if got := order(n); !slices.Equal(got, want) {
				w.t.Errorf("build %d: %v, want %v", n, got, want)
			}
		}
	})
}

// A worker of another version says no sizes, or not as many as there are lines.
func TestSizesThatCannotBeMeantAreNone(t *testing.T) {
	each(t, func(w *world) {
		for n, sizes := range [][]int64{nil, {1, 2, 3}, {1 << 62, 1 << 62}} {
			w.push(shop(goSuite()))
			w.done("agt_1", w.lease("agt_1"), wire.LeaseResult{Listed: []string{"a", "b"}, Sizes: sizes})
			for w.nth(n + 1).State.Open() {
				w.work("agt_1", w.lease("agt_1"), nil)
			}
			if b := w.nth(n + 1); b.Total != 2 || b.Done != 2 || b.Failed != 0 {
				w.t.Errorf("%v: %+v", sizes, b.Build)
			}
		}
	})
}
