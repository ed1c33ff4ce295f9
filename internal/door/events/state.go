package events

import (
	"context"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/decide/track"
	"github.com/slipwayhq/slipway/internal/door/api"
)

// State is how the events of all apps fare.
type State struct {
	Written uint64 `json:"written" doc:"Last sequence of the log"`
	Stored  uint64 `json:"stored" doc:"Sequence up to which everything can be asked about"`
	Trouble string `json:"trouble,omitempty" doc:"Why storing is behind; the log holds what is not stored"`
	Refused string `json:"refused,omitempty" doc:"Why no events are taken just now; their senders are told to come again"`
	// Limited has the app's sources that came faster than their limits.
	Limited []track.Refusal `json:"limited,omitempty" doc:"Sources of the app that sent faster than they may"`
}

func (d *Door) mountState() {
	type told struct{ Body State }
	api.Register(d.API, api.View, "GET /v1/apps/{app}/events/state", "Tell whether events are taken, and how far they are stored", func(ctx context.Context, _ access.Identity, in *struct{ api.InApp }) (*told, error) {
		_, last, err := d.Journal.EventsHeld(ctx)
		if err != nil {
			return nil, err
		}
		behind := d.Feeder.Behind()
		out := State{Written: last, Stored: behind.Stored}
		if behind.Trouble != nil {
			out.Trouble = "the last attempt to store events failed; the server's log says why"
		}
		if err := d.Full(); err != nil {
			out.Refused = err.Error()
		}
		if d.Refusals != nil {
			sources, err := d.Sources.Sources(ctx, in.App)
			if err != nil {
				return nil, err
			}
			out.Limited = d.Refusals(sources)
		}
		return &told{out}, nil
	})
}
