package edge_test

import (
	"fmt"
	"maps"
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
			// What a host serves that was left out is no part of the rollout, or it would be on one side of the comparison only.
			if leftOut := r.Traffic == "trf_3"; leftOut != (r.Rollout == "") || leftOut && r.Split.New != "" {
				t.Errorf("under %s is counted for %q: %+v", r.Traffic, r.Rollout, r.Split)
			}
		}
	}
}

// TestFrontsDrawAlike: where visitors are drawn, the fronts of all hosts have both releases, and a visitor is on the same one at each.
func TestFrontsDrawAlike(t *testing.T) {
	p := newPlane(t)
	var backends []wire.Backend
	var fronts []string
	for _, host := range []string{"h1", "h2"} {
		for _, release := range []string{"old", "new"} {
			b, _ := backend(t, release, host, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(host + " " + release)) })
			backends = append(backends, b)
		}
	}
	p.set(route(.5, backends...))
	for _, host := range []string{"h1", "h2"} {
		e, _ := p.start(func(o *edgeOptions) { o.ID, o.Host = "agt_"+host, host })
		fronts = append(fronts, "http://"+e.Addr())
		p.await("the front's snapshot", func() bool { return len(e.Status().Routes) == 1 })
	}
	const visitors = 60
	fresh := 0
	for i := range visitors {
		first, a := get(t, fronts[0], visitorID(i))
		second, b := get(t, fronts[1], visitorID(i))
		if first != second || a != "h1 "+first || b != "h2 "+second {
			t.Errorf("visitor %d is answered %q and %q", i, a, b)
		}
		if first == "new" {
			fresh++
		}
	}
	if fresh < visitors/4 || fresh > visitors*3/4 {
		t.Errorf("%d of %d visitors are on the new release", fresh, visitors)
	}
	p.await("all requests", func() bool { return p.requests() == 2*visitors })
	p.mu.Lock()
	defer p.mu.Unlock()
	got := map[string]int64{}
	for _, s := range p.seconds {
		for _, r := range s.Routes {
			for _, h := range r.Hosts {
				got[s.Edge+" "+h.Host+" "+h.Release] += h.Requests
			}
		}
	}
	n, o := int64(fresh), int64(visitors-fresh)
	if want := map[string]int64{"agt_h1 h1 new": n, "agt_h1 h1 old": o, "agt_h2 h2 new": n, "agt_h2 h2 old": o}; !maps.Equal(got, want) {
		t.Errorf("counted %v, want %v", got, want)
	}
}
