package flags

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/slipwayhq/slipway/internal/apiclient"
	"github.com/slipwayhq/slipway/internal/cli/host"
	"github.com/slipwayhq/slipway/internal/fault"
)

// Host is what the commands run in.
type Host struct{ host.Host }

// Commands are those of slipway flag.
type Commands struct {
	List    List    `cmd:"" help:"List flags, switches and samples, and what each is in each environment."`
	Show    Show    `cmd:"" help:"Show a flag, whole, as JSON."`
	Create  Create  `cmd:"" help:"Add a flag; it is off until it is set."`
	Set     Set     `cmd:"" help:"Change a flag in an environment, now or later."`
	Log     Log     `cmd:"" help:"Say who changed a flag, when and why."`
	Restore Restore `cmd:"" help:"Make a flag what it was after an earlier change."`
	Archive Archive `cmd:"" help:"Take flags out of use; their history stays."`
	Try     Try     `cmd:"" help:"Say what a visitor would get, and why."`
	Refs    Refs    `cmd:"" help:"Find where the code, as it was pushed last, names flags."`
	Ramp    Ramp    `cmd:"" help:"Give a flag's value to more and more visitors, as long as they do no worse."`
	Plans   Plans   `cmd:"" help:"List planned changes."`
	Approve Approve `cmd:"" help:"Let somebody else's planned change be made."`
	Refuse  Refuse  `cmd:"" help:"End a planned change that is not wanted."`
	Export  Export  `cmd:"" help:"Print all flags as YAML, which apply takes."`
	Apply   Apply   `cmd:"" help:"Say what a file of flags would change; with --yes, change it."`
	Keys    Keys    `cmd:"" help:"List the keys by which clients are told of flags."`
	Key     NewKey  `cmd:"" help:"Make a key by which clients are told of flags."`
}

// List lists.
type List struct {
	JSON     bool   `name:"json" help:"Print the API's JSON."`
	Kind     string `enum:",flag,switch,sample" default:"" help:"Only flags, switches or samples."`
	Stale    bool   `help:"Only those that can be taken out of the code."`
	Archived bool   `help:"Those that are out of use as well."`
}

// Run prints a row for each.
func (l *List) Run(h *Host) error {
	return h.Ask(func(c *apiclient.Client, app string) error {
		all, err := c.Flags(h.Context, app, l.Archived)
		if err != nil {
			return err
		}
		all = slices.DeleteFunc(all, func(f apiclient.Item[apiclient.Flag]) bool {
			return l.Kind != "" && f.Value.Kind != l.Kind || l.Stale && len(f.Value.Stale) == 0
		})
		if l.JSON {
			return h.JSON(all)
		}
		if len(all) == 0 {
			h.Say("%s", l.none())
			return nil
		}
		var rows [][]string
		for _, f := range all {
			rows = append(rows, row(f.Value))
		}
		return h.Table("NAME KIND STATES CHANGED BY NOTE", rows)
	})
}

// none says that there is nothing to list, and what to do.
func (l *List) none() string {
	switch {
	case l.Stale:
		return "none is stale: none has given the same to everybody for long"
	case l.Kind == "switch":
		return "none; make the first one by: slipway switch NAME on --create"
	case l.Kind == "sample":
		return "none; make the first one by: slipway sample NAME PERCENT --create"
	}
	return "none; make the first one by: slipway flag create NAME"
}

func row(f apiclient.Flag) []string {
	var states, notes []string
	for _, env := range slices.Sorted(maps.Keys(f.States)) {
		states = append(states, env+": "+brief(f, env, f.States[env]))
	}
	if len(states) == 0 {
		states = []string{"off"}
	}
	if !f.ArchivedAt.IsZero() {
		notes = append(notes, "out of use")
	}
	for _, env := range slices.Sorted(maps.Keys(f.Stale)) {
		notes = append(notes, "stale in "+env)
	}
	return []string{f.Name, f.Kind, strings.Join(states, ", "), f.ChangedAt.Local().Format("2006-01-02 15:04"), who(f.ChangedBy), strings.Join(notes, ", ")}
}

