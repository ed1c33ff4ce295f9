package trace

import (
	"context"
	"slices"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/decide/rollout/machine"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/pure/judge"
	"github.com/slipwayhq/slipway/internal/pure/replay"
)

// Again is what another verdict on the same counts differs in; what is zero stays as it was.
type Again struct {
	Alpha   float64
	Margin  *float64
	RuleOut float64
}

// Judge judges a rollout again, from its stored counts, to its end or to where harm shows. It changes nothing.
func Judge(ctx context.Context, q db.Querier, m *machine.Rollout, with Again) (replay.Result, error) {
	if !m.Judged() || len(m.Judge.Vitals) == 0 {
		return replay.Result{}, fault.Conflict("rollout #%d was not judged: a first release has nothing to be compared with, and a hotfix or a way back is not watched", m.Number)
	}
	policy := m.Judge
	if with.Alpha != 0 {
		policy.Alpha = with.Alpha
	}
	if with.Margin != nil {
		policy.Margin = *with.Margin
	}
	if with.RuleOut != 0 {
		policy.RuleOut = with.RuleOut
	}
	if err := policy.Validate(); err != nil {
		return replay.Result{}, fault.Invalid("rollout #%d cannot be judged so: %s", m.Number, err)
	}
	kept, err := steps(ctx, q, m.ID, policy)
	if err != nil {
		return replay.Result{}, err
	}
	return replay.Run(policy, slices.Values(kept), len(kept)), nil
}

// steps are the kept seconds. What did not count then, since hosts had not settled, does not count now.
func steps(ctx context.Context, q db.Querier, id string, policy judge.Policy) (kept []replay.Step, err error) {
	err = each(ctx, q, id, func(second int64, t Second) {
		step := replay.Step{Tick: t.tick(second, policy), Layout: t.Layout, Gap: !t.Counted, Visitors: t.Visitors}
		for _, l := range t.Looks {
			step.Looks = append(step.Looks, replay.Look(l))
		}
		kept = append(kept, step)
	})
	return kept, err
}
