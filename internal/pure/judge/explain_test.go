package judge

import (
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/floats"

	"github.com/slipwayhq/slipway/internal/pure/stats/units"
)

// Hosts that are known to explain next to nothing are not asked exactly; what is said is the same to the last bit.
func TestWhatHostsExplain(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	for range 400 {
		known := habits{}
		groups := []map[int][]units.Sample{{}, {}}
		for host := range 2 + rng.IntN(8) {
			known.mean, known.variance = append(known.mean, 0.2*rng.NormFloat64()), append(known.variance, 0.05*rng.Float64())
			for _, group := range groups { // a host may be in both, in one phase after the other
				if len(group) == 0 || rng.IntN(3) > 0 {
					events := math.Floor(20 * rng.Float64())
					if rng.IntN(5) == 0 {
						events = math.Floor(900 * rng.Float64())
					}
					group[host] = append(group[host], units.Sample{Events: events, All: events + math.Floor(2000*rng.Float64()), Share: 0.02})
				}
			}
		}
		suspect, most, each := -1, math.Inf(-1), 0.0
		var parts []float64
		for _, group := range groups {
			for _, host := range slices.Sorted(maps.Keys(group)) {
				one := math.Log(float64(len(group)))
				parts = append(parts, units.LogAlone(group[host], known.mean[host], known.variance[host])-one)
				if part := parts[len(parts)-1]; part > most {
					suspect, most, each = host, part, one
				}
			}
		}
		all := floats.LogSumExp(parts)
		if s, m, e, a := explain(&known, groups...); s != suspect || m != most || e != each || a != all {
			t.Fatalf("host %d explains %v less %v, all %v; want %d, %v, %v, %v", s, m, e, a, suspect, most, each, all)
		}
	}
}
