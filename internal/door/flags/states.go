package flags

import (
	"context"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/decide/flag"
	"github.com/slipwayhq/slipway/internal/door/api"
)

// InState names a flag in an environment.
type InState struct {
	api.InEnvironment
	Flag string `path:"flag" doc:"Id of the flag, or its name; a switch and a sample may be named as switch:NAME and sample:NAME" example:"new-checkout"`
}

// StateToSet is what a flag is to be in an environment, whole.
type StateToSet struct {
	flag.State
	Reason string `json:"reason,omitempty" maxLength:"500"`
}

// PlannedState is what a flag is to be later.
type PlannedState struct {
	StateToSet
	Wall string `json:"wall,omitempty" example:"2026-12-01T09:00" doc:"When, as a clock there shows it; without it the change is made as soon as it is approved"`
	Zone string `json:"zone,omitempty" example:"Europe/Berlin" doc:"Where that clock hangs"`
}

func (p PlannedState) wish(revision int64) flag.Wish {
	state := p.State
	state.Revision = revision
	return flag.Wish{State: state, Wall: p.Wall, Zone: p.Zone, Reason: p.Reason}
}

// mountStates adds the paths of a flag in one environment.
func (d *Door) mountStates() {
	const path = "/v1/apps/{app}/environments/{env}/flags/{flag}"
	of := func(f flag.Flag, env string, err error) (*tagged[flag.State], error) {
		return tag(f.States[env], f.States[env].Revision, err)
	}
	api.Register(d.API, api.View, "GET "+path, "Show what a flag is in an environment", func(ctx context.Context, _ access.Identity, in *InState) (*tagged[flag.State], error) {
		f, err := d.Flags.Find(ctx, in.App, in.Flag)
		return of(f, in.Env, err)
	})
	type changed struct {
		InState
		api.InMatch
		Body StateToSet
	}
	api.Register(d.API, api.Deploy, "PUT "+path, "Make a flag another one in an environment", func(ctx context.Context, id access.Identity, in *changed) (*tagged[flag.State], error) {
		f, revision, err := d.seen(ctx, in.InState, in.InMatch)
		if err != nil {
			return nil, err
		}
		to := in.Body.State
		to.Revision = revision
		f, err = d.Flags.SetState(ctx, id.Actor(), in.App, f.ID, in.Env, in.Body.Reason, to)
		return of(f, in.Env, err)
	})
	type planned struct {
		InState
		api.InMatch
		Body PlannedState
	}
	api.Register(d.API, api.Deploy, "POST "+path+"/plans", "Plan a change of a flag: for a time, for somebody's approval, or both", func(ctx context.Context, id access.Identity, in *planned) (*tagged[flag.Plan], error) {
		f, revision, err := d.seen(ctx, in.InState, in.InMatch)
		if err != nil {
			return nil, err
		}
		p, err := d.Flags.Plan(ctx, id.Actor(), in.App, f.ID, in.Env, in.Body.wish(revision))
		return tag(p, p.Revision, err)
	})
}

// seen is the flag, and the revision of its state, when the caller saw the present one.
func (d *Door) seen(ctx context.Context, in InState, match api.InMatch) (flag.Flag, int64, error) {
	f, err := d.Flags.Find(ctx, in.App, in.Flag)
	if err != nil {
		return f, 0, err
	}
	revision, err := match.Expect(f.States[in.Env].Revision)
	return f, revision, err
}

// InPlan names a planned change in the path.
type InPlan struct {
	api.InEnvironment
	Plan string `path:"plan" doc:"Id of the planned change"`
}

// PlanDecision is what somebody says of a planned change.
type PlanDecision struct {
	Decision string `json:"decision" enum:"approve,refuse" doc:"approve: somebody else than who planned it lets it be made; refuse: it never will be"`
	Said     string `json:"said,omitempty" maxLength:"500" doc:"Why it is refused"`
}

// mountPlans adds the paths of planned changes.
func (d *Door) mountPlans() {
	type listing struct {
		api.InApp
		api.Page
		Flag string `query:"flag" doc:"Those of this flag, by its id"`
		All  bool   `query:"all" doc:"Those that are over as well; those that failed in the last seven days are listed without"`
	}
	api.Register(d.API, api.View, "GET /v1/apps/{app}/plans", "List planned changes of flags, newest first", func(ctx context.Context, _ access.Identity, in *listing) (*api.ListOf[flag.Plan], error) {
		all, err := d.Flags.Plans(ctx, in.App, in.Flag, in.All)
		if err != nil {
			return nil, err
		}
		return api.Cut(all, in.Page, func(p flag.Plan) string { return api.NewestFirst(p.ID) })
	})
	const path = "/v1/apps/{app}/environments/{env}/plans/{plan}"
	of := func(p flag.Plan, err error) (*tagged[flag.Plan], error) { return tag(p, p.Revision, err) }
	api.Register(d.API, api.View, "GET "+path, "Show a planned change of a flag", func(ctx context.Context, _ access.Identity, in *InPlan) (*tagged[flag.Plan], error) {
		p, _, err := d.planned(ctx, *in, nil)
		return of(p, err)
	})
	type edited struct {
		InPlan
		api.InMatch
		Body PlannedState
	}
	api.Register(d.API, api.Deploy, "PUT "+path, "Plan another change in its place, which has to be approved again; revision is that of the flag's state as you saw it", func(ctx context.Context, id access.Identity, in *edited) (*tagged[flag.Plan], error) {
		p, revision, err := d.planned(ctx, in.InPlan, &in.InMatch)
		if err != nil {
			return nil, err
		}
		// The ETag is that of the plan; by the revision of the state that the caller saw it is known that nothing is undone that he never knew of.
		return of(d.Flags.EditPlan(ctx, id.Actor(), in.App, p.ID, revision, in.Body.wish(in.Body.Revision)))
	})
	type decided struct {
		InPlan
		api.InMatch
		Body PlanDecision
	}
	api.Register(d.API, api.Deploy, "POST "+path+"/decisions", "Approve a planned change, or refuse it", func(ctx context.Context, id access.Identity, in *decided) (*tagged[flag.Plan], error) {
		p, revision, err := d.planned(ctx, in.InPlan, &in.InMatch)
		if err != nil {
			return nil, err
		}
		if in.Body.Decision == "approve" {
			return of(d.Flags.Approve(ctx, id.Actor(), in.App, p.ID, revision))
		}
		return of(d.Flags.Refuse(ctx, id.Actor(), in.App, p.ID, in.Body.Said, revision))
	})
}

// planned is a planned change, and its revision when the caller saw the present one.
func (d *Door) planned(ctx context.Context, in InPlan, match *api.InMatch) (flag.Plan, int64, error) {
	p, err := d.Flags.FindPlan(ctx, in.App, in.Plan)
	if err == nil && p.Environment != in.Env { // the right that was checked is for another environment
		err = errNoPlan(in.Env, in.Plan)
	}
	if err != nil || match == nil {
		return p, 0, err
	}
	revision, err := match.Expect(p.Revision)
	return p, revision, err
}
