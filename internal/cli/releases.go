package cli

import (
	"fmt"

	"github.com/slipwayhq/slipway/internal/apiclient"
	"github.com/slipwayhq/slipway/internal/cli/words"
	"github.com/slipwayhq/slipway/internal/fault"
)

type releasesCmd struct {
	inPlace
	listing
}

func (c *releasesCmd) Run(p *program) error {
	client, place, err := c.place(p.ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	releases, err := client.Releases(p.ctx, apiclient.Some{App: place.App, Env: place.Env, Limit: c.Limit})
	if err != nil {
		return err
	}
	return show(p, c.JSON, releases, "RELEASE STATE VERDICT CONFIG WHY WHEN COMMIT SUBJECT ID", func(r apiclient.Release) []any {
		return []any{
			fmt.Sprintf("#%d", r.Number), r.State, words.Dash(r.Verdict), r.Config, r.Why, words.When(r.CreatedAt), words.Short(r.Commit), words.Clip(r.Subject, 50), r.ID,
		}
	})
}

// releaseID finds a release by its id, or by the number that people say.
func releaseID(p *program, client *apiclient.Client, place apiclient.Place, name string) (string, error) {
	number, ok := numbered(name)
	if !ok {
		return name, nil
	}
	releases, err := client.Releases(p.ctx, apiclient.Some{App: place.App, Env: place.Env, Limit: 1, After: number + 1})
	if err != nil {
		return "", err
	}
	if len(releases) == 0 || releases[0].Value.Number != number {
		return "", fault.NotFound("%s/%s has no release #%d", place.App, place.Env, number)
	}
	return releases[0].Value.ID, nil
}
