package rollout

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/decide/rollout/before"
	"github.com/slipwayhq/slipway/internal/decide/rollout/machine"
	"github.com/slipwayhq/slipway/internal/decide/rollout/trace"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/journal"
	"github.com/slipwayhq/slipway/internal/pure/judge"
)

// second takes one second of one edge: into the baseline, and into the rollout it belongs to. Each counts once, whatever is sent again.
func (s *Service) second(ctx context.Context, tx *db.Tx, t journal.Telemetry) error {
	var sec event.EdgeSecond
	if err := json.Unmarshal(t.Data, &sec); err != nil {
		s.log.Error("an edge's second cannot be read and is left out", "sequence", t.Sequence, "error", err)
		return nil
	}
	fresh, err := takeNumber(ctx, tx, sec.Edge, sec.Boot, sec.Number, sec.Second)
	if err != nil || !fresh {
		return err
	}
	for part, rs := range sec.Routes {
		if err := before.AddSecond(ctx, tx, rs, sec.Second); err != nil {
			return err
		}
		if rs.Split.New == "" {
			if err := s.overhear(ctx, tx, rs, sec.Second); err != nil {
				return err
			}
		}
		if rs.Rollout == "" || rs.Split.New == "" {
			continue
		}
		if err := s.evidence(ctx, tx, sec, part); err != nil {
			return err
		}
	}
	return nil
}

// overhear lets the rollout under way have a second of before its first split, where control hosts have started anew for it by then.
func (s *Service) overhear(ctx context.Context, tx *db.Tx, rs event.RouteSecond, second int64) error {
	var id string
	err := tx.QueryRow(ctx, `SELECT current FROM rollout_envs WHERE app = $1 AND env = $2`, rs.App, rs.Env).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) || err == nil && id == "" {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the rollout under way in %s/%s: %w", rs.App, rs.Env, err)
	}
	m, err := loadMachine(ctx, tx, id)
	if err != nil || len(m.Controls.By) == 0 {
		return err
	}
	news, err := before.Unseen(ctx, tx, rs, m.Started)
	if err != nil {
		return err
	}
	m.Overhear(rs, news, second)
	return storeMachine(ctx, tx, m)
}

// evidence folds a second into its rollout, keeps the tick, and lets the machine move.
func (s *Service) evidence(ctx context.Context, tx *db.Tx, sec event.EdgeSecond, part int) error {
	rs := sec.Routes[part]
	m, err := loadMachine(ctx, tx, rs.Rollout)
	if fault.Is(err, fault.CodeNotFound) {
		s.log.Warn("an edge counts for a rollout that is not known here", "rollout", rs.Rollout, "edge", sec.Edge)
		return nil
	}
	if err != nil {
		return err
	}
	if m.State.Ended() || rs.Split.New != m.Release {
		return nil
	}
	news, err := before.Unseen(ctx, tx, rs, m.Started)
	if err != nil {
		return err
	}
	folded, changed, err := m.Fold(rs, news, sec.Second, tx.Now())
	if err != nil {
		s.log.Error("a second's counts are impossible and are left out", "rollout", m.ID, "edge", sec.Edge, "second", sec.Second, "error", err)
	}
	if err := trace.Keep(ctx, tx, m, sec, part, folded); err != nil {
		return err
	}
	tx.OnCommit(func() { s.tell(Tick{Rollout: m.ID, App: m.App, Second: sec.Second}) })
	if changed {
		if err := s.judged(ctx, tx, m); err != nil {
			return err
		}
	}
	return s.advance(ctx, tx, m)
}

// judged tells that the verdict changed.
func (s *Service) judged(ctx context.Context, tx *db.Tx, m *machine.Rollout) error {
	meta := event.Meta{App: m.App, Env: m.Env, Actor: actorSelf, Cause: m.Cause}
	ev, err := tx.Emit(ctx, meta, event.RolloutJudged{Rollout: m.ID, Verdict: string(m.Verdict), Reasons: m.Named(machine.JudgeReasons(judge.Judge(m.Judge, m.Evidence)))})
	if err != nil {
		return err
	}
	m.Cause = ev.ID
	return nil
}

// takeNumber notes the number of a second of an edge, or a host, and tells whether it is new. They are sent in order.
func takeNumber(ctx context.Context, tx *db.Tx, from, boot string, number, second int64) (fresh bool, err error) {
	var last int64
	err = tx.QueryRow(ctx, `INSERT INTO rollout_edges (edge, boot, number, second) VALUES ($1, $2, $3, $4)
		ON CONFLICT (edge, boot) DO UPDATE SET number = excluded.number, second = excluded.second WHERE rollout_edges.number < excluded.number RETURNING number`,
		from, boot, number, second).Scan(&last)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("note second %s/%s/%d: %w", from, boot, number, err)
	}
	if number%forgetEvery != 0 {
		return true, nil
	}
	if _, err := tx.Exec(ctx, `DELETE FROM rollout_edges WHERE second > 0 AND second < $1`, second-int64(forgetAfter/time.Second)); err != nil {
		return false, fmt.Errorf("forget the numbers of edges long gone: %w", err)
	}
	return true, nil
}

// What a start of an edge, or of a host, has counted comes within minutes, or once the server is back: a month later its last number is forgotten. That is looked at once
// in so many seconds.
const (
	forgetAfter = 30 * 24 * time.Hour
	forgetEvery = 1000
)
