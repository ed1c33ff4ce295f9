package cli

import (
	"github.com/slipwayhq/slipway/internal/apiclient"
	"github.com/slipwayhq/slipway/internal/fault"
)

// onRollout is for verbs that put a hand on a rollout's wheel.
type onRollout struct {
	inPlace
	Rollout string `arg:"" optional:"" help:"The rollout, by id or number; default: the one under way."`
	Reason  string `help:"Why; kept in the audit."`
}

func (c onRollout) do(p *program, command string) error {
	client, place, err := c.place(p.ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	id, err := underWay(p, client, place, c.Rollout)
	if err != nil {
		return err
	}
	r, err := client.Command(p.ctx, place.App, id, command, c.Reason)
	if err != nil {
		return err
	}
	p.say("Rollout #%d: %s", r.Number, r.Sentence)
	return nil
}

// underWay is the rollout that was named, or the one that is under way.
func underWay(p *program, client *apiclient.Client, place apiclient.Place, named string) (string, error) {
	if named != "" {
		return rolloutID(p, client, place.App, place.Env, named)
	}
	e, err := client.Environment(p.ctx, place)
	if err != nil {
		return "", err
	}
	if e.Rollout == nil {
		return "", fault.NotFound("no rollout is under way in %s/%s; name one (slipway rollouts lists them)", place.App, place.Env)
	}
	return e.Rollout.ID, nil
}

type promoteCmd struct{ onRollout }

func (c *promoteCmd) Run(p *program) error { return c.do(p, "promote") }

type pauseCmd struct{ onRollout }

func (c *pauseCmd) Run(p *program) error { return c.do(p, "pause") }

type resumeCmd struct{ onRollout }

func (c *resumeCmd) Run(p *program) error { return c.do(p, "resume") }

type rollbackCmd struct {
	inPlace
	Release string `arg:"" optional:"" help:"Release to go back to, by id or number; default: the last good one."`
	Reason  string `help:"Why; kept in the audit." required:""`
}

func (c *rollbackCmd) Run(p *program) error {
	client, place, err := c.place(p.ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	release, err := releaseID(p, client, place, c.Release)
	if err != nil {
		return err
	}
	id, err := client.RollBack(p.ctx, place, release, c.Reason)
	if err != nil {
		return err
	}
	p.say("Going back by rollout %s; follow it with: slipway watch %s", id, id)
	return nil
}

type freezeCmd struct {
	inPlace
	Reason string `help:"Why; everybody sees it." required:""`
}

func (c *freezeCmd) Run(p *program) error {
	client, place, err := c.place(p.ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	if err := client.Freeze(p.ctx, place, c.Reason); err != nil {
		return err
	}
	p.say("%s/%s is frozen: what is new waits until slipway unfreeze.", place.App, place.Env)
	return nil
}

type unfreezeCmd struct {
	inPlace
	Reason string `help:"Why." required:""`
}

func (c *unfreezeCmd) Run(p *program) error {
	client, place, err := c.place(p.ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	if err := client.Unfreeze(p.ctx, place, c.Reason); err != nil {
		return err
	}
	p.say("%s/%s goes on.", place.App, place.Env)
	return nil
}
