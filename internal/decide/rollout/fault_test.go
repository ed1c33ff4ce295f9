package rollout_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/db/dbtest"
	"github.com/slipwayhq/slipway/internal/decide/rollout/machine"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/wire"
)

func TestSecondsCountOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.join("us1")
		w.ship(1, 0, "promoted")
		before := w.counted(.02, .02) // by the split of before
		w.release()
		w.reach(2, "watching")
		sum := w.nth(2).RequestsNew + w.nth(2).RequestsOld

		sec := w.counted(.02, .02)
		w.feed(sec, sec, before) // the last is late, and of no rollout
		foreign := w.counted(1, 1)
		foreign.Routes[0].Rollout, foreign.Routes[0].Split.New = w.nth(1).ID, "rel_1"
		past := w.counted(1, 1)
		past.Routes[0].Split.New = "rel_9"
		unknown := w.counted(1, 1)
		unknown.Routes[0].Rollout = "rol_unknown"
		w.feed(foreign, past, unknown, sec)
		w.feed(w.counted(.02, .02)) // what was impossible stops nothing
		if got := w.nth(2).RequestsNew + w.nth(2).RequestsOld; got != sum+2000 {
			t.Errorf("%d requests were counted, want %d", got-sum, 2000)
		}
		if v := w.end(2, .02, .02); v.Outcome != "promoted" {
			t.Errorf("#2 ended %s: %v", v.Outcome, v.Reasons)
		}
	})
}

// TestWhatIsNotKnownHoldsUpNothing lets a host tell of an app that it was given elsewhere.
func TestWhatIsNotKnownHoldsUpNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		meta := event.Meta{App: "elsewhere", Env: "staging", Actor: "agent:us1"}
		dbtest.Emit(t, w.db, meta, event.ProcessChanged{Host: "us1", Release: "rel_0", Process: "web", State: wire.ProcessUp})
		dbtest.Emit(t, w.db, meta, event.DeployApplied{Deploy: "dep_0", Host: "us1"})
		w.join("us1")
		w.ship(1, 0, "promoted")
	})
}

func TestClockJumps(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.join("us1")
		w.ship(1, 0, "promoted")
		number := 1
		for _, by := range []time.Duration{time.Hour, -time.Hour} {
			for newRate, want := range map[float64]string{.02: "promoted", .4: "rolled_back"} {
				number++
				w.release()
				w.reach(number, "watching")
				w.clock.pass(by)
				if v := w.end(number, .02, newRate); v.Outcome != want {
					t.Errorf("a jump by %s: #%d ended %s, want %s: %v", by, number, v.Outcome, want, v.Reasons)
				}
			}
		}
	})
}

// TestRestartAtEachState stops the service in each state and starts another on the same store.
func TestRestartAtEachState(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.join("us1", "us2")
		w.ship(1, 0, "promoted")
		number := 1
		for newRate, want := range map[float64]string{.02: "promoted", .4: "rolled_back"} {
			number++
			w.release()
			for state := machine.State(""); ; {
				v := w.nth(number)
				if v.State != state {
					state = v.State
					w.stop()
					w.start()
				}
				if v.State.Ended() {
					break
				}
				w.second(.02, newRate)
			}
			if v := w.nth(number); v.Outcome != want {
				t.Errorf("#%d ended %s, want %s: %v", number, v.Outcome, want, v.Reasons)
			}
		}
		w.checkEvents(number)
	})
}

// TestNothingOverwritesAnything lets people, seconds and hosts change one rollout at once.
func TestNothingOverwritesAnything(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.join("us1")
		w.ship(1, 0, "promoted")
		w.release()
		id := w.reach(2, "watching").ID
		if err := w.Do(t.Context(), ana, app, id, machine.Pause, "to stay here"); err != nil {
			t.Fatal(err)
		}
		before := w.nth(2)
		const rounds = 25
		var wg sync.WaitGroup
		wg.Go(func() {
			for range rounds {
				w.emit(event.ProcessChanged{Host: "us1", Release: "rel_1", Process: "web", State: wire.ProcessUp, Addr: "127.0.0.1:1"})
			}
		})
		orders := 0
		wg.Go(func() {
			for i := range rounds {
				cmd := []machine.Command{machine.Resume, machine.Pause}[i%2]
				if err := w.Do(t.Context(), ana, app, id, cmd, fmt.Sprint(i)); err != nil {
					t.Errorf("order %d, %s: %v", i, cmd, err)
				}
				orders++
			}
		})
		for range rounds {
			w.feed(w.counted(.02, .02))
		}
		wg.Wait()
		v := w.nth(2)
		if got := v.RequestsNew + v.RequestsOld - before.RequestsNew - before.RequestsOld; got != rounds*1000 {
			t.Errorf("%d requests were counted, want %d", got, rounds*1000)
		}
		if got := len(v.Decisions) - len(before.Decisions); got != orders {
			t.Errorf("%d decisions are kept, want %d", got, orders)
		}
	})
}
