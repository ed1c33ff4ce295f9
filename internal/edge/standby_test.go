package edge

import (
	"testing"

	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/wire"
)

func TestHostThatWasLeftOutStandsBy(t *testing.T) {
	route := wire.Route{
		Split:    event.Split{Mode: "visitors", Old: "a", New: "b", Share: .5, LeftOut: []string{"h3"}},
		Backends: []wire.Backend{{Release: "a", Host: "h1"}, {Release: "b", Host: "h1"}, {Release: "a", Host: "h3"}},
	}
	serving := func(r wire.Route) (hosts []string) {
		for _, b := range r.Backends {
			if !standsBy(r, b) {
				hosts = append(hosts, b.Release+"@"+b.Host)
			}
		}
		return hosts
	}
	if got := serving(route); len(got) != 2 {
		t.Errorf("during the comparison serve %v", got)
	}
	alone := route
	alone.Backends = alone.Backends[1:]
	if got := serving(alone); len(got) != 2 {
		t.Errorf("with no other host for the old release serve %v", got)
	}
	for _, s := range []event.Split{{Mode: "hosts", Old: "a", New: "b", LeftOut: []string{"h3"}}, {Old: "a", LeftOut: []string{"h3"}}} {
		other := route
		other.Split = s
		if got := serving(other); len(got) != 3 {
			t.Errorf("under %+v serve %v", s, got)
		}
	}
}
