package events

import (
	"context"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/decide/track"
	"github.com/slipwayhq/slipway/internal/door/api"
)

// EventSettings are what an app is to want of its events, whole.
type EventSettings struct {
	KeepDays int      `json:"keep_days" minimum:"0" maximum:"36500" doc:"Remove events so many days after they were received; 0: keep them for ever"`
	IP       string   `json:"ip" enum:"truncate,full,none" doc:"What is stored of the address that events come from"`
	Hidden   []string `json:"hidden" nullable:"false" maxItems:"200" doc:"Names that are never stored; with dots they lead into objects" example:"[\"email\",\"card.number\"]"`
	Reason   string   `json:"reason,omitempty" maxLength:"500"`
}

// tagged is what people edit, with the ETag of what they see.
type tagged[T any] struct {
	ETag string `header:"ETag"`
	Body T
}

func tag[T any](v T, revision int64, err error) (*tagged[T], error) {
	if err != nil {
		return nil, err
	}
	return &tagged[T]{api.ETag(revision), v}, nil
}

func settingsOf(s track.Settings, err error) (*tagged[track.Settings], error) {
	return tag(s, s.Revision, err)
}

// mountSettings adds the paths of what an app wants of its events.
func (d *Door) mountSettings() {
	api.Register(d.API, api.View, "GET /v1/apps/{app}/events/settings", "Show what is stored of events, and how long", func(ctx context.Context, _ access.Identity, in *struct{ api.InApp }) (*tagged[track.Settings], error) {
		return settingsOf(d.Sources.Settings(ctx, in.App))
	})
	type changed struct {
		api.InApp
		api.InMatch
		Body EventSettings
	}
	api.Register(d.API, api.DeployAll, "PUT /v1/apps/{app}/events/settings", "Change what is stored of events, and how long", func(ctx context.Context, id access.Identity, in *changed) (*tagged[track.Settings], error) {
		now, err := d.Sources.Settings(ctx, in.App)
		if err != nil {
			return nil, err
		}
		revision, err := in.Expect(now.Revision)
		if err != nil {
			return nil, err
		}
		b := in.Body
		return settingsOf(d.Sources.SetSettings(ctx, id.Actor(), in.App, b.Reason, track.Settings{KeepDays: b.KeepDays, IP: b.IP, Hidden: b.Hidden, Revision: revision}))
	})
}
