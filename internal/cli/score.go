package cli

import (
	"fmt"

	"github.com/slipwayhq/slipway/internal/apiclient"
)

type scoreCmd struct {
	inApp
	Env  string `help:"Only of this environment." env:"SLIPWAY_ENV" group:"Place"`
	Days int    `help:"How many days back, today included." default:"30"`
	JSON bool   `name:"json" help:"Print the API's JSON."`
}

func (c *scoreCmd) Run(p *program) error {
	if c.Days < 1 || c.Days > 365 {
		return fmt.Errorf("--days %d: write a number from 1 to 365", c.Days)
	}
	client, app, err := c.find(p.ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	found, err := client.Score(p.ctx, apiclient.Some{App: app, Env: c.Env}, c.Days)
	if err != nil {
		return err
	}
	if c.JSON {
		return p.printJSON(found)
	}
	for _, line := range found.Value.Sentences() {
		p.say("%s", line)
	}
	return nil
}

type rolloutsVerb struct {
	List rolloutsCmd `cmd:"" default:"withargs" help:"List rollouts, or show one with its evidence."`
	Call callCmd     `cmd:"" help:"Call the verdict on a past rollout right or wrong; slipway score counts it."`
}

type callCmd struct {
	inApp
	Env     string `help:"The environment of a rollout by number." env:"SLIPWAY_ENV" group:"Place"`
	Rollout string `arg:"" help:"The rollout, by id or number."`
	Word    string `arg:"" help:"right, wrong (a false alarm, or a release that should have come back), or nothing: takes back what was said." enum:"right,wrong,nothing"`
	Note    string `help:"What makes you sure; kept in the audit."`
}

func (c *callCmd) Run(p *program) error {
	client, app, err := c.find(p.ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	id, err := rolloutID(p, client, app, c.Env, c.Rollout)
	if err != nil {
		return err
	}
	word := c.Word
	if word == "nothing" {
		word = ""
	}
	if err := client.Say(p.ctx, app, id, word, c.Note); err != nil {
		return err
	}
	p.say("The verdict on %s is called %s.", c.Rollout, c.Word)
	return nil
}
