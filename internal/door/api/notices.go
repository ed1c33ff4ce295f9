package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/act/notify"
)

// Notices is where an environment's notices go.
type Notices struct {
	Webhooks []notify.Target `json:"webhooks" nullable:"false"`
}

// oneNotices is where notices go, with an ETag of what it says: nothing counts its changes.
type oneNotices struct {
	ETag string `header:"ETag"`
	Body Notices
}

func taggedNotices(targets []notify.Target, err error) (*oneNotices, error) {
	if err != nil {
		return nil, err
	}
	return &oneNotices{ETag: noticesTag(targets), Body: Notices{Webhooks: targets}}, nil
}

func noticesTag(targets []notify.Target) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%+q", targets))
	return `"` + hex.EncodeToString(sum[:12]) + `"`
}

// MountNotices adds who is told of red builds, held rollouts and returned releases.
func (s *Server) MountNotices(n *notify.Service) {
	const path = "/v1/apps/{app}/environments/{env}/notices"
	register(s, deploy, "GET "+path, "Where an environment's notices go",
		func(ctx context.Context, _ access.Identity, in *InEnvironment) (*oneNotices, error) {
			return taggedNotices(n.Targets(ctx, in.App, in.Env))
		})
	type put struct {
		InEnvironment
		InMatch
		Body Notices
	}
	register(s, deploy, "PUT "+path, "Say where an environment's notices go",
		func(ctx context.Context, id access.Identity, in *put) (*oneNotices, error) {
			seen, err := n.Targets(ctx, in.App, in.Env)
			if err != nil {
				return nil, err
			}
			if err := in.match(noticesTag(seen)); err != nil {
				return nil, err
			}
			return taggedNotices(in.Body.Webhooks, n.SetTargets(ctx, id.Actor(), in.App, in.Env, seen, in.Body.Webhooks))
		})
	type list struct {
		InEnvironment
		Page
	}
	register(s, view, "GET "+path+"/log", "Notices and what became of them, the newest first",
		func(ctx context.Context, _ access.Identity, in *list) (*listOf[notify.Notice], error) {
			before, err := in.key("ntc")
			if err != nil {
				return nil, err
			}
			notices, err := n.Log(ctx, in.App, in.Env, before, in.Limit+1)
			if err != nil {
				return nil, err
			}
			return partByKey(notices, in.Limit, func(n notify.Notice) string { return n.ID }), nil
		})
	register(s, deploy, "POST "+path+"/test", "Send a test notice to every target",
		func(ctx context.Context, id access.Identity, in *InEnvironment) (*struct{}, error) {
			return nil, n.Test(ctx, id.Actor(), in.App, in.Env)
		})
}
