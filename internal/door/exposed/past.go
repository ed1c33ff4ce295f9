package exposed

import (
	"context"
	"time"

	"github.com/slipwayhq/slipway/internal/analytics"
)

// mostPast is how many who did something are told of, as many as a ramp knows visitors.
const mostPast = mostVisitors

// PastOf tells who did what since a time, from the store of events.
func PastOf(engine analytics.Engine) func(ctx context.Context, app, env string, names []string, since time.Time) ([]Had, error) {
	return func(ctx context.Context, app, env string, names []string, since time.Time) ([]Had, error) {
		store, err := engine.Store(ctx, app)
		if err != nil {
			return nil, err
		}
		var all []Had
		for _, name := range names {
			table, err := store.Query(ctx, analytics.Query{
				SQL:  `SELECT DISTINCT user_id, anonymous_id FROM events WHERE environment = $1 AND received >= $2 AND (kind = 'track' AND name = $3 OR kind IN ('page', 'screen') AND kind = $3)`,
				Args: []any{env, since.UTC(), name}, Rows: mostPast,
			})
			if err != nil {
				return nil, err
			}
			for _, row := range table.Rows {
				had := Had{Event: name}
				had.User, _ = row[0].(string)
				had.Anonymous, _ = row[1].(string)
				all = append(all, had)
			}
		}
		return all, nil
	}
}
