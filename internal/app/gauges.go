package app

import (
	"context"

	"github.com/slipwayhq/slipway/internal/decide/build"
	"github.com/slipwayhq/slipway/internal/decide/fleet"
	"github.com/slipwayhq/slipway/internal/decide/rollout"
	"github.com/slipwayhq/slipway/internal/door/api/metrics"
)

// gauges are the figures of the slices for /metrics.
func gauges(f *fleet.Service, b *build.Service, r *rollout.Service) []metrics.Gauge {
	return []metrics.Gauge{
		{Name: "slipway_agents", Help: "Hosts, workers and edges, by state.", Label: "state", Read: func(ctx context.Context) (map[string]float64, error) {
			out := map[string]float64{fleet.StateUp: 0, fleet.StateLost: 0}
			agents, err := f.Agents(ctx, "")
			for _, a := range agents {
				out[a.State]++
			}
			return out, err
		}},
		{Name: "slipway_leases", Help: "Pieces of builds that workers are at.", Read: func(ctx context.Context) (map[string]float64, error) {
			work, err := b.Working(ctx)
			return map[string]float64{"": float64(len(work))}, err
		}},
		{Name: "slipway_rollouts", Help: "Rollouts that have not ended, by state.", Label: "state", Read: r.Open},
	}
}

// unrecorded is how many values that visitors got are in no event.
func (a *App) unrecorded() metrics.Gauge {
	return metrics.Gauge{Name: "slipway_exposures_dropped", Help: "Values of flags that visitors got and that the log did not take, since the start.", Read: func(context.Context) (map[string]float64, error) {
		return map[string]float64{"": float64(a.exposed.Dropped())}, nil
	}}
}
