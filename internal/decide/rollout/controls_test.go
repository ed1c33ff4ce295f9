package rollout_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/decide/rollout"
	"github.com/slipwayhq/slipway/internal/decide/rollout/machine"
	"github.com/slipwayhq/slipway/internal/decide/rollout/trace"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/pure/judge"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

// coldTime is how long processes are cold in TestColdAgainstCold, by the clock that the test moves.
const coldTime = 30 * time.Second

// cold notes which hosts have begun what release when, and gives the errors of a hundred requests: ten times as many while a process is cold, harm times as many on the release that is new.
func (w *world) cold(harm float64) {
	began := map[string]time.Time{}
	starts := maps.Clone(w.starts)
	w.errors = func(host, release string) int64 {
		w.mu.Lock()
		if w.starts[host] != starts[host] {
			starts[host] = w.starts[host]
			began[host] = w.clock.now()
		}
		split := w.split.Split
		w.mu.Unlock()
		key, errors := host, 2.0
		if release == split.New {
			key, errors = host+" "+release, errors*harm
			if began[key].IsZero() {
				began[key] = w.clock.now()
			}
		}
		if at := began[key]; !at.IsZero() && w.clock.now().Sub(at) < coldTime {
			errors *= 10
		}
		return int64(errors)
	}
}

// controls makes a release that is split by hosts, with controls that start the old one anew.
func controls(_ *event.ReleaseCreated, m *manifest.Manifest) {
	m.Rollout.Canary, m.Rollout.RestartControls, m.Rollout.Settle = manifest.CanaryHosts, true, manifest.Every(coldTime+2*time.Second)
	m.Rollout.Steps = []manifest.Step{{Share: .25, Watch: manifest.Every(6 * time.Second)}, {Share: 1, HoldBack: .25, Watch: manifest.Every(6 * time.Second)}}
}

// With the option on, as many hosts start the old release anew as get the new one: what is as bad for being cold is no harm, what is worse is seen before anything has settled, and the page says who
// started anew, and why.
func TestColdAgainstCold(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		var hosts []string
		for i := range 12 {
			hosts = append(hosts, fmt.Sprintf("us%02d", i))
		}
		w.join(hosts...)
		ended := func(n int) rollout.View {
			t.Helper()
			restarted, moved := false, 0
			for end := time.Now().Add(time.Minute); time.Now().Before(end); {
				v := w.nth(n)
				if v.State.Ended() {
					return v
				}
				if v.State == "settling" && !restarted {
					restarted = true
					w.stop()
					w.start()
				}
				if moving := v.State == "starting" || v.State == "shifting"; !moving {
					moved = 0
				} else if moved++; moved > 3 { // on a slow machine controls would be seconds older than canaries
					time.Sleep(2 * time.Millisecond)
					continue
				}
				w.hostSecond(hosts, 2, "known")
			}
			t.Fatalf("rollout #%d does not end: %s %v", n, w.nth(n).State, w.nth(n).Reasons)
			return rollout.View{}
		}
		w.release(controls)
		if ended(1); len(w.starts) != 0 {
			t.Errorf("a first release has controls: %v", w.starts)
		}
		for range 20 {
			w.hostSecond(hosts, 2, "known")
		}

		w.cold(1)
		w.release(controls)
		good := ended(2)
		if good.Outcome != "promoted" {
			t.Fatalf("a good release ended %s: %v", good.Outcome, good.Reasons)
		}
		count := map[int64]int{}
		for _, n := range w.starts {
			count[n]++
		}
		if !maps.Equal(count, map[int64]int{2001: 3, 2002: 3}) {
			t.Errorf("started anew were %v", w.starts)
		}
		var said []string
		for _, d := range good.Decisions {
			for _, r := range d.Reasons {
				if r.Code == "controls_restart" {
					said = append(said, r.Text)
				}
			}
		}
		for _, h := range slices.Sorted(maps.Keys(w.starts)) {
			if len(said) != 2 || !strings.Contains(said[w.starts[h]-2001], h) || !strings.HasPrefix(said[0], "3 hosts of the old release start it anew (us") {
				t.Errorf("of %s it says %q", h, said)
			}
		}
		if again, err := w.Judge(t.Context(), app, good.ID, trace.Again{}); err != nil || string(again.Verdict) != good.Verdict {
			t.Errorf("the good one was %s and judged again is %s (%v)", good.Verdict, again.Verdict, err)
		}

		w.cold(3)
		w.release(controls)
		bad := ended(3)
		if bad.Outcome != "rolled_back" || bad.Verdict != string(judge.Regressed) || !bad.Steps[0].SettledAt.IsZero() {
			t.Errorf("three times the errors ended %s, %s, settled at %s: %v", bad.Outcome, bad.Verdict, bad.Steps[0].SettledAt, bad.Reasons)
		}
		if again, err := w.Judge(t.Context(), app, bad.ID, trace.Again{}); err != nil || again.Verdict != judge.Regressed {
			t.Errorf("judged again it is %s (%v)", again.Verdict, err)
		}
		w.checkEvents(3)
	})
}

// What controls do before the split is in force is kept until the canaries are as old; the page says how far they are.
func TestControlsAreHeardOfBeforeTheSplit(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		hosts := []string{"us1", "us2", "us3", "us4", "us5", "us6", "us7", "us8"}
		w.join(hosts...)
		w.release(controls)
		w.reach(1, "promoted")
		for range 5 {
			w.hostSecond(hosts, 2, "known")
		}
		w.mu.Lock()
		w.stubborn = 1
		w.mu.Unlock()
		w.release(controls)
		started := func() int {
			w.mu.Lock()
			defer w.mu.Unlock()
			return len(w.starts)
		}
		w.until("one of two controls has started anew", func() bool {
			v, ok := w.newest()
			return ok && v.Number == 2 && started() == 1 && strings.HasPrefix(v.Sentence, "The old release starts anew, ") && strings.HasSuffix(v.Sentence, ": 1 of 2 hosts are ready")
		})
		for range 3 {
			w.hostSecond(hosts, 2, "known")
		}
		var body string
		if err := w.db.QueryRow(t.Context(), `SELECT machine FROM rollout_rollouts WHERE number = 2`).Scan(&body); err != nil {
			t.Fatal(err)
		}
		var m machine.Rollout
		if err := json.Unmarshal([]byte(body), &m); err != nil {
			t.Fatal(err)
		}
		whole := 0
		for _, held := range m.Controls.Held {
			for h, vitals := range held {
				if w.starts[h] == 0 || vitals[judge.Errors].Requests != 100 || vitals[judge.Errors].Events != 2 {
					t.Errorf("of %s is held %+v", h, vitals)
				}
				whole++
			}
		}
		if whole < 2 {
			t.Errorf("held are %+v", m.Controls.Held)
		}
	})
}
