package api

import (
	"context"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/decide/rollout"
	"github.com/slipwayhq/slipway/internal/decide/rollout/score"
)

// InDays is the part of an input that names a time back from now, and an environment.
type InDays struct {
	InApp
	Env  string `query:"environment" doc:"Only of this environment"`
	Days int    `query:"days" minimum:"1" maximum:"365" default:"30" doc:"How many days back, in UTC, today's included"`
}

// Word is what somebody says of a verdict.
type Word struct {
	Word score.Word `json:"word" enum:"right,wrong" doc:"Of a release that came back, wrong means a false alarm; of a promoted one, that it should have come back"`
	Note string     `json:"note,omitempty" maxLength:"500" doc:"What makes you sure; audited"`
}

// pastVerdict is a Verdict with the ETag of what is said of it.
type pastVerdict struct {
	ETag string `header:"ETag"`
	Body rollout.Verdict
}

// mountScore adds the score of past verdicts, and people's word on them.
func (s *Server) mountScore(r *rollout.Service) {
	register(s, view, "GET /v1/apps/{app}/score", "Keep the score of past verdicts: rollbacks and what people say of them, false alarms against the budget, harm spared",
		func(ctx context.Context, _ access.Identity, in *InDays) (*answer[score.Score], error) {
			if err := s.place(ctx, in.App, in.Env); err != nil {
				return nil, err
			}
			return answerWith(r.Score(ctx, in.App, in.Env, in.Days))
		})
	type list struct {
		InDays
		Page
		Show string `query:"show" enum:"all,rolled_back,to_say" default:"all" doc:"All; what came back, whoever took it back; or what the judge took back and nobody has called right or wrong"`
	}
	register(s, view, "GET /v1/apps/{app}/verdicts", "List past verdicts, those on the newest rollouts first",
		func(ctx context.Context, _ access.Identity, in *list) (*listOf[rollout.Verdict], error) {
			before, err := in.key("rol")
			if err != nil {
				return nil, err
			}
			if err := s.place(ctx, in.App, in.Env); err != nil {
				return nil, err
			}
			items, err := r.Verdicts(ctx, in.App, in.Env, in.Show, in.Days, before, in.Limit+1)
			if err != nil {
				return nil, err
			}
			return partByKey(items, in.Limit, func(v rollout.Verdict) string { return v.Rollout }), nil
		})
	s.mountAssessment(r)
}

func (s *Server) mountAssessment(r *rollout.Service) {
	past := func(ctx context.Context, in InRollout) (*pastVerdict, error) {
		v, err := r.Verdict(ctx, in.App, in.Rollout)
		if err != nil {
			return nil, err
		}
		return &pastVerdict{ETag: etag(v.Assessment.Revision), Body: v}, nil
	}
	register(s, view, "GET /v1/apps/{app}/rollouts/{rollout}/assessment", "The verdict on a rollout that has ended, and what people say of it",
		func(ctx context.Context, _ access.Identity, in *InRollout) (*pastVerdict, error) {
			return past(ctx, *in)
		})
	type said struct {
		InRollout
		InMatch
		Body Word
	}
	register(s, deploy, "PUT /v1/apps/{app}/rollouts/{rollout}/assessment", "Call a verdict right or wrong; the score counts it",
		func(ctx context.Context, id access.Identity, in *said) (*pastVerdict, error) {
			if err := r.Assess(ctx, id.Actor(), in.App, in.Rollout, in.Body.Word, in.Body.Note, in.saw); err != nil {
				return nil, err
			}
			return past(ctx, in.InRollout)
		})
	type unsaid struct {
		InRollout
		InMatch
	}
	register(s, deploy, "DELETE /v1/apps/{app}/rollouts/{rollout}/assessment", "Take back what was said of a verdict",
		func(ctx context.Context, id access.Identity, in *unsaid) (*pastVerdict, error) {
			if err := r.Assess(ctx, id.Actor(), in.App, in.Rollout, score.Unsaid, "", in.saw); err != nil {
				return nil, err
			}
			return past(ctx, in.InRollout)
		})
}

// saw refuses a caller who did not see the present revision.
func (in InMatch) saw(present int64) error { return in.match(etag(present)) }
