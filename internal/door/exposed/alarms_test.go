package exposed

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/decide/flag/ramp"
	"github.com/slipwayhq/slipway/internal/pure/assign"
	"github.com/slipwayhq/slipway/internal/pure/judge"
)

// ramps plays so many ramps of three steps, and counts those that came back. Visitors differ a hundredfold in how often they order, stay through all steps, and come in again in each; of those who have
// the new value, harm leaves out a part of the orders.
func ramps(runs int, alpha, harm float64) (back int) {
	shares := []float64{0.05, 0.2, 0.5}
	const visitors, looks = 800, 10
	policy := judge.Policy{Unit: judge.ByVisitor, Alpha: alpha, RuleOut: 2, Vitals: []judge.VitalSpec{{Name: "order", Bad: judge.Drop, Weight: 1}}}
	for run := range runs {
		dice := rand.New(rand.NewPCG(115, uint64(run)))
		state := judge.NewState(policy)
		w := &watch{vitals: map[string]int{"order": 0}, known: map[uint64]visitor{}, counts: make([]judge.Count, 1)}
		rates := make([]float64, visitors)
		for i := range rates {
			rates[i] = 0.03 * math.Exp(1.5*dice.NormFloat64())
		}
		now := time.Unix(1_800_000_000, 0)
		came := false
		for step, share := range shares {
			w.Ramp = ramp.Ramp{Step: step, Share: share}
			for range looks {
				now = now.Add(time.Minute)
				for i, rate := range rates {
					if dice.Float64() > 0.3 { // does not visit now
						continue
					}
					who := [2]uint64{uint64(i) + 1, 0}
					n, _ := assign.Hash(fmt.Sprint("ramp", run), fmt.Sprint("visitor", i), 2)
					given := old
					if n >= 1-share {
						given = fresh
					}
					w.expose(who, given, now)
					if dice.Float64() < rate && (given == old || dice.Float64() >= harm) {
						w.count(who, 0, now)
					}
				}
				if err := state.Fold(policy, judge.Tick{Second: now.Unix(), Share: share, Counts: map[string]judge.Count{"order": w.counts[0]}}); err != nil {
					panic(err)
				}
				w.counts[0] = judge.Count{}
				came = came || judge.HasRegressed(policy, &state)
			}
		}
		if came {
			back++
		}
	}
	return back
}

// Of ramps that change nothing at most alpha come back, whoever the visitors are, however often one looks; of those that take half of the orders away most do.
func TestFalseAlarmsOfRamps(t *testing.T) {
	runs, alpha := 1000, 0.1
	if testing.Short() {
		runs = 300
	}
	most := alpha*float64(runs) + 3*math.Sqrt(alpha*(1-alpha)*float64(runs))
	back := ramps(runs, alpha, 0)
	t.Logf("%d of %d ramps that change nothing came back (alpha %v)", back, runs, alpha)
	if float64(back) > most {
		t.Errorf("that is more than %.0f", most)
	}
	found := ramps(100, alpha, 0.6)
	t.Logf("%d of 100 that lose six orders in ten came back", found)
	if found < 80 {
		t.Error("that is too few")
	}
}
