package cli

import (
	"github.com/slipwayhq/slipway/internal/apiclient"
	"github.com/slipwayhq/slipway/internal/fault"
)

type logsCmd struct {
	inApp
	Follow bool   `short:"f" help:"Go on until it is complete."`
	Build  string `arg:"" help:"The build, by id or number."`
	Lease  string `arg:"" optional:"" help:"One lease; default: all, one after the other."`
}

func (c *logsCmd) Run(p *program) error {
	client, app, err := c.find(p.ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	id, err := buildID(p, client, app, "", c.Build)
	if err != nil {
		return err
	}
	if c.Lease != "" {
		return client.Log(p.ctx, app, id, c.Lease, c.Follow, p.stdout)
	}
	return c.all(p, client, app, id)
}

// all prints the logs of all leases. With --follow it waits for those that are still to come.
func (c *logsCmd) all(p *program, client *apiclient.Client, app, id string) error {
	printed := map[string]bool{}
	for {
		b, err := client.Build(p.ctx, app, id)
		if err != nil {
			return err
		}
		news := false
		for _, l := range b.Value.Leases {
			if printed[l.ID] {
				continue
			}
			printed[l.ID], news = true, true
			p.say("==> %s %s on %s <==", l.Kind, l.ID, l.Worker)
			if err := client.Log(p.ctx, app, id, l.ID, c.Follow, p.stdout); err != nil && !apiclient.Is(err, fault.CodeNotFound) {
				return err
			}
		}
		over := b.Value.EndedAt != nil
		if !c.Follow || over && !news {
			return nil
		}
		if !over && !news && !pause(p.ctx) {
			return p.ctx.Err()
		}
	}
}
