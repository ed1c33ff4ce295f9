package crash

import (
	"fmt"
	"slices"
	"time"

	"github.com/slipwayhq/slipway/internal/decide/build"
	"github.com/slipwayhq/slipway/internal/decide/rollout"
	"github.com/slipwayhq/slipway/internal/event"
)

const appPath = "/v1/apps/tiny"

// newest gives the newest rollout, and whether it has ended and nothing else waits.
func (w *world) newest() (v rollout.View, quiet bool) {
	var list struct{ Items []rollout.View }
	if _, ok := w.try("GET", appPath+"/rollouts?limit=5", nil, &list); !ok || len(list.Items) == 0 {
		return v, false
	}
	quiet = true
	for _, v := range list.Items {
		quiet = quiet && v.State.Ended()
	}
	return list.Items[0], quiet
}

// all reads a list page by page.
func all[T any](w *world, path string) []T {
	w.t.Helper()
	var out []T
	next := ""
	for {
		var page struct {
			Items []T
			Next  string
		}
		w.call("GET", path+"&limit=200&after="+next, nil, &page)
		out = append(out, page.Items...)
		if page.Next == "" {
			return out
		}
		next = page.Next
	}
}

// checkHosts waits until every host runs the live release and nothing else.
func (w *world) checkHosts(live string) {
	w.t.Helper()
	state := ""
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if state = w.hostsState(live); state == "" {
			return
		}
	}
	w.t.Errorf("the hosts do not come to run the live release %s alone: %s", live, state)
}

func (w *world) hostsState(live string) string {
	var list struct {
		Items []struct {
			Name     string
			State    string
			Releases []struct {
				Release      string
				ProcessState string `json:"process_state"`
			}
		}
	}
	if problem, ok := w.try("GET", "/v1/agents?role=host", nil, &list); !ok {
		return problem
	}
	up := 0
	for _, h := range list.Items {
		if len(h.Releases) == 1 && h.Releases[0].Release == live && h.Releases[0].ProcessState == "up" {
			up++
		}
	}
	if up == hostCount && len(list.Items) == hostCount {
		return ""
	}
	return fmt.Sprintf("%+v", list.Items)
}

// checkBooks compares what was pushed with what the server says became of it.
func (w *world) checkBooks(pushed map[string]commit) {
	w.t.Helper()
	w.checkEvents()
	builds := all[build.Build](w, appPath+"/builds?environment=production")
	rollouts := all[rollout.View](w, appPath+"/rollouts?environment=production")
	builtIn := map[string]int{}
	for _, b := range builds {
		if b.State != "passed" {
			w.t.Errorf("build #%d ended %s: %v", b.Number, b.State, b.Reasons)
		}
		for _, c := range b.Commits {
			builtIn[c.SHA]++
		}
	}
	for sha, c := range pushed {
		if builtIn[sha] != 1 {
			w.t.Errorf("commit %s (%s) is in %d builds", c.Version, sha, builtIn[sha])
		}
	}
	if len(rollouts) != len(builds) {
		w.t.Errorf("%d builds passed, but there are %d rollouts", len(builds), len(rollouts))
	}
	seen := map[string]bool{}
	for i, v := range rollouts {
		if v.Number != len(rollouts)-i {
			w.t.Errorf("rollout #%d is where #%d should be", v.Number, len(rollouts)-i)
		}
		if seen[v.Release.ID] {
			w.t.Errorf("release %s was shipped twice", v.Release.ID)
		}
		seen[v.Release.ID] = true
		w.checkOutcome(v, pushed[v.Release.Commit])
	}
}

// checkOutcome tells whether a rollout ended as it should: a bad one comes back, a good one does not.
func (w *world) checkOutcome(v rollout.View, c commit) {
	w.t.Helper()
	want := "promoted"
	if c.bad() {
		want = "rolled_back"
	}
	if string(v.State) == want || v.State == "superseded" {
		return
	}
	w.t.Errorf("rollout #%d of %s (%d %% bad) ended %s, want %s: %v", v.Number, c.Version, c.Fail, v.State, want, v.Reasons)
	for _, d := range v.Decisions {
		w.t.Logf("  %s %s -> %s (step %d) by %s: %v", d.At.Format("15:04:05.000"), d.From, d.To, d.Step, d.Actor, d.Reasons)
	}
}

// checkEvents looks at the log: no gap, every cause there, each ending told once.
func (w *world) checkEvents() {
	w.t.Helper()
	events := all[event.Event](w, "/v1/events?app=")
	known := map[string]bool{}
	ends := map[string]int{}
	for i, ev := range events {
		if ev.Position != int64(i)+1 {
			w.t.Fatalf("event %d has position %d", i+1, ev.Position)
		}
		if known[ev.ID] {
			w.t.Errorf("event %s is there twice", ev.ID)
		}
		known[ev.ID] = true
		if ev.Cause != "" && !known[ev.Cause] {
			w.t.Errorf("the cause %s of %s at %d is not before it", ev.Cause, ev.Type, ev.Position)
		}
		if end, err := event.Decode[event.RolloutEnded](ev); err == nil {
			ends["rollout "+end.Rollout]++
		}
		if end, err := event.Decode[event.BuildPassed](ev); err == nil {
			ends["build "+end.Build]++
		}
		if end, err := event.Decode[event.ReleaseCreated](ev); err == nil {
			ends["release of "+end.Build]++
		}
	}
	for what, n := range ends {
		if n != 1 {
			w.t.Errorf("the end of %s was told %d times", what, n)
		}
	}
	w.t.Logf("%d events without a gap", len(events))
}

// line gives the rollouts in their order, as visitors could see them.
func (w *world) line() []shipped {
	w.t.Helper()
	var out []shipped
	for _, v := range slices.Backward(all[rollout.View](w, appPath+"/rollouts?environment=production")) {
		if v.State != "superseded" {
			out = append(out, shipped{release: v.Release.ID, promoted: v.State == "promoted"})
		}
	}
	return out
}
