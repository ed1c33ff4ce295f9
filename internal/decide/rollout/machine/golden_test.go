package machine

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/pure/judge"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

var update = flag.Bool("update", false, "write the golden files that are missing")

// goldens are rollouts as this version stores them, one a state, and some more. Once they are in testdata they stay: a rollout under way survives an upgrade. What a later
// version stores besides needs a meaning where it is absent.
var goldens = map[string]func(t *testing.T) *world{
	"queued": func(t *testing.T) *world {
		w := golden(t, manifest.CanaryVisitors, Staging)
		w.remove(w.m.Hosts...)
		return w
	},
	"staging":  func(t *testing.T) *world { return golden(t, manifest.CanaryVisitors, Staging) },
	"starting": func(t *testing.T) *world { return golden(t, manifest.CanaryVisitors, Starting) },
	"shifting": func(t *testing.T) *world { return golden(t, manifest.CanaryVisitors, Shifting) },
	"settling": func(t *testing.T) *world { return golden(t, manifest.CanaryVisitors, Settling) },
	"watching": func(t *testing.T) *world {
		w := golden(t, manifest.CanaryVisitors, Watching)
		w.pass(12, .02, .02)
		return w
	},
	"watching.hosts": func(t *testing.T) *world {
		w := golden(t, manifest.CanaryHosts, Watching)
		w.pass(12, .02, .02)
		return w
	},
	"settling.controls": func(t *testing.T) *world {
		w := newWorld(t, manifest.CanaryHosts, "rel_1")
		w.m.Number, w.m.Cause, w.m.UpWithin, w.m.Alpha, w.m.Looked = 7, "evt_1", 40*time.Second, "alpha 0.01, as the policy says", w.now
		w.m.Commits = []event.Commit{{SHA: strings.Repeat("a", 40), Author: "Ana", Email: "ana@example.com", Subject: "Cheaper shipping"}}
		w.knowHosts()
		w.answer()
		w.pass(2, .02, .02)
		return w
	},
	"watching.requests": func(t *testing.T) *world {
		w := golden(t, manifest.CanaryRequests, Watching)
		w.pass(12, .02, .02)
		return w
	},
	"paused": func(t *testing.T) *world {
		w := golden(t, manifest.CanaryVisitors, Watching)
		w.pass(12, .02, .02)
		return w.order(Pause)
	},
	"held": func(t *testing.T) *world {
		w := golden(t, manifest.CanaryVisitors, Watching)
		w.m.Policy.Unknown, w.requests = manifest.UnknownHold, 4
		w.pass(60, 0, 0)
		return w
	},
	"promoting": func(t *testing.T) *world {
		w := golden(t, manifest.CanaryHosts, Watching)
		return w.order(Promote)
	},
	"returning": func(t *testing.T) *world {
		w := golden(t, manifest.CanaryVisitors, Watching)
		w.m.Thresholds = []judge.Threshold{{Vital: "latency_p90", Quantile: .9, Ms: 120}}
		w.m.Hotfix = &event.Hotfix{SkipTests: true, Reason: "payments are down", By: "person:ana"}
		return w.order(RollBack)
	},
	"promoted": func(t *testing.T) *world {
		w := golden(t, manifest.CanaryVisitors, Watching)
		w.pass(200, .02, .02)
		return w
	},
	"rolled_back": func(t *testing.T) *world {
		w := golden(t, manifest.CanaryVisitors, Watching)
		w.pass(60, .02, .4)
		return w
	},
	"superseded": func(t *testing.T) *world {
		w := golden(t, manifest.CanaryVisitors, Staging)
		w.remove(w.m.Hosts...)
		w.move(w.m.Supersede(&Rollout{Number: 8}, true))
		return w
	},
}

// golden takes a rollout that has something of everything to a state.
func golden(t *testing.T, mode manifest.Canary, state State) *world {
	w := newWorld(t, mode, "rel_1")
	w.m.Number, w.m.Cause, w.m.UpWithin = 7, "evt_1", 40*time.Second
	w.m.Commits = []event.Commit{{SHA: strings.Repeat("a", 40), Author: "Ana", Email: "ana@example.com", Subject: "Cheaper shipping"}}
	w.m.Alpha = "alpha 0.01, as the policy says"
	w.m.Looked = w.now
	w.stopAt(state)
	if state != Staging {
		w.m.process(event.ProcessChanged{Host: "h2", Release: "rel_2", Process: "web", State: "crashed", Text: "exit status 4"}, w.now)
	}
	return w
}

func (w *world) order(cmd Command) *world {
	w.t.Helper()
	mv, err := w.m.Order(cmd, "person:ana", "because")
	if err != nil {
		w.t.Fatal(err)
	}
	w.move(mv)
	return w
}

