package cli

import (
	"fmt"

	"github.com/slipwayhq/slipway/internal/apiclient"
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
			fmt.Sprintf("#%d", r.Number), r.State, dash(r.Verdict), r.Config, r.Why, when(r.CreatedAt), short(r.Commit), clip(r.Subject, 50), r.ID,
		}
	})
}
