package machine

import (
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

// watched is a rollout ten seconds into its first watch, looked at just now.
func watched(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, manifest.CanaryVisitors, "rel_1")
	w.answer()
	w.pass(10, .02, .02)
	if w.m.State != Watching {
		t.Fatalf("the rollout is %s", w.m.State)
	}
	w.m.Look(w.now)
	return w
}

func TestTimeThatNobodyLookedIsNoWatch(t *testing.T) {
	for name, gap := range map[string]time.Duration{"down or set forwards": time.Hour, "set back": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			w := watched(t)
			left := w.m.Current().Until.Sub(w.now)
			w.now = w.now.Add(gap)
			if at := w.m.LookAt(w.now); at.After(w.now) {
				t.Errorf("it would be looked at only in %s", at.Sub(w.now))
			}
			w.m.Look(w.now)
			if got := w.m.Current().Until.Sub(w.now); got != left {
				t.Errorf("the watch has %s to go, want %s as before", got, left)
			}
			w.advance()
			if w.m.State != Watching {
				t.Errorf("the rollout went on to %s: %v", w.m.State, w.m.Reasons)
			}
			w.pass(200, .02, .02)
			if w.m.State != Promoted {
				t.Errorf("the rollout never ended: it is %s", w.m.State)
			}
		})
	}
}

func TestRestartAtTheEndOfAWatchWaitsForWhatWasCountedMeanwhile(t *testing.T) {
	w := watched(t)
	w.now = w.m.Current().Until.Add(-time.Second)
	w.m.Looked = w.now
	w.now = w.now.Add(2 * time.Second)
	w.m.Resume(w.now)
	w.advance()
	if w.m.State != Watching {
		t.Fatalf("a watch that ended while the server was down went on to %s at once", w.m.State)
	}
	w.pass(int(catchUp/time.Second)-1, .02, .5)
	if w.m.State != RolledBack {
		t.Errorf("what was counted meanwhile says it is bad, but the rollout is %s", w.m.State)
	}
}

func TestHostsHaveTheirTimeToFetchAfterARestart(t *testing.T) {
	w := newWorld(t, manifest.CanaryVisitors, "rel_1")
	w.m.Look(w.now)
	w.now = w.now.Add(time.Hour)
	w.m.Resume(w.now)
	w.advance()
	if w.m.State != Staging {
		t.Fatalf("hosts that could not report while the server was down are given up: %s, %v", w.m.State, w.m.Reasons)
	}
	w.answer()
	w.pass(200, .02, .02)
	if w.m.State != Promoted {
		t.Errorf("the rollout is %s", w.m.State)
	}
}

func TestSmallSteps(t *testing.T) {
	w := watched(t)
	until, since := w.m.Current().Until, w.m.Since
	for range 10 {
		w.now = w.now.Add(lookEvery)
		w.m.Look(w.now)
		w.m.Look(w.now.Add(-time.Millisecond)) // by a transaction that was overtaken
	}
	if !w.m.Current().Until.Equal(until) || !w.m.Since.Equal(since) || !w.m.Looked.Equal(w.now) {
		t.Errorf("looking moved the watch by %s", w.m.Current().Until.Sub(until))
	}
}
