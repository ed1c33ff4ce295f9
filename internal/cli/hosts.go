package cli

import (
	"fmt"
	"strings"

	"github.com/slipwayhq/slipway/internal/apiclient"
	"github.com/slipwayhq/slipway/internal/cli/words"
)

type hostsCmd struct {
	remote
	JSON bool   `name:"json" help:"Print the API's JSON: an array."`
	Role string `help:"Only those with this role: host, work or edge." enum:"host,work,edge," default:""`
}

func (c *hostsCmd) Run(p *program) error {
	client, err := c.connect()
	if err != nil {
		return err
	}
	defer client.Close()
	agents, err := client.Agents(p.ctx, c.Role)
	if err != nil {
		return err
	}
	return show(p, c.JSON, agents, "NAME STATE ROLES CPU SEEN DOES ID", func(a apiclient.Agent) []any {
		cpu := "-"
		if a.Sample != nil {
			cpu = words.Percent(a.Sample.CPU)
		}
		return []any{a.Name, a.State, strings.Join(a.Roles, ","), cpu, words.When(a.SeenAt), does(a), a.ID}
	})
}

// does says what a machine is busy with.
func does(a apiclient.Agent) string {
	var all []string
	for _, r := range a.Releases {
		if r.State != "stopped" {
			all = append(all, fmt.Sprintf("%s/%s %s %s of %s", r.App, r.Env, r.Process, r.State, r.Release))
		}
	}
	if l := a.Lease; l != nil {
		all = append(all, fmt.Sprintf("%s: %s, %d units", l.App, l.Kind, l.Units))
	}
	return words.Dash(strings.Join(all, "; "))
}
