package api

import (
	"context"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/decide/catalog"
)

func (s *Server) mountReleases() {
	apps := s.opts.Catalog
	type input struct {
		InApp
		Env string `query:"environment" default:"production" doc:"Name of the environment"`
		Page
	}
	register(s, view, "GET /v1/apps/{app}/releases", "List the releases of an environment, newest first", func(ctx context.Context, _ access.Identity, in *input) (*listOf[catalog.Release], error) {
		before, err := in.number()
		if err != nil {
			return nil, err
		}
		if err := s.place(ctx, in.App, in.Env); err != nil {
			return nil, err
		}
		found, err := apps.Releases(ctx, in.App, in.Env, int(before), in.Limit+1)
		if err != nil {
			return nil, err
		}
		return part(found, in.Limit, func(r catalog.Release) int64 { return int64(r.Number) }), nil
	})
	type one struct {
		InApp
		Release string `path:"release" doc:"Id of the release: rel_…"`
	}
	register(s, view, "GET /v1/apps/{app}/releases/{release}", "Show a release", func(ctx context.Context, _ access.Identity, in *one) (*answer[catalog.Release], error) {
		return answerWith(apps.Release(ctx, in.App, in.Release))
	})
}
