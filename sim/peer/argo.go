package peer

import "github.com/slipwayhq/slipway/sim/canary"

// argo is an analysis run of Argo Rollouts (analysis/analysis.go, utils/evaluate/evaluate.go) with a success condition only, `result < limit`,
// measured each minute over the last minute: what is no number fails, what is no sample is an error and does not count; more
// failures than the limit, over the whole run, abort. Its initialDelay is the settle time.
type argo struct {
	limit    float64 // in bases
	failures int     // failureLimit
	ledger   ledger
	strikes  strikes
}

func newArgo(limit float64, failures int) func(float64) canary.Judge {
	return func(float64) canary.Judge { return &argo{limit: limit, failures: failures} }
}

func (a *argo) Begin(s *canary.Setting, _ *canary.Window) {
	a.ledger.begin(s, true)
	a.strikes.worst = a.strikes.worst[:0]
}

func (a *argo) Observe(t *canary.Tick) { a.ledger.observe(t) }

func (a *argo) Look(second int) canary.Opinion {
	if worst, known := badness(&a.ledger, second); known {
		a.strikes.add(worst)
	}
	evidence := a.strikes.nth(a.failures + 1)
	if evidence > a.limit {
		return canary.Opinion{Action: canary.RollBack, Evidence: evidence}
	}
	return canary.Opinion{Evidence: evidence}
}

func (*argo) End() canary.Verdict { return canary.Promoted }
