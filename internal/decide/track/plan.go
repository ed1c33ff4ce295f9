package track

import (
	"context"
	"encoding/json"
	"time"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/pure/capture"
)

// What becomes of events that are not as planned.
const (
	Observe = "observe" // nothing is checked as it comes
	Warn    = "warn"    // they are taken, and counted
	Reject  = "reject"  // they are failed events
)

// Limits of a Plan.
const (
	maxPlanned  = 1000
	maxPlanSize = 1 << 20 // bytes
)

// Plan is what an app says that its events are.
type Plan struct {
	Mode             string         `json:"mode" enum:"observe,warn,reject" doc:"What becomes of events that are not as planned. observe: nothing is checked as it comes; warn: they are taken, and counted; reject: they are failed events"`
	AdditionalEvents bool           `json:"additional_events" doc:"Track events that the plan does not name are as planned"`
	Events           []PlannedEvent `json:"events" nullable:"false"`
	ChangedAt        time.Time      `json:"changed_at,omitzero"`
	ChangedBy        string         `json:"changed_by,omitempty"`
	Revision         int64          `json:"-"`
}

// PlannedEvent is one event of a Plan.
type PlannedEvent struct {
	Kind   capture.Kind `json:"kind,omitempty" enum:"track,page,screen,identify,group,alias,exposure" default:"track"`
	Name   string       `json:"name,omitempty" maxLength:"1000" doc:"As the events have it; absent for those that have none, such as identify"`
	Schema any          `json:"schema" doc:"JSON Schema of the properties, or of the traits; 2020-12 where it does not say which. References lead within the schema alone"`
}

// Plan gives that of an app.
func (s *Service) Plan(ctx context.Context, app string) (Plan, error) {
	p, err := plans(ctx, s.db, app)
	if err != nil {
		return Plan{}, err
	}
	if plan, ok := p[app]; ok {
		return plan, nil
	}
	return Plan{Mode: Observe, Events: []PlannedEvent{}}, nil
}

// SetPlan changes that of an app, whole. Its Revision is the one that the caller saw; another one means that somebody else was faster.
func (s *Service) SetPlan(ctx context.Context, actor, app, reason string, to Plan) (Plan, error) {
	if to.Mode != Observe && to.Mode != Warn && to.Mode != Reject {
		return Plan{}, fault.Invalid("the mode is observe, warn or reject").At("mode")
	}
	if len(to.Events) > maxPlanned {
		return Plan{}, fault.Invalid("a plan has at most %d events", maxPlanned).At("events")
	}
	for i := range to.Events {
		if to.Events[i].Kind == "" {
			to.Events[i].Kind = capture.Track
		}
	}
	if _, err := compile(to); err != nil {
		return Plan{}, err
	}
	if to.Events == nil {
		to.Events = []PlannedEvent{}
	}
	events, err := json.Marshal(to.Events)
	if err != nil || len(events) > maxPlanSize {
		return Plan{}, fault.Invalid("a plan has at most %d KB of JSON", maxPlanSize>>10).At("events").Because(err)
	}
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		to.ChangedAt, to.ChangedBy = tx.Now().UTC(), actor
		if err := setPlan(ctx, tx, app, to, string(events)); err != nil {
			return err
		}
		to.Revision++
		if _, err := tx.Emit(ctx, event.Meta{App: app, Actor: actor}, event.PlanChanged{Mode: to.Mode, Events: len(to.Events), Revision: to.Revision, Reason: reason}); err != nil {
			return err
		}
		return access.Audit(ctx, tx, access.Entry{Actor: actor, Action: "plan.changed", App: app, Reason: reason, Detail: map[string]any{"mode": to.Mode, "events": len(to.Events), "additional_events": to.AdditionalEvents}})
	})
	if err != nil {
		return Plan{}, err
	}
	return to, s.Load(ctx)
}