// Show shows one.
type Show struct {
	Name string `arg:"" help:"Its name; a switch and a sample may be named as switch:NAME and sample:NAME."`
}

// Run prints it.
func (s *Show) Run(h *Host) error {
	return h.Ask(func(c *apiclient.Client, app string) error {
		f, err := c.Flag(h.Context, app, s.Name)
		if err != nil {
			return err
		}
		return h.JSON(f)
	})
}

// Create adds a flag.
type Create struct {
	Name        string   `arg:"" help:"Letters, digits, and any of - _ . : |"`
	Kind        string   `enum:"flag,switch,sample" default:"flag" help:"flag, switch or sample."`
	Type        string   `enum:"boolean,string,number,json" default:"boolean" help:"What its values are: boolean, string, number or json."`
	Description string   `short:"d" help:"What it is for."`
	Owner       string   `help:"Who is asked about it."`
	Tag         []string `sep:"none" help:"May be given several times."`
	ServerOnly  bool     `help:"Browsers are not told of it."`
	Permanent   bool     `help:"It is never stale."`
	Reason      string   `short:"m" help:"Why."`
}

// Run adds it.
func (n *Create) Run(h *Host) error {
	return h.Ask(func(c *apiclient.Client, app string) error {
		f, err := c.CreateFlag(h.Context, app, map[string]any{
			"name": n.Name, "kind": n.Kind, "type": n.Type, "description": n.Description, "owner": n.Owner, "tags": n.Tag, "server_only": n.ServerOnly, "permanent": n.Permanent, "reason": n.Reason,
		})
		if err != nil {
			return err
		}
		h.Say("%s %s is made, and off everywhere; set it by: slipway %s", f.Value.Kind, f.Value.Name, map[string]string{
			"flag": "flag set " + n.Name + " --on", "switch": "switch " + n.Name + " on", "sample": "sample " + n.Name + " PERCENT",
		}[f.Value.Kind])
		return nil
	})
}

// Log shows what became of a flag.
type Log struct {
	Name string `arg:"" help:"Its name."`
	JSON bool   `name:"json" help:"Print the API's JSON, with the states before and after."`
}

// Run prints a line for each change.
func (l *Log) Run(h *Host) error {
	return h.Ask(func(c *apiclient.Client, app string) error {
		all, err := c.FlagChanges(h.Context, app, l.Name)
		if err != nil {
			return err
		}
		if l.JSON {
			return h.JSON(all)
		}
		var rows [][]string
		for _, one := range all {
			v := one.Value
			rows = append(rows, []string{v.At.Local().Format("2006-01-02 15:04:05"), or(v.Environment, "everywhere"), who(v.By), v.How, v.Words, v.Reason, v.ID})
		}
		return h.Table("WHEN WHERE WHO HOW WHAT WHY ID", rows)
	})
}

