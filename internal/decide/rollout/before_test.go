package rollout_test

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/decide/rollout"
	"github.com/slipwayhq/slipway/internal/decide/rollout/trace"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/pure/judge"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

// byHost makes a release that is split by hosts.
func byHost(_ *event.ReleaseCreated, m *manifest.Manifest) { m.Rollout.Canary = manifest.CanaryHosts }

// hostSecond lets a second pass in which each host had 100 requests, of which 2 failed on the old release and bad on the new one, with what the app says of them.
func (w *world) hostSecond(hosts []string, bad int64, kind string) {
	w.t.Helper()
	w.clock.pass(time.Second)
	w.seconds++
	w.mu.Lock()
	r := w.split
	w.mu.Unlock()
	rs := event.RouteSecond{App: app, Env: env, Traffic: r.Traffic, Rollout: r.Rollout, Split: r.Split, HostLatency: map[string]event.HistogramData{}, Latency: map[string]event.HistogramData{}}
	paths := map[string]*event.PathCount{}
	for i, h := range hosts {
		release, errors, said := r.Split.Old, int64(2), "known"
		if slices.Contains(r.Split.NewHosts, h) {
			release, errors, said = r.Split.New, bad, kind
		}
		if release == "" {
			continue
		}
		if w.errors != nil {
			errors = w.errors(h, release)
		}
		rs.Hosts = append(rs.Hosts, event.HostCount{Release: release, Host: h, Counts: event.Counts{Requests: 100, AtRisk: 100, Errors: errors, FirstErrors: errors}})
		rs.Failures = append(rs.Failures, event.FailureCount{Release: release, Host: h, Path: "/pay", Status: 500, Error: said, Errors: errors, FirstErrors: errors})
		rs.Buckets = append(rs.Buckets, event.BucketCount{Release: release, Bucket: (i + w.seconds) % event.Buckets, Requests: 100, Errors: errors})
		if r.Split.New == "" {
			rs.HostLatency[h] = event.HistogramData{Index: []int{120}, Count: []int64{100}}
		}
		for path, part := range map[string]int64{"/": 90, "/pay": 10} {
			if paths[release+path] == nil {
				paths[release+path] = &event.PathCount{Release: release, Path: path}
				rs.Latency[release] = event.HistogramData{Index: []int{120}, Count: []int64{100}}
			}
			paths[release+path].Requests, paths[release+path].AtRisk = paths[release+path].Requests+part, paths[release+path].AtRisk+part
		}
		p := paths[release+"/pay"]
		p.Errors, p.FirstErrors = p.Errors+errors, p.FirstErrors+errors
	}
	for _, p := range paths {
		rs.Paths = append(rs.Paths, *p)
	}
	w.feed(event.EdgeSecond{Edge: "edge", Boot: "boot", Number: int64(w.seconds), Second: w.clock.now().Unix() - 1, Routes: []event.RouteSecond{rs}})
}

// machine is a rollout's policy as it is stored.
func (w *world) policyOf(id string) (p judge.Policy) {
	w.t.Helper()
	var body string
	if err := w.db.QueryRow(w.t.Context(), `SELECT machine FROM rollout_rollouts WHERE rollout = $1`, id).Scan(&body); err != nil {
		w.t.Fatal(err)
	}
	stored := struct {
		Judge *judge.Policy `json:"judge"`
	}{&p}
	if err := json.Unmarshal([]byte(body), &stored); err != nil {
		w.t.Fatal(err)
	}
	return p
}

