package build

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/wire"
)

// Times of the background work.
const (
	expireEvery = time.Second
	pruneEvery  = time.Hour
	// jump is by how much the clock may leave the true passing of time before leases are given their time anew.
	jump = 3 * time.Second
)

// Run consumes events, takes back leases of silent workers, completes logs and removes old ones, until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		return s.db.Consume(ctx, s.journal, db.Consumer{Name: "build", Types: []event.Type{"git.pushed", "agent.joined", "agent.removed"}, Handle: s.handle})
	})
	g.Go(func() error { return s.db.Single(ctx, "build/expire", s.expireLoop) })
	g.Go(func() error { return s.db.Single(ctx, "build/tidy", s.tidyLoop) })
	return g.Wait()
}

func (s *Service) handle(ctx context.Context, tx *db.Tx, ev event.Event) error {
	if err := tx.Lock(ctx, "build"); err != nil {
		return err
	}
	switch ev.Type {
	case "git.pushed":
		return s.pushed(ctx, tx, ev)
	case "agent.joined":
		joined, err := event.Decode[event.AgentJoined](ev)
		if err != nil {
			return err
		}
		return seen(ctx, tx, joined.Agent, joined.Name, time.Time{})
	case "agent.removed":
		removed, err := event.Decode[event.AgentRemoved](ev)
		if err != nil {
			return err
		}
		return s.removed(ctx, tx, removed.Agent)
	}
	return nil
}

// removed takes back what a worker held that is no longer part of the installation. Its name stays, for the builds it took part in.
func (s *Service) removed(ctx context.Context, tx *db.Tx, agent string) error {
	if _, err := tx.Exec(ctx, `UPDATE build_workers SET seen_at = 0 WHERE agent = $1`, agent); err != nil {
		return fmt.Errorf("forget worker %s: %w", agent, err)
	}
	held, err := leases(ctx, tx, `agent = $1 AND state = 'running' ORDER BY id`, agent)
	if err != nil {
		return err
	}
	return s.takeBack(ctx, tx, held, func(lease) string { return "The worker was removed." })
}

func (s *Service) takeBack(ctx context.Context, tx *db.Tx, held []lease, why func(lease) string) error {
	for _, l := range held {
		b, err := oneBuild(ctx, tx, `id = $1`, l.Build)
		if err != nil {
			return err
		}
		if b == nil || !b.State.Open() {
			continue // it ended in this very transaction, and its leases with it
		}
		if err := s.giveBack(ctx, tx, b, l, why(l), theUnits); err != nil {
			return err
		}
	}
	tx.OnCommit(s.tidy)
	return nil
}

// expireLoop takes back leases whose workers fell silent. Nobody could beat while no server ran, and beats mean nothing across a jump of the clock: after either, all
// leases get their full time again.
func (s *Service) expireLoop(ctx context.Context) error {
	wall, mono := s.db.Now(), time.Now() // before leases are forgiven: a jump in between is seen, too
	if err := s.forgive(ctx, 0); err != nil && ctx.Err() == nil {
		return err
	}
	tick := time.NewTicker(expireEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
		skew := s.db.Now().Sub(wall) - time.Since(mono)
		wall, mono = s.db.Now(), time.Now()
		var err error
		if skew.Abs() > jump {
			s.log.Warn("the clock jumped; leases get their time anew", "by", skew)
			err = s.forgive(ctx, skew)
		} else {
			err = s.Expire(ctx)
		}
		if err != nil && ctx.Err() == nil {
			s.log.Error("leases not looked after, trying again", "error", err)
		}
	}
}

