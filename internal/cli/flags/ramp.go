package flags

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/slipwayhq/slipway/internal/apiclient"
	"github.com/slipwayhq/slipway/internal/fault"
)

// Ramp is about giving a flag's value to more and more visitors.
type Ramp struct {
	Start  RampStart `cmd:"" help:"Give a flag's value to more and more visitors, as long as they do no worse."`
	List   RampList  `cmd:"" help:"List ramps."`
	Show   RampShow  `cmd:"" help:"Show a ramp: where it stands, and the evidence."`
	Pause  RampPause `cmd:"" help:"Stay at the step; worse visitors still bring it back."`
	Resume RampGo    `cmd:"" help:"Go on with a paused or held ramp."`
	Next   RampNext  `cmd:"" help:"Go to the next step now, or to all."`
	Return RampBack  `cmd:"" help:"Take the value back from everybody."`
}

// RampStart starts one.
type RampStart struct {
	Name        string   `arg:"" help:"Name of the flag."`
	Env         string   `default:"production" help:"In this environment."`
	Value       string   `placeholder:"JSON" help:"What visitors are given; true where none is named, of a flag of type boolean."`
	Condition   string   `placeholder:"JSON" help:"Only visitors who meet it, such as {\"country\":\"US\"}."`
	By          string   `default:"id" help:"The attribute by which visitors are placed; events name them by it, as user or anonymous id."`
	Steps       string   `default:"1%:1h,10%:1h,50%:1h" help:"Shares, and how long each is watched; then come all."`
	Drop        []string `sep:"none" placeholder:"EVENT" help:"An event that must not become rarer; may be given several times."`
	Rise        []string `sep:"none" placeholder:"EVENT" help:"An event that must not become more frequent; may be given several times."`
	FalseAlarms float64  `default:"1" help:"How many good ramps may come back in a month."`
	RuleOut     float64  `default:"2" help:"Healthy means that harm of this size is excluded."`
	Unknown     string   `enum:"promote,wait,hold" default:"promote" help:"When the time of a step is over and it cannot be told: promote, wait or hold."`
	Reason      string   `short:"m" help:"Why."`
}

// Run starts it.
func (s *RampStart) Run(h *Host) error {
	steps, err := stepsOf(s.Steps)
	if err != nil {
		return err
	}
	spec := map[string]any{"steps": steps, "hash_attribute": s.By, "false_alarms": s.FalseAlarms, "rule_out": s.RuleOut, "unknown": s.Unknown, "reason": s.Reason}
	for name, raw := range map[string]string{"value": s.Value, "condition": s.Condition} {
		switch {
		case raw == "":
		case !json.Valid([]byte(raw)):
			return fault.Invalid("--%s %s is no JSON", name, raw)
		default:
			spec[name] = json.RawMessage(raw)
		}
	}
	vitals := []map[string]string{}
	for _, e := range s.Drop {
		vitals = append(vitals, map[string]string{"event": e, "bad": "drop"})
	}
	for _, e := range s.Rise {
		vitals = append(vitals, map[string]string{"event": e, "bad": "rise"})
	}
	if len(vitals) == 0 {
		return fault.Invalid("name an event by which visitors are compared: --drop order_completed, or --rise error_shown")
	}
	spec["vitals"] = vitals
	return h.Ask(func(c *apiclient.Client, app string) error {
		r, err := c.StartRamp(h.Context, apiclient.Place{App: app, Env: s.Env}, s.Name, spec)
		if err != nil {
			return err
		}
		v := r.Value
		h.Say("%s: %s of %s are given %s for %s; %s", v.ID, part(v.Share), whom(v.Spec.Condition), v.Spec.Value, time.Duration(v.Spec.Steps[0].Watch)*time.Second, v.Why)
		for _, warning := range v.Warnings {
			h.Say("but: %s", warning)
		}
		return nil
	})
}

// whom is whom a ramp means.
func whom(condition json.RawMessage) string {
	if len(condition) == 0 || string(condition) == "null" {
		return "visitors"
	}
	return "visitors with " + string(condition)
}

