package machine

import (
	"testing"

	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

// TestNobodyIsSentWhereNothingRuns promotes by hand while one host of four runs the release: it alone could not answer everyone.
func TestNobodyIsSentWhereNothingRuns(t *testing.T) {
	for name, last := range map[string]func(w *world, host string){
		"all come up": func(w *world, _ string) { w.answer() },
		"one cannot": func(w *world, h string) {
			w.m.failed(event.DeployFailed{Deploy: w.m.Asked[h].Deploy, Host: h, Release: "rel_2", Code: "disk"})
		},
		"one says nothing": func(w *world, _ string) { w.now = w.now.Add(promoteTime) },
		"one is lost":      func(w *world, h string) { w.m.SetLost(h, true) },
		"one is taken out": func(w *world, h string) { w.remove(h) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, manifest.CanaryHosts, "rel_1")
			w.answer()
			w.pass(10, .02, .02)
			mv, err := w.m.Order(Promote, "person:ana", "it cannot wait")
			if err != nil {
				t.Fatal(err)
			}
			w.move(mv)
			if len(w.deploys) != 1 || len(w.deploys[0].Hosts) != 3 {
				t.Fatalf("asked are %+v", w.deploys)
			}
			done := w.deploys[0]
			done.Hosts, w.deploys[0].Hosts = done.Hosts[:2], done.Hosts[2:]
			w.do(done)
			waits := w.deploys[0].Hosts[0]
			w.advance()
			if w.m.State != Promoting || w.m.WishSplit().New != "rel_2" || w.traffic != nil {
				t.Fatalf("with three of four hosts up it is %s and asks for %+v", w.m.State, w.m.WishSplit())
			}
			if at := w.m.WakeAt(); at.Sub(w.m.Since) != promoteTime {
				t.Errorf("it would wait for %s", at.Sub(w.m.Since))
			}
			last(w, waits)
			w.advance()
			w.answer()
			if w.m.State != Promoted || w.split.Old != "rel_2" || w.m.Why[0].Code != "by_promote" {
				t.Errorf("it is %s with %+v: %v", w.m.State, w.split, w.m.Why)
			}
		})
	}
}
