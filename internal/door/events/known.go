package events

import (
	"context"
	"slices"

	"github.com/slipwayhq/slipway/internal/pure/explore"
)

// known is a question as the store is to be asked: sources are named there by their ids, and people name them as they call them. That an app has no such environment is said; it would look like silence otherwise.
func (d *Door) known(ctx context.Context, app string, q explore.Question) (explore.Question, error) {
	switch q := q.(type) {
	case explore.Trend:
		return q, d.knows(ctx, app, q.Environment, &q.Selection)
	case explore.Top:
		return q, d.knows(ctx, app, q.Environment, &q.Selection)
	case explore.Retention:
		return q, d.knows(ctx, app, q.Environment, &q.First, &q.Back)
	case explore.Funnel:
		q.Steps = slices.Clone(q.Steps)
		var steps []*explore.Selection
		for i := range q.Steps {
			steps = append(steps, &q.Steps[i])
		}
		return q, d.knows(ctx, app, q.Environment, steps...)
	}
	return q, nil
}

// knows looks for an environment, and puts ids in the place of the names of sources.
func (d *Door) knows(ctx context.Context, app, env string, of ...*explore.Selection) error {
	if env != "" {
		if err := d.API.Place(ctx, app, env); err != nil {
			return err
		}
	}
	ids := map[string]string{}
	for _, s := range of {
		named := func(c explore.Condition) bool {
			return c.Property == "event.source" && (c.Is == "equal" || c.Is == "not_equal")
		}
		if !slices.ContainsFunc(s.Where, named) {
			continue
		}
		if len(ids) == 0 {
			sources, err := d.Sources.Sources(ctx, app)
			if err != nil {
				return err
			}
			for _, source := range sources {
				ids[source.Name] = source.ID
			}
		}
		s.Where = slices.Clone(s.Where)
		for i, c := range s.Where {
			if id, is := ids[c.Value]; is && named(c) {
				s.Where[i].Value = id
			}
		}
	}
	return nil
}
