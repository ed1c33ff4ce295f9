package limits

import (
	"strings"

	"github.com/slipwayhq/slipway/internal/apiclient"
	"github.com/slipwayhq/slipway/internal/fault"
)

// Show shows a limit, or one key of it.
type Show struct {
	Group string `arg:"" help:"The limit's group."`
	Key   string `arg:"" optional:"" help:"The whole group whose rest is asked for, or what of it comes behind the limit's."`
	where
	Since string `default:"1h" help:"How far back: 90m, 24h, 7d."`
	JSON  bool   `name:"json" help:"Print the API's JSON."`
}

// Run prints it.
func (s *Show) Run(h *Host) error {
	from, err := ago(s.Since)
	if err != nil {
		return err
	}
	return h.Ask(func(c *apiclient.Client, app string) error {
		p := apiclient.Place{App: app, Env: s.Env}
		l, _, err := c.Limit(h.Context, app, s.Group)
		if err != nil {
			return err
		}
		if s.Key != "" {
			return h.key(c, p, s, l.Value)
		}
		u, err := c.LimitUse(h.Context, p, s.Group, from)
		if err != nil {
			return err
		}
		if s.JSON {
			return h.JSON(map[string]any{"limit": l, "use": u})
		}
		return h.use(s, l.Value, u.Value)
	})
}

func (h *Host) key(c *apiclient.Client, p apiclient.Place, s *Show, l apiclient.Limit) error {
	k, err := c.LimitKey(h.Context, p, s.Group, whole(s.Group, s.Key))
	if err != nil {
		return err
	}
	if s.JSON {
		return h.JSON(k)
	}
	h.Say("%s", stand(k.Value, l, p.Env))
	return nil
}

// stand says how a key stands.
func stand(k apiclient.LimitKey, l apiclient.Limit, env string) string {
	text := k.Key + " has " + number(k.Left) + " of " + number(k.Capacity) + " left in " + env
	if !k.Full.IsZero() {
		text += ", all at " + at(k.Full)
	}
	text += "; " + l.Group + " gives " + l.Words
	if o := k.Override; o != nil {
		text += "; it has " + number(o.Amount) + " instead"
		if !o.Until.IsZero() {
			text += " until " + at(o.Until)
		}
		if o.Reason != "" {
			text += " (" + o.Reason + ")"
		}
	}
	return text
}

func (h *Host) use(s *Show, l apiclient.Limit, u apiclient.LimitUse) error {
	h.Say("%s: %s", l.Group, l.Words)
	if l.Note != "" {
		h.Say("%s", l.Note)
	}
	h.Say("changed %s by %s", at(l.ChangedAt), who(l.ChangedBy))
	h.Say("in %s in the last %s: %s asks, %s denied, %s near the limit, %s given", s.Env, s.Since, number(u.Total.Asks), number(u.Total.Denied), number(u.Total.Near), number(u.Total.Given))
	if len(l.Overrides) > 0 {
		var rows [][]string
		for _, o := range l.Overrides {
			rows = append(rows, []string{o.Group, number(o.Amount), at(o.Until), who(o.SetBy), o.Reason})
		}
		h.Say("")
		if err := h.Table("OVERRIDDEN AMOUNT UNTIL BY WHY", rows); err != nil {
			return err
		}
	}
	for _, list := range []struct {
		head string
		keys []apiclient.LimitKeyCount
	}{{"MOST-ASKS ASKS GIVEN DENIED NEAR", u.Top}, {"MOST-DENIED ASKS GIVEN DENIED NEAR", u.Denied}, {"NEAR-LIMIT ASKS GIVEN DENIED NEAR", u.Near}} {
		if len(list.keys) == 0 {
			continue
		}
		var rows [][]string
		for _, k := range list.keys {
			rows = append(rows, []string{k.Key, number(k.Asks), number(k.Given), number(k.Denied), number(k.Near)})
		}
		h.Say("")
		if err := h.Table(list.head, rows); err != nil {
			return err
		}
	}
	return nil
}

// Reset makes as if a key had taken nothing.
type Reset struct {
	Group string `arg:"" help:"The limit's group."`
	Key   string `arg:"" help:"The whole group, or what of it comes behind the limit's."`
	where
	Reason string `short:"m" help:"Why."`
}

