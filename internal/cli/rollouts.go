package cli

import (
	"fmt"

	"github.com/slipwayhq/slipway/internal/apiclient"
	"github.com/slipwayhq/slipway/internal/cli/picture"
	"github.com/slipwayhq/slipway/internal/cli/words"
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
	id, err := rolloutID(p, client, app, c.Env, c.Rollout)
	if err != nil {
		return err
	}
	found, err := client.Rollout(p.ctx, app, id)
	if err != nil {
		return err
	}
	if c.JSON {
		return p.printJSON(found)
	}
	for _, line := range picture.Draw(found.Value, picture.Ink{}) {
		p.say("%s", line)
	}
	return nil
}

func rolloutRow(r apiclient.Rollout) []any {
	return []any{
		fmt.Sprintf("#%d", r.Number), r.State, r.Verdict, share(r), words.When(r.CreatedAt), fmt.Sprintf("#%d", r.Release.Number), words.Short(r.Release.Commit),
		words.Clip(r.Release.Subject, 50), r.ID,
	}
}

// share is how many visitors have the release: all of them once it is promoted, when nothing is split any more.
func share(r apiclient.Rollout) string {
	if r.Outcome == "promoted" {
		return words.Percent(1)
	}
	return words.Percent(r.Share)
}

// rolloutID finds a rollout by its id, or by the number that people say, in an environment when one is named.
func rolloutID(p *program, client *apiclient.Client, app, env, name string) (string, error) {
	number, ok := numbered(name)
	if !ok {
		return name, nil
	}
	rollouts, err := client.Rollouts(p.ctx, apiclient.Some{App: app, Env: env, Limit: 500, After: number + 1}) // the highest numbers first, of all environments
	if err != nil {
		return "", err
	}
	var ids, places []string
	for _, r := range rollouts {
		if r.Value.Number == number {
			ids, places = append(ids, r.Value.ID), append(places, r.Value.Environment)
		}
	}
	return one("rollout", app, env, number, ids, places)
}
