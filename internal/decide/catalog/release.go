package catalog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/fault"
)

// keptReleases is how far back decisions look; older artifacts were dropped long before.
const keptReleases = 1000

// Releases lists those of an environment, newest first, those with a number below before (0: from the newest).
func (s *Service) Releases(ctx context.Context, app, env string, before, limit int) ([]Release, error) {
	list, err := releases(ctx, s.db, app, env, before, limit)
	if err != nil {
		return nil, err
	}
	return list, addChanges(ctx, s.db, app, env, list)
}

// Release gives one release of an app.
func (s *Service) Release(ctx context.Context, app, id string) (Release, error) {
	r, err := release(ctx, s.db, id)
	if err == nil && r.App != app {
		return Release{}, fault.NotFound("there is no release %q", id)
	}
	if err != nil {
		return r, err
	}
	list := []Release{r}
	err = addChanges(ctx, s.db, r.App, r.Environment, list)
	return list[0], err
}

// LastGood gives the newest release that was good, or is live, with a number below that of the release before. ok is false when there is none that can still be shipped.
func LastGood(ctx context.Context, q db.Querier, app, env string, before int) (r Release, ok bool, err error) {
	r, err = scanRelease(q.QueryRow(ctx, `SELECT `+releaseColumns+` WHERE app = $1 AND env = $2 AND number < $3 AND stored = 1 AND state IN ('live', 'good')
		ORDER BY number DESC LIMIT 1`, app, env, before))
	if errors.Is(err, sql.ErrNoRows) {
		return Release{}, false, nil
	}
	if err != nil {
		return Release{}, false, fmt.Errorf("look for the last good release of %s/%s: %w", app, env, err)
	}
	return r, true, nil
}
