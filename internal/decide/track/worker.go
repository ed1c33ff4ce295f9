package track

import (
	"context"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/journal"
)

// Follow keeps which releases are live and under way, and so which plan counts, until ctx ends.
func (s *Service) Follow(ctx context.Context, j *journal.Journal) error {
	return s.db.Consume(ctx, j, db.Consumer{
		Name:   "track",
		Types:  []event.Type{event.ReleaseCreated{}.EventType(), event.RolloutStarted{}.EventType(), event.RolloutEnded{}.EventType()},
		Handle: handle,
	})
}

func handle(ctx context.Context, tx *db.Tx, ev event.Event) error {
	switch ev.Type {
	case event.ReleaseCreated{}.EventType():
		p, err := event.Decode[event.ReleaseCreated](ev)
		if err != nil {
			return err
		}
		return made(ctx, tx, ev, p)
	case event.RolloutStarted{}.EventType():
		p, err := event.Decode[event.RolloutStarted](ev)
		if err != nil {
			return err
		}
		return become(ctx, tx, ev, p.Release, rolling)
	case event.RolloutEnded{}.EventType():
		p, err := event.Decode[event.RolloutEnded](ev)
		if err != nil {
			return err
		}
		if p.Outcome == "promoted" {
			return become(ctx, tx, ev, p.Release, live)
		}
		return become(ctx, tx, ev, p.Release, "")
	}
	return nil
}
