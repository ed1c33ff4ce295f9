package api

import (
	"context"
	"net/url"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/decide/catalog"
)

// Environment is an environment with the address that visitors use.
type Environment struct {
	catalog.Environment
	URL  string      `json:"url" doc:"Where visitors reach it"`
	Role access.Role `json:"role" enum:"viewer,deployer,admin" doc:"What you are there"`
}

// NewEnvironment is an environment to add.
type NewEnvironment struct {
	Name           string            `json:"name" example:"staging"`
	Branch         string            `json:"branch" doc:"Its commits are shipped here" example:"develop"`
	AllowForcePush bool              `json:"allow_force_push,omitempty"`
	Labels         map[string]string `json:"labels,omitempty" doc:"Hosts with all of these labels; absent: all hosts"`
	Hosts          []string          `json:"hosts,omitempty" doc:"Hosts by name, instead of by label"`
	Domains        []string          `json:"domains,omitempty" doc:"Host names that lead here"`
}

// EnvironmentChange is a change of an environment: what is absent stays.
type EnvironmentChange struct {
	Branch         *string            `json:"branch,omitempty"`
	AllowForcePush *bool              `json:"allow_force_push,omitempty"`
	Labels         *map[string]string `json:"labels,omitempty"`
	Hosts          *[]string          `json:"hosts,omitempty"`
	Domains        *[]string          `json:"domains,omitempty"`
	Reason         string             `json:"reason,omitempty" maxLength:"500"`
}

// oneEnvironment is an Environment with its ETag.
type oneEnvironment struct {
	ETag string `header:"ETag"`
	Body Environment
}

func (s *Server) environmentFor(id access.Identity, e catalog.Environment) Environment {
	out := Environment{Environment: e, URL: s.opts.EdgeURL, Role: id.RoleIn(e.App, e.Name)}
	if u, err := url.Parse(s.opts.EdgeURL); err == nil && len(e.Domains) > 0 {
		u.Host = withPort(e.Domains[0], u.Port())
		out.URL = u.String()
	}
	return out
}

func withPort(domain, port string) string {
	if port == "" {
		return domain
	}
	return domain + ":" + port
}

// tagged makes the answer with an environment, for whom it is given to.
func (s *Server) tagged(id access.Identity) func(catalog.Environment, error) (*oneEnvironment, error) {
	return func(e catalog.Environment, err error) (*oneEnvironment, error) {
		if err != nil {
			return nil, err
		}
		return &oneEnvironment{ETag: etag(e.Revision), Body: s.environmentFor(id, e)}, nil
	}
}

func (s *Server) mountEnvironmentList() {
	type list struct {
		InApp
		Page
	}
	register(s, view, "GET /v1/apps/{app}/environments", "List the environments of an app: production, then by name", func(ctx context.Context, id access.Identity, in *list) (*listOf[Environment], error) {
		found, err := s.opts.Catalog.Environments(ctx, in.App)
		if err != nil {
			return nil, err
		}
		out := []Environment{}
		for _, e := range found {
			out = append(out, s.environmentFor(id, e))
		}
		return cut(out, in.Page, func(e Environment) string {
			if e.Name == "production" {
				return ""
			}
			return e.Name
		})
	})
}

func (s *Server) mountEnvironments() {
	apps := s.opts.Catalog
	s.mountEnvironmentList()
	type made struct {
		InApp
		Body NewEnvironment
	}
	register(s, deploy, "POST /v1/apps/{app}/environments", "Add an environment", func(ctx context.Context, id access.Identity, in *made) (*oneEnvironment, error) {
		b := in.Body
		return s.tagged(id)(apps.CreateEnvironment(ctx, id.Actor(), catalog.Environment{
			App: in.App, Name: b.Name, Branch: b.Branch, AllowForcePush: b.AllowForcePush, Labels: b.Labels, Hosts: b.Hosts, Domains: b.Domains,
		}))
	})
	register(s, view, "GET /v1/apps/{app}/environments/{env}", "Show an environment", func(ctx context.Context, id access.Identity, in *struct{ InEnvironment }) (*oneEnvironment, error) {
		return s.tagged(id)(apps.Environment(ctx, in.App, in.Env))
	})
	type changed struct {
		InEnvironment
		InMatch
		Body EnvironmentChange
	}
	register(s, deployAll, "PATCH /v1/apps/{app}/environments/{env}", "Change an environment; what is absent stays", func(ctx context.Context, id access.Identity, in *changed) (*oneEnvironment, error) {
		now, err := apps.Environment(ctx, in.App, in.Env)
		if err != nil {
			return nil, err
		}
		revision, err := in.expect(now.Revision)
		if err != nil {
			return nil, err
		}
		b := in.Body
		c := catalog.Change{Branch: b.Branch, AllowForcePush: b.AllowForcePush, Reason: b.Reason}
		if b.Labels != nil {
			c.Labels = orEmptyMap(*b.Labels)
		}
		if b.Hosts != nil {
			c.Hosts = orEmpty(*b.Hosts)
		}
		if b.Domains != nil {
			c.Domains = orEmpty(*b.Domains)
		}
		return s.tagged(id)(apps.ChangeEnvironment(ctx, id.Actor(), in.App, in.Env, revision, c))
	})
}

// orEmpty makes null, as sent by a client, an empty list: it was sent, so it is meant.
func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

func orEmptyMap(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}
