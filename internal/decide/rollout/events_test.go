package rollout_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/decide/rollout"
	"github.com/slipwayhq/slipway/internal/decide/rollout/trace"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/pure/judge"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

// ordered makes a release that is judged by the orders of its visitors.
func ordered(_ *event.ReleaseCreated, m *manifest.Manifest) {
	m.Rollout.Vitals = append(m.Rollout.Vitals, manifest.Vital{Name: "order_completed", Event: "order_completed", Per: "page", Bad: manifest.Drop, Weight: 1})
	m.Rollout.Steps = []manifest.Step{{Share: .5, Watch: manifest.Every(2 * time.Minute)}}
}

// ordersSecond tells what visitors did in this second: of each release's share of 400 pages one in twenty ends in an order, times orders on the new release.
func (w *world) ordersSecond(number *int64, orders float64) {
	w.t.Helper()
	*number++
	sec := event.HostSecond{Boot: "events", Number: *number, Second: w.clock.now().Unix() - 1}
	w.mu.Lock()
	s := w.split.Split
	w.mu.Unlock()
	for release, share := range map[string]float64{s.Old: 1 - s.Share, s.New: s.Share} {
		n := 400 * share
		rate := .05 * (.8 + .4*float64(*number%2))
		if release == s.New {
			rate *= orders
		}
		if release != "" && n > 0 {
			metric := func(name string, n float64) event.Metric {
				return event.Metric{Name: name, Kind: event.MetricCounter, Values: int64(n), Sum: n}
			}
			sec.Releases = append(sec.Releases, event.ReleaseSecond{App: app, Env: env, Release: release, Metrics: []event.Metric{metric("event/order_completed per page", n*rate), metric("event/order_completed per page/per", n)}})
		}
	}
	data, err := json.Marshal(sec)
	if err == nil {
		err = w.j.Append(w.t.Context(), "host", data)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	w.until("what visitors did is taken", func() bool {
		var n int64
		err := w.db.QueryRow(w.t.Context(), `SELECT number FROM rollout_edges WHERE edge = '' AND boot = 'events'`).Scan(&n)
		return err == nil && n >= *number
	})
}

// A release on which half of the orders are missing comes back by them; one on which they are as before is promoted, and both can be judged again.
func TestAnEventIsAVital(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.join("us1")
		w.ship(1, 0, "promoted")
		number := int64(0)
		end := func(n int, orders float64) (v rollout.View) {
			for end := time.Now().Add(time.Minute); time.Now().Before(end); {
				if v = w.nth(n); v.State.Ended() {
					break
				}
				w.ordersSecond(&number, orders)
				w.second(.02, .02)
			}
			return v
		}
		w.release(ordered)
		v := end(2, .5)
		if v.Outcome != "rolled_back" || v.Vital != "order_completed" {
			t.Fatalf("half of the orders ended %s on %q: %v", v.Outcome, v.Vital, v.Reasons)
		}
		again, err := w.Judge(t.Context(), app, v.ID, trace.Again{})
		if err != nil || again.Verdict != judge.Regressed || again.Vital != "order_completed" {
			t.Errorf("judged again it is %s on %q: %v (%v)", again.Verdict, again.Vital, again.Reasons, err)
		}
		series, err := w.SeriesOf(t.Context(), app, v.ID, "order_completed")
		if n := len(series.Seconds); err != nil || n < 2 || series.Log10E[n-1] < series.Log10Threshold {
			t.Errorf("its series has %d points and ends at %v (%v)", n, series.Log10E, err)
		}
		w.release(ordered)
		v = end(3, 1)
		if v.Outcome != "promoted" || v.Verdict != "healthy" {
			t.Errorf("as many orders as before ended %s, %s: %v", v.Outcome, v.Verdict, v.Reasons)
		}
		for _, vital := range v.Vitals {
			if vital.Name == "order_completed" && (vital.Label != "order_completed per page" || vital.State != "healthy" || vital.New.AtRisk < 5000) {
				t.Errorf("the vital: %+v", vital)
			}
		}
	})
}

// What has to be counted is asked: which events, of which releases, and since when two of them are compared.
func TestWhichEventsAreAsked(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.join("us1")
		w.ship(1, 0, "promoted")
		if q, err := w.EventQueries(t.Context()); err != nil || len(q) != 0 {
			t.Errorf("without a vital: %+v, %v", q, err)
		}
		two := w.release(ordered)
		w.reach(2, "watching")
		q, err := w.EventQueries(t.Context())
		if err != nil || len(q) != 1 || len(q[0].Vitals) != 1 || q[0].Vitals[0].Event != "order_completed" {
			t.Fatalf("%+v, %v", q, err)
		}
		if q[0].Compares != w.nth(2).ID || q[0].Split != w.split.Traffic || q[0].ByHost || q[0].Release(two) != two || q[0].Release("rel_1") != "rel_1" || q[0].Host("us1") != "us1" {
			t.Errorf("%+v", q[0])
		}
		if v := w.nth(2).Vitals; len(v) < 2 || v[1].Text != "order_completed per page: no events on both releases to compare yet" || v[1].Of != "events" || v[1].Bad != "drop" || v[0].Of != "requests" || v[0].Bad != "rise" {
			t.Errorf("before any came: %+v", v)
		}
		number := int64(0)
		for !w.nth(2).State.Ended() {
			w.ordersSecond(&number, 1)
			w.second(.02, .02)
		}
		if q, err = w.EventQueries(t.Context()); err != nil || len(q) != 1 || q[0].Compares != "" || q[0].Release("rel_1") != "" {
			t.Errorf("after it: %+v, %v", q, err)
		}
		found, err := w.ReadVitals(t.Context(), app, env, nil)
		if err != nil || len(found) != 2 || !found[1].Found || found[1].Hosts != 0 || !strings.Contains(found[1].Text, "order_completed of ") || !strings.HasSuffix(found[1].Text, " page, each visitor until the first; this server takes no events") {
			t.Errorf("it reads %+v, %v", found, err)
		}
		// Another divisor counts while the release is on its way that brings it, on both releases.
		w.release(ordered, func(_ *event.ReleaseCreated, m *manifest.Manifest) {
			m.Rollout.Vitals[len(m.Rollout.Vitals)-1].Per = "screen"
		})
		w.reach(3, "watching")
		per := func() string {
			t.Helper()
			q, err := w.EventQueries(t.Context())
			if err != nil || len(q) != 1 || len(q[0].Vitals) != 1 {
				t.Fatalf("%+v, %v", q, err)
			}
			return q[0].Vitals[0].Per
		}
		if got := per(); got != "screen" {
			t.Errorf("while it is on its way it is divided by %q", got)
		}
		w.end(3, .02, .5)
		if got := per(); got != "page" {
			t.Errorf("when it came back it is divided by %q", got)
		}
	})
}
