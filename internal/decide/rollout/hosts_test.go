package rollout_test

import (
	"strings"
	"testing"

	"github.com/slipwayhq/slipway/internal/db/dbtest"
	"github.com/slipwayhq/slipway/internal/decide/rollout"
	"github.com/slipwayhq/slipway/internal/decide/rollout/machine"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/wire"
)

// remove takes hosts out of the installation.
func (w *world) remove(hosts ...string) {
	w.t.Helper()
	for _, h := range hosts {
		dbtest.Emit(w.t, w.db, event.Meta{Actor: ana}, event.AgentRemoved{Agent: h, Name: h, Roles: []string{wire.RoleHost}})
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, h := range hosts {
		delete(w.wish, h)
	}
}

// waits waits until the rollout of this number waits for a host, and gives what it says.
func (w *world) waits(n int) rollout.View {
	w.t.Helper()
	var v rollout.View
	w.until("the rollout waits for a host", func() bool {
		v = w.nth(n)
		return v.State == machine.Queued && strings.Contains(v.Sentence, "has no host")
	})
	if e, err := w.Env(w.t.Context(), app, env); err != nil || e.Current != "" || e.Waiting != 1 {
		w.t.Errorf("the environment: %+v, %v", e, err)
	}
	return v
}

func TestFirstReleaseThatLosesItsOnlyHostGoesOnWithTheNext(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.join("us1")
		one := w.release(slow)
		w.reach(1, "settling")
		w.remove("us1")
		v := w.waits(1)
		if want := `shop/production has no host; to add one, run on it the command that "slipway join-token --roles host" prints`; v.Sentence != "Waits: "+want {
			t.Errorf("it says %q", v.Sentence)
		}
		w.stop()
		w.start()
		w.join("us2")
		if v := w.end(1, 0, 0); v.Outcome != "promoted" || v.Release.ID != one {
			t.Errorf("#1 ended %s: %v", v.Outcome, v.Reasons)
		}
		w.asked("us2", one)
		w.checkEvents(1)
	})
}

func TestRolloutThatLosesAllHostsGoesOnWithTheNext(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.join("us1", "us2")
		one := w.ship(1, 0, "promoted")
		two := w.release(slow)
		w.reach(2, "watching")
		w.second(.02, .02)
		before := w.nth(2)
		w.remove("us1", "us2")
		w.waits(2)
		w.join("us3")
		w.asked("us3", strings.Join([]string{one, two}, ",")) // both: there is something to compare with again
		v := w.end(2, .02, .02)
		if v.Outcome != "promoted" || v.Verdict != "healthy" || v.RequestsNew <= before.RequestsNew {
			t.Errorf("#2 ended %s, %s, with %d requests after %d: %v", v.Outcome, v.Verdict, v.RequestsNew, before.RequestsNew, v.Reasons)
		}
		w.asked("us3", two)
		w.checkEvents(2)
	})
}

func TestNewestGoesOutWhenAHostJoinsAgain(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.join("us1")
		w.release(slow)
		w.reach(1, "settling", "watching")
		w.remove("us1")
		w.waits(1)
		two := w.release()
		w.join("us2")
		if v := w.end(2, 0, 0); v.Outcome != "promoted" || len(v.Commits) != 2 {
			t.Errorf("#2 ended %s with %+v", v.Outcome, v.Commits)
		}
		if v := w.nth(1); v.Outcome != "superseded" {
			t.Errorf("#1 ended %s", v.Outcome)
		}
		w.asked("us2", two)
		w.checkEvents(2)
	})
}

func TestHostThatStoodByTakesOver(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.join("us1")
		one := w.ship(1, 0, "promoted")
		two := w.release(slow)
		w.reach(2, "watching")
		w.join("us2")
		w.asked("us2", one)
		w.remove("us1")
		if v := w.end(2, .02, .02); v.Outcome != "promoted" {
			t.Errorf("#2 ended %s: %v", v.Outcome, v.Reasons)
		}
		w.asked("us2", two)
	})
}

func TestWhatHostIsMissingIsSaid(t *testing.T) {
	for want, spec := range map[string]event.EnvironmentSpec{
		`has no host labelled rack=4 and zone=us; to add one, run on it the command that "slipway join-token --roles host" prints, with --labels rack=4,zone=us`: {Labels: map[string]string{"zone": "us", "rack": "4"}},
		`has no host named a or b; to add one, run on it the command that "slipway join-token --roles host" prints, with --name a`:                               {Hosts: []string{"a", "b"}},
	} {
		each(t, func(t *testing.T, w *world) {
			spec.Branch = "main"
			w.emit(event.EnvironmentChanged{Name: env, Spec: spec, Fields: []string{"hosts"}})
			w.release()
			if v := w.waits(1); !strings.HasSuffix(v.Sentence, want) {
				t.Errorf("it says %q, want %q", v.Sentence, want)
			}
		})
	}
}
