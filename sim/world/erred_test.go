package world

import (
	"testing"

	"github.com/slipwayhq/slipway/internal/pure/stats/repeats"
	"github.com/slipwayhq/slipway/sim/canary"
)

// What is told of visitors who erred adds up to what was counted: each is a first error of the step, and in a rollout of one step all errors are theirs.
func TestVisitorsWhoErredAddUp(t *testing.T) {
	for name, steps := range map[string]int{"errors-2x-visitors-stay-200rps": 1, "aa-visitors-retry-200rps": 1, "errors-2x-visitors-steps-200rps": 3} {
		s := find(t, name)
		ticks, _, _ := play(s.Open(), 1, 0)
		var firsts, errors [canary.Releases]int64
		begun, step, looks, before := 0, 0, 0, int64(0)
		for _, tick := range ticks {
			if tick.Step != step {
				step, begun, firsts = tick.Step, tick.Second-TickSeconds, [canary.Releases]int64{}
			}
			for r := range canary.Releases {
				firsts[r] += tick.First[r].Events[0]
				errors[r] += tick.Total[r].Events[0]
			}
			if tick.Erred == nil {
				continue
			}
			looks++
			if due := repeats.Due(int64(tick.Second - begun)); due < 0 || repeats.Due(int64(tick.Second-begun-TickSeconds)) == due {
				t.Errorf("%s: one looks %d seconds after the step began, and no look is planned", name, tick.Second-begun)
			}
			var seen, all [canary.Releases]int64
			for _, v := range tick.Erred {
				seen[v.Release]++
				all[v.Release] += v.Errors + 1
				before += v.Before
				if v.Requests < v.Errors {
					t.Fatalf("%s: %+v", name, v)
				}
			}
			if seen != firsts || steps == 1 && all != errors {
				t.Errorf("%s, second %d: %v visitors erred %v times; %v first errors of %v were counted", name, tick.Second, seen, all, firsts, errors)
			}
		}
		if looks < 7*steps || before == 0 {
			t.Errorf("%s: %d looks, %d errors before the push", name, looks, before)
		}
	}
}
