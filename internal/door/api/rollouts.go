package api

import (
	"context"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/decide/rollout"
	"github.com/slipwayhq/slipway/internal/decide/rollout/before"
	"github.com/slipwayhq/slipway/internal/decide/rollout/machine"
	"github.com/slipwayhq/slipway/internal/decide/rollout/trace"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
	"github.com/slipwayhq/slipway/internal/pure/replay"
)

// InRollout is the part of an input that names an app and a rollout of it.
type InRollout struct {
	InApp
	Rollout string `path:"rollout" doc:"Id of the rollout" example:"rol_01kc"`
}

func (in InRollout) environment(ctx context.Context, s *Server) (string, error) {
	return s.rollouts.EnvironmentOf(ctx, in.App, in.Rollout)
}

// MountRollouts adds the rollouts, and the hands on an environment's wheel.
func (s *Server) MountRollouts(r *rollout.Service) {
	s.rollouts = r
	type list struct {
		InApp
		Page
		Env string `query:"environment" doc:"Only of this environment"`
	}
	register(s, view, "GET /v1/apps/{app}/rollouts", "List an app's rollouts, the newest first",
		func(ctx context.Context, _ access.Identity, in *list) (*listOf[rollout.View], error) {
			before, err := in.number()
			if err != nil {
				return nil, err
			}
			if err := s.place(ctx, in.App, in.Env); err != nil {
				return nil, err
			}
			items, err := r.List(ctx, in.App, in.Env, int(before), in.Limit+1)
			if err != nil {
				return nil, err
			}
			return part(items, in.Limit, func(v rollout.View) int64 { return int64(v.Number) }), nil
		})
	register(s, view, "GET /v1/apps/{app}/rollouts/{rollout}", "One rollout with its evidence and decisions",
		func(ctx context.Context, _ access.Identity, in *InRollout) (*answer[rollout.View], error) {
			v, err := r.Get(ctx, in.Rollout)
			if err == nil && v.App != in.App {
				err = fault.NotFound("there is no rollout %s in %s", in.Rollout, in.App)
			}
			return answerWith(v, err)
		})
	type series struct {
		InRollout
		Vital string `query:"vital" default:"errors" doc:"Name of the vital"`
	}
	register(s, view, "GET /v1/apps/{app}/rollouts/{rollout}/series", "One vital of a rollout, second by second",
		func(ctx context.Context, _ access.Identity, in *series) (*answer[trace.Series], error) {
			return answerWith(r.SeriesOf(ctx, in.App, in.Rollout, in.Vital))
		})
	type again struct {
		InRollout
		Alpha   float64 `query:"alpha" minimum:"0" maximum:"0.5" doc:"False rollbacks allowed; as in the rollout when absent"`
		Margin  float64 `query:"margin" minimum:"-1" maximum:"1" default:"-1" doc:"Harm tolerated; as in the rollout when below 0"`
		RuleOut float64 `query:"rule_out" minimum:"0" maximum:"10" doc:"The harm that healthy excludes; as in the rollout when absent"`
	}
	register(s, view, "GET /v1/apps/{app}/rollouts/{rollout}/verdict", "Judge a rollout again from its stored counts, with other settings; changes nothing",
		func(ctx context.Context, _ access.Identity, in *again) (*answer[replay.Result], error) {
			with := trace.Again{Alpha: in.Alpha, RuleOut: in.RuleOut}
			if in.Margin >= 0 {
				with.Margin = &in.Margin
			}
			return answerWith(r.Judge(ctx, in.App, in.Rollout, with))
		})
	s.mountCommands(r)
	s.mountWheel(r)
	s.mountSight(r)
	s.mountScore(r)
}

// reasoned is a body with a reason, that is audited.
type reasoned struct {
	Reason string `json:"reason,omitempty" maxLength:"500" doc:"Why; audited"`
}

