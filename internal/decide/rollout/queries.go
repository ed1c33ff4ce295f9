package rollout

import (
	"context"
	"strings"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

// Queries are what a Prometheus is to be asked for one environment.
type Queries struct {
	App, Env string
	Vitals   []manifest.Vital
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

// Queries lists them for the environments where the release that serves, or the one on its way, is judged by what a Prometheus has.
func (s *Service) Queries(ctx context.Context) (all []Queries, err error) {
	envs, err := loadEnvs(ctx, s.db)
	if err != nil {
		return nil, err
	}
	var agents []agentRow
	for _, e := range envs {
		q := Queries{App: e.app, Env: e.env, releases: map[string]string{}, hosts: map[string]string{}}
		if err := s.addQueries(ctx, s.db, e, &q); err != nil {
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
			q.hosts[a.id], q.hosts[a.name] = a.id, a.id
		}
		all = append(all, q)
	}
	return all, nil
}

// addQueries adds what the policies of the release that serves, and of the one on its way, ask for.
func (s *Service) addQueries(ctx context.Context, from db.Querier, e *envRow, q *Queries) error {
	policy, err := livePolicy(ctx, from, e)
	if err != nil {
		return err
	}
	policies, releases := []manifest.Rollout{policy}, []string{e.live}
	if e.current != "" {
		m, err := loadMachine(ctx, from, e.current)
		if err != nil {
			return err
		}
		policies, releases = append(policies, m.Policy), append(releases, m.Release)
	}
	seen := map[string]bool{}
	for _, p := range policies {
		for _, v := range p.Vitals {
			if v.Prometheus != "" && !seen[v.Name] {
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
			return err
		}
		q.releases[id] = id
		if _, both := q.releases[r.body.Commit]; both { // a change of the configuration is a release of the same commit: only the id tells which it is
			delete(q.releases, r.body.Commit)
		} else if r.body.Commit != "" {
			q.releases[r.body.Commit] = id
		}
	}
	return nil
}

// probe asks for a vital of which nothing is known: Prometheus is asked by itself only once a release that has the vital goes out, and it is to be tried before.
func (s *Service) probe(ctx context.Context, e *envRow, v manifest.Vital) (text string, ok bool, err error) {
	if s.Probe == nil {
		return "this server asks no Prometheus; start it with slipway serve --prometheus URL", false, nil
	}
	q := Queries{App: e.app, Env: e.env, Vitals: []manifest.Vital{v}, releases: map[string]string{}}
	if err := s.addQueries(ctx, s.db, e, &q); err != nil {
		return "", false, err
	}
	text, ok = s.Probe(ctx, q, v)
	return text, ok, nil
}
