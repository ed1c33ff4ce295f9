package cli

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/slipwayhq/slipway/internal/apiclient"
	"github.com/slipwayhq/slipway/internal/fault"
)

type rolloutsCmd struct {
	inApp
	listing
	Env     string `help:"Only of this environment." env:"SLIPWAY_ENV" group:"Place"`
	Rollout string `arg:"" optional:"" help:"A rollout, by id or number: shown with its evidence."`
}

func (c *rolloutsCmd) Run(p *program) error {
	client, app, err := c.find(p.ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	if c.Rollout == "" {
		rollouts, err := client.Rollouts(p.ctx, apiclient.Some{App: app, Env: c.Env, Limit: c.Limit})
		if err != nil {
			return err
		}
		return show(p, c.JSON, rollouts, "ROLLOUT STATE VERDICT SHARE WHEN RELEASE COMMIT SUBJECT ID", rolloutRow)
	}
	id, err := rolloutID(p, client, app, c.Rollout)
	if err != nil {
		return err
	}
	one, err := client.Rollout(p.ctx, app, id)
	if err != nil {
		return err
	}
	if c.JSON {
		return p.printJSON(one)
	}
	for _, line := range picture(one.Value, ink{}) {
		p.say("%s", line)
	}
	return nil
}

func rolloutRow(r apiclient.Rollout) []any {
	return []any{
		fmt.Sprintf("#%d", r.Number), r.State, r.Verdict, percent(r.Share), when(r.CreatedAt), fmt.Sprintf("#%d", r.Release.Number), short(r.Release.Commit),
		clip(r.Release.Subject, 50), r.ID,
	}
}

// rolloutID finds a rollout by its id, or by the number that people say.
func rolloutID(p *program, client *apiclient.Client, app, name string) (string, error) {
	number, err := strconv.Atoi(strings.TrimPrefix(name, "#"))
	if err != nil {
		return name, nil //nolint:nilerr // then it is an id
	}
	rollouts, err := client.Rollouts(p.ctx, apiclient.Some{App: app, Limit: 500})
	if err != nil {
		return "", err
	}
	i := slices.IndexFunc(rollouts, func(r apiclient.Item[apiclient.Rollout]) bool { return r.Value.Number == number })
	if i < 0 {
		return "", fault.NotFound("%s has no rollout #%d among its last %d", app, number, len(rollouts))
	}
	return rollouts[i].Value.ID, nil
}
