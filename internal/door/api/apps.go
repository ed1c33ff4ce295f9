package api

import (
	"cmp"
	"context"
	"slices"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/decide/catalog"
	"github.com/slipwayhq/slipway/internal/fault"
)

// App is an app as its caller sees it.
type App struct {
	catalog.App
	Role   access.Role `json:"role" doc:"What you are to it" enum:"viewer,deployer,admin"`
	GitURL string      `json:"git_url" doc:"Where to push to"`
	// Environments hides those of the embedded App.
	Environments []Environment `json:"environments" nullable:"false"`
}

// NewApp is an app to make.
type NewApp struct {
	Name string `json:"name" doc:"1 to 40 of a-z, 0-9 and '-', a letter first" example:"shop"`
}

func (s *Server) mountApps() {
	apps := s.opts.Catalog
	register(s, signedIn, "GET /v1/apps", "List the apps you may see", func(ctx context.Context, id access.Identity, in *struct{ Page }) (*listOf[App], error) {
		found, err := apps.Apps(ctx, func(app string) bool { return id.Can(access.View, app) })
		if err != nil {
			return nil, err
		}
		out := []App{}
		for _, a := range found {
			out = append(out, s.appFor(id, a))
		}
		return cut(out, in.Page, func(a App) string { return a.Name })
	})
	register(s, create, "POST /v1/apps", "Create an app; pushing to it for the first time does the same", func(ctx context.Context, id access.Identity, in *with[NewApp]) (*answer[App], error) {
		a, err := apps.CreateApp(ctx, id.Actor(), in.Body.Name)
		return answerWith(s.appFor(id, a), err)
	})
	register(s, view, "GET /v1/apps/{app}", "Show an app", func(ctx context.Context, id access.Identity, in *struct{ InApp }) (*answer[App], error) {
		a, err := apps.App(ctx, in.App)
		return answerWith(s.appFor(id, a), err)
	})
}

func (s *Server) appFor(id access.Identity, a catalog.App) App {
	out := App{App: a, Role: id.Role(a.Name), GitURL: s.opts.URL + "/git/" + a.Name + ".git", Environments: []Environment{}}
	for _, e := range a.Environments {
		out.Environments = append(out.Environments, s.environmentFor(id, e))
	}
	return out
}

// place answers "not found" for an app, or an environment of it when one is named, that is not there: an empty list would look like one of something.
func (s *Server) place(ctx context.Context, app, env string) error {
	var missing error
	if env != "" {
		if _, missing = s.opts.Catalog.Environment(ctx, app, env); !fault.Is(missing, fault.CodeNotFound) {
			return missing
		}
	}
	there, err := catalog.Exists(ctx, s.opts.DB, app)
	if err == nil && !there {
		err = access.NoSuchApp(app)
	}
	return cmp.Or(err, missing)
}

// anyPlace answers "not found" for an environment that none of the apps has that the caller may see.
func (s *Server) anyPlace(ctx context.Context, id access.Identity, env string) error {
	apps, err := s.opts.Catalog.Apps(ctx, func(app string) bool { return id.Can(access.View, app) })
	if err != nil {
		return err
	}
	named := func(e catalog.Environment) bool { return e.Name == env }
	if !slices.ContainsFunc(apps, func(a catalog.App) bool { return slices.ContainsFunc(a.Environments, named) }) {
		return fault.NotFound("no app has an environment named %q", env)
	}
	return nil
}
