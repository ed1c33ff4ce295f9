package events

import (
	"context"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/door/api"
)

// Rebuild is how far it is to make an app's store of events anew.
type Rebuild struct {
	State   string `json:"state" enum:"none,checking,filling,reading,done,refused" doc:"none was asked for since the server started; checking archive and log; filling from the archive; reading the log; done; or refused, and the store is as it was"`
	Message string `json:"message,omitempty" doc:"Why it was refused, or what holds it up; what holds it up is tried again"`
	// Archived counts the events of the archive, the rest is counted by the log's sequences.
	Archived int64  `json:"archived" doc:"How many events came from the archive"`
	Stored   uint64 `json:"stored" doc:"The sequence of the log up to which all is stored"`
	Target   uint64 `json:"target" doc:"The sequence at which it is done"`
}

type oneRebuild struct{ Body Rebuild }

// mountRebuild adds the paths of making a store anew.
func (d *Door) mountRebuild() {
	const path = "/v1/apps/{app}/events/rebuild"
	api.Register(d.API, api.DeployAll, "POST "+path, "Make the store of events anew, from the archive and the log; refused when they have not got all that is in it",
		func(ctx context.Context, id access.Identity, in *struct{ api.InApp }) (*oneRebuild, error) {
			if err := d.Sources.Audit(ctx, id.Actor(), in.App, "events.rebuild", nil); err != nil {
				return nil, err
			}
			if err := d.Feeder.Rebuild(ctx, in.App); err != nil {
				return nil, err
			}
			return d.rebuild(in.App), nil
		})
	api.Register(d.API, api.View, "GET "+path, "Show how far it is to make the store of events anew", func(_ context.Context, _ access.Identity, in *struct{ api.InApp }) (*oneRebuild, error) {
		return d.rebuild(in.App), nil
	})
}

func (d *Door) rebuild(app string) *oneRebuild {
	r, ok := d.Feeder.Rebuilding(app)
	if !ok {
		return &oneRebuild{Rebuild{State: "none", Stored: d.Feeder.Behind().Stored}}
	}
	return &oneRebuild{Rebuild{State: string(r.State), Message: r.Message, Archived: r.Events, Stored: d.Feeder.Behind().Stored, Target: r.Target}}
}