func or(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// Restore goes back.
type Restore struct {
	Name   string `arg:"" help:"Its name."`
	Change string `arg:"" help:"Id of the change, as slipway flag log tells it."`
	Reason string `short:"m" help:"Why."`
}

// Run restores.
func (r *Restore) Run(h *Host) error {
	return h.Ask(func(c *apiclient.Client, app string) error {
		f, err := c.MoveFlag(h.Context, app, r.Name, map[string]string{"change": "restore", "restored": r.Change, "reason": r.Reason})
		if err == nil {
			h.Say("%s", strings.Join(row(f.Value)[:3], "  "))
		}
		return err
	})
}

// Archive takes flags out of use.
type Archive struct {
	Names  []string `arg:"" help:"Their names."`
	Back   bool     `help:"Bring them back into use instead."`
	Reason string   `short:"m" help:"Why."`
}

// Run takes one after the other.
func (a *Archive) Run(h *Host) error {
	change, said := "archive", "is out of use"
	if a.Back {
		change, said = "bring_back", "is in use again"
	}
	return h.Ask(func(c *apiclient.Client, app string) error {
		flags := make([]apiclient.Flag, 0, len(a.Names))
		for _, name := range a.Names { // all, before the first is touched
			f, err := c.Flag(h.Context, app, name)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			flags = append(flags, f.Value)
		}
		for i, name := range a.Names {
			if _, err := c.MoveFlag(h.Context, app, name, map[string]string{"change": change, "reason": a.Reason}); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			h.Say("%s %s", name, said)
			if !a.Back {
				h.gone(c, app, flags[i])
			}
		}
		return nil
	})
}

// gone says what ended with a flag, and where the code still asks for it.
func (h *Host) gone(c *apiclient.Client, app string, f apiclient.Flag) {
	for _, env := range slices.Sorted(maps.Keys(f.Ramps)) {
		h.Say("  its ramp %s in %s has ended with that", f.Ramps[env].Ramp, env)
	}
	refs, err := c.FlagRefs(h.Context, app, "main", f.ID)
	if err != nil || len(refs.Value.Refs) == 0 { // without a repository there is no code to look at
		return
	}
	first := refs.Value.Refs[0]
	h.Say("  the code still names it, first in %s:%d, and is given its own default there; slipway flag refs %s has all places", first.Path, first.Line, f.Name)
}

// Try tries a visitor.
type Try struct {
	Names      []string `arg:"" optional:"" help:"Only these flags."`
	Env        string   `default:"production" help:"In this environment."`
	Attributes string   `short:"a" default:"{}" placeholder:"JSON" help:"What the app's clients would say of the visitor, such as {\"id\":\"u_1\",\"country\":\"US\"}."`
	URL        string   `name:"page" help:"The page's address."`
	JSON       bool     `name:"json" help:"Print the API's JSON."`
}

// Run prints what each flag gives.
func (t *Try) Run(h *Host) error {
	var attributes map[string]any
	if err := json.Unmarshal([]byte(t.Attributes), &attributes); err != nil {
		return fault.Invalid("--attributes is no JSON object, such as {\"id\":\"u_1\"}: %s", err)
	}
	return h.Ask(func(c *apiclient.Client, app string) error {
		all, err := c.TryFlags(h.Context, apiclient.Place{App: app, Env: t.Env}, map[string]any{"attributes": attributes, "url": t.URL, "flags": t.Names})
		if err != nil {
			return err
		}
		if t.JSON {
			return h.JSON(all)
		}
		var rows [][]string
		for _, g := range all {
			why := because(g)
			if g.Variation != "" {
				why += ", variation " + g.Variation
			}
			rows = append(rows, []string{g.Flag, string(g.Value), why, g.Problem})
		}
		return h.Table("FLAG VALUE WHY PROBLEM", rows)
	})
}

// because says what decided. Rules are called by their place, and by their id where they have one.
func because(g apiclient.GivenFlag) string {
	switch {
	case g.By == "switch":
		return "it is on for all"
	case g.By == "sample":
		return fmt.Sprintf("drawn anew each time: true for %s %% of the questions", strconv.FormatFloat(g.Percent, 'f', -1, 64))
	case g.Place == 0:
		return g.By
	case g.Rule == "":
		return fmt.Sprintf("%s, rule %d", g.By, g.Place)
	}
	return fmt.Sprintf("%s, rule %d (%s)", g.By, g.Place, g.Rule)
}

// Refs finds flags in the code.
type Refs struct {
	Name    string `arg:"" optional:"" help:"Only this flag."`
	Branch  string `default:"main" help:"As this branch was pushed last."`
	Unnamed bool   `help:"Only flags that the code names nowhere."`
	JSON    bool   `name:"json" help:"Print the API's JSON."`
}

// Run prints places as grep does.
func (r *Refs) Run(h *Host) error {
	return h.Ask(func(c *apiclient.Client, app string) error {
		out, err := c.FlagRefs(h.Context, app, r.Branch, r.Name)
		if err != nil {
			return err
		}
		if r.JSON {
			return h.JSON(out)
		}
		for _, ref := range out.Value.Refs {
			if !r.Unnamed {
				h.Say("%s: %s:%d: %s", ref.Flag, ref.Path, ref.Line, strings.TrimSpace(ref.Text))
			}
		}
		for _, name := range out.Value.Unnamed {
			h.Say("%s: %s at %.7s names it nowhere", name, out.Value.Branch, out.Value.Commit)
		}
		if out.Value.More {
			h.Say("there are more; name one flag")
		}
		return nil
	})
}
