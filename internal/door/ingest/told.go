package ingest

import (
	"context"

	"github.com/slipwayhq/slipway/internal/decide/track"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/pure/capture"
)

// ofFlags is the source, in every environment, of what the server itself tells of flags that it decided. It is in no list: nobody has its key.
func ofFlags(app, env string) track.Source {
	return track.Source{ID: "flags", App: app, Environment: env, Name: "flags"}
}

// Told takes what the server itself tells of an environment, in the plain form, by the way of all events. nil means that it is on disk, or will be known once it is asked again.
func (e *Events) Told(ctx context.Context, app, env string, body []byte) error {
	now := e.now()
	d, err := capture.Plain(&capture.Call{Body: body, Received: now, NewID: func() string { return event.NewID(now) }})
	if err == nil {
		_, err = e.keep(ctx, ofFlags(app, env), d, false)
	}
	return err
}
