package events

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/slipwayhq/slipway/internal/apiclient"
	"github.com/slipwayhq/slipway/internal/decide/track"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

// Plan is about what events are to be.
type Plan struct {
	Show    PlanShow    `cmd:"" default:"withargs" help:"List the planned events, and where the plan comes from."`
	Check   PlanCheck   `cmd:"" help:"Say what is wrong with a plan and what it would break, and change nothing."`
	Set     PlanSet     `cmd:"" help:"Change the plan, whole."`
	Learned PlanLearned `cmd:"" help:"List the events that came, or the properties of one."`
}

// PlanShow shows the plan that counts.
type PlanShow struct {
	JSON bool `name:"json" help:"Print the API's JSON; set takes it."`
}

// Run prints it.
func (c *PlanShow) Run(h *Host) error {
	client, app, err := h.Find()
	if err != nil {
		return err
	}
	defer client.Close()
	plan, _, err := client.Plan(h.Context, app)
	switch {
	case err != nil:
		return err
	case c.JSON:
		return h.JSON(plan)
	}
	p := plan.Value
	from := "set by hand"
	if p.From != nil {
		from = fmt.Sprintf("%s/ of the repository at %.7s, with release %d of %s", p.From.Folder, p.From.Commit, p.From.Number, p.From.Environment)
	}
	others := "others are not as planned"
	if p.AdditionalEvents {
		others = "others are as planned"
	}
	_, _ = fmt.Fprintf(h.Out, "mode %s; %s, %s; %s\n", p.Mode, planned(len(p.Events)), others, from)
	if len(p.Events) == 0 {
		return nil
	}
	t := tabwriter.NewWriter(h.Out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "KIND\tEVENT\tSCHEMA")
	for _, e := range p.Events {
		_, _ = fmt.Fprintf(t, "%s\t%s\t%s\n", e.Kind, line(e.Name), line(string(e.Schema)))
	}
	return t.Flush()
}

// planned counts events in words.
func planned(n int) string {
	if n == 1 {
		return "1 event is planned"
	}
	return fmt.Sprintf("%d events are planned", n)
}

// PlanCheck asks what a plan would do.
type PlanCheck struct {
	File string `arg:"" optional:"" help:"The plan as JSON; - reads it from standard input. Without it, the folder is checked that events.plan of .slipway.yaml names."`
	JSON bool   `name:"json" help:"Print the API's JSON."`
}

// Run asks, and says it.
func (c *PlanCheck) Run(h *Host) error {
	to, err := h.planFrom(c.File)
	if err != nil {
		return err
	}
	client, app, err := h.Find()
	if err != nil {
		return err
	}
	defer client.Close()
	checked, err := client.CheckPlan(h.Context, app, to)
	switch {
	case err != nil:
		return err
	case c.JSON:
		return h.JSON(checked)
	}
	_, _ = fmt.Fprintf(h.Out, "%s, mode %s: the plan is right\n", planned(len(to.Events)), to.Mode)
	h.rejects(client, app, "would be rejected", to)
	return h.breaks("would break", checked.Value.Effects)
}

// breaks lists what a plan does to what counts events.
func (h *Host) breaks(word string, effects []apiclient.PlanEffect) error {
	if len(effects) == 0 {
		return nil
	}
	_, err := fmt.Fprintf(h.Out, "it %s:\n", word)
	for _, e := range effects {
		_, err = fmt.Fprintf(h.Out, "  %s\n", line(e.Text))
	}
	return err
}

// PlanSet changes the plan.
type PlanSet struct {
	File   string `arg:"" help:"The plan as JSON: mode, additional_events, and events with kind, name and schema. - reads it from standard input."`
	Reason string `help:"Why, for the audit."`
}

// Run changes it, and says what that breaks.
func (c *PlanSet) Run(h *Host) error {
	to, err := h.planFrom(c.File)
	if err != nil {
		return err
	}
	if c.Reason != "" {
		to.Reason = c.Reason
	}
	client, app, err := h.Find()
	if err != nil {
		return err
	}
	defer client.Close()
	_, tag, err := client.Plan(h.Context, app)
	if err != nil {
		return err
	}
	now, err := client.SetPlan(h.Context, app, tag, to)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(h.Out, "%s, mode %s\n", planned(len(now.Value.Events)), now.Value.Mode)
	h.rejects(client, app, "will be rejected from now on", to)
	return h.breaks("breaks", now.Value.Effects)
}

// PlanLearned lists what came.
type PlanLearned struct {
	Event string `arg:"" optional:"" help:"Name of an event, to list its properties."`
	JSON  bool   `name:"json" help:"Print the API's JSON."`
}

