package cli

import "github.com/slipwayhq/slipway/internal/door/git"

// gitHookCmd is what the server's git runs on a push: it asks the server and prints what it says.
type gitHookCmd struct {
	Name string `arg:"" help:"Name of the hook."`
}

func (c *gitHookCmd) Run(p *program) error {
	if code := git.HookMain(c.Name, p.stdin, p.stdout); code != 0 {
		return &status{code: code}
	}
	return nil
}
