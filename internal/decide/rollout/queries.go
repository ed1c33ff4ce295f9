package rollout

import (
	"context"
	"strings"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

// Queries are the vitals of one environment for which others than its edges and hosts are asked: a Prometheus, or those who take events.
type Queries struct {
	App, Env string
	Vitals   []manifest.Vital
	// Compares is the rollout that compares two releases now, empty while one serves alone; Split is the split by which visitors are drawn since.
	Compares, Split string
	// ByHost tells that hosts are compared, or will be.
	ByHost   bool
	releases map[string]string // id by commit and id
	hosts    map[string]string // id by name and id
}

// Release is the release that a label means: its id, or its commit, of which seven digits are enough; empty for none of those that serve.
func (q Queries) Release(label string) string {
	const least = 7
	if label == "" {
		return ""
	}
	for name, id := range q.releases {
		if name == label || len(label) >= least && strings.HasPrefix(name, label) {
			return id
		}
	}
	return ""
}

// Host is the host that a label means: its name or its id, with or without a port; empty for none.
func (q Queries) Host(label string) string {
	name, _, _ := strings.Cut(label, ":")
	return q.hosts[name]
}

// Serves notes releases that serve, by their ids, and Holds a host by its id and its name: who has no Service says so.
func (q *Queries) Serves(releases ...string) {
	if q.releases == nil {
		q.releases = map[string]string{}
	}
	for _, id := range releases {
		q.releases[id] = id
	}
}

// Holds notes a host.
func (q *Queries) Holds(id, name string) {
	if q.hosts == nil {
		q.hosts = map[string]string{}
	}
	q.hosts[id], q.hosts[name] = id, id
}

// Queries lists them for the environments where the release that serves, or the one on its way, is judged by what a Prometheus has.
func (s *Service) Queries(ctx context.Context) ([]Queries, error) {
	return s.asked(ctx, func(v manifest.Vital) bool { return v.Prometheus != "" })
}

// EventQueries lists them where it is judged by what users do.
func (s *Service) EventQueries(ctx context.Context) ([]Queries, error) {
	return s.asked(ctx, func(v manifest.Vital) bool { return v.Event != "" })
}

func (s *Service) asked(ctx context.Context, wanted func(manifest.Vital) bool) (all []Queries, err error) {
	envs, err := loadEnvs(ctx, s.db)
	if err != nil {
		return nil, err
	}
	var agents []agentRow
	for _, e := range envs {
		q := Queries{App: e.app, Env: e.env}
		canary, err := s.addQueries(ctx, s.db, e, &q, wanted)
		if err != nil {
			return nil, err
		}
		if len(q.Vitals) == 0 {
			continue
		}
		if agents == nil {
			if agents, err = selectAgents(ctx, s.db); err != nil {
				return nil, err
			}
		}
		for _, a := range agents {
			q.Holds(a.id, a.name)
		}
		q.ByHost = canary.For(len(hostsOf(e.spec, agents))) == manifest.CanaryHosts
		all = append(all, q)
	}
	return all, nil
}

// addQueries adds what the policies of the release that serves, and of the one on its way, ask for. Where both have a vital of one name, the later counts, on both releases: by it the rollout is judged. It gives how the later splits.
func (s *Service) addQueries(ctx context.Context, from db.Querier, e *envRow, q *Queries, wanted func(manifest.Vital) bool) (canary manifest.Canary, err error) {
	policy, err := livePolicy(ctx, from, e)
	if err != nil {
		return "", err
	}
	canary = policy.Canary
	policies, releases := []manifest.Rollout{policy}, []string{e.live}
	if e.current != "" {
		m, err := loadMachine(ctx, from, e.current)
		if err != nil {
			return "", err
		}
		policies, releases = []manifest.Rollout{m.Policy, policy}, append(releases, m.Release)
		if canary = m.Policy.Canary; m.Mode != "" {
			canary = m.Mode
		}
		if m.Judged() && m.Split.New == m.Release {
			q.Compares, q.Split = m.ID, m.Traffic
		}
	}
	seen := map[string]bool{}
	for _, p := range policies {
		for _, v := range p.Vitals {
			if wanted(v) && !seen[v.Name] {
				seen[v.Name] = true
				q.Vitals = append(q.Vitals, v)
			}
		}
	}
	for _, id := range releases {
		if id == "" || len(q.Vitals) == 0 {
			continue
		}
		r, err := loadRelease(ctx, from, id)
		if err != nil {
			return "", err
		}
		q.Serves(id)
		if _, both := q.releases[r.body.Commit]; both { // a change of the configuration is a release of the same commit: only the id tells which it is
			delete(q.releases, r.body.Commit)
		} else if r.body.Commit != "" {
			q.releases[r.body.Commit] = id
		}
	}
	return canary, nil
}

// probe asks for a vital of which nothing is known: others are asked by themselves only once a release that has the vital goes out, and it is to be tried before.
func (s *Service) probe(ctx context.Context, e *envRow, v manifest.Vital) (text string, ok bool, err error) {
	ask := s.Probe
	if v.Event != "" {
		ask = s.ProbeEvents
	}
	switch {
	case ask == nil && v.Event != "":
		return "this server takes no events", false, nil
	case ask == nil:
		return "this server asks no Prometheus; start it with slipway serve --prometheus URL", false, nil
	}
	q := Queries{App: e.app, Env: e.env, Vitals: []manifest.Vital{v}}
	if _, err := s.addQueries(ctx, s.db, e, &q, func(manifest.Vital) bool { return false }); err != nil {
		return "", false, err
	}
	text, ok = ask(ctx, q, v)
	return text, ok, nil
}
