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

func TestGoodBadAndConfiguration(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.join("us1", "us2")
		one := w.ship(1, 0, "promoted")
		two := w.ship(2, .02, "promoted")
		w.asked("us1", two)
		w.ship(3, .4, "rolled_back")
		w.asked("us2", two)

		// A change of configuration is a release like any other, and judged like one.
		w.release(func(r *event.ReleaseCreated, _ *manifest.Manifest) { r.Why, r.Config, r.Commits = "config", 2, nil })
		v := w.end(4, .02, .4)
		if v.Outcome != "rolled_back" || v.Release.Why != "config" || v.From == nil || v.From.ID != two {
			t.Errorf("the change of configuration ended %s, from %+v", v.Outcome, v.From)
		}
		if v := w.nth(1); v.From != nil || v.Release.ID != one {
			t.Errorf("the first rollout went from %+v", v.From)
		}
		w.checkEvents(4)
	})
}

// checkEvents looks whether each event names a cause that is there, and each rollout has ended once.
func (w *world) checkEvents(rollouts int) {
	w.t.Helper()
	events, err := db.Events(w.t.Context(), w.db, `SELECT COALESCE(position, 0), body FROM events ORDER BY seq`)
	if err != nil {
		w.t.Fatal(err)
	}
	known, ends := map[string]bool{}, map[string]int{}
	for _, ev := range events {
		known[ev.ID] = true
		if strings.HasPrefix(string(ev.Type), "rollout.") && !known[ev.Cause] {
			w.t.Errorf("%s has the cause %q, which is not there", ev.Type, ev.Cause)
		}
		if e, err := event.Decode[event.RolloutEnded](ev); err == nil {
			ends[e.Rollout]++
		}
	}
	if len(ends) != rollouts {
		w.t.Errorf("%d rollouts have ended, want %d", len(ends), rollouts)
	}
	for id, n := range ends {
		if n != 1 {
			w.t.Errorf("the end of %s was told %d times", id, n)
		}
	}
}

func TestWhatWaitsIsShippedTogether(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.join("us1")
		w.ship(1, 0, "promoted")
		w.release()
		w.reach(2, "watching")
		w.release()
		w.release()
		last := w.release()
		w.nth(5)
		if v := w.end(2, .02, .02); v.Outcome != "promoted" {
			t.Fatalf("#2 ended %s", v.Outcome)
		}
		v := w.end(5, .02, .02)
		for n := 3; n <= 4; n++ {
			if old := w.nth(n); old.Outcome != "superseded" || !old.StartedAt.IsZero() {
				t.Errorf("#%d ended %s and started at %s", n, old.Outcome, old.StartedAt)
			}
		}
		if v.Outcome != "promoted" || v.Release.ID != last || len(v.Commits) != 3 || v.Commits[0].Subject != "Change 3" {
			t.Errorf("#5 ended %s with %+v", v.Outcome, v.Commits)
		}
		w.checkEvents(5)
	})
}

// What came back is still in the branch: whoever pushes next ships it again, and is not the only one to be asked.
func TestWhatCameBackGoesAlong(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.join("us1")
		w.ship(1, 0, "promoted")
		w.ship(2, .5, "rolled_back")
		w.ship(3, .5, "rolled_back")
		w.release()
		if v := w.end(4, .02, .5); v.Outcome != "rolled_back" || len(v.Commits) != 3 || v.Commits[0].Subject != "Change 2" {
			t.Errorf("#4 ended %s with %+v", v.Outcome, v.Commits)
		}
		w.ship(5, .02, "promoted")
		w.release()
		if v := w.end(6, .02, .02); len(v.Commits) != 1 {
			t.Errorf("#6 ended %s with %+v", v.Outcome, v.Commits)
		}
		w.release(func(r *event.ReleaseCreated, _ *manifest.Manifest) { r.Diverged = true })
		if v := w.end(7, .02, .5); len(v.Commits) != 1 {
			t.Errorf("#7 ended %s with %+v", v.Outcome, v.Commits)
		}
		w.release(func(r *event.ReleaseCreated, _ *manifest.Manifest) { r.Diverged = true })
		if v := w.end(8, .02, .02); len(v.Commits) != 1 || v.Commits[0].Subject != "Change 8" {
			t.Errorf("#8, of a branch that was rewritten, ended %s with %+v", v.Outcome, v.Commits)
		}
	})
}

