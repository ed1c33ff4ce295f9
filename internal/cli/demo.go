package cli

type demoCmd struct{}

func (c *demoCmd) Run(p *program) error { return nil }

type drillCmd struct{}

func (c *drillCmd) Run(p *program) error { return nil }
