package limits

import (
	"time"

	"github.com/slipwayhq/slipway/internal/apiclient"
	"github.com/slipwayhq/slipway/internal/fault"
)

// Commands are those of slipway limit.
type Commands struct {
	List     List     `cmd:"" help:"List limits, and what was asked of them in the last hour."`
	Set      Set      `cmd:"" help:"Make a limit, or change what is named of one."`
	Rm       Rm       `cmd:"" help:"Remove a limit: its groups are limited by a shorter one, or by none."`
	Override Override `cmd:"" help:"Give one key another amount, at once."`
	Lift     Lift     `cmd:"" help:"End an override: the limit's own amount holds again."`
	Show     Show     `cmd:"" help:"Show what was asked of a limit, and by whom; with a key, what it has left."`
	Reset    Reset    `cmd:"" help:"Make as if a key had taken nothing."`
	Check    Check    `cmd:"" help:"Say whether a group could have an amount now, and take nothing."`
	Simulate Simulate `cmd:"" help:"Say what a limit would have denied of what was asked."`
}

// where is the environment whose takes are meant; limits are the same in all.
type where struct {
	Env string `help:"The environment; each counts for itself." default:"production" env:"SLIPWAY_ENV" group:"Place"`
}

// List lists.
type List struct {
	where
	JSON bool `name:"json" help:"Print the API's JSON."`
}

// Run prints a row for each.
func (l *List) Run(h *Host) error {
	return h.Ask(func(c *apiclient.Client, app string) error {
		all, err := c.Limits(h.Context, app, l.Env)
		if err != nil {
			return err
		}
		if l.JSON {
			return h.JSON(all)
		}
		if len(all) == 0 {
			h.Say("none; make the first one by: slipway limit set api --per-minute 100")
			return nil
		}
		var rows [][]string
		for _, one := range all {
			v, use := one.Value, apiclient.LimitCount{}
			if v.Use != nil {
				use = *v.Use
			}
			rows = append(rows, []string{v.Group, v.Words, number(use.Asks), number(use.Denied), number(use.Near), number(int64(len(v.Overrides))), v.Note})
		}
		return h.Table("GROUP LIMIT ASKS DENIED NEAR OVERRIDES NOTE", rows)
	})
}

// Set makes a limit, or changes one.
type Set struct {
	Group string `arg:"" help:"What it limits: this group, and all that begin with it and a colon, each by itself."`
	definition
	Note   *string `help:"What it is for."`
	Reason string  `short:"m" help:"Why."`
}

// Run makes it, or changes it.
func (s *Set) Run(h *Host) error {
	return h.Ask(func(c *apiclient.Client, app string) error {
		l, tag, err := c.Limit(h.Context, app, s.Group)
		fresh := apiclient.Is(err, fault.CodeNotFound)
		if err != nil && !fresh {
			return err
		}
		d, err := s.of(l.Value.Definition)
		if err != nil {
			return err
		}
		note := l.Value.Note
		if s.Note != nil {
			note = *s.Note
		}
		if fresh {
			l, err = c.CreateLimit(h.Context, app, s.Group, d, note, s.Reason)
		} else {
			l, err = c.SetLimit(h.Context, app, s.Group, tag, d, note, s.Reason)
		}
		if err == nil {
			h.Say("%s: %s", l.Value.Group, l.Value.Words)
		}
		return err
	})
}

// Rm removes a limit.
type Rm struct {
	Group  string `arg:"" help:"Its group."`
	Reason string `short:"m" help:"Why."`
}

// Run removes it.
func (r *Rm) Run(h *Host) error {
	return h.Ask(func(c *apiclient.Client, app string) error {
		l, tag, err := c.Limit(h.Context, app, r.Group)
		if err != nil {
			return err
		}
		if err := c.RemoveLimit(h.Context, app, r.Group, tag, r.Reason); err != nil {
			return err
		}
		h.Say("%s is not limited any more; it was: %s", r.Group, l.Value.Words)
		return nil
	})
}

// Override gives a key another amount.
type Override struct {
	Group  string `arg:"" help:"The limit's group."`
	Key    string `arg:"" help:"The whole group that gets another amount, or what of it comes behind the limit's."`
	Amount int64  `required:"" help:"Instead of the limit's; 0 denies everything."`
	Burst  int64  `help:"How many at once, of a rolling limit; else as many as of the limit, or the amount where that has none."`
	For    string `placeholder:"24h" help:"How long, such as 90m, 24h or 7d; else for good."`
	Reason string `short:"m" help:"Why."`
}

// Run overrides.
func (o *Override) Run(h *Host) error {
	body := map[string]any{"amount": o.Amount, "burst": o.Burst, "reason": o.Reason}
	until := "for good"
	if o.For != "" {
		d, err := span(o.For)
		if err != nil {
			return err
		}
		end := time.Now().Add(d).UTC().Truncate(time.Second)
		body["until"], until = end, "until "+at(end)
	}
	return h.Ask(func(c *apiclient.Client, app string) error {
		l, tag, err := c.Limit(h.Context, app, o.Group)
		if err != nil {
			return err
		}
		key := whole(o.Group, o.Key)
		if _, err := c.OverrideLimit(h.Context, app, o.Group, key, tag, body); err != nil {
			return err
		}
		h.Say("%s: %s instead of %s, %s", key, number(o.Amount), number(l.Value.Definition.Amount), until)
		return nil
	})
}

// Lift ends an override.
type Lift struct {
	Group  string `arg:"" help:"The limit's group."`
	Key    string `arg:"" help:"The group that has another amount."`
	Reason string `short:"m" help:"Why."`
}

// Run lifts it.
func (l *Lift) Run(h *Host) error {
	return h.Ask(func(c *apiclient.Client, app string) error {
		key := whole(l.Group, l.Key)
		if err := c.LiftLimit(h.Context, app, l.Group, key, l.Reason); err != nil {
			return err
		}
		h.Say("%s has the amount of %s again", key, l.Group)
		return nil
	})
}
