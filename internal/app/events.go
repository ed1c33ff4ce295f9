package app

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/slipwayhq/slipway/internal/analytics"
	"github.com/slipwayhq/slipway/internal/analytics/duck"
	"github.com/slipwayhq/slipway/internal/analytics/feed"
	"github.com/slipwayhq/slipway/internal/analytics/pg"
	"github.com/slipwayhq/slipway/internal/decide/question"
	"github.com/slipwayhq/slipway/internal/decide/rollout"
	"github.com/slipwayhq/slipway/internal/decide/track"
	"github.com/slipwayhq/slipway/internal/door/api"
	"github.com/slipwayhq/slipway/internal/door/events"
	"github.com/slipwayhq/slipway/internal/door/expose"
	"github.com/slipwayhq/slipway/internal/door/exposed"
	"github.com/slipwayhq/slipway/internal/door/ingest"
	"github.com/slipwayhq/slipway/internal/door/vitals"
	"github.com/slipwayhq/slipway/internal/journal"
	"github.com/slipwayhq/slipway/internal/pure/capture"
	"github.com/slipwayhq/slipway/internal/seen"
	"github.com/slipwayhq/slipway/internal/vault"
)

// events opens the door for what users do, and what is behind it. Ids that the index lost in a crash are learnt before.
func (a *App) events(ctx context.Context, server *api.Server, sources *track.Service, questions *question.Service, rollouts *rollout.Service, log *journal.Journal, keys *vault.Keyring) error {
	now := a.opts.Now
	ids, err := seen.Open(filepath.Join(a.opts.Dir, "seen"), now, a.logger("seen"))
	if err != nil {
		return err
	}
	a.onClose("seen", ids.Close)
	engine, err := a.analytics(ctx, keys)
	if err != nil {
		return err
	}
	a.onClose("events", engine.Close)
	a.plans.Engine = engine
	var feeder *feed.Feeder
	past, err := a.archive(engine, func(ctx context.Context) error { return stored(log, feeder)(ctx) })
	if err != nil {
		return err
	}
	feeder = feed.New(feed.Options{Journal: log, Engine: engine, Archive: past, Mark: filepath.Join(a.opts.Dir, "events.stored"), Leave: sources.Leave, Logger: a.logger("feed")})
	if err := feeder.Prepare(ctx); err != nil {
		return err
	}
	door := ingest.NewEvents(log, sources, ids, now, a.logger("events"))
	if err := errors.Join(sources.Load(ctx), door.Learn(ctx)); err != nil {
		return err
	}
	free := &room{dir: a.opts.Dir, log: log, feeder: feeder, now: now, logger: a.logger("events")}
	door.Full = free.full
	counter := vitals.New(rollouts, log, engine, now, a.logger("vitals"))
	rollouts.ProbeEvents = counter.Probe
	a.ramped.Past = exposed.PastOf(engine)
	door.Counted = func(events []capture.Event, fresh []bool) {
		counter.Count(events, fresh)
		a.ramped.Count(events, fresh)
	}
	door.Mount(server.Clients())
	a.exposed = expose.New(door.Told, now, a.logger("exposures"))
	keeper := &track.Keeper{Sources: sources, Engine: engine, Archive: past, Stored: stored(log, feeder), Logger: a.logger("keeper")}
	(&events.Door{API: server, Sources: sources, Questions: questions, Journal: log, Analytics: engine, Feeder: feeder, Keeper: keeper, Refusals: door.Refusals, Replay: door.Replay, Full: door.Closed, Plans: a.plans}).Mount()
	a.stage("events", door.Run, counter.Run, feeder.Run, past.Run, keeper.Run, func(ctx context.Context) error { return ids.Run(ctx, door.Position) })
	return nil
}

// stored waits until all is stored that the log holds now.
func stored(log *journal.Journal, feeder *feed.Feeder) func(context.Context) error {
	return func(ctx context.Context) error {
		_, last, err := log.EventsHeld(ctx)
		if err != nil {
			return err
		}
		return feeder.WaitFor(ctx, last)
	}
}

// analytics opens where events are stored.
func (a *App) analytics(ctx context.Context, keys *vault.Keyring) (analytics.Engine, error) {
	if a.opts.Analytics == "" {
		return duck.Open(duck.Options{Dir: filepath.Join(a.opts.Dir, "events"), Logger: a.logger("duckdb")})
	}
	secret, err := keys.Derive("analytics")
	if err != nil {
		return nil, err
	}
	return pg.Open(ctx, pg.Options{URL: a.opts.Analytics, Secret: secret})
}
