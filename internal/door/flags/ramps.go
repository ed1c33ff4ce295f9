package flags

import (
	"context"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/decide/flag/ramp"
	"github.com/slipwayhq/slipway/internal/door/api"
	"github.com/slipwayhq/slipway/internal/fault"
)

// NewRamp is a ramp to start.
type NewRamp struct {
	ramp.Spec
	Reason string `json:"reason,omitempty" maxLength:"500"`
}

// RampCommand is what somebody wants of a ramp.
type RampCommand struct {
	Command string `json:"command" enum:"pause,resume,next,return" doc:"pause: stay at the step; worse visitors still bring it back; resume: go on, with the whole time of the step; next: go to the next step, or to all, now; return: take the value back from everybody"`
	Reason  string `json:"reason,omitempty" maxLength:"500"`
}

// mountRamps adds the paths of ramps.
func (d *Door) mountRamps() {
	type started struct {
		InState
		Body NewRamp
	}
	api.Register(d.API, api.Deploy, "POST /v1/apps/{app}/environments/{env}/flags/{flag}/ramps", "Give a flag's value to more and more visitors, as long as they do no worse", func(ctx context.Context, id access.Identity, in *started) (*answer[ramp.Ramp], error) {
		return answerWith(d.Ramps.Start(ctx, id.Actor(), in.App, in.Env, in.Flag, in.Body.Reason, in.Body.Spec))
	})
	type listing struct {
		api.InApp
		api.Page
		Flag string `query:"flag" doc:"Those of this flag, by its id"`
		All  bool   `query:"all" doc:"Those that are over as well"`
	}
	api.Register(d.API, api.View, "GET /v1/apps/{app}/ramps", "List ramps of flags, newest first", func(ctx context.Context, _ access.Identity, in *listing) (*api.ListOf[ramp.Ramp], error) {
		all, err := d.Ramps.Ramps(ctx, in.App, in.Flag, in.All)
		if err != nil {
			return nil, err
		}
		return api.Cut(all, in.Page, func(r ramp.Ramp) string { return api.NewestFirst(r.ID) })
	})
	type one struct {
		api.InApp
		Ramp string `path:"ramp" doc:"Id of the ramp"`
	}
	api.Register(d.API, api.View, "GET /v1/apps/{app}/ramps/{ramp}", "One ramp with its evidence, its way and what was counted", func(ctx context.Context, _ access.Identity, in *one) (*answer[ramp.Shown], error) {
		return answerWith(d.Ramps.Show(ctx, in.App, in.Ramp))
	})
	type commanded struct {
		api.InEnvironment
		Ramp string `path:"ramp" doc:"Id of the ramp"`
		Body RampCommand
	}
	api.Register(d.API, api.Deploy, "POST /v1/apps/{app}/environments/{env}/ramps/{ramp}/commands", "Pause a ramp, resume it, go on, or take it back", func(ctx context.Context, id access.Identity, in *commanded) (*answer[ramp.Ramp], error) {
		now, err := d.Ramps.Show(ctx, in.App, in.Ramp)
		if err == nil && now.Environment != in.Env { // the right that was checked is for another environment
			err = fault.NotFound("there is no ramp %s in %s", in.Ramp, in.Env)
		}
		if err != nil {
			return nil, err
		}
		return answerWith(d.Ramps.Command(ctx, id.Actor(), in.App, in.Ramp, in.Body.Command, in.Body.Reason))
	})
}