// adopt is a world around a rollout that was stored: hosts and edges are as they were when they were asked last.
func adopt(t *testing.T, m *Rollout) *world {
	t.Helper()
	w := &world{t: t, m: m, now: m.Since.Add(time.Second), running: map[string][]string{}, requests: 400, split: m.Split, ids: 1000, moves: []State{m.State}}
	w.second = w.now.Unix()
	for h, ask := range m.Asked {
		var wish [3]json.RawMessage
		var run []string
		err := json.Unmarshal([]byte(ask.Wish), &wish)
		if err == nil {
			err = json.Unmarshal(wish[1], &run)
		}
		if err != nil {
			t.Fatal(err)
		}
		w.running[h] = run
		if m.Waiting[h] {
			w.running[h] = []string{m.From}
			w.deploys = append(w.deploys, event.DeployRequested{Deploy: ask.Deploy, Hosts: []string{h}, Hold: []string{m.From, m.Release}, Run: run})
		}
	}
	if !m.InForce {
		w.traffic = &event.TrafficRequested{Traffic: m.Traffic, Rollout: m.ID, Split: m.Split}
		w.split = event.Split{Old: m.From}
	}
	return w
}

// TestStoredRolloutsGoOn reads each, as a new version finds it, and takes it to its end: also without what older versions did not store.
func TestStoredRolloutsGoOn(t *testing.T) {
	for _, s := range []State{Queued, Staging, Starting, Shifting, Settling, Watching, Paused, Held, Promoting, Returning, Promoted, RolledBack, Superseded} {
		if goldens[string(s)] == nil {
			t.Errorf("there is no golden file of %s", s)
		}
	}
	for name, make := range goldens {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join("testdata", name+".json")
			if _, err := os.Stat(path); *update && os.IsNotExist(err) {
				body, err := json.MarshalIndent(make(t).m, "", "  ")
				if err == nil {
					err = os.WriteFile(path, append(body, '\n'), 0o600)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			body, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			state, _, _ := strings.Cut(name, ".")
			goOn(t, body, State(state))
			var older map[string]any
			if err := json.Unmarshal(body, &older); err != nil {
				t.Fatal(err)
			}
			for _, key := range []string{"up_within", "unfit", "visitors_since", "looked", "everyone", "alpha", "controls"} {
				delete(older, key)
			}
			older["of_a_later_version"] = map[string]any{"x": 1}
			if body, err = json.Marshal(older); err != nil {
				t.Fatal(err)
			}
			goOn(t, body, State(state))
		})
	}
}

func goOn(t *testing.T, body []byte, state State) {
	t.Helper()
	m := &Rollout{}
	if err := json.Unmarshal(body, m); err != nil {
		t.Fatal(err)
	}
	if m.State != state || m.ID != "rol_1" || m.Number != 7 || len(m.Commits) != 1 || m.Policy.Unknown == "" {
		t.Fatalf("it was read as %+v", m)
	}
	kept(t, body, m)
	w := adopt(t, m)
	end := map[State]State{Returning: RolledBack, RolledBack: RolledBack, Superseded: Superseded}[state]
	if end == "" {
		end = Promoted
	}
	switch state {
	case Queued:
		w.rejoin()
	case Paused, Held:
		w.m.Policy.Unknown = manifest.UnknownPromote
		w.m.Crashes = nil // it would be held again
		w.order(Resume)
	}
	w.m.Crashes = nil
	before := len(m.Evidence.Vitals)
	w.answer()
	w.pass(300, .02, .02)
	if w.m.State != end || len(w.m.Evidence.Vitals) != before {
		t.Errorf("from %s it went to %s: %v", state, w.moves, w.m.Reasons)
	}
	if state.Ended() && len(w.moves) > 1 {
		t.Errorf("it had ended, and moved to %v", w.moves)
	}
}

// kept looks whether all that was stored is still there when it is stored again: a renamed field would be forgotten without a word.
func kept(t *testing.T, body []byte, m *Rollout) {
	t.Helper()
	again, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	var was, is any
	if err := json.Unmarshal(body, &was); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(again, &is); err != nil {
		t.Fatal(err)
	}
	within(t, "", was, is)
}

// within reports what of was is not in is.
func within(t *testing.T, path string, was, is any) {
	t.Helper()
	switch was := was.(type) {
	case map[string]any:
		now, _ := is.(map[string]any)
		for k, v := range was {
			if k == "of_a_later_version" {
				continue
			}
			if _, ok := now[k]; !ok && !reflect.ValueOf(v).IsZero() {
				t.Errorf("%s.%s is forgotten", path, k)
				continue
			}
			within(t, path+"."+k, v, now[k])
		}
	case []any:
		now, _ := is.([]any)
		if len(now) != len(was) {
			t.Errorf("%s had %d entries and has %d", path, len(was), len(now))
			return
		}
		for i := range was {
			within(t, path+"[]", was[i], now[i])
		}
	default:
		if !reflect.DeepEqual(was, is) && was != nil {
			t.Errorf("%s was %v and is %v", path, was, is)
		}
	}
}
