package rollout_test

import (
	"testing"

	"github.com/slipwayhq/slipway/internal/event"
)

// The last number of each start of an edge is kept while something may be sent again, and not for ever.
func TestStartsLongGoneAreForgotten(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		now := w.clock.now().Unix()
		const day = 24 * 3600
		w.feed(
			event.EdgeSecond{Edge: "e1", Boot: "last year", Number: 7, Second: now - 300*day},
			event.EdgeSecond{Edge: "e1", Boot: "yesterday", Number: 7, Second: now - day},
			event.EdgeSecond{Edge: "e1", Boot: "now", Number: 999, Second: now},
		)
		boots := func() (n int) {
			if err := w.db.QueryRow(t.Context(), `SELECT COUNT(*) FROM rollout_edges`).Scan(&n); err != nil {
				t.Fatal(err)
			}
			return n
		}
		if n := boots(); n != 3 {
			t.Errorf("%d starts are known, want 3", n)
		}
		w.feed(event.EdgeSecond{Edge: "e1", Boot: "now", Number: 1000, Second: now + 1})
		var left int
		if err := w.db.QueryRow(t.Context(), `SELECT COUNT(*) FROM rollout_edges WHERE boot IN ('yesterday', 'now')`).Scan(&left); err != nil || left != 2 || boots() != 2 {
			t.Errorf("%d starts are known, %d of them the young ones (%v)", boots(), left, err)
		}
	})
}
