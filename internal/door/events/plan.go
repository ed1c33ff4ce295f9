package events

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/analytics"
	"github.com/slipwayhq/slipway/internal/decide/track"
	"github.com/slipwayhq/slipway/internal/door/api"
	"github.com/slipwayhq/slipway/internal/pure/capture"
)

// EventPlan is what an app is to say that its events are, whole.
type EventPlan struct {
	Mode             string               `json:"mode" enum:"observe,warn,reject"`
	AdditionalEvents bool                 `json:"additional_events,omitempty" doc:"Track events that the plan does not name are as planned"`
	Events           []track.PlannedEvent `json:"events" nullable:"false" maxItems:"1000"`
	Reason           string               `json:"reason,omitempty" maxLength:"500"`
}

// ChangedPlan is a plan as it is from now on, with what that breaks.
type ChangedPlan struct {
	track.Plan
	Effects []track.PlanEffect `json:"effects,omitzero" nullable:"false" doc:"What counts events that are rejected from now on. Absent where it could not be found out in time"`
}

// CheckedPlan is what a plan would do, once it counted.
type CheckedPlan struct {
	Effects []track.PlanEffect `json:"effects" nullable:"false" doc:"What counts events that would be rejected and are taken now, such as a vital of a release that is live or under way"`
}

type checkedPlan struct{ Body CheckedPlan }

// foresight is how long a change waits for what it breaks: it is done all the same.
const foresight = 5 * time.Second

func (b EventPlan) plan(revision int64) track.Plan {
	return track.Plan{Mode: b.Mode, AdditionalEvents: b.AdditionalEvents, Events: b.Events, Revision: revision}
}

func planOf(p track.Plan, err error) (*tagged[track.Plan], error) { return tag(p, p.Revision, err) }

// LearnedEvent is what is known of an event from those that came.
type LearnedEvent struct {
	Kind       capture.Kind      `json:"kind"`
	Name       string            `json:"name"`
	Count      int64             `json:"count"`
	First      time.Time         `json:"first"`
	Last       time.Time         `json:"last"`
	Planned    bool              `json:"planned" doc:"The tracking plan has it"`
	Properties []LearnedProperty `json:"properties" nullable:"false"`
}

// LearnedProperty is one property with one type that it came with.
type LearnedProperty struct {
	Name    string    `json:"name"`
	Type    string    `json:"type" enum:"string,number,boolean,object,array,null"`
	Count   int64     `json:"count"`
	First   time.Time `json:"first"`
	Last    time.Time `json:"last"`
	Planned bool      `json:"planned" doc:"The schema of the event names it among its properties"`
}

// mountPlan adds the paths of what events are to be, and are.
func (d *Door) mountPlan() {
	api.Register(d.API, api.View, "GET /v1/apps/{app}/events/plan", "Show the tracking plan", func(ctx context.Context, _ access.Identity, in *struct{ api.InApp }) (*tagged[track.Plan], error) {
		return planOf(d.Sources.Plan(ctx, in.App))
	})
	type changed struct {
		api.InApp
		api.InMatch
		Body EventPlan
	}
	api.Register(d.API, api.DeployAll, "PUT /v1/apps/{app}/events/plan", "Change the tracking plan, whole", func(ctx context.Context, id access.Identity, in *changed) (*tagged[ChangedPlan], error) {
		now, err := d.Sources.Plan(ctx, in.App)
		if err != nil {
			return nil, err
		}
		revision, err := in.Expect(now.Revision)
		if err != nil {
			return nil, err
		}
		return d.changePlan(ctx, id.Actor(), in.App, in.Body.Reason, in.Body.plan(revision))
	})
	type checked struct {
		api.InApp
		Body EventPlan
	}
	api.Register(d.API, api.View, "POST /v1/apps/{app}/events/plan/check", "Say what a tracking plan would break, and change nothing", func(ctx context.Context, _ access.Identity, in *checked) (*checkedPlan, error) {
		to, err := track.Checked(in.Body.plan(0))
		if err != nil {
			return nil, err
		}
		effects, err := d.Plans.Review(ctx, in.App, to)
		return &checkedPlan{CheckedPlan{effects}}, err
	})
	type listing struct {
		api.InApp
		api.Page
	}
	api.Register(d.API, api.View, "GET /v1/apps/{app}/events/plan/faults", "Count how events were not as planned, since this server started", func(_ context.Context, _ access.Identity, in *listing) (*api.ListOf[track.FaultCount], error) {
		return api.Cut(d.Sources.Faults(in.App), in.Page, func(f track.FaultCount) string {
			return fmt.Sprint(f.Kind, "\x00", f.Name, "\x00", f.Path, "\x00", f.Fault)
		})
	})
	api.Register(d.API, api.View, "GET /v1/apps/{app}/events/learned", "List the events that came, with their properties and types, by kind and name", func(ctx context.Context, _ access.Identity, in *listing) (*api.ListOf[LearnedEvent], error) {
		plan, err := d.Sources.Plan(ctx, in.App)
		if err != nil {
			return nil, err
		}
		store, err := d.Analytics.Store(ctx, in.App)
		if err != nil {
			return nil, err
		}
		known, err := store.Learned(ctx)
		if err != nil {
			return nil, err
		}
		return api.Cut(learned(known, plan), in.Page, func(e LearnedEvent) string { return string(e.Kind) + "\x00" + e.Name })
	})
}

// changePlan looks before what it breaks: afterwards nobody could tell what was otherwise.
func (d *Door) changePlan(ctx context.Context, actor, app, reason string, to track.Plan) (*tagged[ChangedPlan], error) {
	checked, err := track.Checked(to)
	if err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, foresight)
	effects, failed := d.Plans.Review(limited, app, checked)
	cancel()
	if failed != nil {
		effects = nil
	}
	p, err := d.Sources.SetPlan(ctx, actor, app, reason, to)
	return tag(ChangedPlan{p, effects}, p.Revision, err)
}

// learned puts what is known of each event together, and marks what the plan has.
func learned(known []analytics.Learned, plan track.Plan) (out []LearnedEvent) {
	slices.SortStableFunc(known, func(a, b analytics.Learned) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Property, b.Property), cmp.Compare(a.Type, b.Type))
	})
	var of map[string]any
	for _, l := range known {
		if n := len(out); n == 0 || out[n-1].Kind != l.Kind || out[n-1].Name != l.Name {
			i := slices.IndexFunc(plan.Events, func(e track.PlannedEvent) bool { return e.Kind == l.Kind && e.Name == l.Name })
			out = append(out, LearnedEvent{Kind: l.Kind, Name: l.Name, Planned: i >= 0, Properties: []LearnedProperty{}})
			of = nil
			if i >= 0 {
				schema, _ := plan.Events[i].Schema.(map[string]any)
				of, _ = schema["properties"].(map[string]any)
			}
		}
		e := &out[len(out)-1]
		if l.Property == "" && l.Type == "" {
			e.Count, e.First, e.Last = l.Count, l.First, l.Last
			continue
		}
		_, has := of[l.Property]
		e.Properties = append(e.Properties, LearnedProperty{Name: l.Property, Type: l.Type, Count: l.Count, First: l.First, Last: l.Last, Planned: has})
	}
	return out
}
