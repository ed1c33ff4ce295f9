package rollout_test

import (
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/event"
)

// The route that is named, on the page and to all who are told, is the one that got worse and not the one that is asked for most.
func TestTheRouteThatGotWorseIsNamed(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.join("us1")
		w.ship(1, 0, "promoted")
		two := w.release()
		w.reach(2, "watching")
		for w.nth(2).Outcome == "" {
			w.clock.pass(time.Second)
			sec := w.counted(.02, .2)
			sec.Routes[0].Paths = []event.PathCount{
				{Release: "rel_1", Path: "/", Requests: 450, Errors: 45}, {Release: "rel_1", Path: "/checkout", Requests: 50},
				{Release: two, Path: "/", Requests: 450, Errors: 45}, {Release: two, Path: "/checkout", Requests: 50, Errors: 30},
			}
			w.feed(sec)
		}
		v := w.nth(2)
		if v.Outcome != "rolled_back" || v.Path != "/checkout" || v.Paths[0].Path != "/checkout" || !v.Paths[0].StandsOut || v.Paths[1].StandsOut {
			t.Errorf("#2 ended %s and names %q of %+v", v.Outcome, v.Path, v.Paths)
		}
		if end := w.ended(v.ID); end.Path != "/checkout" {
			t.Errorf("its end was told with the route %q", end.Path)
		}
	})
}

// ended gives how the end of a rollout was told.
func (w *world) ended(id string) (end event.RolloutEnded) {
	w.t.Helper()
	events, err := db.Events(w.t.Context(), w.db, `SELECT COALESCE(position, 0), body FROM events ORDER BY seq`)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, ev := range events {
		if e, err := event.Decode[event.RolloutEnded](ev); err == nil && e.Rollout == id {
			end = e
		}
	}
	return end
}