func (s *Server) mountCommands(r *rollout.Service) {
	type input struct {
		InRollout
		Body reasoned
	}
	for cmd, summary := range map[machine.Command]string{
		machine.Pause:    "Pause a rollout: the split stays as it is; a regression still brings it back",
		machine.Resume:   "Go on with a paused or held rollout",
		machine.Promote:  "Give the release to everyone now, without waiting for the watch",
		machine.RollBack: "Take the release back from everyone now",
	} {
		register(s, deploy, "POST /v1/apps/{app}/rollouts/{rollout}/"+string(cmd), summary,
			func(ctx context.Context, id access.Identity, in *input) (*answer[rollout.View], error) {
				if err := r.Do(ctx, id.Actor(), in.App, in.Rollout, cmd, in.Body.Reason); err != nil {
					return nil, err
				}
				return answerWith(r.Get(ctx, in.Rollout))
			})
	}
}

// mountSight adds what a rollout would see.
func (s *Server) mountSight(r *rollout.Service) {
	register(s, view, "GET /v1/apps/{app}/environments/{env}/power", "What a rollout here can see, and how soon, at the traffic of late",
		func(ctx context.Context, _ access.Identity, in *InEnvironment) (*answer[rollout.PowerView], error) {
			return answerWith(r.Power(ctx, in.App, in.Env))
		})
	type vitals struct {
		InEnvironment
		Body struct {
			Manifest string `json:"manifest,omitempty" maxLength:"65536" doc:"A .slipway.yaml whose vitals are tried; absent: those of the release that serves"`
		}
	}
	type readings struct {
		Vitals []before.Reading `json:"vitals" nullable:"false"`
	}
	register(s, view, "POST /v1/apps/{app}/environments/{env}/vitals/test", "What vitals would have read over the last hour; changes nothing",
		func(ctx context.Context, _ access.Identity, in *vitals) (*answer[readings], error) {
			var wanted []manifest.Vital
			if in.Body.Manifest != "" {
				m, problems := manifest.Parse([]byte(in.Body.Manifest))
				if problems != nil {
					return nil, fault.Invalid("the manifest cannot be read: %s", problems.Text()).At("manifest")
				}
				wanted = m.Rollout.Vitals
			}
			found, err := r.ReadVitals(ctx, in.App, in.Env, wanted)
			return answerWith(readings{Vitals: found}, err)
		})
}

func (s *Server) mountWheel(r *rollout.Service) {
	type input struct {
		InEnvironment
		Body reasoned
	}
	register(s, deploy, "POST /v1/apps/{app}/environments/{env}/freeze", "Hold everything new; a rollout under way goes on",
		func(ctx context.Context, id access.Identity, in *input) (*struct{}, error) {
			return nil, r.Freeze(ctx, id.Actor(), in.App, in.Env, in.Body.Reason)
		})
	register(s, deploy, "POST /v1/apps/{app}/environments/{env}/unfreeze", "Let go on what waits",
		func(ctx context.Context, id access.Identity, in *input) (*struct{}, error) {
			return nil, r.Unfreeze(ctx, id.Actor(), in.App, in.Env, in.Body.Reason)
		})
	type back struct {
		InEnvironment
		Body struct { // reasoned spelled out: the framework sees no field of an embedded type without an exported name
			Reason  string `json:"reason,omitempty" maxLength:"500" doc:"Why; audited"`
			Release string `json:"release,omitempty" doc:"Where to go back to; the last good release when absent"`
		}
	}
	type rolloutStarted struct {
		Rollout string `json:"rollout" doc:"Id of the rollout that goes back"`
	}
	register(s, deploy, "POST /v1/apps/{app}/environments/{env}/rollback", "Go back: the rollout under way, or the live release",
		func(ctx context.Context, id access.Identity, in *back) (*answer[rolloutStarted], error) {
			// What is asked for is looked at before what is under way: else a slip of the pen is told to take back the rollout first.
			if in.Body.Release != "" {
				if to, err := s.opts.Catalog.Release(ctx, in.App, in.Body.Release); err != nil {
					return nil, err
				} else if to.Environment != in.Env {
					return nil, fault.NotFound("the release %s is one of %s, not of %s", in.Body.Release, to.Environment, in.Env)
				} else if !to.Stored {
					return nil, fault.Conflict("the archive of release #%d is not kept any more; push its commit %.7s again to ship it", to.Number, to.Commit)
				}
			}
			rol, err := r.RollBackEnv(ctx, id.Actor(), in.App, in.Env, in.Body.Release, in.Body.Reason)
			return answerWith(rolloutStarted{Rollout: rol}, err)
		})
}
