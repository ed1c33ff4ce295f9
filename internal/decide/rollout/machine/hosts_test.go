package machine

import (
	"slices"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/pure/judge"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

// remove takes hosts out of the environment, as a person does.
func (w *world) remove(hosts ...string) {
	ran := w.up(w.m.Release)
	for _, h := range slices.Clone(hosts) {
		w.m.Drop(h)
		delete(w.running, h)
	}
	w.bereft = w.bereft || ran && !w.up(w.m.Release)
	for i, d := range w.deploys {
		w.deploys[i].Hosts = slices.DeleteFunc(slices.Clone(d.Hosts), func(h string) bool { return w.running[h] == nil })
	}
	w.advance()
}

// rejoin lets four hosts join where the rollout waits for one, or where somebody holds a rollout that has none; it begins anew.
func (w *world) rejoin() {
	if w.m.State != Queued {
		return
	}
	w.m.Hosts = []string{"h1", "h2", "h3", "h4"}
	for _, h := range w.m.Hosts {
		w.running[h] = Compact(w.m.From)
	}
	w.traffic, w.split = nil, event.Split{Old: w.m.From}
	w.m.Split, w.m.InForce, w.m.Started, w.m.Steps = w.split, true, w.now, StepsOf(w.m)
	w.move(w.m.To(Staging, Because("started", nil, "go")))
}

func TestWithoutAHostItWaits(t *testing.T) {
	for name, from := range map[string]string{"first release": "", "over another one": "rel_1"} {
		for _, state := range []State{Staging, Starting, Shifting, Settling, Watching} {
			t.Run(name+", "+string(state), func(t *testing.T) {
				w := newWorld(t, manifest.CanaryVisitors, from)
				w.stopAt(state)
				w.remove(w.m.Hosts...)
				if w.m.State != Queued || w.m.Reasons[0].Code != "no_hosts_left" {
					t.Fatalf("without a host it is %s: %v", w.m.State, w.m.Reasons)
				}
				if s := w.m.WishSplit(); s.Old != from || s.New != "" {
					t.Errorf("the edges are asked for %+v", s)
				}
				w.rejoin()
				w.answer()
				w.pass(200, .02, .02)
				if w.m.State != Promoted {
					t.Errorf("with hosts again it ended %s: %v", w.m.State, w.m.Reasons)
				}
			})
		}
	}
}

// stopAt takes a rollout to a state and no further.
func (w *world) stopAt(state State) {
	w.t.Helper()
	for range 100 {
		mv, ok := w.m.Decide(w.now)
		switch {
		case w.m.State == state:
			return
		case ok:
			w.move(mv)
		case w.traffic != nil:
			w.split, w.traffic = w.traffic.Split, nil
			w.m.inForce(w.now)
		case len(w.deploys) > 0:
			d := w.deploys[0]
			w.deploys = w.deploys[1:]
			w.do(d)
		default:
			w.now = w.now.Add(time.Second)
		}
	}
	w.t.Fatalf("it does not come to be %s: %v", state, w.moves)
}

func TestEvidenceOutlivesTheHosts(t *testing.T) {
	w := watched(t)
	w.m.Evidence.Vitals[0].Peak = 1.5
	before := w.m.Evidence.Vitals[0].Total
	w.remove(w.m.Hosts...)
	w.rejoin()
	w.answer()
	if !w.m.Begun() || w.m.Evidence.Vitals[0].Total != before || w.m.Evidence.Vitals[0].Peak != 1.5 {
		t.Errorf("evidence %+v, want that of before: %+v", w.m.Evidence.Vitals[0], before)
	}
	w.m.Mode = manifest.CanaryHosts
	if w.m.Begun() {
		t.Error("what was counted by visitor goes on by host")
	}
	if w.m.Verdict != judge.Healthy || w.m.Step != 0 || len(w.m.UpSince) != 4 {
		t.Errorf("verdict %s in step %d, up %v", w.m.Verdict, w.m.Step, w.m.UpSince)
	}
}

// TestHandsOnARolloutWithoutHosts: what somebody holds stays where it is until they let go.
func TestHandsOnARolloutWithoutHosts(t *testing.T) {
	for cmd, want := range map[Command]State{Resume: Queued, RollBack: RolledBack} {
		t.Run(string(cmd), func(t *testing.T) {
			w := watched(t)
			mv, err := w.m.Order(Pause, "person:ana", "lunch")
			if err != nil {
				t.Fatal(err)
			}
			w.move(mv)
			w.remove(w.m.Hosts...)
			if w.m.State != Paused {
				t.Fatalf("it is %s", w.m.State)
			}
			if mv, err = w.m.Order(cmd, "person:ana", "back"); err != nil {
				t.Fatal(err)
			}
			w.move(mv)
			w.advance()
			w.answer()
			if w.m.State != want {
				t.Errorf("it is %s: %v", w.m.State, w.m.Reasons)
			}
		})
	}
}

func TestCanaryThatIsTakenOutIsReplaced(t *testing.T) {
	w := newWorld(t, manifest.CanaryHosts, "rel_1")
	w.answer()
	w.pass(10, .02, .02)
	gone, next := w.m.Hosts[0], w.m.Hosts[1]
	w.remove(gone)
	w.answer()
	w.pass(6, .02, .02)
	if w.m.State != Watching || !slices.Equal(w.split.NewHosts, []string{next}) || w.m.Step != 0 {
		t.Errorf("in %s of step %d the canaries are %v, want %s: %v", w.m.State, w.m.Step, w.split.NewHosts, next, w.m.Reasons)
	}
	w.pass(200, .02, .02)
	if w.m.State != Promoted {
		t.Errorf("ended %s: %v", w.m.State, w.m.Reasons)
	}
}
