package events

import (
	"context"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/decide/track"
	"github.com/slipwayhq/slipway/internal/door/api"
)

// NewSource is a source of events to add.
type NewSource struct {
	Name        string `json:"name" minLength:"1" maxLength:"100" example:"web" doc:"One within the app"`
	Environment string `json:"environment,omitempty" default:"production" doc:"Where its events belong"`
}

// SourceChange is what is to become of a source.
type SourceChange struct {
	Change string `json:"change" enum:"key,stop,resume,limit" doc:"key: another write key, and the old one is refused; stop: it takes no events; resume: it takes them again; limit: it takes so many a second"`
	Limit  int64  `json:"limit,omitempty" minimum:"0" maximum:"10000000" doc:"With limit: events a second; 0 takes the limit away"`
	Reason string `json:"reason,omitempty" maxLength:"500"`
}

// InSource names a source in the path.
type InSource struct {
	api.InApp
	Source string `path:"source" doc:"Id of the source" example:"src_0192f0c1a2b34d5e8f60718293a4b5c6"`
}

type oneSource struct{ Body track.Source }

// mountSources adds the paths of where events come from.
func (d *Door) mountSources() {
	sources := d.Sources
	type listing struct {
		api.InApp
		api.Page
	}
	api.Register(d.API, api.View, "GET /v1/apps/{app}/sources", "List where events come from, oldest first", func(ctx context.Context, _ access.Identity, in *listing) (*api.ListOf[track.Source], error) {
		all, err := sources.Sources(ctx, in.App)
		if err != nil {
			return nil, err
		}
		return api.Cut(all, in.Page, func(src track.Source) string { return src.ID })
	})
	type made struct {
		api.InApp
		Body NewSource
	}
	api.Register(d.API, api.Deploy, "POST /v1/apps/{app}/sources", "Add a source: it has the write key that clients send", func(ctx context.Context, id access.Identity, in *made) (*oneSource, error) {
		if err := d.API.Place(ctx, in.App, in.Body.Environment); err != nil {
			return nil, err
		}
		src, err := sources.Create(ctx, id.Actor(), in.App, in.Body.Environment, in.Body.Name)
		return &oneSource{src}, err
	})
	api.Register(d.API, api.View, "GET /v1/apps/{app}/sources/{source}", "Show a source", func(ctx context.Context, _ access.Identity, in *struct{ InSource }) (*oneSource, error) {
		src, err := sources.Find(ctx, in.App, in.Source)
		return &oneSource{src}, err
	})
	type changed struct {
		InSource
		Body SourceChange
	}
	api.Register(d.API, api.Deploy, "POST /v1/apps/{app}/sources/{source}/changes", "Turn the write key of a source, stop it, resume it, or limit it", func(ctx context.Context, id access.Identity, in *changed) (*oneSource, error) {
		if in.Body.Change == "limit" {
			src, err := sources.SetLimit(ctx, id.Actor(), in.App, in.Source, in.Body.Limit, in.Body.Reason)
			return &oneSource{src}, err
		}
		do := map[string]func(context.Context, string, string, string, string) (track.Source, error){"key": sources.Rotate, "stop": sources.Stop, "resume": sources.Resume}[in.Body.Change]
		src, err := do(ctx, id.Actor(), in.App, in.Source, in.Body.Reason)
		return &oneSource{src}, err
	})
}
