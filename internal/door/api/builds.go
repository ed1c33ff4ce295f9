package api

import (
	"cmp"
	"context"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/decide/build"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/fault"
)

// InBuild is the part of an input that names an app and a build of it.
type InBuild struct {
	InApp
	Build string `path:"build" doc:"Id of the build" example:"bld_01kc"`
}

func (in InBuild) environment(ctx context.Context, s *Server) (string, error) {
	return s.builds.EnvironmentOf(ctx, in.App, in.Build)
}

// MountBuilds adds the builds and their logs.
func (s *Server) MountBuilds(b *build.Service) {
	s.builds = b
	type list struct {
		InApp
		Page
		Env    string `query:"environment" doc:"Only of this environment"`
		Number int    `query:"number" minimum:"0" doc:"Only those of this number, of which each environment has one at most"`
	}
	register(s, view, "GET /v1/apps/{app}/builds", "List an app's builds, the newest first",
		func(ctx context.Context, _ access.Identity, in *list) (*listOf[build.Build], error) {
			after, err := in.key("bld")
			if err := cmp.Or(err, s.place(ctx, in.App, in.Env)); err != nil {
				return nil, err
			}
			if in.Number > 0 {
				return everything(b.Numbered(ctx, in.App, in.Env, in.Number))
			}
			items, next, err := b.Builds(ctx, in.App, in.Env, after, in.Limit)
			return &listOf[build.Build]{Body: List[build.Build]{Items: items, Next: next}}, err
		})
	register(s, view, "GET /v1/apps/{app}/builds/{build}", "One build with its units and leases",
		func(ctx context.Context, _ access.Identity, in *InBuild) (*answer[build.Detail], error) {
			return answerWith(b.Build(ctx, in.App, in.Build))
		})
	type cancel struct {
		InBuild
		Body struct {
			Reason string `json:"reason,omitempty" maxLength:"500"`
		}
	}
	register(s, deploy, "POST /v1/apps/{app}/builds/{build}/cancel", "Cancel a build; what runs is ended",
		func(ctx context.Context, id access.Identity, in *cancel) (*struct{}, error) {
			return nil, b.Cancel(ctx, id.Actor(), in.App, in.Build, in.Body.Reason)
		})
	type buildStarted struct {
		Build string `json:"build" doc:"Id of the new build"`
	}
	register(s, deploy, "POST /v1/apps/{app}/builds/{build}/retry", "Build the same commit again; units that passed are not run again",
		func(ctx context.Context, id access.Identity, in *InBuild) (*answer[buildStarted], error) {
			again, err := b.Retry(ctx, id.Actor(), in.App, in.Build)
			return answerWith(buildStarted{Build: again}, err)
		})
	type hotfix struct {
		InBuild
		Body struct {
			SkipTests bool   `json:"skip_tests,omitempty" doc:"Go out without the tests"`
			SkipWatch bool   `json:"skip_watch,omitempty" doc:"Go to everyone at once"`
			Reason    string `json:"reason" minLength:"1" maxLength:"500" doc:"Why; audited"`
		}
	}
	register(s, deploy, "POST /v1/apps/{app}/builds/{build}/hotfix", "Ship the newest build's commit now, without its tests, its watch, or both",
		func(ctx context.Context, id access.Identity, in *hotfix) (*answer[buildStarted], error) {
			h := event.Hotfix{SkipTests: in.Body.SkipTests, SkipWatch: in.Body.SkipWatch, Reason: in.Body.Reason}
			made, err := b.Hotfix(ctx, id.Actor(), in.App, in.Build, h)
			return answerWith(buildStarted{Build: made}, err)
		})
	s.mux.HandleFunc("GET /v1/apps/{app}/builds/{build}/logs/{lease}", s.buildLog(b))
}

// logWait is how long the answer is held for something new.
const logWait = 20 * time.Second

// buildLog answers with the bytes of a log from an offset on. With wait=1 it holds the answer until there is something new, for logWait at most.
func (s *Server) buildLog(b *build.Service) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		app := r.PathValue("app")
		if err := requestOf(r.Context()).identity.Require(access.View, app); err != nil {
			s.writeProblem(w, r, err)
			return
		}
		q := r.URL.Query()
		offset, err := strconv.ParseInt("0"+q.Get("offset"), 10, 64)
		if err != nil {
			s.writeProblem(w, r, fault.Invalid("offset must be a number of bytes").At("query.offset"))
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), logWait)
		defer cancel()
		tail, err := b.ReadLog(ctx, app, r.PathValue("build"), r.PathValue("lease"), offset, q.Get("wait") == "1")
		if err != nil {
			s.writeProblem(w, r, err)
			return
		}
		defer func() { _ = tail.Text.Close() }()
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Slipway-Log-End", strconv.FormatBool(tail.End))
		_, _ = io.Copy(w, tail.Text) // the reader may be gone
	}
}
