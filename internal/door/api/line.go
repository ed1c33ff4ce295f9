package api

import (
	"context"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/decide/build"
	"github.com/slipwayhq/slipway/internal/decide/rollout"
	"github.com/slipwayhq/slipway/internal/door/api/line"
)

// Line is an environment's way from push to everyone.
type Line struct {
	Environment string      `json:"environment"`
	Stages      []string    `json:"stages" nullable:"false"`
	Cards       []line.Card `json:"cards" nullable:"false" doc:"The newest first"`
}

// lineLength is how many ended builds and rollouts are looked at.
const lineLength = 20

// MountLine adds the home page's line.
func (s *Server) MountLine(b *build.Service, r *rollout.Service) {
	type input struct {
		InApp
		Env string `query:"environment" default:"production"`
	}
	register(s, view, "GET /v1/apps/{app}/line", "What is on its way to an environment, and what serves there",
		func(ctx context.Context, _ access.Identity, in *input) (*answer[Line], error) {
			if _, err := s.opts.Catalog.Environment(ctx, in.App, in.Env); err != nil {
				return nil, err
			}
			builds, _, err := b.Builds(ctx, in.App, in.Env, "", lineLength)
			if err != nil {
				return nil, err
			}
			rollouts, err := r.List(ctx, in.App, in.Env, 0, lineLength)
			if err != nil {
				return nil, err
			}
			return answerWith(Line{Environment: in.Env, Stages: []string{"tests", "canary", "live"}, Cards: line.Cards(builds, rollouts)}, nil)
		})
}
