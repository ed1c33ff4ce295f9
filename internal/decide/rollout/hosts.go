package rollout

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/decide/rollout/machine"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

// HostView is one host in the rollout.
type HostView struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	State    string `json:"state" enum:"waiting,ready,failed,lost,left_out"`
	Old      string `json:"old" doc:"State of the old release's process, empty when it is not there"`
	New      string `json:"new" doc:"State of the new release's process, empty when it is not there"`
	LeftOut  bool   `json:"left_out" doc:"It keeps the old release until the promotion, and is not compared; text says why"`
	Canary   bool   `json:"canary"`
	Text     string `json:"text,omitempty"`
	Requests int64  `json:"requests"`
}

func (s *Service) hostViews(ctx context.Context, m *machine.Rollout) ([]HostView, error) {
	agents, err := selectAgents(ctx, s.db)
	if err != nil {
		return nil, err
	}
	names := map[string]string{}
	for _, a := range agents {
		names[a.id] = a.name
	}
	states, err := processStates(ctx, s.db, m.App, m.Env)
	if err != nil {
		return nil, err
	}
	started := m.StartedHosts()
	out := []HostView{}
	for i, id := range append(slices.Clone(m.Hosts), m.LeftOut...) {
		left := i >= len(m.Hosts)
		h := HostView{
			ID: id, Name: cmp.Or(names[id], m.Names[id], id), State: m.HostState(id, left), LeftOut: left, Canary: !left && i < started && m.Mode == manifest.CanaryHosts,
			Old: states[[2]string{id, m.From}], New: states[[2]string{id, m.Release}], Text: cmp.Or(m.Failed[id].Text, m.WhyOut[id]),
			Requests: m.Totals.Hosts[id].New + m.Totals.Hosts[id].Old,
		}
		if c := m.Crashes[id]; c.Restarts > 0 {
			h.Text = fmt.Sprintf("died %d times: %s", c.Restarts, c.Text)
		}
		out = append(out, h)
	}
	slices.SortFunc(out, func(a, b HostView) int { return cmp.Compare(a.Name, b.Name) })
	return out, nil
}

func processStates(ctx context.Context, q db.Querier, app, env string) (map[[2]string]string, error) {
	rows, err := q.Query(ctx, `SELECT host, release, state FROM rollout_processes WHERE app = $1 AND env = $2`, app, env)
	if err != nil {
		return nil, fmt.Errorf("read the processes of %s/%s: %w", app, env, err)
	}
	defer rows.Close()
	out := map[[2]string]string{}
	for rows.Next() {
		var host, release, state string
		if err := rows.Scan(&host, &release, &state); err != nil {
			return nil, fmt.Errorf("read the processes of %s/%s: %w", app, env, err)
		}
		out[[2]string{host, release}] = state
	}
	return out, rows.Err()
}
