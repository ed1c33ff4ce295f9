package track

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/slipwayhq/slipway/internal/analytics"
	"github.com/slipwayhq/slipway/internal/pure/capture"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

// Use is something that counts events: it goes blind when a plan rejects them.
type Use struct {
	Kind  capture.Kind `json:"kind,omitempty"`  // empty: any
	Event string       `json:"event,omitempty"` // their name; empty: any of the kind
	By    string       `json:"by"`              // "the vital order_completed per page_viewed"
	Where string       `json:"where,omitempty"` // "release 12, live in production"
}

// UsesOf gives what counts events of an app. What comes to count some (vitals of releases, later experiments) is one more of these in a Reviewer.
type UsesOf func(ctx context.Context, app string) ([]Use, error)

// VitalUses are the events that the vitals of a release count.
func VitalUses(r manifest.Rollout) []Use {
	uses := []Use{}
	for _, v := range r.Vitals {
		if v.Event == "" {
			continue
		}
		by := "the vital " + v.Event
		if v.Per != "" {
			by += " per " + v.Per
		}
		for _, name := range []string{v.Event, v.Per} {
			switch kind := capture.Kind(name); {
			case kind == capture.Page || kind == capture.Screen:
				uses = append(uses, Use{Kind: kind, By: by}) // whatever their names
			case name != "":
				uses = append(uses, Use{Kind: capture.Track, Event: name, By: by})
			}
		}
	}
	return uses
}

// Vitals are what the vitals of releases that are live or under way count.
func (s *Service) Vitals(ctx context.Context, app string) ([]Use, error) {
	all, err := releases(ctx, s.db, app)
	if err != nil {
		return nil, err
	}
	var uses []Use
	for _, r := range all[app] {
		is := map[string]string{live: "live in", rolling: "under way to"}[r.state]
		for _, u := range r.uses {
			u.Where = fmt.Sprintf("release %d, %s %s", r.origin.Number, is, r.origin.Environment)
			uses = append(uses, u)
		}
	}
	return uses, nil
}

// PlanEffect is what a change of a plan would do to something that counts events.
type PlanEffect struct {
	Event    string `json:"event"`
	UsedBy   string `json:"used_by" doc:"What counts it, such as a vital, and where"`
	Rejected int    `json:"rejected" doc:"How many of the newest events of this name would be rejected that are taken now; all that come, when of is 0"`
	Of       int    `json:"of" doc:"How many of the newest ones were looked at"`
	Text     string `json:"text"`
}

// Reviewer foresees what a change of a plan would break.
type Reviewer struct {
	Sources *Service
	Engine  analytics.Engine
	Uses    []UsesOf
}

// How much Review looks at: the newest events of each name.
const (
	newest   = 200
	lookBack = 7 * 24 * time.Hour
	mostUsed = 50 // names
)

// Review says what would go blind if the plan to counted. It names what is worse than now alone; more are uses beside those that are known.
func (r *Reviewer) Review(ctx context.Context, app string, to Plan, more ...Use) ([]PlanEffect, error) {
	if to.Mode != Reject {
		return []PlanEffect{}, nil
	}
	now, err := counted(ctx, r.Sources.db, app)
	if err != nil {
		return nil, err
	}
	uses := slices.Clone(more)
	for _, of := range r.Uses {
		some, err := of(ctx, app)
		if err != nil {
			return nil, err
		}
		uses = append(uses, some...)
	}
	if len(uses) == 0 {
		return []PlanEffect{}, nil
	}
	before, err := compile(now.plan)
	if err != nil {
		return nil, err
	}
	after, err := compile(to)
	if err != nil {
		return nil, err
	}
	came, err := r.came(ctx, app, uses)
	if err != nil {
		return nil, err
	}
	return effects(uses, before, after, came), nil
}

// Pushed says what the plan of a commit would break once it counts, also of what its own release counts.
func (r *Reviewer) Pushed(ctx context.Context, app string, to Plan, m *manifest.Manifest) ([]string, error) {
	own := VitalUses(m.Rollout)
	for i := range own {
		own[i].Where = "this commit"
	}
	effects, err := r.Review(ctx, app, to, own...)
	texts := make([]string, len(effects))
	for i, e := range effects {
		texts[i] = e.Text
	}
	return texts, err
}

