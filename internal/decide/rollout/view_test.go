package rollout_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/db/dbtest"
	"github.com/slipwayhq/slipway/internal/decide/rollout/machine"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
	"github.com/slipwayhq/slipway/internal/wire"
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

// A second in which nobody was at risk has no rate; it is not one without errors.
func TestSecondsWithoutRequestsHaveNoRate(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.join("us1")
		w.ship(1, 0, "promoted")
		w.release()
		w.reach(2, "watching")
		for range 3 { // the first may be from before the hosts had settled
			w.second(.02, .02)
		}
		w.clock.pass(time.Second)
		sec := w.counted(0, 0)
		sec.Routes[0].Hosts = nil
		w.feed(sec)
		s, err := w.SeriesOf(t.Context(), app, w.nth(2).ID, "errors")
		if err != nil {
			t.Fatal(err)
		}
		last := len(s.Seconds) - 1
		if s.NewRate[last] != nil || s.OldRate[last] != nil || s.AtRiskNew[last] != 0 || s.AtRiskOld[last] != 0 {
			t.Errorf("a second without requests has the rates %v and %v of %d and %d", s.NewRate[last], s.OldRate[last], s.AtRiskNew[last], s.AtRiskOld[last])
		}
		if r := s.NewRate[last-1]; r == nil || *r != .02 || s.AtRiskNew[last-1] != 500 {
			t.Errorf("a second with requests has the rate %v of %d", r, s.AtRiskNew[last-1])
		}
	})
}

// A watch that is prolonged, or goes on after a pause, is no further step.
func TestMarksCountStepsAndNotWatches(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.join("us1")
		w.ship(1, 0, "promoted")
		w.release(func(_ *event.ReleaseCreated, m *manifest.Manifest) { m.Rollout.Unknown = manifest.UnknownWait })
		v := w.reach(2, "watching")
		for _, cmd := range []machine.Command{machine.Pause, machine.Resume} {
			if err := w.Do(t.Context(), ana, app, v.ID, cmd, ""); err != nil {
				t.Fatal(err)
			}
		}
		marks := ""
		for end := time.Now().Add(time.Minute); !strings.Contains(marks, "watched on,watched on") && time.Now().Before(end); {
			w.clock.pass(time.Second)
			sec := w.counted(0, 0)
			sec.Routes[0].Hosts = nil // nobody comes, so that the watch cannot tell
			w.feed(sec)
			s, err := w.SeriesOf(t.Context(), app, v.ID, "errors")
			if err != nil {
				t.Fatal(err)
			}
			marks = ""
			for _, m := range s.Marks {
				marks += "," + m.Text
			}
		}
		if !strings.Contains(marks, ",step 1,paused by ana,resumed by ana,watched on,watched on") || strings.Contains(marks, "step 2") {
			t.Errorf("the marks are %s", marks)
		}
	})
}

func TestWhatARolloutWaitsForIsSaid(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.join("us1")
		one := w.ship(1, 0, "promoted")
		w.release(slow)
		under := w.reach(2, "watching")
		w.release()
		v := w.nth(3)
		if v.Sentence != "Waits for rollout #2 to end" || v.WaitsFor != "rollout" || v.From == nil || v.From.ID != one {
			t.Errorf("it says %q (%s), and is from %+v", v.Sentence, v.WaitsFor, v.From)
		}
		if err := w.Freeze(t.Context(), ana, app, env, "the sale starts"); err != nil {
			t.Fatal(err)
		}
		if err := w.Do(t.Context(), ana, app, under.ID, machine.RollBack, ""); err != nil {
			t.Fatal(err)
		}
		w.reach(2, "rolled_back")
		v = w.nth(3)
		if v.Sentence != "Waits, because production is frozen by ana: the sale starts" || v.WaitsFor != "freeze" || slices.Contains(v.Actions, machine.Promote) {
			t.Errorf("it says %q (%s), and offers %v", v.Sentence, v.WaitsFor, v.Actions)
		}
		if err := w.Do(t.Context(), ana, app, v.ID, machine.RollBack, "not today"); err != nil {
			t.Fatal(err)
		}
		if v := w.nth(3); v.Sentence != "Taken back before it began, by ana: not today" {
			t.Errorf("it says %q", v.Sentence)
		}
	})
}

// A change of configuration is no commit: it has its own author and subject, and nobody has to guess them.
func TestAChangeOfConfigurationSaysWhoChangedWhat(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.join("us1")
		w.ship(1, 0, "promoted")
		change := event.ConfigDiff{By: "person:bo", Settings: []string{"LOG_LEVEL"}, Secrets: []string{"KEY"}, Removed: []string{"TAX_RATE"}, Reason: "less noise"}
		w.release(func(r *event.ReleaseCreated, _ *manifest.Manifest) {
			r.Why, r.Config, r.Commits, r.Change = "config", 7, nil, &change
		})
		v := w.end(2, .02, .4)
		const subject = "configuration 7: LOG_LEVEL, secret KEY, without TAX_RATE"
		if v.Release.Subject != subject || v.Release.Author != "bo" || v.Release.Change == nil || v.Release.Change.Reason != "less noise" {
			t.Errorf("its release is %+v", v.Release)
		}
		if end := w.ended(v.ID); end.Number != 2 || end.Subject != subject || end.Author != "bo" {
			t.Errorf("its end was told as %+v", end)
		}
	})
}

