package cli

import "slices"

type hotfixCmd struct {
	inApp
	Build  string   `arg:"" help:"The build, by id or number: the newest of its environment."`
	Skip   []string `enum:"tests,watch" default:"tests" help:"What to skip: tests, watch, or both."`
	Reason string   `required:"" help:"Why; kept in the audit."`
}

func (c *hotfixCmd) Run(p *program) error {
	client, app, err := c.find(p.ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	id, err := buildID(p, client, app, "", c.Build)
	if err != nil {
		return err
	}
	again, err := client.HotfixBuild(p.ctx, app, id, slices.Contains(c.Skip, "tests"), slices.Contains(c.Skip, "watch"), c.Reason)
	if err != nil {
		return err
	}
	p.say("%s ships the same commit without %s. It takes the place of a rollout under way, and ships its commits, too.", again, and(c.Skip))
	return nil
}

// and joins words as people do.
func and(words []string) string {
	if len(words) == 2 {
		return words[0] + " and " + words[1]
	}
	return words[0]
}
