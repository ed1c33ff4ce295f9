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

type settingsAnswer struct {
	ETag string `header:"ETag"`
	Body track.Settings
}

func taggedSettings(s track.Settings, err error) (*settingsAnswer, error) {
	if err != nil {
		return nil, err
	}
	return &settingsAnswer{api.ETag(s.Revision), s}, nil
}

// mountSettings adds the paths of what an app wants of its events.
func (d *Door) mountSettings() {
	api.Register(d.API, api.View, "GET /v1/apps/{app}/events/settings", "Show what is stored of events, and how long", func(ctx context.Context, _ access.Identity, in *struct{ api.InApp }) (*settingsAnswer, error) {
		return taggedSettings(d.Sources.Settings(ctx, in.App))
	})
	type changed struct {
		api.InApp
		api.InMatch
		Body EventSettings
	}
	api.Register(d.API, api.DeployAll, "PUT /v1/apps/{app}/events/settings", "Change what is stored of events, and how long", func(ctx context.Context, id access.Identity, in *changed) (*settingsAnswer, error) {
		now, err := d.Sources.Settings(ctx, in.App)
		if err != nil {
			return nil, err
		}
		revision, err := in.Expect(now.Revision)
		if err != nil {
			return nil, err
		}
		b := in.Body
		return taggedSettings(d.Sources.SetSettings(ctx, id.Actor(), in.App, b.Reason, track.Settings{KeepDays: b.KeepDays, IP: b.IP, Hidden: b.Hidden, Revision: revision}))
	})
}