// Going back is no hotfix: it says where it goes, who wanted it and why, and where one could go from there.
func TestGoingBackReadsAsGoingBack(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.join("us1")
		w.ship(1, 0, "promoted")
		if v := w.nth(1); v.LastGood != nil {
			t.Errorf("from the first release one can go back to %+v", v.LastGood)
		}
		two := w.ship(2, .02, "promoted")
		v := w.nth(2)
		if v.LastGood == nil || v.LastGood.Number != 1 {
			t.Fatalf("from release #2 one can go back to %+v", v.LastGood)
		}
		if _, err := w.RollBackEnv(t.Context(), ana, app, env, v.LastGood.ID, "the phones ring"); err != nil {
			t.Fatal(err)
		}
		if v := w.nth(2); v.LastGood != nil {
			t.Errorf("while something is under way one can go back to %+v", v.LastGood)
		}
		v = w.end(3, .02, .02)
		if v.Sentence != "Back to release #1, by ana: the phones ring" || !v.Back || v.Hotfix.By != ana {
			t.Errorf("it says %q, back %v, %+v", v.Sentence, v.Back, v.Hotfix)
		}
		for _, d := range v.Decisions {
			for _, r := range d.Reasons {
				if strings.Contains(r.Text, "hotfix") || strings.Contains(r.Text, "watch") {
					t.Errorf("it reads as a hotfix: %s", r.Text)
				}
			}
		}
		if v := w.nth(2); v.Release.ID != two || v.LastGood != nil {
			t.Errorf("what is live no more says %+v", v.LastGood)
		}
	})
}

// A hotfix that skips the watch says so, and whose it is.
func TestAHotfixSaysThatItSkipsTheWatch(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.join("us1")
		w.ship(1, 0, "promoted")
		w.release(func(r *event.ReleaseCreated, _ *manifest.Manifest) {
			r.Hotfix = &event.Hotfix{SkipWatch: true, Reason: "payments are down", By: "person:dara"}
		})
		v := w.end(2, .02, .02)
		if want := "Promoted: this hotfix of dara skipped the watch: payments are down"; v.Sentence != want {
			t.Errorf("it says %q, want %q", v.Sentence, want)
		}
	})
}

// The share is of those who are on the new release: none before the first, all after the promotion, nobody after it came back.
func TestTheShareIsOfThoseWhoHaveIt(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.join("us1")
		w.ship(1, 0, "promoted")
		if v := w.nth(1); v.Share != 1 {
			t.Errorf("the first release is promoted to a share of %g", v.Share)
		}
		w.release()
		if v := w.reach(2, "watching"); v.Share != .5 {
			t.Errorf("in its first step it has a share of %g", v.Share)
		}
		if v := w.end(2, .02, .02); v.Share != 1 {
			t.Errorf("#2 is promoted to a share of %g", v.Share)
		}
		w.ship(3, .5, "rolled_back")
		if v := w.nth(3); v.Share != 0 {
			t.Errorf("#3 came back to a share of %g", v.Share)
		}
		moved := map[string][]float64{}
		events, err := db.Events(t.Context(), w.db, `SELECT COALESCE(position, 0), body FROM events ORDER BY seq`)
		if err != nil {
			t.Fatal(err)
		}
		for _, ev := range events {
			if m, err := event.Decode[event.RolloutMoved](ev); err == nil {
				moved[m.Rollout+m.To] = append(moved[m.Rollout+m.To], m.Share)
			}
		}
		two, three := w.nth(2).ID, w.nth(3).ID
		if got := moved[two+"watching"]; !slices.Equal(got, []float64{.5, .8}) {
			t.Errorf("#2 was watched at %v", got)
		}
		if moved[two+"promoted"][0] != 1 || moved[three+"rolled_back"][0] != 0 || moved[three+"returning"][0] != 0 || moved[two+"staging"][0] != 0 {
			t.Errorf("the moves were told with the shares %v", moved)
		}
	})
}

// People know hosts by their names: no id stands in what they read, not even of a host that is gone.
func TestHostsAreToldOfByTheirNames(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		dbtest.Emit(t, w.db, event.Meta{Actor: "agent:agt_7"}, event.AgentJoined{Agent: "agt_7", Name: "web-7", Roles: []string{wire.RoleHost}})
		w.ship(1, 0, "promoted")
		asked := func() string { w.mu.Lock(); defer w.mu.Unlock(); return w.asks["agt_7"] }
		w.mu.Lock()
		w.deaf["agt_7"] = true
		w.mu.Unlock()
		w.asked("agt_7", "rel_1")
		two, answered := w.release(), ""
		w.until("it goes back", func() bool {
			if ask := asked(); ask != answered {
				answered = ask
				w.emit(event.DeployFailed{Deploy: ask, Host: "agt_7", Release: two, Code: "hash", Text: "the archive is broken"})
			}
			return w.nth(2).Outcome != ""
		})
		v := w.nth(2)
		if v.Sentence != "Rolled back: host web-7: the archive is broken" || v.Hosts[0].Name != "web-7" {
			t.Errorf("it says %q of %+v", v.Sentence, v.Hosts)
		}
		if end := w.ended(v.ID); strings.Contains(end.Reasons[0].Text, "agt_7") {
			t.Errorf("its end was told as %+v", end)
		}
		dbtest.Emit(t, w.db, event.Meta{Actor: ana}, event.AgentRemoved{Agent: "agt_7", Name: "web-7", Roles: []string{wire.RoleHost}})
		w.join("us1")
		w.until("the host is gone", func() bool { _, err := w.Env(t.Context(), app, env); return err == nil && len(w.nth(2).Hosts) == 1 })
		if v := w.nth(2); v.Hosts[0].Name != "web-7" {
			t.Errorf("a host that is gone is called %q", v.Hosts[0].Name)
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
