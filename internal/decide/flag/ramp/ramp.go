package ramp

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slipwayhq/slipway/internal/decide/flag"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/pure/judge"
)

// State is where a ramp stands.
type State string

// The states. The last three are ends.
const (
	Watching  State = "watching"
	Paused    State = "paused" // it stays at its step; worse visitors still bring it back
	Held      State = "held"   // it could not tell, and waits for somebody
	Promoted  State = "promoted"
	Returned  State = "returned"
	Overtaken State = "overtaken" // somebody changed what the ramp had set
)

// Over tells whether the ramp has ended.
func (s State) Over() bool { return s == Promoted || s == Returned || s == Overtaken }

// Step is a share that is watched for a time.
type Step struct {
	Share float64 `json:"share" minimum:"0.0001" maximum:"0.9999" doc:"Of the visitors whom the ramp means"`
	Watch int64   `json:"watch_seconds" minimum:"1" maximum:"2592000" doc:"For how long at least"`
}

// Vital is an event by which the visitors of both values are compared.
type Vital struct {
	Event string          `json:"event" minLength:"1" maxLength:"200" doc:"What visitors do; page and screen are those that are seen" example:"order_completed"`
	Bad   judge.Direction `json:"bad,omitempty" enum:"rise,drop" default:"drop" doc:"Which change is harm"`
}

// Spec is what somebody wants of a ramp.
type Spec struct {
	Value     json.RawMessage `json:"value,omitempty" doc:"What visitors are given; true where none is named, of a flag of type boolean"`
	Condition json.RawMessage `json:"condition,omitempty" doc:"Only visitors who meet it, in the form of rules"`
	Attribute string          `json:"hash_attribute,omitempty" maxLength:"100" doc:"By what visitors are placed; id unless another is named. Events must name visitors by the same, as user or anonymous id"`
	Steps     []Step          `json:"steps,omitempty" maxItems:"20" doc:"1, 10 and 50 %, an hour each, where none are named; then all"`
	Vitals    []Vital         `json:"vitals,omitempty" maxItems:"10"`
	Alarms    float64         `json:"false_alarms,omitempty" minimum:"0" maximum:"1000" doc:"How many good ramps may come back in a month; 1 where none is named"`
	RuleOut   float64         `json:"rule_out,omitempty" minimum:"0" maximum:"100" doc:"Healthy means that harm of this size is excluded; 2 where none is named"`
	Unknown   string          `json:"unknown,omitempty" enum:"promote,wait,hold" doc:"What is done when the time of a step is over and it cannot be told: go on (the default), wait, or hold for somebody"`
}

// Ramp is one that was started.
type Ramp struct {
	ID          string    `json:"id"`
	App         string    `json:"app"`
	Environment string    `json:"environment"`
	Flag        string    `json:"flag" doc:"Id of the flag"`
	Name        string    `json:"name" doc:"Of the flag"`
	State       State     `json:"state" enum:"watching,paused,held,promoted,returned,overtaken"`
	Step        int       `json:"step" doc:"From 0"`
	Share       float64   `json:"share" doc:"Who is given the value now"`
	Spec        Spec      `json:"spec"`
	Alpha       float64   `json:"alpha" doc:"At most this part of ramps that change nothing come back"`
	Why         string    `json:"alpha_why" doc:"How alpha follows from the false alarms that were allowed"`
	Reasons     []string  `json:"reasons" nullable:"false" doc:"Of the last move, or what it waits for"`
	StartedAt   time.Time `json:"started_at"`
	StartedBy   string    `json:"started_by"`
	StepAt      time.Time `json:"step_at" doc:"When the step began"`
	EndedAt     time.Time `json:"ended_at,omitzero"`
	Warnings    []string  `json:"warnings,omitempty" doc:"As it is started: by what it will hardly be judged"`
}

// Key is the experiment's key in the present step: what exposures name.
func (r *Ramp) Key() string { return fmt.Sprintf("%s/%d", r.ID, r.Step+1) }

const (
	usualWatch = 3600
	// ruleID begins the id of a ramp's rule.
	ruleID = "ramp-"
)