// what is what a Use counts, in a word.
func (u Use) what() string {
	if u.Event == "" {
		return string(u.Kind) + " events"
	}
	return u.Event
}

// came are the newest events of what is used.
func (r *Reviewer) came(ctx context.Context, app string, uses []Use) (map[string][]capture.Event, error) {
	out := map[string][]capture.Event{}
	apps, err := r.Engine.Apps(ctx)
	if err != nil || !slices.Contains(apps, app) { // an app of which nothing came: to look is no reason to make it a store
		return out, err
	}
	store, err := r.Engine.Store(ctx, app)
	if err != nil {
		return nil, err
	}
	since := r.Sources.db.Now().UTC().Add(-lookBack).Format(time.DateTime)
	for _, u := range uses {
		if _, known := out[u.what()]; known || len(out) >= mostUsed {
			continue
		}
		table, err := store.Query(ctx, analytics.Query{
			SQL: `SELECT kind, name, CAST(properties AS VARCHAR) FROM events WHERE ($1 = '' OR kind = $1) AND ($2 = '' OR name = $2) AND received >= TIMESTAMP '` + since + `'
				ORDER BY seq DESC LIMIT ` + strconv.Itoa(newest),
			Args: []any{string(u.Kind), u.Event},
		})
		if err != nil {
			return nil, fmt.Errorf("look at the newest %s: %w", u.what(), err)
		}
		list := make([]capture.Event, 0, len(table.Rows))
		for _, row := range table.Rows {
			kind, _ := row[0].(string)
			name, _ := row[1].(string)
			properties, _ := row[2].(string)
			list = append(list, capture.Event{Kind: capture.Kind(kind), Name: name, Properties: []byte(properties)})
		}
		out[u.what()] = list
	}
	return out, nil
}

// effects are those of a plan on what is used, in the order of the uses, each once.
func effects(uses []Use, before, after *schemas, came map[string][]capture.Event) []PlanEffect {
	out := []PlanEffect{}
	for _, u := range uses {
		e := PlanEffect{Event: u.what(), UsedBy: u.By, Of: len(came[u.what()])}
		if u.Where != "" {
			e.UsedBy += " (" + u.Where + ")"
		}
		var why *PlanFault
		for _, c := range came[u.what()] {
			if f := after.rejects(&c); f != nil && before.rejects(&c) == nil {
				e.Rejected, why = e.Rejected+1, f
			}
		}
		gone := u.Event != "" && after.lacks(u.Event) && !before.lacks(u.Event)
		switch {
		case gone && e.Of == 0:
			e.Text = fmt.Sprintf("%s counts %s, which the plan would not have: each one would be rejected, and nothing be counted", e.UsedBy, e.Event)
		case why == nil:
			continue
		case gone && e.Rejected == e.Of:
			e.Text = fmt.Sprintf("%s counts %s, which the plan would not have: each of the newest %d would be rejected, and nothing be counted", e.UsedBy, e.Event, e.Of)
		default:
			e.Text = fmt.Sprintf("%s counts %s: of the newest %d, %d would be rejected (%s)", e.UsedBy, e.Event, e.Of, e.Rejected, why)
		}
		if !slices.Contains(out, e) {
			out = append(out, e)
		}
	}
	return out
}

// rejects tells why an event would not be taken.
func (s *schemas) rejects(e *capture.Event) *PlanFault {
	if s.mode != Reject {
		return nil
	}
	return s.alone(e)
}

// lacks tells that a track event would be rejected for not being planned at all.
func (s *schemas) lacks(name string) bool {
	return s.mode == Reject && !s.additional && s.events[planned{capture.Track, name}] == nil
}

// String is the fault in a sentence.
func (f PlanFault) String() string {
	if f.Path == "" {
		return f.Fault
	}
	return f.Path + " " + f.Fault
}