// What hosts, routes and errors were like before the push decides about hosts that differ, about a route, and about errors that nobody has seen.
func TestWhatWasBeforeThePush(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		var hosts []string
		for i := range 12 {
			hosts = append(hosts, fmt.Sprintf("us%02d", i))
		}
		w.join(hosts...)
		w.release(byHost)
		ended := func(n int, bad int64, kind string) rollout.View {
			t.Helper()
			for end := time.Now().Add(time.Minute); time.Now().Before(end); {
				if v := w.nth(n); v.State.Ended() {
					w.alone()
					return v
				}
				w.hostSecond(hosts, bad, kind)
			}
			t.Fatalf("rollout #%d does not end: %s %v", n, w.nth(n).State, w.nth(n).Reasons)
			return rollout.View{}
		}
		ended(1, 2, "known")
		for range 8 {
			w.hostSecond(hosts, 2, "known")
		}

		power, err := w.Power(t.Context(), app, env)
		if err != nil || power.PerSecond > 1500 || power.PerSecond < 100 || math.Abs(power.ErrorRate-.02) > .001 || power.Alpha != .01 || len(power.Steps) != 2 ||
			!(power.Steps[0].DetectS > 0 && power.Steps[0].DetectS < 60 && power.Steps[0].ExcludeS > 0) {
			t.Errorf("before the push it tells %+v (%v)", power, err)
		}
		if n := len(power.Choices); n < 4 || !(power.Choices[0].DetectS > power.Choices[n-1].DetectS) || !(power.Choices[0].Alpha < power.Choices[n-1].Alpha) {
			t.Errorf("fewer false alarms cost nothing: %+v", power.Choices)
		}
		if _, err := w.Power(t.Context(), app, "moon"); !fault.Is(err, fault.CodeNotFound) {
			t.Errorf("of an environment that is not there: %v", err)
		}

		w.clock.pass(time.Minute) // what was before is counted by whole minutes, and on a slow machine few have gone by
		w.release(byHost)
		good := ended(2, 2, "known")
		if text := good.Decisions[0].Reasons[0].Text; !strings.Contains(text, "a doubling of errors will be seen in about") || good.Steps[0].DetectS == 0 {
			t.Errorf("at its start it says %q", text)
		}
		p := w.policyOf(good.ID)
		if good.Outcome != "promoted" || p.Fleet == nil || p.Margin != 0 || len(p.Fleet.Hosts) != 12 || p.Fleet.Before[judge.Errors][0].Requests == 0 {
			t.Fatalf("a good one: %s %v, fleet %+v", good.Outcome, good.Reasons, p.Fleet)
		}
		if !slices.ContainsFunc(p.Vitals, func(v judge.VitalSpec) bool { return v.Name == judge.RouteErrors("/pay") && v.AlarmOnly }) {
			t.Errorf("the routes are not judged apart: %+v", p.Vitals)
		}
		for _, v := range good.Vitals {
			if v.AlarmOnly {
				t.Errorf("nothing speaks for %s, and it is shown", v.Name)
			}
		}
		var history string
		if err := w.db.QueryRow(t.Context(), `SELECT history FROM rollout_envs WHERE app = $1 AND env = $2`, app, env).Scan(&history); err != nil ||
			!strings.Contains(history, judge.Errors) || strings.Contains(history, "pay") {
			t.Errorf("what is learnt of hosts: %q, %v", history, err)
		}

		w.clock.pass(2 * time.Minute)
		for range 3 {
			w.hostSecond(hosts, 2, "known")
		}
		w.until("there is something since everyone has it", func() bool { return w.nth(2).Since != nil })
		if v := w.nth(2); v.Since.After.Requests != 3*1200 || v.Since.After.Errors != 3*24 || v.Since.Before.Requests == 0 {
			t.Errorf("since everyone has it: %+v", v.Since)
		}
		if v := w.nth(1); v.Since != nil {
			t.Errorf("a first release has no before: %+v", v.Since)
		}

		w.release(byHost)
		bad := ended(3, 2, "nobody has seen this")
		if bad.Outcome != "rolled_back" || bad.Vital != judge.NewErrors || len(bad.Vitals) < 2 {
			t.Errorf("errors of a new kind ended %s on %q: %v", bad.Outcome, bad.Vital, bad.Reasons)
		}
		again, err := w.Judge(t.Context(), app, bad.ID, trace.Again{})
		if err != nil || again.Verdict != judge.Regressed || again.Vital != judge.NewErrors {
			t.Errorf("judged again it is %s on %q: %v (%v)", again.Verdict, again.Vital, again.Reasons, err)
		}
		if again, err = w.Judge(t.Context(), app, good.ID, trace.Again{}); err != nil || string(again.Verdict) != good.Verdict || again.SplitBy != wireHosts {
			t.Errorf("the good one was %s and judged again is %s (%v)", good.Verdict, again.Verdict, err)
		}

		w.release(byHost)
		if worse := ended(4, 8, "known"); worse.Outcome != "rolled_back" || worse.Vital == judge.NewErrors {
			t.Errorf("four times the errors ended %s on %q: %v", worse.Outcome, worse.Vital, worse.Reasons)
		}
	})
}

// wireHosts is the unit of a split by hosts.
const wireHosts = string(judge.ByHost)

// A kind of error that came back with its release is news again; one that a release showed while it served is not.
func TestOnlyWhatServesMakesErrorsKnown(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.join("us1", "us2")
		w.ship(1, 0, "promoted")
		known := func(kind string) (n int) {
			if err := w.db.QueryRow(t.Context(), `SELECT COUNT(*) FROM rollout_failures WHERE error = $1`, kind).Scan(&n); err != nil {
				t.Fatal(err)
			}
			return n
		}
		w.release(slow)
		w.reach(2, "watching")
		sec := w.counted(.02, .02)
		rs := &sec.Routes[0]
		for release, kind := range map[string]string{rs.Split.Old: "of the old", rs.Split.New: "of the new"} {
			rs.Failures = append(rs.Failures, event.FailureCount{Release: release, Host: "us1", Path: "/", Status: 502, Error: kind, Errors: 1})
		}
		rs.Failures = append(rs.Failures, event.FailureCount{Release: rs.Split.Old, Path: event.OtherPaths, Error: "other", Errors: 7})
		w.feed(sec)
		if known("of the old") != 1 || known("of the new") != 0 || known("other") != 0 {
			t.Errorf("known: old %d, new %d, the rest %d", known("of the old"), known("of the new"), known("other"))
		}
	})
}
