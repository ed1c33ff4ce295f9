package rollout

import (
	"context"
	"time"

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

// keepingPast does keepPast until it is done, or ctx ends.
func (s *Service) keepingPast(ctx context.Context) error {
	for err := s.keepPast(ctx); err != nil && ctx.Err() == nil; err = s.keepPast(ctx) {
		s.log.Error("verdicts of before are not in the score yet, trying again", "error", err)
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
		}
	}
	return nil
}

// keepPast stores the facts of rollouts that ended before facts were kept, a few at a time.
func (s *Service) keepPast(ctx context.Context) error {
	const few = 50
	for last := ""; ; {
		ids, err := past.Unkept(ctx, s.db, last, few)
		if err != nil || len(ids) == 0 {
			return err
		}
		err = s.change(ctx, func(tx *db.Tx) error {
			for _, id := range ids {
				m, err := loadMachine(ctx, tx, id)
				if err != nil {
					return err
				}
				if err := past.Keep(ctx, tx, m); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		last = ids[len(ids)-1]
	}
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
	out := make([]Verdict, 0, len(found))
	for _, f := range found {
		v, err := s.pastVerdict(ctx, f)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// Verdict gives one past verdict.
func (s *Service) Verdict(ctx context.Context, app, id string) (Verdict, error) {
	m, err := s.ofApp(ctx, s.db, app, id)
	if err != nil {
		return Verdict{}, err
	}
	v, err := past.Of(ctx, s.db, m)
	if fault.Is(err, fault.CodeConflict) {
		err = fault.NotFound("%s", err) // a reader asks for what is not there
	}
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
