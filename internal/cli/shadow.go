package cli

import "github.com/slipwayhq/slipway/internal/cli/hindsight"

type shadowCmd struct {
	hindsight.Command
}

func (c *shadowCmd) Run(p *program) error {
	r, err := c.Judge(p.ctx, p.stdin)
	switch {
	case err != nil:
	case c.JSON:
		err = p.printJSON(r)
	default:
		err = r.Tell(p.stdout)
	}
	switch {
	case err != nil:
		return &status{code: exitNotJudged, text: err.Error()}
	case r.Bad():
		return &status{code: 1}
	case !r.Judged():
		return &status{code: 2}
	}
	return nil
}
