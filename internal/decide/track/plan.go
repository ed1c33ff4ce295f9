package track

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/pure/capture"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
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
	From             *PlanOrigin    `json:"from,omitempty" doc:"Where it comes from, when a repository declares it: then it is changed there. Absent for a plan that people change here"`
	Revision         int64          `json:"-"`

	key string // the same for the same plan
}

// PlannedEvent is one event of a Plan.
type PlannedEvent struct {
	Kind   capture.Kind `json:"kind,omitempty" enum:"track,page,screen,identify,group,alias,exposure" default:"track"`
	Name   string       `json:"name,omitempty" maxLength:"1000" doc:"As the events have it; absent for those that have none, such as identify"`
	Schema any          `json:"schema" doc:"JSON Schema of the properties, or of the traits; 2020-12 where it does not say which. References lead within the schema alone"`
}

// Plan gives the one that counts for an app: what its live release declares, or what was set.
func (s *Service) Plan(ctx context.Context, app string) (Plan, error) {
	c, err := counted(ctx, s.db, app)
	return c.plan, err
}

// Checked is a plan that could be set; it says what is wrong with it.
func Checked(to Plan) (Plan, error) {
	if to.Mode != Observe && to.Mode != Warn && to.Mode != Reject {
		return Plan{}, fault.Invalid("the mode is observe, warn or reject").At("mode")
	}
	if len(to.Events) > maxPlanned {
		return Plan{}, fault.Invalid("a plan has at most %d events", maxPlanned).At("events")
	}
	to.Events = append([]PlannedEvent{}, to.Events...)
	for i := range to.Events {
		if to.Events[i].Kind == "" {
			to.Events[i].Kind = capture.Track
		}
	}
	if _, err := compile(to); err != nil {
		return Plan{}, err
	}
	if events, err := json.Marshal(to.Events); err != nil || len(events) > maxPlanSize {
		return Plan{}, fault.Invalid("a plan has at most %d KB of JSON", maxPlanSize>>10).At("events").Because(err)
	}
	return to, nil
}

// SetPlan changes that of an app, whole. Its Revision is the one that the caller saw; another one means that somebody else was faster.
func (s *Service) SetPlan(ctx context.Context, actor, app, reason string, to Plan) (Plan, error) {
	to, err := Checked(to)
	if err != nil {
		return Plan{}, err
	}
	events, err := json.Marshal(to.Events)
	if err != nil {
		return Plan{}, fmt.Errorf("encode the plan of %s: %w", app, err)
	}
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		now, err := counted(ctx, tx, app)
		if err != nil {
			return err
		}
		if from := now.plan.From; from != nil {
			return fault.Conflict("the plan of %s comes from the folder %s of its repository, with release %d of %s. Change it there and push, or take \"events\" out of %s", app, from.Folder, from.Number, from.Environment, manifest.Filename)
		}
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
