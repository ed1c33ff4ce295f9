package flags

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/slipwayhq/slipway/internal/apiclient"
	"github.com/slipwayhq/slipway/internal/fault"
)

// When says that a change is for later.
type When struct {
	At      string `placeholder:"2026-12-01T09:00" help:"Make the change then, as a clock there shows it."`
	Zone    string `default:"UTC" help:"Where that clock hangs, such as Europe/Berlin."`
	Propose bool   `help:"Have somebody else approve it first; needed where the environment asks for it."`
	Reason  string `short:"m" help:"Why."`
}

// Set changes a flag in an environment. Its options are django-waffle's, and a few more.
type Set struct {
	Name string `arg:"" help:"Its name."`
	Env  string `default:"production" help:"In this environment."`
	On   bool   `xor:"on" help:"Switch it on: everything below stands behind that."`
	Off  bool   `xor:"on" help:"Switch it off."`

	Default string `placeholder:"JSON" help:"The value where no rule decides." group:"Rules"`
	OffIs   string `name:"off-value" placeholder:"JSON" help:"The value while it is off." group:"Rules"`
	Rules   string `placeholder:"FILE" help:"Rules in GrowthBook's form, from a JSON file; - is standard input." group:"Rules"`
	NoRules bool   `help:"Take all rules out." group:"Rules"`

	Everyone      bool     `xor:"everyone" help:"On for all, whatever else is set." group:"Audience (django-waffle)"`
	Deactivate    bool     `xor:"everyone" help:"Off for all, whatever else is set." group:"Audience (django-waffle)"`
	Some          bool     `xor:"everyone" help:"Neither: what is below counts." group:"Audience (django-waffle)"`
	Percent       *float64 `help:"Of the visitors, 0.0 to 99.9." group:"Audience (django-waffle)"`
	Superusers    *bool    `negatable:"" help:"On for superusers." group:"Audience (django-waffle)"`
	Staff         *bool    `negatable:"" help:"On for staff." group:"Audience (django-waffle)"`
	Authenticated *bool    `negatable:"" help:"On for whoever is signed in." group:"Audience (django-waffle)"`
	Testing       *bool    `negatable:"" help:"Visitors may switch it by ?dwft_NAME=1." group:"Audience (django-waffle)"`
	Rollout       *bool    `negatable:"" help:"Who was not drawn is drawn again in the next session." group:"Audience (django-waffle)"`
	User          []string `short:"u" sep:"none" help:"On for this user; may be given several times." group:"Audience (django-waffle)"`
	Group         []string `short:"g" sep:"none" help:"On for this group; may be given several times." group:"Audience (django-waffle)"`
	Language      []string `sep:"none" help:"On for this language; may be given several times." group:"Audience (django-waffle)"`
	Append        bool     `help:"Add users, groups and languages to those that there are." group:"Audience (django-waffle)"`

	Create bool `help:"Make the flag if there is none."`
	When
}

// Run changes it.
func (s *Set) Run(h *Host) error {
	return h.Ask(func(c *apiclient.Client, app string) error {
		return h.change(c, apiclient.Place{App: app, Env: s.Env}, s.Name, s.Create, s.When, func(state apiclient.FlagState) error { return s.fill(h, state) })
	})
}

// change changes a state in place, now or later, and says what it is then. A flag that there is not is made with it, if that is wanted, or neither.
func (h *Host) change(c *apiclient.Client, p apiclient.Place, full string, create bool, w When, do func(apiclient.FlagState) error) error {
	f, err := c.Flag(h.Context, p.App, full)
	switch {
	case apiclient.Is(err, fault.CodeNotFound) && !create:
		return fault.NotFound("%s has no %s; --create makes it", p.App, called(full))
	case apiclient.Is(err, fault.CodeNotFound):
		return h.create(c, p, full, w, do)
	case err != nil:
		return err
	}
	state, tag, err := c.FlagState(h.Context, p, full)
	if err != nil {
		return err
	}
	for _, ours := range []string{"changed_at", "changed_by", "revision"} {
		delete(state, ours)
	}
	if err := do(state); err != nil {
		return err
	}
	return h.put(c, p, f.Value, tag, state, w)
}

