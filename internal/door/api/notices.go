package api

import (
	"context"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/act/notify"
)

// Notices is where an environment's notices go.
type Notices struct {
	Webhooks []notify.Target `json:"webhooks" nullable:"false"`
}

// MountNotices adds who is told of red builds, held rollouts and returned releases.
func (s *Server) MountNotices(n *notify.Service) {
	const path = "/v1/apps/{app}/environments/{env}/notices"
	register(s, deploy, "GET "+path, "Where an environment's notices go",
		func(ctx context.Context, _ access.Identity, in *InEnvironment) (*answer[Notices], error) {
			targets, err := n.Targets(ctx, in.App, in.Env)
			return answerWith(Notices{Webhooks: targets}, err)
		})
	type put struct {
		InEnvironment
		Body Notices
	}
	register(s, deploy, "PUT "+path, "Say where an environment's notices go",
		func(ctx context.Context, id access.Identity, in *put) (*answer[Notices], error) {
			if _, err := s.opts.Catalog.Environment(ctx, in.App, in.Env); err != nil {
				return nil, err
			}
			return answerWith(in.Body, n.SetTargets(ctx, id.Actor(), in.App, in.Env, in.Body.Webhooks))
		})
	register(s, view, "GET "+path+"/log", "The newest notices and what became of them",
		func(ctx context.Context, _ access.Identity, in *InEnvironment) (*listOf[notify.Notice], error) {
			return everything(n.Log(ctx, in.App, in.Env, 100))
		})
	register(s, deploy, "POST "+path+"/test", "Send a test notice to every target",
		func(ctx context.Context, id access.Identity, in *InEnvironment) (*struct{}, error) {
			return nil, n.Test(ctx, id.Actor(), in.App, in.Env)
		})
}
