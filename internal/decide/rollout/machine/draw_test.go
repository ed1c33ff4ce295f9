package machine

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

// TestCanariesAreTheShareRoundedUp: a step never tests on fewer hosts than it says, nor on one more because of how numbers are stored; a hold-back keeps at least one host.
func TestCanariesAreTheShareRoundedUp(t *testing.T) {
	for _, c := range []struct {
		hosts           int
		share, holdBack float64
		want            int
	}{
		{4, .25, 0, 1}, {4, .26, 0, 2}, {10, .1, 0, 1}, {11, .1, 0, 2}, {12, .1, 0, 2}, {19, .1, 0, 2}, {21, .1, 0, 3}, {3, .5, 0, 2}, {5, .5, 0, 3},
		{100, .07, 0, 7}, {100, .29, 0, 29}, {100, .57, 0, 57}, {1000, .001, 0, 1}, {1000, .0011, 0, 2}, // not one more by the last bit
		{50, .01, 0, 1}, {1, .01, 0, 1}, {7, 1, 0, 7},
		{3, .67, 0, 2}, {3, .95, 0, 2}, {2, .6, 0, 1}, {10, .95, 0, 9}, {1, .95, 0, 1}, // short of everyone one stays to compare with
		{10, 1, .05, 9}, {20, 1, .05, 19}, {21, 1, .05, 19}, {40, 1, .06, 37}, {2, 1, .01, 1}, {1, 1, .05, 1}, {10, .5, .05, 5},
	} {
		m := &Rollout{From: "rel_1", Mode: manifest.CanaryHosts, State: Watching, Steps: []Step{{Share: c.share, HoldBack: c.holdBack}}}
		for i := range c.hosts {
			m.Hosts = append(m.Hosts, fmt.Sprint("h", i))
		}
		if got := m.StartedHosts(); got != c.want {
			t.Errorf("%v of %d hosts, %v held back: %d canaries, want %d", c.share, c.hosts, c.holdBack, got, c.want)
		}
		if s := m.WishSplit(); len(s.NewHosts) != c.want || s.Share != float64(c.want)/float64(c.hosts) {
			t.Errorf("%v of %d hosts, %v held back: the split is %+v", c.share, c.hosts, c.holdBack, s)
		}
	}
}

// TestEachHostIsDrawnAsOften as any other, alone and beside any other, and at each place.
func TestEachHostIsDrawnAsOften(t *testing.T) {
	const hosts, draws = 7, 40_000
	names := []string{"h0", "h1", "h2", "h3", "h4", "h5", "h6"}
	r := rand.New(rand.NewPCG(1, 2))
	var places [hosts][hosts]int // host, place
	var pairs [hosts][hosts]int  // both among the first three
	m := &Rollout{Hosts: slices.Clone(names)}
	for range draws {
		copy(m.Hosts, names)
		m.Draw(r)
		for place, h := range m.Hosts {
			i := slices.Index(names, h)
			places[i][place]++
			for _, other := range m.Hosts[:3] {
				if place < 3 && h != other {
					pairs[i][slices.Index(names, other)]++
				}
			}
		}
	}
	near := func(what string, got int, p float64) {
		t.Helper()
		if sd := math.Sqrt(draws * p * (1 - p)); math.Abs(float64(got)-draws*p) > 5*sd {
			t.Errorf("%s: %d of %d draws, expected %.0f ± %.0f", what, got, draws, draws*p, sd)
		}
	}
	for i := range hosts {
		for k := range hosts {
			near(fmt.Sprintf("host %d at place %d", i, k), places[i][k], 1./hosts)
			if i != k {
				near(fmt.Sprintf("hosts %d and %d", i, k), pairs[i][k], 3./hosts*2/(hosts-1))
			}
		}
	}
}
