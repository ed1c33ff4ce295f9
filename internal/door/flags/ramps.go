package flags

import (
	"context"
	"fmt"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/analytics"
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
		r, err := d.Ramps.Start(ctx, id.Actor(), in.App, in.Env, in.Flag, in.Body.Reason, in.Body.Spec)
		if err == nil {
			r.Warnings = d.unseen(ctx, &r)
		}
		return answerWith(r, err)
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

// unseen warns of events that nobody has sent for a week: a ramp that is watched by a misspelt one would wait for ever.
func (d *Door) unseen(ctx context.Context, r *ramp.Ramp) (warnings []string) {
	for _, v := range r.Spec.Vitals {
		seen, err := d.seenEvent(ctx, r.App, r.Environment, v.Event)
		switch {
		case err != nil:
			warnings = append(warnings, fmt.Sprintf("whether %s is an event that comes cannot be told just now: the store of events does not answer", v.Event))
		case !seen:
			warnings = append(warnings, fmt.Sprintf("no %s came from %s in the last seven days; if it is misspelt, or none comes, nothing is compared, and the ramp is held at the end of the step", v.Event, r.Environment))
		}
	}
	return warnings
}

func (d *Door) seenEvent(ctx context.Context, app, env, name string) (bool, error) {
	store, err := d.Analytics.Store(ctx, app)
	if err != nil {
		return false, err
	}
	table, err := store.Query(ctx, analytics.Query{
		SQL:  `SELECT kind FROM events WHERE environment = $1 AND received >= $2 AND (kind = 'track' AND name = $3 OR kind IN ('page', 'screen') AND kind = $3) LIMIT 1`,
		Args: []any{env, d.Now().Add(-week).UTC(), name}, Rows: 1,
	})
	return len(table.Rows) > 0, err
}