// put saves a state that had a tag, or plans it.
func (h *Host) put(c *apiclient.Client, p apiclient.Place, f apiclient.Flag, tag string, state apiclient.FlagState, w When) error {
	state["reason"] = text(w.Reason)
	if w.At == "" && !w.Propose {
		after, err := c.SetFlagState(h.Context, p, f.ID, tag, state)
		if err != nil {
			return err
		}
		ramp := f.Ramps[p.Env].Ramp
		if ramp != "" {
			now, err := c.Flag(h.Context, p.App, f.ID)
			if err != nil {
				return err
			}
			f.Ramps = now.Value.Ramps
		}
		h.Say("%s in %s: %s", f.Name, p.Env, brief(f, p.Env, after))
		if ramp != "" && f.Ramps[p.Env].Ramp != ramp {
			h.Say("its ramp %s has ended with that", ramp)
		}
		return nil
	}
	if w.At != "" {
		state["wall"], state["zone"] = text(w.At), text(w.Zone)
	}
	plan, err := c.PlanFlag(h.Context, p, f.ID, tag, state)
	if err != nil {
		return err
	}
	h.Say("%s in %s: %s, %s %s (%s)", f.Name, p.Env, plan.Value.Words, plan.Value.Status, when(plan.Value), plan.Value.ID)
	return nil
}

// create makes a flag with what it is to be. One whose change is for later is made first, and off.
func (h *Host) create(c *apiclient.Client, p apiclient.Place, full string, w When, do func(apiclient.FlagState) error) error {
	kind, name, _ := strings.Cut(called(full), " ")
	state := apiclient.FlagState{"on": json.RawMessage("false")}
	if err := do(state); err != nil {
		return err
	}
	body := map[string]any{"kind": kind, "name": name, "reason": w.Reason}
	if w.At != "" || w.Propose {
		f, err := c.CreateFlag(h.Context, p.App, body)
		if err != nil {
			return err
		}
		_, tag, err := c.FlagState(h.Context, p, f.Value.ID)
		if err == nil {
			err = h.put(c, p, f.Value, tag, state, w)
		}
		if err != nil {
			return fmt.Errorf("%s is made, and off; but %w", called(full), err)
		}
		return nil
	}
	body["states"] = map[string]any{p.Env: state}
	f, err := c.CreateFlag(h.Context, p.App, body)
	if err == nil {
		h.Say("%s in %s: %s", name, p.Env, brief(f.Value, p.Env, f.Value.States[p.Env]))
	}
	return err
}

func when(p apiclient.FlagPlan) string {
	switch {
	case p.Wall != "":
		return "for " + p.Wall + " in " + p.Zone
	case p.Status == "waiting":
		return "for an approval"
	}
	return ""
}

func text(s string) json.RawMessage {
	raw, _ := json.Marshal(s) // a string can be encoded
	return raw
}

// fill sets what the options name, and leaves the rest.
func (s *Set) fill(h *Host, state apiclient.FlagState) error {
	switch {
	case s.On:
		state["on"] = json.RawMessage("true")
	case s.Off:
		state["on"] = json.RawMessage("false")
	}
	for name, value := range map[string]string{"default": s.Default, "off": s.OffIs} {
		if value != "" {
			if !json.Valid([]byte(value)) {
				return fault.Invalid("%s is no JSON; write a text in quotes: '\"%s\"'", value, value)
			}
			state[name] = json.RawMessage(value)
		}
	}
	if s.NoRules {
		delete(state, "rules")
	}
	if s.Rules != "" {
		raw, err := h.read(s.Rules)
		if err != nil {
			return err
		}
		if err := jsonFault(s.Rules, raw); err != nil {
			return err
		}
		state["rules"] = raw
	}
	return s.audience(state)
}

func (h *Host) read(file string) ([]byte, error) {
	if file == "-" {
		return io.ReadAll(h.In)
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, fault.Invalid("cannot read %s: %s", file, err)
	}
	return bytes.TrimSpace(raw), nil
}

