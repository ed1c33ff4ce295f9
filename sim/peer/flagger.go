package peer

import "github.com/slipwayhq/slipway/sim/canary"

// flagger is Flagger's analysis (pkg/controller/scheduler.go): each minute the metric of the last minute is compared with a limit;
// failures add up and are never forgiven; no value is a failure; when the failures have reached the threshold, the next check rolls back.
type flagger struct {
	limit     float64 // in bases: 1.5 is 1.5 % where 1 % is usual
	threshold int
	ledger    ledger
	strikes   strikes
}

func newFlagger(limit float64, threshold int) func(float64) canary.Judge {
	return func(float64) canary.Judge { return &flagger{limit: limit, threshold: threshold} }
}

func (f *flagger) Begin(s *canary.Setting, _ *canary.Window) {
	f.ledger.begin(s, false)
	f.strikes.worst = f.strikes.worst[:0]
}

func (f *flagger) Observe(t *canary.Tick) { f.ledger.observe(t) }

func (f *flagger) Look(second int) canary.Opinion {
	evidence := f.strikes.nth(f.threshold) // of the checks before this one
	if evidence > f.limit {
		return canary.Opinion{Action: canary.RollBack, Evidence: evidence}
	}
	worst, _ := badness(&f.ledger, second)
	f.strikes.add(worst)
	return canary.Opinion{Evidence: evidence}
}

func (*flagger) End() canary.Verdict { return canary.Promoted }
