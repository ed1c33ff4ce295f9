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
	return h.in(func(c *apiclient.Client, app string) error {
		if s.Create {
			if err := h.make(c, app, "flag", s.Name); err != nil {
				return err
			}
		}
		return h.change(c, apiclient.Place{App: app, Env: s.Env}, s.Name, s.When, func(state apiclient.FlagState) error { return s.fill(h, state) })
	})
}

// make adds a flag if there is none.
func (h *Host) make(c *apiclient.Client, app, kind, name string) error {
	_, err := c.Flag(h.Context, app, kind+":"+name)
	if apiclient.Is(err, fault.CodeNotFound) {
		_, err = c.CreateFlag(h.Context, app, map[string]any{"kind": kind, "name": name})
	}
	return err
}

// change changes a state in place, now or later, and says what it is then.
func (h *Host) change(c *apiclient.Client, p apiclient.Place, name string, w When, do func(apiclient.FlagState) error) error {
	state, tag, err := c.FlagState(h.Context, p, name)
	if apiclient.Is(err, fault.CodeNotFound) {
		return fmt.Errorf("%w; --create makes it", err)
	}
	if err != nil {
		return err
	}
	full := name // as it is found; people know it by less
	for _, kind := range []string{"switch:", "sample:"} {
		name = strings.TrimPrefix(name, kind)
	}
	for _, ours := range []string{"changed_at", "changed_by", "revision"} {
		delete(state, ours)
	}
	if err := do(state); err != nil {
		return err
	}
	state["reason"] = text(w.Reason)
	if w.At == "" && !w.Propose {
		after, err := c.SetFlagState(h.Context, p, full, tag, state)
		if err == nil {
			h.say("%s in %s: %s", name, p.Env, brief(after))
		}
		return err
	}
	if w.At != "" {
		state["wall"], state["zone"] = text(w.At), text(w.Zone)
	}
	plan, err := c.PlanFlag(h.Context, p, full, tag, state)
	if err != nil {
		return err
	}
	h.say("%s in %s: %s, %s %s (%s)", name, p.Env, plan.Value.Words, plan.Value.Status, when(plan.Value), plan.Value.ID)
	return nil
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
	if _, err := strconv.ParseFloat(s.Percent, 64); s.Percent != "" && err != nil {
		return fault.Invalid("%q is no percentage; write 0.0 to 100.0", s.Percent)
	}
	return h.turn("sample", s.Name, s.Env, s.Percent, s.Create, s.When, func(state apiclient.FlagState) error {
		state["on"], state["percent"] = json.RawMessage("true"), json.RawMessage(s.Percent)
		return nil
	})
}

func (h *Host) turn(kind, name, env, to string, create bool, w When, do func(apiclient.FlagState) error) error {
	return h.in(func(c *apiclient.Client, app string) error {
		p, full := apiclient.Place{App: app, Env: env}, kind+":"+name
		if create {
			if err := h.make(c, app, kind, name); err != nil {
				return err
			}
		}
		if to == "" {
			state, _, err := c.FlagState(h.Context, p, full)
			if err == nil {
				h.say("%s in %s: %s", name, env, brief(state))
			}
			return err
		}
		return h.change(c, p, full, w, do)
	})
}
