package machine

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

// refuse lets hosts say that they cannot do what they were asked; without a code they say nothing. The others do it.
func (w *world) refuse(code, text string, hosts ...string) {
	ds := w.deploys
	w.deploys = nil
	for _, d := range ds {
		for _, h := range d.Hosts {
			switch {
			case !slices.Contains(hosts, h) || !slices.Contains(d.Hold, w.m.Release):
				d.Hosts = []string{h}
				w.do(d)
			case code != "":
				w.m.failed(event.DeployFailed{Deploy: d.Deploy, Host: h, Release: w.m.Release, Code: code, Text: text})
			}
		}
	}
	w.reload()
	w.advance()
}

// refuseOn is refuse until nothing is asked any more.
func (w *world) refuseOn(code, text string, hosts ...string) {
	for range 20 {
		if len(w.deploys) == 0 {
			return
		}
		w.refuse(code, text, hosts...)
	}
}

// starting takes a rollout to where it has asked hosts to bring the release up.
func starting(t *testing.T, mode manifest.Canary) *world {
	w := newWorld(t, mode, "rel_1")
	w.stopAt(Starting)
	return w
}

// said tells whether the first reason of a move names the host with its words.
func said(reasons []event.Reason, host, words string) bool {
	return len(reasons) > 0 && strings.Contains(reasons[0].Text, host) && strings.Contains(reasons[0].Text, words)
}

// hostFaults are failures that say nothing of the release, with what is said of them.
var hostFaults = map[string]string{"disk": "no space left", "fetch": "connection refused", "port": "no port is free", "": "did not answer"}

func TestAHostThatCannotFetchIsLeftOutInTime(t *testing.T) {
	for code, text := range hostFaults {
		for _, mode := range []manifest.Canary{manifest.CanaryVisitors, manifest.CanaryHosts} {
			t.Run(code+" "+string(mode), func(t *testing.T) {
				w := newWorld(t, mode, "rel_1")
				w.refuse(code, text, "h1")
				w.now = w.now.Add(stageTime - time.Second)
				w.advance()
				if w.m.State != Staging || !w.m.WakeAt().Equal(w.now.Add(time.Second)) {
					t.Fatalf("it is %s, to be looked at %s, now is %s", w.m.State, w.m.WakeAt(), w.now)
				}
				w.now = w.now.Add(time.Second)
				w.advance()
				if w.m.State != Starting || !slices.Equal(w.m.LeftOut, []string{"h1"}) || !said(w.m.Reasons, "h1", text) {
					t.Errorf("it is %s without %v: %v", w.m.State, w.m.LeftOut, w.m.Reasons)
				}
				w.answer()
				w.pass(200, .02, .02)
				if w.m.State != Promoted {
					t.Errorf("ended %s: %v", w.m.State, w.m.Reasons)
				}
			})
		}
	}
}

func TestACanaryThatCannotStartIsReplacedInTime(t *testing.T) {
	for code, text := range hostFaults {
		t.Run(code, func(t *testing.T) {
			w := starting(t, manifest.CanaryHosts)
			canary, next := w.m.Hosts[0], w.m.Hosts[1]
			w.refuse(code, text, canary)
			w.now = w.now.Add(w.m.startTime() - time.Second)
			w.advance()
			if w.m.State != Starting || !w.m.WakeAt().Equal(w.now.Add(time.Second)) {
				t.Fatalf("it is %s, to be looked at %s, now is %s", w.m.State, w.m.WakeAt(), w.now)
			}
			w.now = w.now.Add(time.Second)
			w.advance()
			if w.m.State != Starting || !slices.Equal(w.m.LeftOut, []string{canary}) || !w.m.Since.Equal(w.now) {
				t.Fatalf("it is %s without %v: %v", w.m.State, w.m.LeftOut, w.m.Reasons)
			}
			w.answer()
			w.pass(7, .02, .02)
			if s := w.split; !slices.Equal(s.NewHosts, []string{next}) || s.Share != 1./3 || !slices.Equal(s.LeftOut, []string{canary}) {
				t.Errorf("the edges split %+v", s)
			}
			w.pass(200, .02, .02)
			if w.m.State != Promoted {
				t.Errorf("ended %s: %v", w.m.State, w.m.Reasons)
			}
		})
	}
}