// stepsOf reads "1%:1h,10%:30m".
func stepsOf(list string) ([]map[string]any, error) {
	var steps []map[string]any
	for one := range strings.SplitSeq(list, ",") {
		share, watch, ok := strings.Cut(strings.TrimSpace(one), ":")
		percent, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(share), "%"), 64)
		d, err2 := time.ParseDuration(strings.TrimSpace(watch))
		if !ok || err != nil || err2 != nil {
			return nil, fault.Invalid("%q is no step; write shares and times, such as 1%%:1h,10%%:1h,50%%:1h", one)
		}
		switch {
		case percent >= 100:
			return nil, fault.Invalid("%q is no step: after the last one come all, so that a step is below 100 %%; leave it out", one)
		case !(percent > 0):
			return nil, fault.Invalid("%q is no step: a share is above 0 %%", one)
		}
		steps = append(steps, map[string]any{"share": percent / 100, "watch_seconds": int64(d.Seconds())})
	}
	return steps, nil
}

func part(share float64) string { return strconv.FormatFloat(share*100, 'g', 4, 64) + " %" }

// RampList lists.
type RampList struct {
	All  bool `help:"Those that are over as well."`
	JSON bool `name:"json" help:"Print the API's JSON."`
}

// Run prints a row for each.
func (l *RampList) Run(h *Host) error {
	return h.Ask(func(c *apiclient.Client, app string) error {
		all, err := c.Ramps(h.Context, app, l.All)
		if err != nil {
			return err
		}
		if l.JSON {
			return h.JSON(all)
		}
		if len(all) == 0 {
			h.Say("none under way; start one by: slipway flag ramp start NAME --drop EVENT")
			return nil
		}
		var rows [][]string
		for _, one := range all {
			v := one.Value
			rows = append(rows, []string{v.ID, v.Name, v.Environment, v.State, fmt.Sprintf("%d of %d", v.Step+1, len(v.Spec.Steps)), part(v.Share), v.StartedAt.Local().Format("2006-01-02 15:04")})
		}
		return h.Table("ID FLAG ENVIRONMENT STATE STEP SHARE STARTED", rows)
	})
}

// RampShow shows one.
type RampShow struct {
	ID   string `arg:"" help:"Id of the ramp."`
	JSON bool   `name:"json" help:"Print the API's JSON."`
}

// Run prints where it stands.
func (s *RampShow) Run(h *Host) error {
	return h.Ask(func(c *apiclient.Client, app string) error {
		r, err := c.Ramp(h.Context, app, s.ID)
		if err != nil {
			return err
		}
		if s.JSON {
			return h.JSON(r)
		}
		v := r.Value
		h.Say("%s in %s: %s, step %d of %d, %s of %s; the evidence says: %s", v.Name, v.Environment, v.State, v.Step+1, len(v.Spec.Steps), part(v.Share), whom(v.Spec.Condition), v.Verdict.Outcome)
		for _, vital := range v.Verdict.Vitals {
			h.Say("  %s", vital.Text)
		}
		for _, why := range v.Reasons {
			h.Say("last: %s", why)
		}
		return nil
	})
}

// ramped is what a command about one ramp takes.
type ramped struct {
	ID     string `arg:"" help:"Id of the ramp."`
	Reason string `short:"m" help:"Why."`
}

func (r *ramped) run(h *Host, command string) error {
	return h.Ask(func(c *apiclient.Client, app string) error {
		now, err := c.Ramp(h.Context, app, r.ID)
		if err != nil {
			return err
		}
		after, err := c.CommandRamp(h.Context, apiclient.Place{App: app, Env: now.Value.Environment}, r.ID, command, r.Reason)
		if err == nil {
			h.Say("%s in %s: %s, %s of visitors", after.Value.Name, after.Value.Environment, after.Value.State, part(after.Value.Share))
		}
		return err
	})
}

// RampPause stays at the step.
type RampPause struct{ ramped }

// RampGo goes on.
type RampGo struct{ ramped }

// RampNext goes to the next step.
type RampNext struct{ ramped }

// RampBack takes the value back.
type RampBack struct{ ramped }

// Run pauses.
func (r *RampPause) Run(h *Host) error { return r.run(h, "pause") }

// Run resumes.
func (r *RampGo) Run(h *Host) error { return r.run(h, "resume") }

// Run goes on.
func (r *RampNext) Run(h *Host) error { return r.run(h, "next") }

// Run takes it back.
func (r *RampBack) Run(h *Host) error { return r.run(h, "return") }