// Run resets.
func (r *Reset) Run(h *Host) error {
	return h.Ask(func(c *apiclient.Client, app string) error {
		k, err := c.ResetLimit(h.Context, apiclient.Place{App: app, Env: r.Env}, r.Group, whole(r.Group, r.Key), r.Reason)
		if err == nil {
			h.Say("%s has %s left in %s", k.Value.Key, number(k.Value.Left), r.Env)
		}
		return err
	})
}

// Check says whether an amount could be had.
type Check struct {
	Group string `arg:"" help:"The whole group that would ask, such as api:search:ana."`
	where
	Amount int64 `default:"1" help:"How much."`
	JSON   bool  `name:"json" help:"Print the API's JSON."`
}

// Run looks. Status 1 is a no.
func (k *Check) Run(h *Host) error {
	if k.Amount < 1 {
		return fault.Invalid("--amount is how much would be asked for, 1 at least; %d is not", k.Amount)
	}
	return h.Ask(func(c *apiclient.Client, app string) error {
		all, err := c.Limits(h.Context, app, "")
		if err != nil {
			return err
		}
		l, ok := counting(all, k.Group)
		if !ok {
			return fault.NotFound("no limit is defined for %q, nor for what it begins with", k.Group)
		}
		got, err := c.LimitKey(h.Context, apiclient.Place{App: app, Env: k.Env}, l.Group, k.Group)
		if err != nil {
			return err
		}
		yes := got.Value.Left >= k.Amount || l.Definition.Shadow
		if k.JSON {
			if err := h.JSON(got); err != nil {
				return err
			}
		} else {
			h.Say("%s: %s", map[bool]string{true: "yes", false: "no"}[yes], stand(got.Value, l, k.Env))
		}
		if !yes {
			return fault.Limited("%s of %s cannot be had now", number(k.Amount), k.Group)
		}
		return nil
	})
}

// counting is the limit that counts a group: that of the longest group that is the group itself, or begins it up to a colon.
func counting(all []apiclient.Item[apiclient.Limit], group string) (found apiclient.Limit, ok bool) {
	for _, one := range all {
		g := one.Value.Group
		if (g == group || strings.HasPrefix(group, g+":")) && (!ok || len(g) > len(found.Group)) {
			found, ok = one.Value, true
		}
	}
	return found, ok
}

// Simulate tries a limit on what was asked.
type Simulate struct {
	Group string `arg:"" help:"What it would be for. Where it has a limit, that is tried, with what is named in its place."`
	definition
	where
	Since string `default:"7d" help:"How far back: 90m, 24h, 7d."`
	JSON  bool   `name:"json" help:"Print the API's JSON."`
}

// Run says what it would have denied.
func (s *Simulate) Run(h *Host) error {
	from, err := ago(s.Since)
	if err != nil {
		return err
	}
	return h.Ask(func(c *apiclient.Client, app string) error {
		l, _, err := c.Limit(h.Context, app, s.Group)
		if err != nil && !apiclient.Is(err, fault.CodeNotFound) {
			return err
		}
		d, err := s.of(l.Value.Definition)
		if err != nil {
			return err
		}
		d.Shadow = false // what it would deny is asked
		sim, err := c.SimulateLimit(h.Context, apiclient.Place{App: app, Env: s.Env}, s.Group, d, from)
		if err != nil {
			return err
		}
		if s.JSON {
			return h.JSON(sim)
		}
		return h.simulated(s, sim.Value)
	})
}

func (h *Host) simulated(s *Simulate, v apiclient.LimitSimulation) error {
	if v.Was.Asks == 0 {
		h.Say("nothing was asked of %s in %s in the last %s", s.Group, s.Env, s.Since)
		return nil
	}
	h.Say("%s to %s: %s of %s asked %s times", at(v.From), at(v.To), keys(v.Keys), s.Group, number(v.Was.Asks))
	h.Say("%s would have denied %s of them, to %s; %s were denied", v.Words, number(v.Denied), keys(v.Hit), number(v.Was.Denied))
	if len(v.Top) == 0 {
		return nil
	}
	var rows [][]string
	for _, k := range v.Top {
		rows = append(rows, []string{k.Key, number(k.Asks), number(k.Denied), number(k.WasDenied)})
	}
	h.Say("")
	return h.Table("KEY ASKS WOULD-BE-DENIED WAS-DENIED", rows)
}

func keys(n int) string {
	if n == 1 {
		return "1 key"
	}
	return number(int64(n)) + " keys"
}
