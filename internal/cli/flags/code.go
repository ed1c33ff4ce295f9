package flags

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/slipwayhq/slipway/internal/apiclient"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/pure/flagfile"
)

// Plans lists planned changes.
type Plans struct {
	All  bool `help:"Those that are over as well."`
	JSON bool `name:"json" help:"Print the API's JSON."`
}

// Run prints a row for each.
func (p *Plans) Run(h *Host) error {
	return h.Ask(func(c *apiclient.Client, app string) error {
		all, err := c.FlagPlans(h.Context, app, p.All)
		if err != nil {
			return err
		}
		if p.JSON {
			return h.JSON(all)
		}
		if len(all) == 0 {
			h.Say("none")
			return nil
		}
		var rows [][]string
		for _, one := range all {
			v := one.Value
			rows = append(rows, []string{v.ID, v.Name, v.Environment, v.Words, who(v.By), v.Status + " " + when(v), v.Said})
		}
		return h.Table("ID FLAG ENVIRONMENT CHANGE BY STATUS NOTE", rows)
	})
}

// Approve approves a planned change.
type Approve struct {
	ID string `arg:"" help:"Id of the planned change."`
}

// Run approves it.
func (a *Approve) Run(h *Host) error { return h.decide(a.ID, "approve", "") }

// Refuse ends a planned change.
type Refuse struct {
	ID     string `arg:"" help:"Id of the planned change."`
	Reason string `short:"m" help:"Why."`
}

// Run ends it.
func (r *Refuse) Run(h *Host) error { return h.decide(r.ID, "refuse", r.Reason) }

func (h *Host) decide(id, decision, said string) error {
	return h.Ask(func(c *apiclient.Client, app string) error {
		all, err := c.FlagPlans(h.Context, app, true)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(all, func(p apiclient.Item[apiclient.FlagPlan]) bool { return p.Value.ID == id })
		if i < 0 {
			return fault.NotFound("%s has no planned change %s; slipway flag plans lists them", app, id)
		}
		p, err := c.DecidePlan(h.Context, apiclient.Place{App: app, Env: all[i].Value.Environment}, id, decision, said)
		if err == nil {
			h.Say("%s in %s: %s, %s %s", p.Value.Name, p.Value.Environment, p.Value.Words, p.Value.Status, p.Value.Said)
		}
		return err
	})
}

// Export prints flags as code.
type Export struct {
	JSON bool `name:"json" help:"Print the API's JSON, with all that is known of each."`
}

// Run prints them.
func (e *Export) Run(h *Host) error {
	return h.Ask(func(c *apiclient.Client, app string) error {
		all, err := c.Flags(h.Context, app, false)
		if err != nil {
			return err
		}
		if e.JSON {
			return h.JSON(map[string]any{"flags": all})
		}
		list := make([]json.RawMessage, 0, len(all))
		for _, f := range all {
			list = append(list, f.Raw)
		}
		out, err := flagfile.Write(list)
		if err == nil {
			_, err = h.Out.Write(out)
		}
		return err
	})
}

// Apply makes flags what a file says.
type Apply struct {
	File    string `arg:"" help:"YAML or JSON as export prints it; - is standard input."`
	Archive bool   `help:"Take flags that the file does not name out of use."`
	Yes     bool   `short:"y" help:"Do it; otherwise what would be done is only said."`
	Reason  string `short:"m" help:"Why."`
}

// Run says what is to be done, and does it.
func (a *Apply) Run(h *Host) error {
	raw, err := h.read(a.File)
	if err != nil {
		return err
	}
	list, err := flagfile.Read(raw)
	if err != nil {
		return fault.Invalid("%s: %s", a.File, err)
	}
	return h.Ask(func(c *apiclient.Client, app string) error {
		steps, err := c.ApplyFlags(h.Context, app, map[string]any{"flags": list, "archive": a.Archive, "dry_run": !a.Yes, "reason": a.Reason})
		if err != nil {
			return placed(a.File, raw, list, err)
		}
		for _, s := range steps {
			h.Say("%-10s %s %s%s: %s", strings.ReplaceAll(s.Do, "_", " "), s.Kind, s.Flag, map[bool]string{true: "", false: " in " + s.Environment}[s.Environment == ""], s.Words)
		}
		switch {
		case len(steps) == 0:
			h.Say("nothing to do: all is as %s says", a.File)
		case !a.Yes:
			h.Say("nothing is done yet; do it by: slipway flag apply %s --yes", a.File)
		}
		return nil
	})
}

// placed says where in a file the fault is that the server found: it counts flags, and people have lines.
func placed(file string, text []byte, list []map[string]any, err error) error {
	var p *apiclient.Problem
	if !errors.As(err, &p) {
		return err
	}
	for _, e := range p.Errors {
		rest, ok := strings.CutPrefix(e.Field, "body.flags[")
		number, _, _ := strings.Cut(rest, "]")
		i, bad := strconv.Atoi(number)
		if !ok || bad != nil || i >= len(list) {
			continue
		}
		if line := flagfile.Line(text, i); line > 0 {
			return fmt.Errorf("%s:%d: the flag %v: %w", file, line, list[i]["name"], err)
		}
	}
	return err
}

// Keys lists the keys of clients.
type Keys struct {
	JSON bool `name:"json" help:"Print the API's JSON."`
}

// Run prints a row for each.
func (k *Keys) Run(h *Host) error {
	return h.Ask(func(c *apiclient.Client, app string) error {
		all, err := c.FlagKeys(h.Context, app)
		if err != nil {
			return err
		}
		if k.JSON {
			return h.JSON(all)
		}
		if len(all) == 0 {
			h.Say("none; make one by: slipway flag key web --kind client")
			return nil
		}
		var rows [][]string
		for _, one := range all {
			v := one.Value
			rows = append(rows, []string{v.Name, v.Environment, v.Kind, v.Key, map[bool]string{true: "stopped"}[v.Stopped]})
		}
		return h.Table("NAME ENVIRONMENT KIND KEY NOTE", rows)
	})
}

// NewKey makes a key.
type NewKey struct {
	Name      string `arg:"" help:"Who uses it, such as web or backend."`
	Kind      string `enum:"server,client" required:"" help:"server: all flags, to be kept secret; client: for browsers and apps, where everybody can read it."`
	Env       string `default:"production" help:"Whose flags it is told of."`
	Remote    bool   `help:"Clients are told values for each visitor, never rules."`
	Encrypted bool   `help:"Payloads are encrypted, as GrowthBook's clients can read them."`
}

// Run prints it.
func (k *NewKey) Run(h *Host) error {
	return h.Ask(func(c *apiclient.Client, app string) error {
		made, err := c.CreateFlagKey(h.Context, app, map[string]any{"name": k.Name, "kind": k.Kind, "environment": k.Env, "remote": k.Remote, "encrypted": k.Encrypted})
		if err != nil {
			return err
		}
		h.Say("%s", made.Value.Key)
		if made.Value.Encryption != "" {
			h.Say("%s", made.Value.Encryption)
		}
		return nil
	})
}