// audience sets whom the flag is on for, in waffle's words.
func (s *Set) audience(state apiclient.FlagState) error {
	audience := map[string]json.RawMessage{}
	if len(state["audience"]) > 0 {
		if err := json.Unmarshal(state["audience"], &audience); err != nil {
			return fmt.Errorf("read the flag's audience: %w", err)
		}
	}
	touched := false
	set := func(name string, raw json.RawMessage) { audience[name], touched = raw, true }
	switch {
	case s.Everyone:
		set("everyone", json.RawMessage("true"))
	case s.Deactivate:
		set("everyone", json.RawMessage("false"))
	case s.Some:
		delete(audience, "everyone")
		touched = true
	}
	if s.Percent != nil {
		switch percent := *s.Percent; {
		case percent >= 100:
			return fault.Invalid("--percent goes to 99.9; for all, there is --everyone")
		case percent < 0:
			return fault.Invalid("--percent goes from 0 to 99.9, with one place behind the point")
		}
		set("percent", json.RawMessage(strconv.FormatFloat(*s.Percent, 'f', -1, 64)))
	}
	for name, b := range map[string]*bool{"superusers": s.Superusers, "staff": s.Staff, "authenticated": s.Authenticated, "testing": s.Testing, "rollout": s.Rollout} {
		if b != nil {
			set(name, json.RawMessage(strconv.FormatBool(*b)))
		}
	}
	for name, list := range map[string][]string{"users": s.User, "groups": s.Group, "languages": s.Language} {
		if len(list) == 0 {
			continue
		}
		var have []string
		if s.Append && len(audience[name]) > 0 {
			if err := json.Unmarshal(audience[name], &have); err != nil {
				return fmt.Errorf("read the flag's %s: %w", name, err)
			}
		}
		for _, one := range list {
			if !slices.Contains(have, one) {
				have = append(have, one)
			}
		}
		raw, _ := json.Marshal(have) // strings can be encoded
		set(name, raw)
	}
	if !touched {
		return nil
	}
	raw, err := json.Marshal(audience)
	state["audience"] = raw
	if !s.Off { // as with waffle, whose flags have no other switch
		state["on"] = json.RawMessage("true")
	}
	return err
}

// Switch turns a switch, or lists them.
type Switch struct {
	Name   string `arg:"" optional:"" help:"Its name; without one, all are listed."`
	To     string `arg:"" optional:"" enum:"on,off," default:"" help:"on or off; without, its state is said."`
	Env    string `default:"production" help:"In this environment."`
	Create bool   `help:"Make the switch if there is none."`
	When
}

// Run turns it.
func (s *Switch) Run(h *Host) error {
	if s.Name == "" {
		return (&List{Kind: "switch"}).Run(h)
	}
	return h.turn("switch", s.Name, s.Env, s.To, s.Create, s.When, func(state apiclient.FlagState) error {
		state["on"] = json.RawMessage(strconv.FormatBool(s.To == "on"))
		return nil
	})
}

// Sample sets a sample's share, or lists them.
type Sample struct {
	Name    string `arg:"" optional:"" help:"Its name; without one, all are listed."`
	Percent string `arg:"" optional:"" help:"Of the questions, 0.0 to 100.0; without, it is said."`
	Env     string `default:"production" help:"In this environment."`
	Create  bool   `help:"Make the sample if there is none."`
	When
}

// Run sets it.
func (s *Sample) Run(h *Host) error {
	if s.Name == "" {
		return (&List{Kind: "sample"}).Run(h)
	}
	if percent, err := strconv.ParseFloat(s.Percent, 64); s.Percent != "" && (err != nil || !(percent >= 0 && percent <= 100)) {
		return fault.Invalid("%q is no percentage; write 0.0 to 100.0", s.Percent)
	}
	return h.turn("sample", s.Name, s.Env, s.Percent, s.Create, s.When, func(state apiclient.FlagState) error {
		state["on"], state["percent"] = json.RawMessage("true"), json.RawMessage(s.Percent)
		return nil
	})
}

func (h *Host) turn(kind, name, env, to string, create bool, w When, do func(apiclient.FlagState) error) error {
	return h.Ask(func(c *apiclient.Client, app string) error {
		p, full := apiclient.Place{App: app, Env: env}, kind+":"+name
		if to != "" {
			return h.change(c, p, full, create, w, do)
		}
		f, err := c.Flag(h.Context, app, full)
		if apiclient.Is(err, fault.CodeNotFound) {
			return fault.NotFound("%s has no %s", app, called(full))
		}
		if err == nil {
			h.Say("%s in %s: %s", name, env, brief(f.Value, env, f.Value.States[env]))
		}
		return err
	})
}
