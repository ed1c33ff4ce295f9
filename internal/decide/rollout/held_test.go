package rollout_test

import (
	"slices"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/decide/rollout/machine"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

// holds makes a release wait for a person where the watch cannot tell.
func holds(_ *event.ReleaseCreated, m *manifest.Manifest) { m.Rollout.Unknown = manifest.UnknownHold }

// quiet lets a second pass in which hardly anybody comes: too little to tell.
func (w *world) quiet() {
	w.t.Helper()
	sec := w.counted(0, 0)
	for i := range sec.Routes[0].Hosts {
		sec.Routes[0].Hosts[i].Counts = event.Counts{Requests: 1, AtRisk: 1}
	}
	w.clock.pass(time.Second)
	w.feed(sec)
}

// TestWhatIsHeldIsToldAndLetsNothingPast: people are told once, with what they need to decide; what is pushed meanwhile waits behind it, however long that takes, and goes
// out when somebody has decided.
func TestWhatIsHeldIsToldAndLetsNothingPast(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.join("us1")
		one := w.ship(1, 0, "promoted")
		two := w.release(holds)
		for w.nth(2).State != machine.Held {
			if w.nth(2).State.Ended() {
				t.Fatalf("#2 ended: %v", w.nth(2).Reasons)
			}
			w.quiet()
		}
		three := w.release()
		w.nth(3)
		for range 30 { // longer than any of its watches
			w.quiet()
		}
		held, behind := w.nth(2), w.nth(3)
		if held.State != machine.Held || behind.State != machine.Queued || !behind.StartedAt.IsZero() {
			t.Fatalf("#2 is %s, #3 is %s", held.State, behind.State)
		}
		if e, err := w.Env(t.Context(), app, env); err != nil || e.Live != one || e.Current != held.ID || e.Waiting != 1 {
			t.Errorf("the environment: %+v, %v", e, err)
		}
		if got := w.runs("us1"); got != one+","+two {
			t.Errorf("the host is asked to run %s", got)
		}
		told := w.heldTold()
		if len(told) != 1 || told[0].Rollout != held.ID || len(told[0].Commits) != 1 || told[0].Commits[0].Author != "Ana" ||
			!slices.ContainsFunc(told[0].Reasons, func(r event.Reason) bool { return r.Code == "unknown_hold" }) {
			t.Errorf("told was %+v", told)
		}
		if err := w.Do(t.Context(), ana, app, held.ID, machine.RollBack, "nobody knows"); err != nil {
			t.Fatal(err)
		}
		if v := w.end(3, .02, .02); v.Outcome != "promoted" || v.Release.ID != three || w.nth(2).Outcome != "rolled_back" {
			t.Errorf("#3 ended %s", v.Outcome)
		}
	})
}

func (w *world) heldTold() []event.RolloutHeld {
	w.t.Helper()
	events, err := db.Events(w.t.Context(), w.db, `SELECT COALESCE(position, 0), body FROM events ORDER BY seq`)
	if err != nil {
		w.t.Fatal(err)
	}
	var out []event.RolloutHeld
	for _, ev := range events {
		if h, err := event.Decode[event.RolloutHeld](ev); err == nil {
			out = append(out, h)
		}
	}
	return out
}
