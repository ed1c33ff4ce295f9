package rollout

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/decide/rollout/machine"
	"github.com/slipwayhq/slipway/internal/decide/rollout/past"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
	"github.com/slipwayhq/slipway/internal/wire"
)

// Run follows the log and the edges' seconds, and moves what is due, until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	for err := s.resume(ctx); err != nil; err = s.resume(ctx) {
		s.log.Error("rollouts under way cannot be taken up, trying again", "error", err)
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return nil
		}
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		return s.db.Consume(ctx, s.j, db.Consumer{
			Name: "rollout",
			Types: []event.Type{
				"release.created", "environment.created", "environment.changed", "deploy.applied", "deploy.failed", "process.changed", "traffic.applied",
				"agent.joined", "agent.lost", "agent.returned", "agent.removed",
			},
			Lock:   lock,
			Handle: s.handle,
		})
	})
	g.Go(func() error {
		return s.db.ConsumeTelemetry(ctx, s.j, db.TelemetryConsumer{Name: "rollout", Subject: "edge", Lock: lock, Handle: s.second})
	})
	g.Go(func() error {
		return s.db.ConsumeTelemetry(ctx, s.j, db.TelemetryConsumer{Name: "rollout/hosts", Subject: "host", Lock: lock, Handle: s.hostSecond})
	})
	g.Go(func() error { return s.db.Single(ctx, "rollout/timer", s.timer) })
	g.Go(func() error { return past.KeepAll(ctx, s.db, s.log, s.change, loadMachine) })
	return g.Wait()
}

