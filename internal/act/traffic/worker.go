package traffic

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
	"github.com/slipwayhq/slipway/internal/wire"
)

// Run follows the log until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	return s.db.Consume(ctx, s.j, db.Consumer{
		Name: "traffic",
		Types: []event.Type{
			"traffic.requested", "process.changed", "release.created", "environment.created", "environment.changed",
			"agent.joined", "agent.lost", "agent.returned", "agent.removed",
		},
		Lock:   lock,
		Handle: s.handle,
	})
}

func (s *Service) handle(ctx context.Context, tx *db.Tx, ev event.Event) error {
	switch ev.Type {
	case "traffic.requested":
		return s.split(ctx, tx, ev)
	case "process.changed":
		return s.process(ctx, tx, ev)
	case "release.created":
		return learnRelease(ctx, tx, ev)
	case "environment.created", "environment.changed":
		return s.environment(ctx, tx, ev)
	default:
		return s.agent(ctx, tx, ev)
	}
}

func (s *Service) split(ctx context.Context, tx *db.Tx, ev event.Event) error {
	r, err := event.Decode[event.TrafficRequested](ev)
	if err != nil {
		return err
	}
	gen, err := bump(ctx, tx)
	if err != nil {
		return err
	}
	if err := putSplit(ctx, tx, ev, r, gen); err != nil {
		return err
	}
	tx.OnCommit(s.changed.Wake)
	return tellApplied(ctx, tx)
}

// process keeps the list of backends. One that is stopping gets no new visitors; one that is unhealthy keeps its place, since the edge looks for itself.
func (s *Service) process(ctx context.Context, tx *db.Tx, ev event.Event) error {
	p, err := event.Decode[event.ProcessChanged](ev)
	if err != nil {
		return err
	}
	if p.Process != manifest.WebProcess {
		return nil
	}
	addr := ""
	if p.State == wire.ProcessUp || p.State == wire.ProcessUnhealthy {
		addr = p.Addr
	}
	changed, err := setBackend(ctx, tx, ev.App, ev.Env, p.Release, p.Host, addr)
	if err != nil || !changed {
		return err
	}
	return s.next(ctx, tx)
}

// next starts a new generation and wakes the edges.
func (s *Service) next(ctx context.Context, tx *db.Tx) error {
	if _, err := bump(ctx, tx); err != nil {
		return err
	}
	tx.OnCommit(s.changed.Wake)
	return nil
}

// learnRelease keeps what the edge needs of a release.
func learnRelease(ctx context.Context, tx *db.Tx, ev event.Event) error {
	r, err := event.Decode[event.ReleaseCreated](ev)
	if err != nil {
		return err
	}
	var m manifest.Manifest
	if err := json.Unmarshal(r.Manifest, &m); err != nil {
		return fmt.Errorf("read the manifest of release %s: %w", r.Release, err)
	}
	return insertRelease(ctx, tx, r.Release, m.Processes[manifest.WebProcess].Health, m.Assets)
}

func (s *Service) environment(ctx context.Context, tx *db.Tx, ev event.Event) error {
	var domains []string
	if ev.Type == "environment.created" {
		e, err := event.Decode[event.EnvironmentCreated](ev)
		if err != nil {
			return err
		}
		domains = e.Spec.Domains
	} else {
		e, err := event.Decode[event.EnvironmentChanged](ev)
		if err != nil {
			return err
		}
		domains = e.Spec.Domains
	}
	if err := putDomains(ctx, tx, ev.App, ev.Env, domains); err != nil {
		return err
	}
	return s.next(ctx, tx)
}

// agent keeps the list of edges; one less to wait for may bring a split into force.
func (s *Service) agent(ctx context.Context, tx *db.Tx, ev event.Event) error {
	var a struct {
		Agent string   `json:"agent"`
		Roles []string `json:"roles"`
	}
	if err := json.Unmarshal(ev.Data, &a); err != nil {
		return fmt.Errorf("decode event %s (%s): %w", ev.ID, ev.Type, err)
	}
	if !slices.Contains(a.Roles, wire.RoleEdge) {
		return nil
	}
	var err error
	switch ev.Type {
	case "agent.removed":
		err = deleteEdge(ctx, tx, a.Agent)
	default:
		err = setEdge(ctx, tx, a.Agent, ev.Type != "agent.lost")
	}
	if err != nil {
		return err
	}
	return tellApplied(ctx, tx)
}
