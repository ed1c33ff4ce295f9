package fleet

import (
	"context"
	"maps"
	"time"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/wire"
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
	seen, since := s.look(s.db.Now())
	return s.change(ctx, func(tx *db.Tx) error {
		if err := touch(ctx, tx, seen); err != nil {
			return err
		}
		agents, err := selectAgents(ctx, tx)
		if err != nil {
			return err
		}
		for _, a := range agents {
			if err := notice(ctx, tx, a, since); err != nil {
				return err
			}
		}
		return nil
	})
}

// look takes the signs of life, and tells since when everybody could be heard: since the server's start, or since the clock jumped or the machine stood still, which
// shows in the time since the last look. Signs of life from before the clock was set back are of the future, and tell nothing.
func (s *Service) look(now time.Time) (seen map[string]time.Time, since time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if gap := now.Sub(s.flushed); gap < -flushEvery || gap > wire.LostAfter {
		s.start = now
	}
	s.flushed = now
	maps.DeleteFunc(s.seen, func(_ string, t time.Time) bool { return fromFuture(t, now) })
	return maps.Clone(s.seen), s.start
}

// notice emits what changed about one agent.
func notice(ctx context.Context, tx *db.Tx, a Agent, since time.Time) error {
	gone := lost(a.SeenAt, since, tx.Now())
	m := event.Meta{Actor: "system:fleet"}
	switch {
	case gone && a.State == StateUp:
		if _, err := tx.Emit(ctx, m, event.AgentLost{Agent: a.ID, Name: a.Name, Roles: a.Roles}); err != nil {
			return err
		}
		return setState(ctx, tx, a.ID, StateLost)
	case !gone && a.State == StateLost && a.SeenAt.After(since):
		if _, err := tx.Emit(ctx, m, event.AgentReturned{Agent: a.ID, Name: a.Name, Roles: a.Roles}); err != nil {
			return err
		}
		return setState(ctx, tx, a.ID, StateUp)
	}
	return nil
}
