package rollout

import (
	"context"
	"fmt"
	"slices"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/decide/rollout/machine"
)

// waitView says what a queued rollout waits for, and gives the release that is live: what it will be compared with is fixed only when its turn comes.
func (s *Service) waitView(ctx context.Context, m *machine.Rollout, v *View) (live string, err error) {
	e, err := loadEnv(ctx, s.db, m.App, m.Env)
	if err != nil {
		return "", err
	}
	switch {
	case !e.frozenAt.IsZero():
		v.WaitsFor = "freeze"
		v.Sentence = fmt.Sprintf("Waits, because %s is frozen by %s: %s", m.Env, access.Name(e.frozenBy), e.frozenWhy)
		v.Actions = slices.DeleteFunc(v.Actions, func(c machine.Command) bool { return c == machine.Promote }) // the freeze has to be lifted first
	case e.current != "" && e.current != m.ID:
		current, err := loadMachine(ctx, s.db, e.current)
		if err != nil {
			return "", err
		}
		v.WaitsFor = "rollout"
		if len(m.Reasons) == 0 {
			v.Sentence = fmt.Sprintf("Waits for rollout #%d to end", current.Number)
		}
	case len(m.Reasons) > 0:
		v.WaitsFor = "hosts"
	}
	return e.live, nil
}
