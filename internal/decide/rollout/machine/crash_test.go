package machine

import (
	"testing"

	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

// TestEveryDeathCountsWheneverItIs: a process that dies after a minute with visitors counts against the release as one that dies at its start does; deaths add up over
// hosts, and none counts twice, however often a host tells of it.
func TestEveryDeathCountsWheneverItIs(t *testing.T) {
	w := newWorld(t, manifest.CanaryVisitors, "rel_1")
	w.m.Policy.Steps[0].Watch = manifest.Every(3600e9)
	w.m.Steps[0].Watch = 3600e9
	w.answer()
	die := func(host string, before int) {
		for _, state := range []string{"crashed", "crashed", "starting", "up", "up"} {
			restarts := before
			if state != "crashed" {
				restarts++
			}
			w.m.process(event.ProcessChanged{Host: host, Release: "rel_2", Process: "web", State: state, Restarts: restarts, Text: "exit status 4"}, w.now)
			w.advance()
		}
	}
	w.pass(70, .02, .02)
	for i, host := range []string{"h3", "h1"} {
		die(host, 0)
		w.pass(70, .02, .02)
		if w.m.State != Watching || w.m.deaths() != i+1 {
			t.Fatalf("after %d deaths it is %s, and %d are counted", i+1, w.m.State, w.m.deaths())
		}
	}
	// The old release's processes are not the new one's.
	w.m.process(event.ProcessChanged{Host: "h1", Release: "rel_1", Process: "web", State: "crashed", Restarts: 7}, w.now)
	w.pass(1, .02, .02)
	if w.m.State != Watching {
		t.Fatalf("the old release's deaths were counted: %v", w.m.Reasons)
	}
	w.m.process(event.ProcessChanged{Host: "h3", Release: "rel_2", Process: "web", State: "crashed", Restarts: 1, Text: "exit status 4"}, w.now)
	w.advance()
	w.answer()
	if w.m.State != RolledBack || w.m.Why[0].Code != "crash_loop" || w.m.Why[0].Numbers["deaths"] != 3 {
		t.Errorf("ended %s: %v", w.m.State, w.m.Why)
	}
}