func TestFreeze(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.join("us1")
		one := w.ship(1, 0, "promoted")
		two := w.ship(2, .02, "promoted")
		if err := w.Freeze(t.Context(), ana, app, env, ""); fault.CodeOf(err) != fault.CodeInvalid {
			t.Errorf("a freeze without a reason: %v", err)
		}
		if err := w.Freeze(t.Context(), ana, app, env, "the fair"); err != nil {
			t.Fatal(err)
		}
		if err := w.Freeze(t.Context(), ana, app, env, "again"); fault.CodeOf(err) != fault.CodeConflict || !strings.Contains(err.Error(), "the fair") {
			t.Errorf("a second freeze: %v", err)
		}
		w.release()
		w.release()
		w.nth(4)
		for range 3 {
			w.second(.02, .02)
		}
		if v, err := w.Env(t.Context(), app, env); err != nil || v.Live != two || v.Waiting != 2 || v.FrozenWhy != "the fair" || v.Current != "" {
			t.Errorf("frozen: %+v, %v", v, err)
		}
		// Going back is always allowed.
		if _, err := w.RollBackEnv(t.Context(), ana, app, env, "", "it is slow"); err != nil {
			t.Fatal(err)
		}
		if v := w.end(5, .02, .02); v.Outcome != "promoted" || v.Release.ID != one {
			t.Errorf("the way back ended %s with %s", v.Outcome, v.Release.ID)
		}
		if v := w.nth(4); v.State != machine.Queued {
			t.Errorf("#4 is %s although frozen", v.State)
		}
		if err := w.Unfreeze(t.Context(), ana, app, env, "it is over"); err != nil {
			t.Fatal(err)
		}
		// What was left behind by going back is in the branch still, and goes along.
		if v := w.end(4, .02, .02); v.Outcome != "promoted" || len(v.Commits) != 3 || w.nth(3).Outcome != "superseded" {
			t.Errorf("what waited ended %s with %+v", v.Outcome, v.Commits)
		}
		if err := w.Unfreeze(t.Context(), ana, app, env, ""); fault.CodeOf(err) != fault.CodeConflict {
			t.Errorf("a second thaw: %v", err)
		}
		w.audited("environment.unfrozen", "environment.rolled_back", "environment.frozen")
	})
}

// audited compares the newest actions with what people did, newest first.
func (w *world) audited(actions ...string) {
	w.t.Helper()
	entries, err := access.AuditList(w.t.Context(), w.db, app, 0, len(actions))
	if err != nil {
		w.t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		if got = append(got, e.Action); e.Actor != ana || e.Env != env {
			w.t.Errorf("entry %+v", e)
		}
	}
	if !slices.Equal(got, actions) {
		w.t.Errorf("audited are %v, want %v", got, actions)
	}
}

