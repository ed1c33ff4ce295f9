package deploy

import (
	"context"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/wire"
)

// Run follows the log until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	return s.db.Consume(ctx, s.j, db.Consumer{
		Name:   "deploy",
		Types:  []event.Type{"release.created", "deploy.requested", "agent.removed"},
		Lock:   lock,
		Handle: s.handle,
	})
}

func (s *Service) handle(ctx context.Context, tx *db.Tx, ev event.Event) error {
	switch ev.Type {
	case "release.created":
		r, err := event.Decode[event.ReleaseCreated](ev)
		if err != nil {
			return err
		}
		return insertRelease(ctx, tx, ev.App, ev.Env, r)
	case "deploy.requested":
		d, err := event.Decode[event.DeployRequested](ev)
		if err != nil {
			return err
		}
		return s.request(ctx, tx, ev, d)
	default:
		a, err := event.Decode[event.AgentRemoved](ev)
		if err != nil {
			return err
		}
		return s.remove(ctx, tx, ev, a.Agent)
	}
}

// request makes the wish that of every host named.
func (s *Service) request(ctx context.Context, tx *db.Tx, ev event.Event, d event.DeployRequested) error {
	for _, host := range d.Hosts {
		if err := putDesired(ctx, tx, host, envKey{ev.App, ev.Env}, ev.ID, d); err != nil {
			return err
		}
	}
	tx.OnCommit(s.changed.Wake)
	return nil
}

// remove forgets a host; its processes are gone for everybody.
func (s *Service) remove(ctx context.Context, tx *db.Tx, ev event.Event, host string) error {
	known, err := dropHost(ctx, tx, host)
	if err != nil {
		return err
	}
	for k, processes := range known {
		for _, p := range processes {
			m := event.Meta{App: k.app, Env: k.env, Actor: "system:deploy", Cause: ev.ID}
			if _, err := tx.Emit(ctx, m, event.ProcessChanged{Host: host, Release: p.release, Process: p.name, Start: p.start, State: wire.ProcessStopped}); err != nil {
				return err
			}
		}
	}
	tx.OnCommit(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.last, host)
	})
	return nil
}