func TestAHostThatCannotStartIsLeftOutInTime(t *testing.T) {
	for code, text := range hostFaults {
		t.Run(code, func(t *testing.T) {
			w := starting(t, manifest.CanaryVisitors)
			w.m.UpWithin = 10 * time.Minute
			w.m.process(event.ProcessChanged{Host: "h2", Release: "rel_2", Process: "web", State: "crashed", Text: "it was never started"}, w.now)
			w.refuse(code, text, "h2")
			w.now = w.now.Add(10*time.Minute + startGrace - time.Second)
			w.advance()
			if w.m.State != Starting {
				t.Fatalf("it is %s: %v", w.m.State, w.m.Reasons)
			}
			w.now = w.now.Add(time.Second)
			w.advance()
			if w.m.State != Shifting || !slices.Equal(w.m.LeftOut, []string{"h2"}) || !said(w.m.Reasons, "h2", text) || (w.m.deaths() == 0) != (code != "") {
				t.Errorf("it is %s without %v, with %d deaths: %v", w.m.State, w.m.LeftOut, w.m.deaths(), w.m.Reasons)
			}
			w.answer()
			w.pass(200, .02, .02)
			if w.m.State != Promoted {
				t.Errorf("ended %s: %v", w.m.State, w.m.Reasons)
			}
		})
	}
}

func TestWithTooFewHostsItGoesBackWithWhatTheySaid(t *testing.T) {
	all := []string{"h1", "h2", "h3", "h4"}
	for code, text := range hostFaults {
		for _, mode := range []manifest.Canary{manifest.CanaryVisitors, manifest.CanaryHosts} {
			for _, cannot := range [][]string{all, all[:3]} {
				t.Run(code+" "+string(mode), func(t *testing.T) {
					for _, state := range []State{Staging, Starting} {
						w := newWorld(t, mode, "rel_1")
						w.stopAt(state)
						for range len(all) + 1 {
							w.refuseOn(code, text, cannot...)
							w.now = w.now.Add(max(stageTime, w.m.startTime()))
							w.advance()
						}
						w.answer()
						if w.m.State != RolledBack || !said(w.m.Why, "h3", text) {
							t.Errorf("from %s it ended %s: %v", state, w.m.State, w.m.Why)
						}
						if last := w.m.Why[len(w.m.Why)-1]; code != "" && last.Code != "host_"+code {
							t.Errorf("the last reason is %v", last)
						}
					}
				})
			}
		}
	}
}

func TestSplitByHostsNeedsOneToCompareWith(t *testing.T) {
	for _, state := range []State{Staging, Starting} {
		w := newWorld(t, manifest.CanaryHosts, "rel_1")
		w.remove("h3", "h4")
		w.stopAt(state)
		w.refuse("disk", "no space left", w.m.Hosts[0])
		w.now = w.now.Add(max(stageTime, w.m.startTime()))
		w.advance()
		w.answer()
		if w.m.State != RolledBack || !said(w.m.Why, "no space left", "one host alone") {
			t.Errorf("from %s it ended %s: %v", state, w.m.State, w.m.Why)
		}
	}
}

// TestWhatTheReleaseIsToBlameForNeedsNoDeadline: nothing is waited for.
func TestWhatTheReleaseIsToBlameForNeedsNoDeadline(t *testing.T) {
	for _, code := range []string{"hash", "unpack", "start", "unhealthy"} {
		for _, state := range []State{Staging, Starting} {
			w := newWorld(t, manifest.CanaryVisitors, "rel_1")
			w.stopAt(state)
			w.refuse(code, "this is wrong", "h2")
			w.answer()
			if w.m.State != RolledBack || !said(w.m.Why, "h2", "this is wrong") {
				t.Errorf("%s in %s: it ended %s: %v", code, state, w.m.State, w.m.Why)
			}
		}
	}
}

func TestWhereAllHostsAreLostItGoesBackInTime(t *testing.T) {
	for _, mode := range []manifest.Canary{manifest.CanaryVisitors, manifest.CanaryHosts} {
		for _, state := range []State{Staging, Starting} {
			t.Run(string(mode)+" "+string(state), func(t *testing.T) {
				w := newWorld(t, mode, "rel_1")
				w.stopAt(state)
				for _, h := range w.m.Hosts {
					w.m.SetLost(h, true)
				}
				w.advance()
				began := w.m.Since
				for range 3600 {
					if w.now = w.now.Add(time.Second); w.m.WakeAt().After(w.now) {
						continue
					}
					w.advance()
					break
				}
				if took := w.now.Sub(began); took != stageTime && took != w.m.startTime() {
					t.Errorf("it took %s", took)
				}
				if w.m.State != Returning && w.m.State != RolledBack || !said(w.m.Why, "h1", "heard of") {
					t.Errorf("it is %s: %v", w.m.State, w.m.Why)
				}
			})
		}
	}
}