func TestGoingBackTwiceGoesFurtherBack(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.join("us1")
		one := w.ship(1, 0, "promoted")
		two := w.ship(2, .02, "promoted")
		w.ship(3, .4, "rolled_back")
		w.ship(4, .02, "promoted")
		back := func(number int, want string) {
			t.Helper()
			if _, err := w.RollBackEnv(t.Context(), ana, app, env, "", ""); err != nil {
				t.Fatal(err)
			}
			if v := w.end(number, .02, .02); v.Outcome != "promoted" || v.Release.ID != want {
				t.Fatalf("#%d ended %s with %s, want %s: %v", number, v.Outcome, v.Release.ID, want, v.Reasons)
			}
			w.asked("us1", want)
		}
		back(5, two)
		back(6, one)
		if _, err := w.RollBackEnv(t.Context(), ana, app, env, "", ""); fault.CodeOf(err) != fault.CodeConflict {
			t.Errorf("behind the first release: %v", err)
		}
		if _, err := w.RollBackEnv(t.Context(), ana, app, env, one, ""); fault.CodeOf(err) != fault.CodeConflict {
			t.Errorf("to what is live: %v", err)
		}
		if _, err := w.RollBackEnv(t.Context(), ana, app, env, "rel_x", ""); fault.CodeOf(err) != fault.CodeNotFound {
			t.Errorf("to what is not there: %v", err)
		}
		// By name one can go anywhere; and a rollout under way goes back to where it came from.
		if _, err := w.RollBackEnv(t.Context(), ana, app, env, two, "it was right"); err != nil {
			t.Fatal(err)
		}
		w.end(7, .02, .02)
		w.release()
		w.reach(8, "watching")
		if _, err := w.RollBackEnv(t.Context(), ana, app, env, "", "looks odd"); err != nil {
			t.Fatal(err)
		}
		if v := w.end(8, .02, .02); v.Outcome != "rolled_back" {
			t.Errorf("#8 ended %s", v.Outcome)
		}
		w.asked("us1", two)
	})
}

func TestGoingBackByNameLeavesBehindWhatLiesBetween(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.join("us1")
		one := w.ship(1, 0, "promoted")
		w.ship(2, .02, "promoted")
		w.ship(3, .02, "promoted")
		back := func(number int, release, want string) {
			t.Helper()
			if _, err := w.RollBackEnv(t.Context(), ana, app, env, release, "it was better"); err != nil {
				t.Fatal(err)
			}
			if v := w.end(number, .02, .02); v.Outcome != "promoted" || v.Release.ID != want {
				t.Fatalf("#%d ended %s with %s, want %s: %v", number, v.Outcome, v.Release.ID, want, v.Reasons)
			}
		}
		back(4, one, one)
		if _, err := w.RollBackEnv(t.Context(), ana, app, env, "", "and further"); fault.CodeOf(err) != fault.CodeConflict || !strings.Contains(err.Error(), "no earlier good release") {
			t.Errorf("back from the first one: %v", err)
		}
		w.ship(5, .02, "promoted")
		back(6, "", one)
		back(7, "rel_3", "rel_3")
		back(8, "", one)
		entries, err := access.AuditList(t.Context(), w.db, app, 0, 1)
		if err != nil || entries[0].Target != one {
			t.Fatalf("%+v, %v", entries, err)
		}
	})
}

func TestFirstReleaseWaitsForAHost(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.release()
		two := w.release()
		w.nth(2)
		w.second(0, 0)
		if v, err := w.Env(t.Context(), app, env); err != nil || v.Waiting != 1 {
			t.Errorf("without hosts: %+v, %v", v, err)
		}
		w.join("us1")
		if v := w.end(2, 0, 0); v.Outcome != "promoted" || v.Release.ID != two || len(v.Commits) != 2 {
			t.Errorf("#2 ended %s with %+v", v.Outcome, v.Commits)
		}
		if v := w.nth(1); v.Outcome != "superseded" {
			t.Errorf("#1 is %s", v.State)
		}
	})
}

func TestHostThatJoinsOnTheWay(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.join("us1", "us2")
		one := w.ship(1, 0, "promoted")
		two := w.release()
		w.reach(2, "watching")
		w.join("us3")
		w.asked("us3", one)
		v := w.nth(2)
		i := slices.IndexFunc(v.Hosts, func(h rollout.HostView) bool { return h.ID == "us3" })
		if i < 0 || !v.Hosts[i].LeftOut || v.Hosts[i].Text != "it joined during the rollout" {
			t.Errorf("us3 is not shown as left out: %+v", v.Hosts)
		}
		if v := w.end(2, .02, .02); v.Outcome != "promoted" {
			t.Fatalf("#2 ended %s", v.Outcome)
		}
		w.asked("us3", two)
	})
}

