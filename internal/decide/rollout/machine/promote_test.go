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
			waits := w.m.Hosts[3]
			for len(w.deploys) > 0 {
				d := w.deploys[0]
				w.deploys = w.deploys[1:]
				if len(d.Hosts) != 3 {
					t.Fatalf("asked are %v", d.Hosts)
				}
				rest := d
				d.Hosts, rest.Hosts = d.Hosts[:2], d.Hosts[2:]
				waits = rest.Hosts[0]
				w.do(d)
				w.deploys = append(w.deploys, rest)
				break
			}
			w.advance()
			if w.m.State != Promoting || w.m.WishSplit().New != "rel_2" || w.traffic != nil {
				t.Fatalf("with two of four hosts up it is %s and asks for %+v", w.m.State, w.m.WishSplit())
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
