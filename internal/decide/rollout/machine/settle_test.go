package machine

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/pure/judge"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
	"github.com/slipwayhq/slipway/internal/wire"
)

// slowEdges is a rollout whose edges take twenty seconds to follow a split; the hosts are up at once, and settle for five.
func slowEdges(t *testing.T, mode manifest.Canary) *world {
	w := newWorld(t, mode, "rel_1")
	w.edgeDelay = 20 * time.Second
	w.answer()
	return w
}

// counted tells whether what a host's new process did in the last second is evidence.
func (w *world) counted(host string) bool {
	rs := event.RouteSecond{Split: w.split, Hosts: []event.HostCount{{Release: "rel_2", Host: host, Counts: event.Counts{Requests: 1}}}}
	return len(w.m.Counted(rs, w.now.Unix()-1)) > 0
}

func TestSettlingCountsFromTheFirstVisitors(t *testing.T) {
	for _, mode := range []manifest.Canary{manifest.CanaryVisitors, manifest.CanaryHosts, manifest.CanaryRequests} {
		t.Run(string(mode), func(t *testing.T) {
			w := slowEdges(t, mode)
			up := w.now
			w.pass(20, .02, .02)
			if w.m.State != Settling {
				t.Fatalf("with the split in force it is %s", w.m.State)
			}
			if got := w.m.settledAt().Sub(up); got != 25*time.Second {
				t.Errorf("settled %s after the start, want 5 s after the visitors came", got)
			}
			w.pass(5, .02, .9) // everything is slow and fails at first
			if w.m.State != Watching || w.m.Verdict != judge.Unknown || w.m.Evidence.Vitals[0].Total.AtRiskNew != 0 {
				t.Errorf("what settled was judged: %s, %s, %+v", w.m.State, w.m.Verdict, w.m.Evidence.Vitals[0].Total)
			}
			w.pass(1, .02, .02)
			if w.m.Evidence.Vitals[0].Total.AtRiskNew == 0 {
				t.Error("the first settled second does not count")
			}
			w.pass(200, .02, .02)
			if w.m.State != Promoted {
				t.Errorf("ended %s: %v", w.m.State, w.m.Reasons)
			}
		})
	}
}

func TestWhoHasSettledDoesNotSettleAnew(t *testing.T) {
	for mode, want := range map[manifest.Canary]time.Duration{manifest.CanaryVisitors: 0, manifest.CanaryRequests: 0, manifest.CanaryHosts: 5 * time.Second} {
		t.Run(string(mode), func(t *testing.T) {
			w := slowEdges(t, mode)
			first := slices.Clone(w.m.Hosts[:w.m.StartedHosts()])
			for w.m.Step == 0 {
				w.pass(1, .02, .02)
			}
			for w.m.State != Settling && w.m.State != Watching { // the share grows, or hosts are added
				w.pass(1, .02, .02)
				for _, h := range first {
					if !w.counted(h) {
						t.Fatalf("in %s of the second step host %s, which has settled, does not count", w.m.State, h)
					}
				}
			}
			came := w.now
			for w.m.State == Settling {
				w.pass(1, .02, .02)
			}
			if got := w.m.Current().Settled.Sub(came); got != want {
				t.Errorf("the second step settled in %s, want %s", got, want)
			}
		})
	}
}

// TestCanaryThatGetsItsFirstVisitorsSettles looks at hosts that join the canaries in the second step: their processes are up long before.
func TestCanaryThatGetsItsFirstVisitorsSettles(t *testing.T) {
	w := slowEdges(t, manifest.CanaryHosts)
	first, second := w.m.Hosts[0], w.m.Hosts[1]
	for w.m.Step == 0 || w.m.State != Settling {
		w.pass(1, .02, .02)
	}
	if w.now.Sub(w.m.UpSince[second]) < 20*time.Second {
		t.Fatal("the edges were not slow")
	}
	for i := range 5 {
		w.pass(1, .02, .02)
		if w.counted(second) || !w.counted(first) {
			t.Errorf("second %d after the visitors came: %s counts %t, want false; %s counts %t, want true", i+1, second, w.counted(second), first, w.counted(first))
		}
	}
	w.pass(1, .02, .02)
	if !w.counted(second) {
		t.Errorf("%s has settled and does not count", second)
	}
}