func TestEnvironmentChangesItsHosts(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.join("us1", "eu1")
		one := w.ship(1, 0, "promoted")
		w.asked("eu1", one)
		spec := event.EnvironmentSpec{Branch: "main", Labels: map[string]string{"zone": "us"}}
		w.emit(event.EnvironmentChanged{Name: env, Spec: spec, Fields: []string{"labels"}})
		w.asked("eu1", "")
		two := w.release()
		w.reach(2, "watching")
		if got := w.runs("eu1"); got != "" {
			t.Errorf("a host of another place runs %s", got)
		}
		spec.Labels = nil // in the middle of a rollout
		w.emit(event.EnvironmentChanged{Name: env, Spec: spec, Fields: []string{"labels"}})
		w.asked("eu1", one)
		w.end(2, .02, .02)
		w.asked("eu1", two)

		// All hosts leave in the middle of a rollout, and come back.
		w.release()
		w.reach(3, "watching")
		w.emit(event.EnvironmentChanged{Name: env, Spec: event.EnvironmentSpec{Branch: "main", Hosts: []string{"none"}}, Fields: []string{"hosts"}})
		w.asked("us1", "")
		w.emit(event.EnvironmentChanged{Name: env, Spec: event.EnvironmentSpec{Branch: "main"}, Fields: []string{"hosts"}})
		w.asked("us1", two)
		v := w.end(3, .02, .02)
		live := map[string]string{"promoted": v.Release.ID, "rolled_back": two}[v.Outcome]
		w.asked("us1", live)
		w.asked("eu1", live)
	})
}

func TestHostMovesByItsLabels(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.emit(event.EnvironmentChanged{Name: env, Spec: event.EnvironmentSpec{Branch: "main", Labels: map[string]string{"zone": "us"}}, Fields: []string{"labels"}})
		w.join("us1", "eu1")
		one := w.ship(1, 0, "promoted")
		if got := w.runs("eu1"); got != "" {
			t.Errorf("a host of another place runs %s", got)
		}
		moved := event.AgentJoined{Agent: "eu1", Name: "eu1", Roles: []string{"host"}, Labels: map[string]string{"zone": "us"}}
		w.emit(moved)
		w.asked("eu1", one)
		moved.Labels = nil
		w.emit(moved)
		w.asked("eu1", "")
	})
}

func TestAlphaFromFalseAlarms(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.join("us1")
		w.ship(1, 0, "promoted")
		w.release(func(_ *event.ReleaseCreated, m *manifest.Manifest) {
			m.Rollout.Alpha, m.Rollout.FalseAlarms = 0, manifest.Rate{Count: 1, Per: "month"}
		})
		v := w.reach(2, "watching")
		if v.Alpha < .04 || v.Alpha > .05 || !strings.Contains(v.AlphaText, "of good releases come back: 1 false alarm a month over 20 rollouts") {
			t.Errorf("alpha %v: %s", v.Alpha, v.AlphaText)
		}
	})
}

func TestHandsOnTheWheel(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.join("us1")
		w.ship(1, 0, "promoted")
		w.release()
		id := w.reach(2, "watching").ID
		do := func(cmd machine.Command, want fault.Code) {
			t.Helper()
			if err := w.Do(t.Context(), ana, app, id, cmd, "to see"); (err == nil) != (want == "") || err != nil && fault.CodeOf(err) != want {
				t.Errorf("%s: %v, want %q", cmd, err, want)
			}
		}
		do(machine.Resume, fault.CodeConflict)
		do(machine.Pause, "")
		for range 20 {
			w.second(.02, .02)
		}
		if v := w.nth(2); v.State != machine.Paused {
			t.Errorf("paused, and yet %s", v.State)
		}
		do(machine.Resume, "")
		if v := w.nth(2); v.State != machine.Watching {
			t.Errorf("resumed, and yet %s", v.State)
		}
		do(machine.Promote, "")
		if v := w.end(2, .02, .02); v.Outcome != "promoted" {
			t.Errorf("#2 ended %s", v.Outcome)
		}
		do(machine.RollBack, fault.CodeConflict)
		if err := w.Do(t.Context(), ana, "other", id, machine.Pause, ""); fault.CodeOf(err) != fault.CodeNotFound {
			t.Errorf("by another app's name: %v", err)
		}
		w.audited("rollout.promote", "rollout.resume", "rollout.pause")
	})
}
