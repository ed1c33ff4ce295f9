package rollout_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/decide/rollout"
	"github.com/slipwayhq/slipway/internal/decide/rollout/machine"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

func hotfix(r *event.ReleaseCreated, _ *manifest.Manifest) {
	r.Hotfix = &event.Hotfix{SkipWatch: true, Reason: "payments are down", By: ana}
}

// codes are those of a rollout's reasons.
func codes(v rollout.View) string {
	var out []string
	for _, r := range v.Reasons {
		out = append(out, r.Code)
	}
	return strings.Join(out, " ")
}

// checkTurns looks whether no rollout began before the one before it was over.
func (w *world) checkTurns() {
	w.t.Helper()
	events, err := db.Events(w.t.Context(), w.db, `SELECT COALESCE(position, 0), body FROM events WHERE type IN ('rollout.started', 'rollout.ended') ORDER BY seq`)
	if err != nil {
		w.t.Fatal(err)
	}
	under := ""
	for _, ev := range events {
		if s, err := event.Decode[event.RolloutStarted](ev); err == nil {
			if under != "" {
				w.t.Errorf("rollout %s began while %s was under way", s.Rollout, under)
			}
			under = s.Rollout
		}
		if e, err := event.Decode[event.RolloutEnded](ev); err == nil && e.Rollout == under {
			under = ""
		}
	}
}

// TestHotfixTakesThePlace lets a hotfix come in each state of the rollout before it.
func TestHotfixTakesThePlace(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.join("us1")
		live := w.ship(1, 0, "promoted")
		number := 1
		for _, state := range []machine.State{machine.Staging, machine.Settling, machine.Watching, machine.Paused, machine.Held} {
			w.mu.Lock()
			w.deaf["us1"] = state == machine.Staging
			w.mu.Unlock()
			number++
			w.release(slow, func(_ *event.ReleaseCreated, m *manifest.Manifest) {
				if state == machine.Held {
					m.Rollout.Unknown, m.Rollout.Steps[0].Watch = manifest.UnknownHold, manifest.Every(1e9)
				}
			})
			if state == machine.Paused {
				id := w.reach(number, "watching").ID
				if err := w.Do(t.Context(), ana, app, id, machine.Pause, "lunch"); err != nil {
					t.Fatal(err)
				}
			}
			before := w.reach(number, string(state))
			number++
			fix := w.release(hotfix)
			if state == machine.Staging { // not before: it would go on by itself
				w.until("the hotfix takes the place", func() bool { return w.nth(before.Number).State != state })
			}
			w.hear("us1")
			v := w.end(number, .02, .02)
			if v.Outcome != "promoted" || v.Release.ID != fix || v.From == nil || v.From.ID != live || len(v.Commits) != 2 || v.Verdict != "none" {
				t.Fatalf("%s: the hotfix ended %s from %+v with %+v", state, v.Outcome, v.From, v.Commits)
			}
			old := w.nth(before.Number)
			if old.Outcome != "rolled_back" || codes(old) != "hotfix goes_along" || !strings.Contains(old.Sentence, "a hotfix by ana takes its place (rollout #") {
				t.Errorf("%s: the one before ended %s: %s", state, old.Outcome, old.Sentence)
			}
			if i := slices.IndexFunc(old.Decisions, func(d rollout.Decision) bool { return d.To == machine.Returning }); i < 0 || old.Decisions[i].From != state {
				t.Errorf("%s: the decisions are %+v", state, old.Decisions)
			}
			w.audited("rollout.displaced")
			w.asked("us1", fix)
			live = fix
		}
		w.checkEvents(number)
		w.checkTurns()
	})
}

func TestHotfixGoesAheadOfEverythingThatWaits(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.join("us1")
		w.ship(1, 0, "promoted")
		w.release(slow)
		w.reach(2, "watching")
		if err := w.Freeze(t.Context(), ana, app, env, "the fair"); err != nil {
			t.Fatal(err)
		}
		w.release()       // 3
		w.release(hotfix) // 4
		w.release()       // 5
		w.nth(5)
		for range 3 {
			w.second(.02, .02)
		}
		if v := w.nth(2); v.State != machine.Watching {
			t.Errorf("frozen, and yet #2 is %s", v.State)
		}
		if err := w.Unfreeze(t.Context(), ana, app, env, "it is over"); err != nil {
			t.Fatal(err)
		}
		if v := w.end(4, .02, .02); v.Outcome != "promoted" || len(v.Commits) != 3 || v.Commits[0].Subject != "Change 2" {
			t.Errorf("the hotfix ended %s with %+v", v.Outcome, v.Commits)
		}
		if v := w.nth(2); v.Outcome != "rolled_back" || codes(v) != "hotfix goes_along" {
			t.Errorf("#2 ended %s: %s", v.Outcome, codes(v))
		}
		if v := w.nth(3); v.Outcome != "superseded" || !strings.Contains(v.Sentence, "#4") {
			t.Errorf("#3 ended %s: %s", v.Outcome, v.Sentence)
		}
		if v := w.end(5, .02, .02); v.Outcome != "promoted" || v.From.ID != "rel_4" || len(v.Commits) != 1 {
			t.Errorf("#5 ended %s over %+v with %+v", v.Outcome, v.From, v.Commits)
		}
		w.checkEvents(5)
		w.checkTurns()
	})
}

