package events

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/itchyny/gojq"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/analytics"
	"github.com/slipwayhq/slipway/internal/door/api"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/pure/capture"
)

// Chosen is which failed events are meant: those of a list, or open ones of a reason.
type Chosen struct {
	Sequences []uint64 `json:"sequences,omitempty" maxItems:"1000" doc:"These; without them, open ones from the oldest on"`
	Reason    string   `json:"reason,omitempty" maxLength:"50" doc:"Only those that failed for this reason"`
	Limit     int      `json:"limit,omitempty" minimum:"1" maximum:"1000" default:"100" doc:"How many at most"`
}

// audited is what the audit has of it.
func (c Chosen) audited(program string) map[string]any {
	return map[string]any{"program": program, "reason": c.Reason, "limit": c.Limit, "sequences": len(c.Sequences)}
}

// Repair is how failed events are made events.
type Repair struct {
	Chosen
	Program string `json:"program" minLength:"1" maxLength:"20000" doc:"jq: gets what came, gives what should have come; nothing (empty) leaves it" example:".userId = .user_id | del(.user_id)"`
	Try     bool   `json:"try,omitempty" doc:"Only show what would become of them"`
}

// Repaired is what became of them.
type Repaired struct {
	Repaired int    `json:"repaired"`
	Left     int    `json:"left" doc:"Which the program gave nothing for"`
	Failed   int    `json:"failed" doc:"Which still are no events"`
	Results  []Tale `json:"results" nullable:"false"`
}

// Tale is what became of one failed event.
type Tale struct {
	Sequence uint64          `json:"sequence"`
	Raw      json.RawMessage `json:"raw" doc:"What came"`
	Item     json.RawMessage `json:"item,omitempty" doc:"What the program made of it"`
	Event    json.RawMessage `json:"event,omitempty" doc:"The event, as it is in the log"`
	Message  string          `json:"message,omitempty" doc:"Why it still is none"`
}

