package api

import (
	"context"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/decide/catalog"
	"github.com/slipwayhq/slipway/internal/fault"
)

// NewPerson is a person to add.
type NewPerson struct {
	Name  string `json:"name" doc:"1 to 40 of a-z, 0-9, '.', '_' and '-'" example:"ana"`
	Email string `json:"email,omitempty" doc:"As in their commits, so that notices reach them"`
	Admin bool   `json:"admin,omitempty"`
}

// LoginLink is a link that signs a person in.
type LoginLink struct {
	URL string `json:"url" doc:"Signs the person in, once, within a day"`
}

// NewGrant is a role to give.
type NewGrant struct {
	Env  string      `json:"environment,omitempty" default:"*" doc:"Where the role holds: an environment of the app, * for all"`
	Role access.Role `json:"role" enum:"viewer,deployer"`
}

func (s *Server) mountPeople() {
	people := s.opts.Access
	register(s, administer, "GET /v1/people", "List people and their roles", func(ctx context.Context, _ access.Identity, in *struct{ Page }) (*listOf[access.Person], error) {
		all, err := people.People(ctx)
		if err != nil {
			return nil, err
		}
		return cut(all, in.Page, func(p access.Person) string { return p.Name })
	})
	register(s, administer, "POST /v1/people", "Add a person", func(ctx context.Context, id access.Identity, in *with[NewPerson]) (*answer[access.Person], error) {
		return answerWith(people.AddPerson(ctx, id.Actor(), in.Body.Name, in.Body.Email, in.Body.Admin))
	})
	type named struct {
		Person string `path:"person" doc:"Name of the person"`
		Reason string `query:"reason" maxLength:"500"`
	}
	register(s, administer, "DELETE /v1/people/{person}", "Remove a person: their tokens, sessions and roles end at once", func(ctx context.Context, id access.Identity, in *named) (*struct{}, error) {
		return nil, people.RemovePerson(ctx, id.Actor(), in.Person, in.Reason)
	})
	type link struct {
		Person string `path:"person" doc:"Name of the person"`
	}
	register(s, administer, "POST /v1/people/{person}/links", "Make a link that signs a person in, once", func(ctx context.Context, id access.Identity, in *link) (*answer[LoginLink], error) {
		code, err := people.LoginCode(ctx, id.Actor(), in.Person)
		return answerWith(LoginLink{URL: s.opts.URL + "/login?token=" + code}, err)
	})
	s.mountGrants()
}

func (s *Server) mountGrants() {
	type granted struct {
		App    string `path:"app" doc:"Name of the app, or * for all"`
		Person string `path:"person" doc:"Name of the person"`
		Body   NewGrant
	}
	register(s, administer, "PUT /v1/apps/{app}/grants/{person}", "Give a person a role in an app, or in one environment of it", func(ctx context.Context, id access.Identity, in *granted) (*struct{}, error) {
		g := access.Grant{App: in.App, Env: in.Body.Env, Role: in.Body.Role}
		if err := s.checkGrant(ctx, g); err != nil {
			return nil, err
		}
		return nil, s.opts.Access.Grant(ctx, id.Actor(), in.Person, g)
	})
	type taken struct {
		App    string `path:"app" doc:"Name of the app, or * for all"`
		Person string `path:"person" doc:"Name of the person"`
		Env    string `query:"environment" doc:"Only what was given there: an environment, * for what holds in all; absent: every role in the app"`
	}
	register(s, administer, "DELETE /v1/apps/{app}/grants/{person}", "Take away the role that a person was given in an app, or in one environment of it", func(ctx context.Context, id access.Identity, in *taken) (*struct{}, error) {
		return nil, s.opts.Access.Revoke(ctx, id.Actor(), in.Person, in.App, in.Env)
	})
}

// checkGrant lets a role be given before the app is there: the first push makes it. The names have to be possible, and an environment of an app that is there has to be one of it.
func (s *Server) checkGrant(ctx context.Context, g access.Grant) error {
	if g.App != access.AllApps {
		if err := catalog.CheckName("app", g.App); err != nil {
			return err
		}
	}
	if g.Env == access.AllEnvironments {
		return nil
	}
	if err := catalog.CheckName("environment", g.Env); err != nil || g.App == access.AllApps {
		return err
	}
	switch _, err := s.opts.Catalog.App(ctx, g.App); {
	case fault.Is(err, fault.CodeNotFound):
		return nil
	case err != nil:
		return err
	}
	_, err := s.opts.Catalog.Environment(ctx, g.App, g.Env)
	return err
}