// TestALostHostIsNoCanary: neither one that was lost before the rollout, nor one that was lost before its turn, nor is anything compared with it.
func TestALostHostIsNoCanary(t *testing.T) {
	for name, when := range map[string]State{"before": Queued, "while others fetch": Staging} {
		t.Run(name, func(t *testing.T) {
			for _, lost := range [][]string{{"h1"}, {"h1", "h2"}, {"h4", "h2"}} {
				w := newWorld(t, manifest.CanaryHosts, "rel_1")
				w.m.Steps[0].Share = .5
				for _, h := range lost {
					w.m.SetLost(h, true)
				}
				if when == Queued {
					w.m.Policy.Canary = manifest.CanaryHosts
					w.m.ChooseMode()
					if slices.ContainsFunc(lost, func(h string) bool { return slices.Contains(w.m.Hosts, h) || !slices.Contains(w.m.LeftOut, h) }) {
						t.Fatalf("without %v, drawn are %v, left out %v", lost, w.m.Hosts, w.m.LeftOut)
					}
				}
				w.refuse("", "", lost...)
				w.pass(10, .02, .02)
				s := w.split
				if w.m.State != Watching || len(s.NewHosts) != (4-len(lost)+1)/2 || s.Share != float64(len(s.NewHosts))/float64(4-len(lost)) {
					t.Errorf("without %v it is %s, split %+v: %v", lost, w.m.State, s, w.m.Reasons)
				}
				if slices.ContainsFunc(lost, func(h string) bool { return slices.Contains(s.NewHosts, h) || !slices.Contains(s.LeftOut, h) }) {
					t.Errorf("without %v the edges split %+v", lost, s)
				}
			}
		})
	}
}

func TestModeIsChosenByTheHostsThatAreHeardOf(t *testing.T) {
	for _, c := range []struct {
		lost, hosts int
		mode        manifest.Canary
	}{{0, 4, manifest.CanaryHosts}, {2, 2, manifest.CanaryHosts}, {3, 4, manifest.CanaryVisitors}, {4, 4, manifest.CanaryHosts}} {
		m := &Rollout{Hosts: []string{"h1", "h2", "h3", "h4"}, From: "rel_1"}
		m.Policy.Canary = manifest.CanaryHosts
		for _, h := range m.Hosts[:c.lost] {
			m.SetLost(h, true)
		}
		if m.ChooseMode(); m.Mode != c.mode || len(m.Hosts) != c.hosts {
			t.Errorf("with %d lost it is split by %s on %v", c.lost, m.Mode, m.Hosts)
		}
	}
}

func TestTimeInWhichNobodyLookedDoesNotCountForTheStart(t *testing.T) {
	w := starting(t, manifest.CanaryVisitors)
	w.m.Look(w.now)
	w.now = w.now.Add(time.Hour)
	w.m.Look(w.now)
	w.advance()
	if w.m.State != Starting {
		t.Errorf("it is %s: %v", w.m.State, w.m.Reasons)
	}
}

// TestUnfitHostsAddUp: canary after canary that cannot start ends the rollout once too few hosts are left, and not when the last one was tried.
func TestUnfitHostsAddUp(t *testing.T) {
	w := newWorld(t, manifest.CanaryHosts, "rel_1")
	w.m.Hosts = []string{"h1", "h2", "h3", "h4", "h5", "h6"}
	w.running["h5"], w.running["h6"] = []string{"rel_1"}, []string{"rel_1"}
	w.m.Steps[0].Share = .1
	w.stopAt(Starting)
	for range 4 {
		if w.m.State != Starting {
			t.Fatalf("without %v it is %s: %v", w.m.LeftOut, w.m.State, w.m.Reasons)
		}
		w.refuseOn("disk", "no space left", "h1", "h2", "h3", "h4")
		w.now = w.now.Add(w.m.startTime())
		w.advance()
	}
	w.answer()
	if w.m.State != RolledBack || !said(w.m.Why, "h4", "2 of 6 hosts are too few") {
		t.Errorf("without %v it ended %s: %v", w.m.LeftOut, w.m.State, w.m.Why)
	}
}
