package fleet

import (
	"context"
	"maps"
	"time"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/event"
)

// flushEvery is how often signs of life are written and silence is looked for.
const flushEvery = 2 * time.Second

// Run writes signs of life and notices who is lost or back, until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if err := s.flush(ctx); err != nil && ctx.Err() == nil {
				s.log.Error("agents' signs of life not kept, trying again", "error", err)
			}
		case <-ctx.Done():
			return nil
		}
	}
}

func (s *Service) flush(ctx context.Context) error {
	s.mu.Lock()
	seen := maps.Clone(s.seen)
	s.mu.Unlock()
	return s.db.Tx(ctx, func(tx *db.Tx) error {
		if err := touch(ctx, tx, seen); err != nil {
			return err
		}
		agents, err := selectAgents(ctx, tx)
		if err != nil {
			return err
		}
		for _, a := range agents {
			if err := s.notice(ctx, tx, a); err != nil {
				return err
			}
		}
		return nil
	})
}

// notice emits what changed about one agent.
func (s *Service) notice(ctx context.Context, tx *db.Tx, a Agent) error {
	gone := lost(a.SeenAt, s.start, tx.Now())
	m := event.Meta{Actor: "system:fleet"}
	switch {
	case gone && a.State == StateUp:
		if _, err := tx.Emit(ctx, m, event.AgentLost{Agent: a.ID, Name: a.Name, Roles: a.Roles}); err != nil {
			return err
		}
		return setState(ctx, tx, a.ID, StateLost)
	case !gone && a.State == StateLost && a.SeenAt.After(s.start):
		if _, err := tx.Emit(ctx, m, event.AgentReturned{Agent: a.ID, Name: a.Name, Roles: a.Roles}); err != nil {
			return err
		}
		return setState(ctx, tx, a.ID, StateUp)
	}
	return nil
}