// resume tells the rollouts under way that nobody looked at them until now.
func (s *Service) resume(ctx context.Context) error {
	open, err := s.open(ctx)
	if err != nil {
		return err
	}
	for _, m := range open {
		err := s.with(ctx, m.ID, func(ctx context.Context, tx *db.Tx, m *machine.Rollout) error {
			m.Resume(tx.Now())
			return storeMachine(ctx, tx, m)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// timer moves machines whose time has come.
func (s *Service) timer(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-s.wake:
		case <-ctx.Done():
			return nil
		}
		s.planned.Store(0)
		next, err := s.due(ctx)
		if err != nil && ctx.Err() == nil {
			s.log.Error("rollouts not looked after, trying again", "error", err)
			next = s.db.Now().Add(time.Second)
		}
		wait := time.Minute // clocks jump; look now and then whatever they say
		if !next.IsZero() {
			wait = min(max(next.Sub(s.db.Now()), time.Millisecond), wait)
		}
		s.planned.Store(s.db.Now().Add(wait).UnixMicro())
		timer.Reset(wait)
	}
}

// due advances every rollout whose time has come, and gives the time of the next.
func (s *Service) due(ctx context.Context) (next time.Time, err error) {
	open, err := s.open(ctx)
	if err != nil {
		return next, err
	}
	for _, m := range open {
		now := s.db.Now()
		at := m.LookAt(now)
		if at.IsZero() {
			continue
		}
		if !at.After(now) {
			if err := s.with(ctx, m.ID, func(ctx context.Context, tx *db.Tx, m *machine.Rollout) error { return s.advance(ctx, tx, m) }); err != nil {
				return next, err
			}
			continue
		}
		if next.IsZero() || at.Before(next) {
			next = at
		}
	}
	return next, nil
}

func (s *Service) open(ctx context.Context) ([]*machine.Rollout, error) {
	return machines(ctx, s.db, `ended_at = 0 AND state <> $1`, string(machine.Queued))
}

func (s *Service) with(ctx context.Context, id string, fn func(context.Context, *db.Tx, *machine.Rollout) error) error {
	return s.change(ctx, func(tx *db.Tx) error {
		m, err := loadMachine(ctx, tx, id)
		if err != nil {
			return err
		}
		return fn(ctx, tx, m)
	})
}

func (s *Service) handle(ctx context.Context, tx *db.Tx, ev event.Event) error {
	switch ev.Type {
	case "release.created":
		return s.release(ctx, tx, ev)
	case "environment.created", "environment.changed":
		return s.environment(ctx, tx, ev)
	case "agent.joined", "agent.lost", "agent.returned", "agent.removed":
		return s.agent(ctx, tx, ev)
	default:
		return s.answer(ctx, tx, ev)
	}
}

// release queues a rollout of the new release and starts it if it is its turn.
func (s *Service) release(ctx context.Context, tx *db.Tx, ev event.Event) error {
	r, err := event.Decode[event.ReleaseCreated](ev)
	if err != nil {
		return err
	}
	if err := insertRelease(ctx, tx, ev.App, ev.Env, r); err != nil {
		return err
	}
	e, err := loadEnv(ctx, tx, ev.App, ev.Env)
	if err != nil {
		return err
	}
	if _, err := s.queue(ctx, tx, e, releaseRow{app: ev.App, env: ev.Env, body: r}, ev.By(actorSelf, tx.Now())); err != nil {
		return err
	}
	return s.startNext(ctx, tx, e, ev.ID)
}

// environment keeps the picture of an environment, and gives hosts that came into it what serves.
func (s *Service) environment(ctx context.Context, tx *db.Tx, ev event.Event) error {
	var data struct {
		Spec event.EnvironmentSpec `json:"spec"`
	}
	if err := json.Unmarshal(ev.Data, &data); err != nil {
		return fmt.Errorf("decode event %s (%s): %w", ev.ID, ev.Type, err)
	}
	e, err := loadEnv(ctx, tx, ev.App, ev.Env)
	if fault.Is(err, fault.CodeNotFound) {
		e, err = &envRow{app: ev.App, env: ev.Env}, nil
	}
	if err != nil {
		return err
	}
	agents, err := selectAgents(ctx, tx)
	if err != nil {
		return err
	}
	before := hostsOf(e.spec, agents)
	e.spec = data.Spec
	if err := storeEnv(ctx, tx, e); err != nil {
		return err
	}
	after := hostsOf(e.spec, agents)
	for _, a := range before {
		if !containsAgent(after, a.id) {
			if err := s.leave(ctx, tx, e, a.id, ev); err != nil {
				return err
			}
		}
	}
	for _, a := range after {
		if !containsAgent(before, a.id) {
			if err := s.enterHost(ctx, tx, e, a.id, a.name, ev); err != nil {
				return err
			}
		}
	}
	return nil
}

func containsAgent(list []agentRow, id string) bool {
	return slices.ContainsFunc(list, func(a agentRow) bool { return a.id == id })
}

// agent keeps the picture of the hosts.
func (s *Service) agent(ctx context.Context, tx *db.Tx, ev event.Event) error {
	var a event.AgentJoined // the others' data are a part of it
	if err := json.Unmarshal(ev.Data, &a); err != nil {
		return fmt.Errorf("decode event %s (%s): %w", ev.ID, ev.Type, err)
	}
	if !slices.Contains(a.Roles, wire.RoleHost) {
		return nil
	}
	envs, err := loadEnvs(ctx, tx)
	if err != nil {
		return err
	}
	switch ev.Type {
	case "agent.joined":
		return s.joined(ctx, tx, envs, agentRow{id: a.Agent, name: a.Name, labels: a.Labels, live: true}, ev)
	case "agent.removed":
		if err := deleteAgent(ctx, tx, a.Agent); err != nil {
			return err
		}
		return s.each(ctx, tx, envs, ev, func(m *machine.Rollout) { m.Drop(a.Agent) })
	default:
		lost := ev.Type == "agent.lost"
		if err := setAgentLive(ctx, tx, a.Agent, !lost); err != nil {
			return err
		}
		return s.each(ctx, tx, envs, ev, func(m *machine.Rollout) { m.SetLost(a.Agent, lost) })
	}
}

// joined takes a host in, or anew with other labels: it enters the environments that choose it now and leaves those that do not any more.
func (s *Service) joined(ctx context.Context, tx *db.Tx, envs []*envRow, row agentRow, ev event.Event) error {
	known, err := selectAgents(ctx, tx)
	if err != nil {
		return err
	}
	if err := storeAgent(ctx, tx, row); err != nil {
		return err
	}
	for _, e := range envs {
		before := containsAgent(hostsOf(e.spec, known), row.id)
		after := len(hostsOf(e.spec, []agentRow{row})) > 0
		switch {
		case after && !before:
			err = s.enterHost(ctx, tx, e, row.id, row.name, ev)
		case before && !after:
			err = s.leave(ctx, tx, e, row.id, ev)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// each changes the rollout under way of every environment, and lets it move.
func (s *Service) each(ctx context.Context, tx *db.Tx, envs []*envRow, ev event.Event, fn func(*machine.Rollout)) error {
	for _, e := range envs {
		if e.current == "" {
			continue
		}
		m, err := loadMachine(ctx, tx, e.current)
		if err != nil {
			return err
		}
		m.Cause = ev.ID
		fn(m)
		if err := s.advance(ctx, tx, m); err != nil {
			return err
		}
	}
	return nil
}

// enterHost gives a host that came into an environment what serves there. In a rollout it gets the old release and is left out of the verdict.
func (s *Service) enterHost(ctx context.Context, tx *db.Tx, e *envRow, host, name string, ev event.Event) error {
	e, err := loadEnv(ctx, tx, e.app, e.env) // the host before it may have moved things on
	if err != nil {
		return err
	}
	if e.current != "" {
		m, err := loadMachine(ctx, tx, e.current)
		if err != nil {
			return err
		}
		if slices.Contains(m.Hosts, host) {
			return nil
		}
		m.Call(host, name)
		m.LeaveOut(machine.OutJoined, host)
		m.Cause = ev.ID
		if err := s.request(ctx, tx, m, ev); err != nil {
			return err
		}
		return s.advance(ctx, tx, m)
	}
	if e.live != "" {
		if err := s.ask(ctx, tx, ev, e, host, e.live); err != nil {
			return err
		}
	}
	return s.startNext(ctx, tx, e, ev.ID) // a release may have waited for a host
}

// leave takes a host out of an environment.
func (s *Service) leave(ctx context.Context, tx *db.Tx, e *envRow, host string, ev event.Event) error {
	e, err := loadEnv(ctx, tx, e.app, e.env)
	if err != nil {
		return err
	}
	if e.current != "" {
		if err := s.each(ctx, tx, []*envRow{e}, ev, func(m *machine.Rollout) { m.Drop(host) }); err != nil {
			return err
		}
	}
	return s.ask(ctx, tx, ev, e, host, "")
}

// ask makes a host, outside of any rollout, hold and run one release, or nothing.
func (s *Service) ask(ctx context.Context, tx *db.Tx, ev event.Event, e *envRow, host, release string) error {
	meta := event.Meta{App: e.app, Env: e.env, Actor: actorSelf, Cause: ev.ID}
	_, err := tx.Emit(ctx, meta, event.DeployRequested{
		Deploy: event.NewKey("dep", tx.Now()), Hosts: []string{host}, Hold: machine.Compact(release), Run: machine.Compact(release), Current: release,
	})
	return err
}

// answer takes what hosts and edges say.
func (s *Service) answer(ctx context.Context, tx *db.Tx, ev event.Event) error {
	e, err := loadEnv(ctx, tx, ev.App, ev.Env)
	if fault.Is(err, fault.CodeNotFound) {
		return nil // a host tells of an app that it was given elsewhere
	}
	if err != nil {
		return err
	}
	if ev.Type == "process.changed" {
		p, err := event.Decode[event.ProcessChanged](ev)
		if err != nil {
			return err
		}
		if p.Process != manifest.WebProcess {
			return nil
		}
		if err := storeProcess(ctx, tx, ev.App, ev.Env, p); err != nil {
			return err
		}
	}
	if e.current == "" {
		return nil
	}
	m, err := loadMachine(ctx, tx, e.current)
	if err != nil {
		return err
	}
	if err := m.Hear(ev); err != nil {
		return err
	}
	m.Cause = ev.ID
	return s.advance(ctx, tx, m)
}
