package rollout

import (
	"context"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/decide/rollout/past"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/fault"
)

// lastGood gives the release that a rollback without a name goes to, and why not to those between; a conflict where there is none.
func lastGood(ctx context.Context, q db.Querier, e *envRow) (string, []event.Reason, error) {
	history, err := past.Lives(ctx, q, e.app, e.env)
	if err != nil {
		return "", nil, err
	}
	release, passed, ok := past.LastGood(history, e.live)
	if !ok {
		return "", nil, fault.Conflict("%s/%s has no earlier good release to go back to; name one to go to it all the same (slipway releases lists them)", e.app, e.env)
	}
	return release, passed, nil
}