// clean fills in what is usual, and says what is wrong.
func (s *Spec) clean() error {
	if len(s.Steps) == 0 {
		s.Steps = []Step{{0.01, usualWatch}, {0.1, usualWatch}, {0.5, usualWatch}}
	}
	if s.Alarms == 0 {
		s.Alarms = 1
	}
	if s.RuleOut == 0 {
		s.RuleOut = 2
	}
	if s.Unknown == "" {
		s.Unknown = "promote"
	}
	if s.Attribute == "" {
		s.Attribute = "id"
	}
	before := 0.0
	for i, step := range s.Steps {
		if !(step.Share > before && step.Share < 1) {
			return fault.Invalid("step %d has a share of %v; shares grow, each above 0 and below 1: after the last step come all", i+1, step.Share).At(fmt.Sprintf("body.steps[%d].share", i))
		}
		if step.Watch < 1 {
			return fault.Invalid("step %d has to be watched for a second at least", i+1).At(fmt.Sprintf("body.steps[%d].watch_seconds", i))
		}
		before = step.Share
	}
	if len(s.Vitals) == 0 {
		return fault.Invalid("name an event by which visitors are compared, such as order_completed, whose drop is bad, or error_shown, whose rise is").At("body.vitals")
	}
	seen := map[string]bool{}
	for i := range s.Vitals {
		v := &s.Vitals[i]
		v.Event = strings.TrimSpace(v.Event)
		if v.Bad == "" {
			v.Bad = judge.Drop
		}
		if v.Bad != judge.Drop && v.Bad != judge.Rise || v.Event == "" || seen[v.Event] {
			return fault.Invalid("vital %d needs the name of an event, which no other has, and what of it is bad: rise or drop", i+1).At(fmt.Sprintf("body.vitals[%d]", i))
		}
		seen[v.Event] = true
	}
	if s.RuleOut <= 1 {
		return fault.Invalid("rule_out is a ratio above 1; 2 is a doubling, or a halving").At("body.rule_out")
	}
	return nil
}

// policy is the judge's, with a part of alpha for each vital.
func (s *Spec) policy(alpha float64) judge.Policy {
	p := judge.Policy{Unit: judge.ByVisitor, Alpha: alpha, RuleOut: s.RuleOut}
	for _, v := range s.Vitals {
		p.Vitals = append(p.Vitals, judge.VitalSpec{Name: v.Event, Bad: v.Bad, Weight: 1 / float64(len(s.Vitals)), Of: "visitors who were given the old value or the new one"})
	}
	return p
}

// rule is the ramp's, as the flag has it in the present step; promoted it gives the value to all whom it means.
func (r *Ramp) rule(old json.RawMessage) json.RawMessage {
	rule := map[string]any{"id": ruleID + r.ID}
	if len(r.Spec.Condition) > 0 {
		rule["condition"] = r.Spec.Condition
	}
	if r.State == Promoted {
		rule["force"] = r.Spec.Value
	} else {
		rule["key"], rule["seed"], rule["hashVersion"], rule["hashAttribute"] = r.Key(), r.ID, 2, r.Spec.Attribute
		rule["variations"], rule["weights"] = []json.RawMessage{old, r.Spec.Value}, []float64{1 - r.Share, r.Share}
		rule["meta"] = []map[string]any{{"key": "old", "passthrough": true}, {"key": "new"}}
		// The new value has the places at the end: as its share grows, nobody loses it.
	}
	raw, _ := json.Marshal(rule) // of our own types, and of what was JSON
	return raw
}

// withRule gives rules with the ramp's in the place where it had one, in front else; nil takes it out.
func (r *Ramp) withRule(rules, own json.RawMessage) (json.RawMessage, error) {
	all, err := listed(rules)
	if err != nil {
		return nil, fmt.Errorf("read the rules of %s: %w", r.Name, err)
	}
	at := max(0, slices.IndexFunc(all, r.isOwn))
	all = slices.DeleteFunc(all, r.isOwn)
	if own != nil {
		all = slices.Insert(all, at, own)
	}
	if len(all) == 0 {
		return nil, nil
	}
	return json.Marshal(all)
}

func listed(rules json.RawMessage) (all []json.RawMessage, err error) {
	if len(rules) > 0 {
		err = json.Unmarshal(rules, &all)
	}
	return all, err
}

func (r *Ramp) isOwn(rule json.RawMessage) bool {
	var about struct {
		ID string `json:"id"`
	}
	return json.Unmarshal(rule, &about) == nil && about.ID == ruleID+r.ID
}

// has tells whether the ramp's rule is among others, as the ramp wrote it.
func (r *Ramp) has(rules, own json.RawMessage) bool {
	all, err := listed(rules)
	if err != nil {
		return false
	}
	i := slices.IndexFunc(all, r.isOwn)
	return i >= 0 && flag.Same(all[i], own)
}