// forgive lets all leases begin their silence now, and moves their deadlines with the clock.
func (s *Service) forgive(ctx context.Context, skew time.Duration) error {
	return s.change(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE build_leases SET beat_at = $1, deadline = deadline + $2 WHERE state = 'running'`, db.Micros(tx.Now()), skew.Microseconds())
		if err != nil {
			return fmt.Errorf("renew the leases: %w", err)
		}
		return nil
	})
}

// Expire takes back the leases that are silent or past their deadline. Run does so every second.
func (s *Service) Expire(ctx context.Context) error {
	silent := func(now time.Time) int64 { return db.Micros(now.Add(-wire.LostAfter)) }
	const overdue = `state = 'running' AND (beat_at < $1 OR deadline < $2)`
	now := s.db.Now()
	if some, err := leases(ctx, s.db, overdue+` LIMIT 1`, silent(now), db.Micros(now)); err != nil || len(some) == 0 {
		return err
	}
	return s.change(ctx, func(tx *db.Tx) error {
		held, err := leases(ctx, tx, overdue+` ORDER BY id`, silent(tx.Now()), db.Micros(tx.Now()))
		if err != nil {
			return err
		}
		return s.takeBack(ctx, tx, held, func(l lease) string {
			if l.Deadline.Before(tx.Now()) {
				return "The lease was not done by its deadline."
			}
			return fmt.Sprintf("The worker was not heard of for %s.", wire.LostAfter)
		})
	})
}

// tidy tells Run that leases have ended.
func (s *Service) tidy() {
	select {
	case s.clean <- struct{}{}:
	default:
	}
}

// tidyLoop completes the logs of leases that ended, and removes what is old.
func (s *Service) tidyLoop(ctx context.Context) error {
	look, stop := s.lookAgain()
	defer stop()
	prune := time.NewTicker(pruneEvery)
	defer prune.Stop()
	if err := s.Prune(ctx); err != nil && ctx.Err() == nil {
		s.log.Error("old logs not removed", "error", err)
	}
	for ctx.Err() == nil {
		if err := s.seal(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("logs not completed", "error", err)
		}
		select {
		case <-s.clean:
		case <-look:
		case <-prune.C:
			if err := s.Prune(ctx); err != nil && ctx.Err() == nil {
				s.log.Error("old logs not removed", "error", err)
			}
		case <-ctx.Done():
		}
	}
	return nil
}

// seal completes the logs of ended leases.
func (s *Service) seal(ctx context.Context) error {
	for {
		ended, err := leases(ctx, s.db, `sealed = 0 AND state IN ('done', 'lost', 'cancelled') ORDER BY id LIMIT 100`)
		if err != nil || len(ended) == 0 {
			return err
		}
		ids := make([]any, 0, len(ended))
		for _, l := range ended {
			if err := s.blobs.Logs.Seal(logKey(l.Build, l.ID)); err != nil {
				return err
			}
			ids = append(ids, l.ID)
		}
		err = s.db.Tx(ctx, func(tx *db.Tx) error {
			_, err := tx.Exec(ctx, `UPDATE build_leases SET sealed = 1 WHERE id IN `+oneOf(len(ids), 1), ids...)
			return err
		})
		if err != nil {
			return fmt.Errorf("note the completed logs: %w", err)
		}
	}
}

// Ages after which what only saves time is forgotten.
const (
	listAge     = 30 * 24 * time.Hour
	estimateAge = 90 * 24 * time.Hour
)

// Prune removes old logs, the results of units that passed in old builds, and what is known of lists and units that are no more. Run does so every hour.
func (s *Service) Prune(ctx context.Context) error {
	now := s.db.Now()
	if _, err := s.blobs.Logs.Prune(now.Add(-s.opts.LogAge)); err != nil {
		return err
	}
	return s.db.Tx(ctx, func(tx *db.Tx) error {
		for _, old := range []struct {
			what, statement string
			age             time.Duration
		}{
			{"results", `DELETE FROM build_units WHERE status IN ('passed', 'skipped') AND build IN
				(SELECT id FROM build_builds WHERE ended_at > 0 AND ended_at < $1)`, s.opts.LogAge},
			{"lists", `DELETE FROM build_lists WHERE listed_at < $1`, listAge},
			{"lengths", `DELETE FROM build_estimates WHERE seen_at < $1`, estimateAge},
		} {
			if _, err := tx.Exec(ctx, old.statement, db.Micros(now.Add(-old.age))); err != nil {
				return fmt.Errorf("forget old %s: %w", old.what, err)
			}
		}
		return nil
	})
}