func TestHostThatIsUpLateSettles(t *testing.T) {
	w := watched(t)
	delete(w.m.UpSince, "h4") // it was lost while the others came up
	w.pass(1, .02, .02)
	if w.counted("h4") {
		t.Error("a second counts in which a process served that is not known to be up")
	}
	if !w.counted("h1") {
		t.Error("a host that runs no new process holds up the others")
	}
	w.m.process(event.ProcessChanged{Host: "h4", Release: "rel_2", Process: "web", State: wire.ProcessUp}, w.now)
	for i := range 5 {
		w.pass(1, .02, .02)
		if w.counted("h1") {
			t.Errorf("second %d of the late host counts", i+1)
		}
	}
	w.pass(1, .02, .02)
	if !w.counted("h1") || !w.counted("h4") {
		t.Error("all have settled, and nothing counts")
	}
}

func TestWhatIsNotHeardOfIsLeftOutByHost(t *testing.T) {
	w := newWorld(t, manifest.CanaryHosts, "rel_1")
	w.answer()
	w.pass(10, .02, .02)
	canary, other := w.m.Hosts[0], w.m.Hosts[3]
	rs := event.RouteSecond{Split: w.split, Hosts: []event.HostCount{
		{Release: "rel_2", Host: canary}, {Release: "rel_2", Host: other}, {Release: "rel_1", Host: other}, {Release: "rel_1", Host: "h9"},
	}}
	w.m.LeftOut = []string{"h9"}
	var got []string
	for _, c := range w.m.Counted(rs, w.now.Unix()) {
		got = append(got, c.Release+" on "+c.Host)
	}
	if want := []string{"rel_2 on " + canary, "rel_1 on " + other}; !slices.Equal(got, want) {
		t.Errorf("counted are %v, want %v", got, want)
	}
}

func TestCanaryThatWasReplacedBeginsAnew(t *testing.T) {
	w := newWorld(t, manifest.CanaryHosts, "rel_1")
	w.answer()
	w.pass(10, .02, .02)
	canary := w.m.Hosts[0]
	w.m.SetLost(canary, true)
	w.m.Since = w.now
	w.move(w.m.To(Starting, Because("test", nil, "once more"))) // as at the next step
	w.m.process(event.ProcessChanged{Host: canary, Release: "rel_2", Process: "web", State: wire.ProcessStopped}, w.now)
	w.answer()
	if w.m.Hosts[0] == canary || !w.m.VisitorsSince[canary].IsZero() || !w.m.UpSince[canary].IsZero() {
		t.Errorf("canaries %v; up since %v, visitors since %v", w.m.Hosts[:1], w.m.UpSince, w.m.VisitorsSince)
	}
}

// TestRolloutOfAnOlderVersionGoesOn reads a rollout that was stored when settling counted from the process's start alone.
func TestRolloutOfAnOlderVersionGoesOn(t *testing.T) {
	w := watched(t)
	w.m.VisitorsSince = nil
	w.pass(1, .02, .02)
	if !w.counted("h1") {
		t.Error("nothing counts any more")
	}
	w.pass(200, .02, .02)
	if w.m.State != Promoted || w.m.Verdict != judge.Healthy {
		t.Errorf("ended %s, %s: %v", w.m.State, w.m.Verdict, w.m.Reasons)
	}
}

func TestClockSetBackWhileHostsSettle(t *testing.T) {
	w := slowEdges(t, manifest.CanaryVisitors)
	w.pass(20, .02, .02)
	w.m.Look(w.now)
	left := w.m.settledAt().Sub(w.now)
	was := maps.Clone(w.m.VisitorsSince)
	w.now = w.now.Add(-time.Hour)
	w.m.Look(w.now)
	if got := w.m.settledAt().Sub(w.now); w.m.State != Settling || got != left || maps.Equal(was, w.m.VisitorsSince) {
		t.Errorf("in %s, %s to go, want %s as before", w.m.State, got, left)
	}
}
