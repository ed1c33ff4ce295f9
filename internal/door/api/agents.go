package api

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slipwayhq/slipway/internal/access"
	deploying "github.com/slipwayhq/slipway/internal/act/deploy"
	"github.com/slipwayhq/slipway/internal/decide/build"
	"github.com/slipwayhq/slipway/internal/decide/fleet"
	"github.com/slipwayhq/slipway/internal/door/api/targets"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/wire"
)

// AgentView is a machine with what it holds and does.
type AgentView struct {
	fleet.Agent
	Releases []deploying.Process `json:"releases" doc:"Processes it runs, in the apps that the caller may see"`
	Lease    *build.Work         `json:"lease" doc:"What a worker is doing"`
}

// targetsPath is asked every few seconds.
const targetsPath = "/v1/apps/{app}/environments/{env}/targets"

// Join is how machines find this server: the URL for them, and the pin behind a join token, empty on loopback.
type Join struct{ URL, Pin string }

// MountAgents adds hosts, workers and edges, and the tokens by which they join.
func (s *Server) MountAgents(f *fleet.Service, d *deploying.Service, b *build.Service, join func() Join) {
	type list struct {
		Page
		Role string `query:"role" enum:"host,work,edge" doc:"Only those that play this role"`
	}
	register(s, signedIn, "GET /v1/agents", "List hosts, workers and edges",
		func(ctx context.Context, id access.Identity, in *list) (*listOf[AgentView], error) {
			views, err := agentViews(ctx, id, f, d, b, in.Role)
			if err != nil {
				return nil, err
			}
			return cut(views, in.Page, func(a AgentView) string { return a.Name + "\x00" + a.ID })
		})
	type One struct {
		Agent string `path:"agent" doc:"Id of the agent" example:"agt_01kc"`
	}
	register(s, signedIn, "GET /v1/agents/{agent}/samples", "The last minutes of a host, oldest first",
		func(ctx context.Context, _ access.Identity, in *One) (*listOf[wire.Sample], error) {
			samples := f.Samples(in.Agent)
			if samples == nil {
				all, err := f.Agents(ctx, "")
				if err != nil {
					return nil, err
				}
				if !slices.ContainsFunc(all, func(a fleet.Agent) bool { return a.ID == in.Agent }) {
					return nil, fault.NotFound("there is no agent %s", in.Agent)
				}
			}
			if samples == nil {
				samples = []wire.Sample{}
			}
			return everything(samples, nil)
		})
	type remove struct {
		One
		Reason string `query:"reason" maxLength:"500"`
	}
	register(s, administer, "DELETE /v1/agents/{agent}", "Take an agent out; its credential is void",
		func(ctx context.Context, id access.Identity, in *remove) (*struct{}, error) {
			return nil, f.Remove(ctx, id.Actor(), in.Agent, in.Reason)
		})
	register(s, view, "GET "+targetsPath, "Where the processes that are up listen, for Prometheus (http_sd_configs)",
		func(ctx context.Context, _ access.Identity, in *struct{ InEnvironment }) (*answer[[]targets.ScrapeTarget], error) {
			return answerWith(targets.List(ctx, f, d, in.App, in.Env))
		})
	s.mountJoinTokens(f, join)
}

func agentViews(ctx context.Context, id access.Identity, f *fleet.Service, d *deploying.Service, b *build.Service, role string) ([]AgentView, error) {
	agents, err := f.Agents(ctx, role)
	if err != nil {
		return nil, err
	}
	processes, err := d.Processes(ctx)
	if err != nil {
		return nil, err
	}
	work, err := b.Working(ctx)
	if err != nil {
		return nil, err
	}
	views := make([]AgentView, 0, len(agents))
	for _, a := range agents {
		v := AgentView{Agent: a, Releases: []deploying.Process{}}
		for _, p := range processes {
			if p.Host == a.ID && id.Can(access.View, p.App) {
				v.Releases = append(v.Releases, p)
			}
		}
		if w, ok := work[a.ID]; ok && id.Can(access.View, w.App) {
			v.Lease = &w
		}
		views = append(views, v)
	}
	return views, nil
}

func (s *Server) mountJoinTokens(f *fleet.Service, join func() Join) {
	register(s, administer, "GET /v1/join-tokens", "List join tokens",
		func(ctx context.Context, _ access.Identity, in *struct{ Page }) (*listOf[fleet.JoinToken], error) {
			tokens, err := f.Joins(ctx)
			if err != nil {
				return nil, err
			}
			return cut(tokens, in.Page, func(t fleet.JoinToken) string { return newestFirst(t.ID) })
		})
	type create struct {
		Body struct {
			Label   string    `json:"label,omitempty" maxLength:"100"`
			Roles   []string  `json:"roles" enum:"host,work,edge" minItems:"1"`
			Uses    int64     `json:"uses,omitempty" minimum:"0" doc:"How many machines may join by it; 0 means any number"`
			Expires time.Time `json:"expires,omitzero" doc:"When it ends; a day from now when absent"`
		}
	}
	type created struct {
		fleet.JoinToken
		Token   string `json:"token" doc:"Shown once"`
		Command string `json:"command" doc:"To be run on the machine that joins"`
	}
	register(s, administer, "POST /v1/join-tokens", "Make a token by which machines join",
		func(ctx context.Context, id access.Identity, in *create) (*answer[created], error) {
			spec := fleet.JoinToken{Label: in.Body.Label, Roles: in.Body.Roles, Uses: in.Body.Uses, Expires: in.Body.Expires}
			t, secret, err := f.CreateJoin(ctx, id.Actor(), spec)
			if err != nil {
				return nil, err
			}
			at := join()
			if at.Pin != "" {
				secret += "." + at.Pin
			}
			out := created{JoinToken: t, Token: secret}
			out.Command = joinCommand(at.URL, secret, t.Roles)
			return answerWith(out, nil)
		})
	type One struct {
		Token string `path:"token" doc:"Id of the join token"`
	}
	register(s, administer, "DELETE /v1/join-tokens/{token}", "Void a join token; machines that joined by it stay",
		func(ctx context.Context, id access.Identity, in *One) (*struct{}, error) {
			return nil, f.RevokeJoin(ctx, id.Actor(), in.Token)
		})
}

// joinCommand is what a machine runs to join: an edge is a program of its own.
func joinCommand(url, secret string, roles []string) string {
	if slices.Equal(roles, []string{wire.RoleEdge}) {
		return fmt.Sprintf("slipway edge --server %s --join %s", url, secret)
	}
	agents := slices.DeleteFunc(slices.Clone(roles), func(role string) bool { return role == wire.RoleEdge })
	return fmt.Sprintf("slipway agent --server %s --join %s --roles %s", url, secret, strings.Join(agents, ","))
}