func (d *Door) mountFailed() {
	type listing struct {
		api.InApp
		After  uint64 `query:"after"`
		Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"50"`
		Reason string `query:"reason" maxLength:"50"`
		State  string `query:"state" enum:"open,repaired,dropped"`
	}
	api.Register(d.API, api.View, "GET /v1/apps/{app}/events/failed", "List what came and is no event, oldest first", func(ctx context.Context, _ access.Identity, in *listing) (*api.ListOf[analytics.Failed], error) {
		store, err := d.Analytics.Store(ctx, in.App)
		if err != nil {
			return nil, err
		}
		failed, err := store.Failed(ctx, analytics.FailedFilter{Reason: capture.Reason(in.Reason), State: analytics.FailedState(in.State), After: in.After, Limit: in.Limit + 1})
		if err != nil {
			return nil, err
		}
		out := &api.ListOf[analytics.Failed]{Body: api.List[analytics.Failed]{Items: failed}}
		if len(failed) > in.Limit {
			out.Body.Items = failed[:in.Limit]
			out.Body.Next = strconv.FormatUint(failed[in.Limit-1].Sequence, 10)
		}
		return out, nil
	})
	type counts struct {
		Body struct {
			Items []analytics.FailedCount `json:"items" nullable:"false"`
		}
	}
	api.Register(d.API, api.View, "GET /v1/apps/{app}/events/failed/counts", "Count failed events by reason and state", func(ctx context.Context, _ access.Identity, in *struct{ api.InApp }) (*counts, error) {
		store, err := d.Analytics.Store(ctx, in.App)
		if err != nil {
			return nil, err
		}
		out := &counts{}
		out.Body.Items, err = store.FailedCounts(ctx)
		return out, err
	})
	d.mountRepairs()
}

func (d *Door) mountRepairs() {
	type mended struct {
		api.InApp
		Body Repair
	}
	type told struct{ Body Repaired }
	api.Register(d.API, api.Deploy, "POST /v1/apps/{app}/events/failed/repair", "Make events of failed ones by a jq program, or show what it would make", func(ctx context.Context, id access.Identity, in *mended) (*told, error) {
		if !in.Body.Try {
			if err := d.Sources.Audit(ctx, id.Actor(), in.App, "events.repair", in.Body.audited(in.Body.Program)); err != nil {
				return nil, err
			}
		}
		out, err := d.repair(ctx, in.App, in.Body)
		return &told{out}, err
	})
	type dropped struct {
		api.InApp
		Body Chosen
	}
	type count struct {
		Body struct {
			Dropped int64 `json:"dropped"`
		}
	}
	api.Register(d.API, api.Deploy, "POST /v1/apps/{app}/events/failed/drop", "Say of failed events that they are not wanted", func(ctx context.Context, id access.Identity, in *dropped) (*count, error) {
		if err := d.Sources.Audit(ctx, id.Actor(), in.App, "events.drop", in.Body.audited("")); err != nil {
			return nil, err
		}
		store, failed, err := d.chosen(ctx, in.App, in.Body)
		if err != nil {
			return nil, err
		}
		var sequences []uint64
		for _, f := range failed {
			sequences = append(sequences, f.Sequence)
		}
		out := &count{}
		out.Body.Dropped, err = store.Mark(ctx, sequences, analytics.Dropped, time.Now().UTC())
		return out, err
	})
}

// chosen reads the open ones of those that are meant.
func (d *Door) chosen(ctx context.Context, app string, c Chosen) (analytics.Store, []analytics.Failed, error) {
	store, err := d.Analytics.Store(ctx, app)
	if err != nil {
		return nil, nil, err
	}
	if len(c.Sequences) == 0 {
		failed, err := store.Failed(ctx, analytics.FailedFilter{Reason: capture.Reason(c.Reason), State: analytics.Open, Limit: c.Limit})
		return store, failed, err
	}
	var failed []analytics.Failed
	for _, sequence := range c.Sequences {
		one, err := store.Failed(ctx, analytics.FailedFilter{After: sequence - 1, Limit: 1})
		if err != nil {
			return nil, nil, err
		}
		if len(one) == 0 || one[0].Sequence != sequence {
			return nil, nil, fault.NotFound("there is no failed event %d", sequence).At("body.sequences")
		}
		if one[0].State == analytics.Open && (c.Reason == "" || c.Reason == string(one[0].Reason)) {
			failed = append(failed, one[0])
		}
	}
	return store, failed, nil
}

// programTime is how long a program may take for one event.
const programTime = time.Second

func (d *Door) repair(ctx context.Context, app string, r Repair) (Repaired, error) {
	out := Repaired{Results: []Tale{}}
	query, err := gojq.Parse(r.Program)
	if err != nil {
		return out, fault.Invalid("the program is not jq: %s", err).At("body.program")
	}
	program, err := gojq.Compile(query)
	if err != nil {
		return out, fault.Invalid("the program cannot be run: %s", err).At("body.program")
	}
	store, failed, err := d.chosen(ctx, app, r.Chosen)
	if err != nil {
		return out, err
	}
	var done []uint64
	for _, f := range failed {
		f.App = app
		t, made, err := d.mend(ctx, program, f, !r.Try)
		switch {
		case err != nil:
			return out, errors.Join(err, mark(ctx, store, done))
		case made:
			out.Repaired++
			done = append(done, f.Sequence)
		case t.Message == "":
			out.Left++
		default:
			out.Failed++
		}
		out.Results = append(out.Results, t)
	}
	if r.Try {
		return out, nil
	}
	return out, mark(ctx, store, done)
}

// mark comes behind the events: who repairs again after a crash between the two adds nothing, as the ids are the same.
func mark(ctx context.Context, store analytics.Store, done []uint64) error {
	_, err := store.Mark(ctx, done, analytics.Repaired, time.Now().UTC())
	return err
}

// mend runs the program on one failed event, and takes what it gives. The error is the server's.
func (d *Door) mend(ctx context.Context, program *gojq.Code, f analytics.Failed, write bool) (t Tale, made bool, err error) {
	t = Tale{Sequence: f.Sequence, Raw: f.Raw}
	var input any
	if err := json.Unmarshal(f.Raw, &input); err != nil {
		t.Message = "what came cannot be read as JSON: " + err.Error()
		return t, false, nil
	}
	limited, cancel := context.WithTimeout(ctx, programTime)
	defer cancel()
	results := program.RunWithContext(limited, input)
	first, ok := results.Next()
	if !ok {
		return t, false, nil
	}
	if err, failed := first.(error); failed {
		t.Message = "the program failed: " + err.Error()
		if limited.Err() != nil && ctx.Err() == nil {
			t.Message = fmt.Sprintf("the program took longer than %s", programTime)
		}
		return t, false, nil
	}
	if _, more := results.Next(); more {
		t.Message = "the program gives several results; make it one, or none"
		return t, false, nil
	}
	if t.Item, err = json.Marshal(first); err != nil {
		t.Message = "what the program gives is no JSON: " + err.Error()
		return t, false, nil
	}
	event, err := d.Replay(ctx, f.Failed, fmt.Sprintf("repaired-%s-%d", f.Source, f.Sequence), t.Item, write)
	if fault.Is(err, fault.CodeInvalid) || fault.Is(err, fault.CodeNotFound) {
		t.Message = fault.Message(err)
		return t, false, nil
	}
	if err != nil {
		return t, false, err
	}
	if t.Event, err = json.Marshal(event); err != nil {
		return t, false, fmt.Errorf("encode a repaired event: %w", err)
	}
	return t, true, nil
}
