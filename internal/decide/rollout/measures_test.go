package rollout_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/decide/rollout"
	"github.com/slipwayhq/slipway/internal/decide/rollout/trace"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/pure/judge"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

// counted makes a release that is judged by a counter of its own beside errors.
func counted(_ *event.ReleaseCreated, m *manifest.Manifest) {
	m.Rollout.Vitals = append(m.Rollout.Vitals, manifest.Vital{Name: "checkout.failed", Counter: "checkout.failed", Per: "checkout.started", Bad: manifest.Rise, Weight: 1})
	m.Rollout.Steps = []manifest.Step{{Share: .5, Watch: manifest.Every(4 * time.Minute)}}
}

// hostSeconds tells what the app counted on a host in this second: 40 checkouts of each release that runs there, of which some fail.
func (w *world) hostSeconds(numbers map[string]int64, failing float64, hosts ...string) {
	w.t.Helper()
	for _, h := range hosts {
		numbers[h]++
		sec := event.HostSecond{Agent: h, Boot: "b", Number: numbers[h], Second: w.clock.now().Unix() - 1, Host: &event.HostUse{CPU: .3, Load1: .7}}
		w.mu.Lock()
		runs, fresh := slices.Clone(w.wish[h]), w.split.Split.New
		w.mu.Unlock()
		for _, r := range runs {
			failed := .05
			if r == fresh {
				failed *= failing
			}
			counter := func(name string, n float64) event.Metric {
				return event.Metric{Name: name, Kind: event.MetricCounter, Values: 1, Sum: n}
			}
			sec.Releases = append(sec.Releases, event.ReleaseSecond{App: app, Env: env, Release: r, Use: &event.ProcessUse{Processes: 1, CPU: .2, Memory: 1 << 20},
				Metrics: []event.Metric{counter("checkout.started", 40), counter("checkout.failed", 40*failed*float64(1+numbers[h]%2)/1.5)}})
		}
		data, err := json.Marshal(sec)
		for range 2 { // each is sent twice, and counts once
			if err == nil {
				err = w.j.Append(w.t.Context(), "host", data)
			}
		}
		if err != nil {
			w.t.Fatal(err)
		}
		w.until("the host's second is taken", func() bool {
			var n int64
			err := w.db.QueryRow(w.t.Context(), `SELECT number FROM rollout_edges WHERE edge = $1`, h).Scan(&n)
			return err == nil && n >= sec.Number
		})
	}
}

// A counter that the app sends decides as the edge's counts do, and can be judged again.
func TestACounterOfTheAppIsAVital(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.join("us1", "us2")
		numbers := map[string]int64{}
		w.ship(1, 0, "promoted")
		w.hostSeconds(numbers, 1, "us1", "us2")
		var body string
		if err := w.db.QueryRow(t.Context(), `SELECT body FROM rollout_measures WHERE host = 'us1' AND release = 'rel_1'`).Scan(&body); err != nil || body != fmt.Sprintf(
			`{"u":1,"cpu":0.2,"mem":1048576,"l":1,"load":0.7,"c":{"checkout.failed":%v,"checkout.started":40}}`, 40*.05*2/1.5) {
			t.Errorf("of a second that came twice it holds %s (%v)", body, err)
		}
		w.release(counted)
		var v rollout.View
		for end := time.Now().Add(time.Minute); time.Now().Before(end); {
			if v = w.nth(2); v.State.Ended() {
				break
			}
			w.hostSeconds(numbers, 8, "us1", "us2")
			w.second(.02, .02)
		}
		if v.Outcome != "rolled_back" || v.Vital != "checkout.failed" {
			t.Fatalf("eight times the failures ended %s on %q: %v", v.Outcome, v.Vital, v.Reasons)
		}
		again, err := w.Judge(t.Context(), app, v.ID, trace.Again{})
		if err != nil || again.Verdict != judge.Regressed || again.Vital != "checkout.failed" {
			t.Errorf("judged again it is %s on %q: %v (%v)", again.Verdict, again.Vital, again.Reasons, err)
		}
		series, err := w.SeriesOf(t.Context(), app, v.ID, "checkout.failed")
		n := len(series.Seconds)
		if err != nil || n < 20 || series.Log10E[n-1] < series.Log10Threshold {
			t.Errorf("its series has %d seconds and ends at %v (%v)", n, series.Log10E, err)
		}
		at := slices.IndexFunc(series.NewRate, func(r *float64) bool { return r != nil })
		if at < 0 || *series.NewRate[at] < 3**series.OldRate[at] {
			t.Errorf("new %v, old %v", series.NewRate, series.OldRate)
		}
	})
}
