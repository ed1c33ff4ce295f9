package api

import (
	"context"

	"github.com/slipwayhq/slipway/internal/access"
)

func (s *Server) mountAudit() {
	type input struct {
		App string `query:"app" doc:"What concerns this app only; without it takes an admin"`
		Page
	}
	register(s, signedIn, "GET /v1/audit", "List who did what, and why, from the newest", func(ctx context.Context, id access.Identity, in *input) (*listOf[access.Entry], error) {
		needed := access.View
		if in.App == "" {
			needed = access.Administer
		}
		if err := id.Require(needed, in.App); err != nil {
			return nil, err
		}
		before, err := in.number()
		if err != nil {
			return nil, err
		}
		entries, err := access.AuditList(ctx, s.opts.DB, in.App, before, in.Limit+1)
		if err != nil {
			return nil, err
		}
		return part(entries, in.Limit, func(e access.Entry) int64 { return e.ID }), nil
	})
}
