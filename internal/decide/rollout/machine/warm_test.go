package machine

import (
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

// warming is a promoted rollout whose requests were worse for so long.
func warming(cold time.Duration, requests int64) *Rollout {
	start := time.Unix(1_800_000_000, 0)
	m := &Rollout{Release: "rel_2", From: "rel_1", State: Promoted, UpSince: map[string]time.Time{"h1": start.Add(-time.Minute)}, VisitorsSince: map[string]time.Time{"h1": start}}
	for second := range int64(150) {
		c := event.Counts{Requests: requests, Errors: requests / 100, Slow: [3]int64{requests / 2, requests / 10, 0}}
		if time.Duration(second)*time.Second < cold {
			c.Slow[1] = requests / 3
		}
		rs := event.RouteSecond{Hosts: []event.HostCount{{Release: "rel_2", Host: "h1", Counts: c}, {Release: "rel_1", Host: "h1", Counts: event.Counts{Requests: requests, Errors: requests}}}}
		m.warm(rs, start.Unix()+second)
	}
	return m
}

// What earlier rollouts took to warm up is what the next one leaves out.
func TestSettleIsLearned(t *testing.T) {
	for cold, want := range map[time.Duration]time.Duration{0: 0, 20 * time.Second: 20 * time.Second, 47 * time.Second: 50 * time.Second} {
		if took, ok := warming(cold, 60).Warm.Took(); !ok || took != want {
			t.Errorf("cold for %v: took %v (%v)", cold, took, ok)
		}
	}
	if _, ok := warming(0, 3).Warm.Took(); ok {
		t.Error("a few requests teach something")
	}
	if _, ok := (&Rollout{}).Warm.Took(); ok {
		t.Error("nothing teaches something")
	}
	m := warming(20*time.Second, 60)
	var all []float64
	for range 12 {
		all = m.KeepWarmed(all)
	}
	if len(all) != 10 || all[0] != 20 {
		t.Errorf("kept %v", all)
	}
	if m.State = RolledBack; len(m.KeepWarmed(nil)) != 0 {
		t.Error("what came back teaches")
	}
	for _, test := range []struct {
		earlier []float64
		want    time.Duration
	}{{nil, 10 * time.Second}, {[]float64{0}, 5 * time.Second}, {[]float64{20, 10}, 25 * time.Second}, {[]float64{10, 10, 150, 15, 10}, 20 * time.Second}} {
		next := &Rollout{Policy: manifest.Rollout{Settle: manifest.Every(manifest.Learned)}}
		if next.LearnSettle(test.earlier); next.Policy.Settle.Duration != test.want {
			t.Errorf("after %v it settles for %v", test.earlier, next.Policy.Settle)
		}
	}
	given := &Rollout{Policy: manifest.Rollout{Settle: manifest.Every(time.Second)}}
	if given.LearnSettle([]float64{90}); given.Policy.Settle.Duration != time.Second {
		t.Error("what was given is overruled")
	}
}