func TestHotfixOfARewrittenBranch(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.join("us1")
		w.ship(1, 0, "promoted")
		w.release(slow)
		w.reach(2, "watching")
		w.release(hotfix, func(r *event.ReleaseCreated, _ *manifest.Manifest) { r.Diverged = true })
		if v := w.end(3, .02, .02); v.Outcome != "promoted" || len(v.Commits) != 1 {
			t.Errorf("the hotfix ended %s with %+v", v.Outcome, v.Commits)
		}
		if v := w.nth(2); codes(v) != "hotfix left_out" {
			t.Errorf("#2 ended for %s", codes(v))
		}
	})
}

// TestWayBackIsFinishedFirst: to undo it for a hotfix would send everyone to what somebody is just leaving.
func TestWayBackIsFinishedFirst(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.join("us1")
		one := w.ship(1, 0, "promoted")
		w.ship(2, .02, "promoted")
		w.mu.Lock()
		w.deaf["us1"] = true
		w.mu.Unlock()
		if _, err := w.RollBackEnv(t.Context(), ana, app, env, "", "it is slow"); err != nil {
			t.Fatal(err)
		}
		w.release(hotfix)
		w.nth(4)
		if v := w.nth(3); v.State != machine.Staging || !v.Back {
			t.Fatalf("the way back is %s", v.State)
		}
		w.hear("us1")
		if v := w.end(3, .02, .02); v.Outcome != "promoted" || v.Release.ID != one {
			t.Errorf("the way back ended %s", v.Outcome)
		}
		if v := w.end(4, .02, .02); v.Outcome != "promoted" || v.From.ID != one {
			t.Errorf("the hotfix ended %s over %+v", v.Outcome, v.From)
		}
		w.checkTurns()
	})
}

func TestWhatWaitsIsSentAhead(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.join("us1")
		w.ship(1, 0, "promoted")
		w.release(slow)
		w.reach(2, "watching")
		three := w.release()
		id := w.nth(3).ID
		if !slices.Contains(w.nth(3).Actions, machine.Promote) {
			t.Errorf("what waits cannot be promoted: %v", w.nth(3).Actions)
		}
		if err := w.Do(t.Context(), ana, app, id, machine.Promote, ""); fault.CodeOf(err) != fault.CodeInvalid {
			t.Errorf("without a reason: %v", err)
		}
		if err := w.Freeze(t.Context(), ana, app, env, "the fair"); err != nil {
			t.Fatal(err)
		}
		if err := w.Do(t.Context(), ana, app, id, machine.Promote, "it cannot wait"); fault.CodeOf(err) != fault.CodeConflict || !strings.Contains(err.Error(), "the fair") {
			t.Errorf("in a freeze: %v", err)
		}
		if err := w.Unfreeze(t.Context(), ana, app, env, ""); err != nil {
			t.Fatal(err)
		}
		if err := w.Do(t.Context(), ana, app, id, machine.Promote, "it cannot wait"); err != nil {
			t.Fatal(err)
		}
		if v := w.end(3, .02, .02); v.Outcome != "promoted" || v.Release.ID != three || len(v.Commits) != 2 || v.Hotfix == nil || v.Hotfix.Reason != "it cannot wait" {
			t.Errorf("#3 ended %s with %+v", v.Outcome, v.Commits)
		}
		if v := w.nth(2); v.Outcome != "rolled_back" || codes(v) != "hotfix goes_along" {
			t.Errorf("#2 ended %s: %s", v.Outcome, codes(v))
		}
		entries, err := access.AuditList(t.Context(), w.db, app, 0, 2)
		if err != nil || entries[0].Action != "rollout.displaced" || entries[1].Action != "rollout.promote" || entries[0].Actor != ana {
			t.Errorf("audited are %+v, %v", entries, err)
		}
		w.checkEvents(3)
		w.checkTurns()
	})
}

// TestHotfixAcrossRestarts stops the service after each second until the hotfix has taken the place.
func TestHotfixAcrossRestarts(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.join("us1")
		w.ship(1, 0, "promoted")
		w.release(slow)
		w.reach(2, "watching")
		w.stop()
		w.release(hotfix)
		for w.start(); ; w.start() {
			if v := w.nth(3); v.State.Ended() {
				break
			}
			w.second(.02, .02)
			w.stop()
		}
		if a, b := w.nth(2), w.nth(3); a.Outcome != "rolled_back" || b.Outcome != "promoted" {
			t.Errorf("#2 ended %s, #3 %s", a.Outcome, b.Outcome)
		}
		w.checkEvents(3)
		w.checkTurns()
	})
}