// Run lists it.
func (c *PlanLearned) Run(h *Host) error {
	client, app, err := h.Find()
	if err != nil {
		return err
	}
	defer client.Close()
	all, err := client.Learned(h.Context, app)
	if err != nil {
		return err
	}
	some := []apiclient.Item[apiclient.LearnedEvent]{}
	for _, e := range all {
		if c.Event == "" || e.Value.Name == c.Event {
			some = append(some, e)
		}
	}
	switch {
	case c.JSON:
		return h.JSON(some)
	case len(some) == 0 && c.Event != "":
		return fault.NotFound("no event named %q came; slipway events plan learned lists those that did", c.Event)
	case len(some) == 0:
		_, err = fmt.Fprintln(h.Out, "none")
		return err
	}
	word := map[bool]string{true: "yes", false: "no"}
	t := tabwriter.NewWriter(h.Out, 0, 0, 2, ' ', 0)
	if c.Event == "" {
		_, _ = fmt.Fprintln(t, "KIND\tEVENT\tCOUNT\tFIRST\tLAST\tPLANNED")
	} else {
		_, _ = fmt.Fprintln(t, "KIND\tPROPERTY\tTYPE\tCOUNT\tPLANNED")
	}
	for _, e := range some {
		v := e.Value
		if c.Event == "" {
			_, _ = fmt.Fprintf(t, "%s\t%s\t%d\t%s\t%s\t%s\n", v.Kind, line(v.Name), v.Count, v.First.Format(time.RFC3339), v.Last.Format(time.RFC3339), word[v.Planned])
			continue
		}
		for _, p := range v.Properties {
			_, _ = fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%s\n", v.Kind, line(p.Name), line(p.Type), p.Count, word[p.Planned])
		}
	}
	return t.Flush()
}

// planFrom reads a plan from a file, or from the folder that the manifest names.
func (h *Host) planFrom(file string) (to apiclient.PlanChange, err error) {
	var text []byte
	switch file {
	case "":
		return planOfFolder()
	case "-":
		text, err = io.ReadAll(h.In)
	default:
		text, err = os.ReadFile(file)
	}
	if err != nil {
		return to, fmt.Errorf("read the plan: %w", err)
	}
	var shown struct { // what the API shows of a plan beside what it takes
		apiclient.PlanChange
		ChangedAt any `json:"changed_at"`
		ChangedBy any `json:"changed_by"`
		From      any `json:"from"`
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if file == "-" {
		file = "standard input"
	}
	if err := d.Decode(&shown); err != nil {
		return to, fault.Invalid("%s is no plan: %s; write %s", file, misshapen(err), planForm)
	}
	to = shown.PlanChange
	if to.Mode == "" {
		return to, fault.Invalid("%s says no mode; write %s", file, planForm)
	}
	if to.Events == nil {
		to.Events = []apiclient.PlannedEvent{}
	}
	return to, nil
}

// planForm is what the file of a plan looks like.
const planForm = `{"mode": "warn", "events": [{"name": "order_completed", "schema": {"type": "object"}}]}`

// misshapen says what is wrong with JSON without a word about the program that reads it.
func misshapen(err error) string {
	var wrong *json.UnmarshalTypeError
	if !errors.As(err, &wrong) {
		return strings.TrimPrefix(err.Error(), "json: ")
	}
	article := "a "
	if strings.ContainsAny(wrong.Value[:1], "aeiou") {
		article = "an "
	}
	value := article + strings.Fields(wrong.Value)[0] // "number 1.5" is a number
	if path := strings.TrimPrefix(wrong.Field, "PlanChange."); path != "" {
		return fmt.Sprintf("%q is %s, which does not fit there", path, value)
	}
	return "it is " + value
}

// planOfFolder is the plan that a push of this folder would declare.
func planOfFolder() (to apiclient.PlanChange, err error) {
	text, err := os.ReadFile(manifest.Filename)
	if errors.Is(err, fs.ErrNotExist) {
		return to, fault.Invalid("there is no %s here; name a file with the plan, or go to the top of the repository", manifest.Filename)
	}
	if err != nil {
		return to, fmt.Errorf("read the manifest: %w", err)
	}
	m, problems := manifest.Parse(text)
	if len(problems) > 0 {
		return to, fault.Invalid("%s has mistakes:\n%s", manifest.Filename, problems.Text())
	}
	if m.Events == nil {
		return to, fault.Invalid("%s has no events.plan; name a file with the plan, or add events: {plan: events}", manifest.Filename)
	}
	files, err := filesIn(m.Events.Plan)
	if err != nil {
		return to, err
	}
	plan, problems := track.Declared(*m.Events, files)
	if len(problems) > 0 {
		return to, fault.Invalid("the plan has mistakes:\n%s", problems.Text())
	}
	raw, err := json.Marshal(plan)
	if err != nil {
		return to, fmt.Errorf("encode the plan: %w", err)
	}
	return to, json.Unmarshal(raw, &to)
}

// filesIn reads the .json files of a folder, however deep.
func filesIn(folder string) (files []track.File, err error) {
	here := os.DirFS(".")
	err = fs.WalkDir(here, folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || !strings.HasSuffix(path, ".json") {
			return err
		}
		text, err := fs.ReadFile(here, path)
		files = append(files, track.File{Path: path, Text: text})
		return err
	})
	if err == nil && len(files) == 0 {
		return nil, fault.Invalid("there is no .json file in %s, which events.plan of %s names", folder, manifest.Filename)
	}
	if err != nil {
		return nil, fmt.Errorf("read the plan: %w", err)
	}
	return files, nil
}
