package edge_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/wire"
)

// TestAFrontSendsToItsOwnHost: whoever was sent to a host is served there, by the release that the split gives to that host, and what fails there is counted there.
func TestAFrontSendsToItsOwnHost(t *testing.T) {
	p := newPlane(t)
	oldHere, oldServer := backend(t, "old", "h1", nil)
	newHere, newServer := backend(t, "new", "h1", nil)
	oldThere, _ := backend(t, "old", "h2", func(http.ResponseWriter, *http.Request) { t.Error("another host is asked") })
	newThere, _ := backend(t, "new", "h2", func(http.ResponseWriter, *http.Request) { t.Error("another host is asked") })
	e, _ := p.start(func(o *edgeOptions) { o.Host = "h1" })
	url := "http://" + e.Addr()
	step := 0
	under := func(s event.Split, backends ...wire.Backend) {
		t.Helper()
		step++
		s.Old, s.New, s.Salt = "old", "new", "rol_1"
		p.apply(wire.Route{App: "shop", Env: "production", Traffic: fmt.Sprintf("trf_%d", step), Rollout: "rol_1", Split: s, Backends: backends})
	}
	answers := func(from, to int) map[string]int {
		got := map[string]int{}
		for i := from; i < to; i++ {
			_, body := get(t, url, visitorID(i))
			got[body]++
		}
		return got
	}
	total := func(release string) event.Counts {
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.totals()[release]
	}
	all := []wire.Backend{oldHere, newHere, oldThere, newThere}
	under(event.Split{Mode: "hosts", Share: .5, NewHosts: []string{"h2"}}, all...)
	if got := answers(0, 20); got["old"] != 20 {
		t.Errorf("a host without the new release answers %v", got)
	}
	under(event.Split{Mode: "hosts", Share: .5, NewHosts: []string{"h1"}}, all...)
	if got := answers(20, 50); got["new"] != 30 {
		t.Errorf("a host with the new release answers %v", got)
	}
	under(event.Split{Mode: "visitors", Share: 1, LeftOut: []string{"h1"}}, all...)
	if got := answers(50, 60); got["old"] != 10 {
		t.Errorf("a host that was left out answers %v", got)
	}
	under(event.Split{Mode: "visitors", Share: .5}, all...)
	if got := answers(60, 100); got["old"] == 0 || got["new"] == 0 || got["old"]+got["new"] != 40 {
		t.Errorf("between visitors a host answers %v", got)
	}
	p.await("the requests so far", func() bool { return p.requests() == 100 })
	before := total("new")
	if total("old").Errors+before.Errors != 0 {
		t.Errorf("errors so far: %+v, %+v", total("old"), before)
	}
	// The new release crashes. Its visitors are helped out by the old one, at its expense; and when that is gone, too, it is still the new one's.
	newServer.Close()
	under(event.Split{Mode: "hosts", NewHosts: []string{"h1"}}, all...)
	if got := answers(100, 110); got["old"] != 10 {
		t.Errorf("while the new release is down a host answers %v", got)
	}
	under(event.Split{Mode: "hosts", NewHosts: []string{"h1"}}, oldHere, oldThere, newThere) // the server has heard of it
	if got := answers(110, 120); got["old"] != 10 {
		t.Errorf("without the new release's process a host answers %v", got)
	}
	oldServer.Close()
	under(event.Split{Mode: "hosts", NewHosts: []string{"h1"}}, oldThere, newThere)
	if got := answers(120, 130); got["old"]+got["new"] != 0 {
		t.Errorf("without any process a host answers %v", got)
	}
	p.await("the requests of the crash", func() bool { return p.requests() == 130 })
	if now := total("new"); now.Requests-before.Requests != 30 || now.Errors != 30 {
		t.Errorf("of 30 requests to a release that is down are counted %+v, before %+v", now, before)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.seconds {
		for _, r := range s.Routes {
			for _, h := range r.Hosts {
				if h.Host != "h1" {
					t.Errorf("%d requests are counted on %q", h.Requests, h.Host)
				}
			}
		}
	}
}
