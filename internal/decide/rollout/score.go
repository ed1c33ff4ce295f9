package rollout

import (
	"context"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/decide/rollout/machine"
	"github.com/slipwayhq/slipway/internal/decide/rollout/past"
	"github.com/slipwayhq/slipway/internal/decide/rollout/score"
	"github.com/slipwayhq/slipway/internal/fault"
)

// Verdict is a past verdict, with what people say of it.
type Verdict struct {
	score.Facts
	Release    ReleaseView     `json:"release"`
	Assessment past.Assessment `json:"assessment"`
	CanBeSaid  bool            `json:"can_be_said" doc:"The judge ended it, so that there is something to call right or wrong"`
}

func (s *Service) pastVerdict(ctx context.Context, v past.Verdict) (Verdict, error) {
	r, err := s.shown(ctx, s.db, v.ReleaseID)
	return Verdict{Facts: v.Facts, Release: r, Assessment: v.Said, CanBeSaid: v.CanBeSaid()}, err
}

// Score adds up the verdicts of an environment (or of the whole app) in the last days, today included.
func (s *Service) Score(ctx context.Context, app, env string, days int) (score.Score, error) {
	return past.Score(ctx, s.db, app, env, s.db.Now(), days)
}

// Verdicts gives the past verdicts of the last days, the newest rollout first, those before the id given ("": from the newest).
func (s *Service) Verdicts(ctx context.Context, app, env, show string, days int, before string, limit int) ([]Verdict, error) {
	found, err := past.List(ctx, s.db, app, env, show, score.Since(s.db.Now(), days), before, limit)
	if err != nil {
		return nil, err
	}
	out := make([]Verdict, len(found))
	for i, f := range found {
		if out[i], err = s.pastVerdict(ctx, f); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Verdict gives one past verdict.
func (s *Service) Verdict(ctx context.Context, app, id string) (Verdict, error) {
	m, err := s.ofApp(ctx, s.db, app, id)
	if err != nil {
		return Verdict{}, err
	}
	v, err := past.Read(ctx, s.db, m)
	if err != nil {
		return Verdict{}, err
	}
	return s.pastVerdict(ctx, v)
}

// Assess keeps somebody's word on the judge's verdict: see past.Assess.
func (s *Service) Assess(ctx context.Context, actor, app, id string, word score.Word, note string, seen func(present int64) error) error {
	return s.change(ctx, func(tx *db.Tx) error {
		m, err := s.ofApp(ctx, tx, app, id)
		if err != nil {
			return err
		}
		return past.Assess(ctx, tx, m, actor, word, note, seen)
	})
}

// ofApp gives a rollout of this app.
func (s *Service) ofApp(ctx context.Context, q db.Querier, app, id string) (*machine.Rollout, error) {
	m, err := loadMachine(ctx, q, id)
	if err == nil && m.App != app {
		err = fault.NotFound("there is no rollout %s in %s", id, app)
	}
	return m, err
}
