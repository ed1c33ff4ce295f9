// Package targets tells a Prometheus where the processes of an environment are: Slipway picks their ports, and picks others for each release.
package targets

import (
	"context"

	"github.com/slipwayhq/slipway/internal/act/deploy"
	"github.com/slipwayhq/slipway/internal/decide/fleet"
	"github.com/slipwayhq/slipway/internal/wire"
)

// ScrapeTarget is a process that Prometheus can ask, in the form of its HTTP service discovery (http_sd_configs): an array of these is the whole answer, so it is no list of the API.
type ScrapeTarget struct {
	Targets []string     `json:"targets" nullable:"false" doc:"Where the process listens: host:port"`
	Labels  ScrapeLabels `json:"labels" doc:"Prometheus adds them to all that the process tells"`
}

// ScrapeLabels are what a query sums by: release for every rollout, host where the split is by hosts.
type ScrapeLabels struct {
	App         string `json:"app"`
	Environment string `json:"environment"`
	Process     string `json:"process" example:"web"`
	Release     string `json:"release" doc:"Id of the release"`
	Host        string `json:"host" doc:"Name of the host"`
}

// List leaves out what is not up: a process that has crashed or is ending has nothing to tell. One whose host is lost stays, so that Prometheus shows it down.
func List(ctx context.Context, f *fleet.Service, d *deploy.Service, app, env string) ([]ScrapeTarget, error) {
	agents, err := f.Agents(ctx, wire.RoleHost)
	if err != nil {
		return nil, err
	}
	names := map[string]string{}
	for _, a := range agents {
		names[a.ID] = a.Name
	}
	processes, err := d.Processes(ctx)
	if err != nil {
		return nil, err
	}
	out := []ScrapeTarget{} // an empty list is "none"; null would be no answer to Prometheus
	for _, p := range processes {
		if p.App == app && p.Env == env && p.State == wire.ProcessUp && p.Addr != "" {
			labels := ScrapeLabels{App: p.App, Environment: p.Env, Process: p.Process, Release: p.Release, Host: names[p.Host]}
			out = append(out, ScrapeTarget{Targets: []string{p.Addr}, Labels: labels})
		}
	}
	return out, nil
}
