package catalog

import (
	"context"
	"fmt"
	"slices"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/journal"
)

// Run makes releases of what was built, and follows what becomes of them, until ctx ends.
func (s *Service) Run(ctx context.Context, j *journal.Journal) error {
	return s.db.Consume(ctx, j, db.Consumer{
		Name: "catalog",
		Types: []event.Type{
			event.BuildPassed{}.EventType(),
			event.RolloutQueued{}.EventType(), event.RolloutStarted{}.EventType(), event.RolloutMoved{}.EventType(), event.RolloutJudged{}.EventType(),
			event.RolloutHeld{}.EventType(), event.RolloutEnded{}.EventType(), event.FreezeSet{}.EventType(), event.FreezeLifted{}.EventType(),
		},
		Handle: handle,
	})
}

func handle(ctx context.Context, tx *db.Tx, ev event.Event) error {
	switch ev.Type {
	case event.BuildPassed{}.EventType():
		return on(ctx, tx, ev, passed)
	case event.RolloutQueued{}.EventType():
		return on(ctx, tx, ev, queued)
	case event.RolloutStarted{}.EventType():
		return on(ctx, tx, ev, started)
	case event.RolloutMoved{}.EventType():
		return on(ctx, tx, ev, moved)
	case event.RolloutJudged{}.EventType():
		return on(ctx, tx, ev, judged)
	case event.RolloutHeld{}.EventType():
		return on(ctx, tx, ev, held)
	case event.RolloutEnded{}.EventType():
		return on(ctx, tx, ev, over)
	case event.FreezeSet{}.EventType():
		return on(ctx, tx, ev, frozen)
	case event.FreezeLifted{}.EventType():
		return keep(ctx, tx, ev, "frozen", nil)
	}
	return nil
}

// on decodes the event for its handler.
func on[T event.Payload](ctx context.Context, tx *db.Tx, ev event.Event, do func(context.Context, *db.Tx, event.Event, T) error) error {
	p, err := event.Decode[T](ev)
	if err != nil {
		return err
	}
	return do(ctx, tx, ev, p)
}

// passed makes the release of a build.
func passed(ctx context.Context, tx *db.Tx, ev event.Event, p event.BuildPassed) error {
	if p.Artifact == "" {
		return nil // the manifest packages nothing: there is nothing to ship
	}
	if err := lock(ctx, tx, ev.App); err != nil { // a configuration that changes just now must not be taken back by this release
		return err
	}
	e, err := environment(ctx, tx, ev.App, ev.Env)
	if err != nil {
		return err
	}
	head := event.Commit{SHA: p.Head}
	if i := slices.IndexFunc(p.Commits, func(c event.Commit) bool { return c.SHA == p.Head }); i >= 0 {
		head = p.Commits[i]
	}
	if _, err := tx.Exec(ctx, `UPDATE catalog_releases SET stored = 1 WHERE artifact = $1`, p.Artifact); err != nil {
		return fmt.Errorf("note that artifact %s is stored: %w", p.Artifact, err)
	}
	return addRelease(ctx, tx, ev.By("system:catalog", tx.Now()), Release{
		App: ev.App, Environment: ev.Env, Commit: p.Head, Subject: head.Subject, Author: head.Author, Commits: p.Commits,
		Artifact: p.Artifact, Size: p.Size, Config: e.Config, Why: "push", Build: p.Build, Hotfix: p.Hotfix, diverged: p.Diverged, manifest: string(p.Manifest),
	})
}

func queued(ctx context.Context, tx *db.Tx, _ event.Event, p event.RolloutQueued) error {
	return setState(ctx, tx, p.Release, p.Rollout, Waiting)
}

func started(ctx context.Context, tx *db.Tx, ev event.Event, p event.RolloutStarted) error {
	if err := setState(ctx, tx, p.Release, p.Rollout, Rolling); err != nil {
		return err
	}
	return keep(ctx, tx, ev, "rollout", &RolloutSummary{ID: p.Rollout, Release: p.Release, State: "staging"})
}

// moved keeps how far a rollout is. One that lost all its hosts waits again, so that none is under way.
func moved(ctx context.Context, tx *db.Tx, ev event.Event, p event.RolloutMoved) error {
	if p.To == "queued" {
		e, err := environment(ctx, tx, ev.App, ev.Env)
		if err != nil || e.Rollout == nil || e.Rollout.ID != p.Rollout {
			return err
		}
		if err := setState(ctx, tx, e.Rollout.Release, p.Rollout, Waiting); err != nil {
			return err
		}
		return keep(ctx, tx, ev, "rollout", nil)
	}
	return summarize(ctx, tx, ev, p.Rollout, func(r *RolloutSummary) { r.State, r.Step, r.Share = p.To, p.Step, p.Share })
}

func judged(ctx context.Context, tx *db.Tx, ev event.Event, p event.RolloutJudged) error {
	return summarize(ctx, tx, ev, p.Rollout, func(r *RolloutSummary) { r.Verdict = p.Verdict })
}

func held(ctx context.Context, tx *db.Tx, ev event.Event, p event.RolloutHeld) error {
	return summarize(ctx, tx, ev, p.Rollout, func(r *RolloutSummary) { r.State = "held" })
}

// over gives the release its last word, and the one that served before its own.
func over(ctx context.Context, tx *db.Tx, ev event.Event, p event.RolloutEnded) error {
	state, err := ended(p.Outcome)
	if err != nil {
		return err
	}
	r, err := release(ctx, tx, p.Release)
	if err != nil {
		return err
	}
	if state == IsLive {
		if err := replace(ctx, tx, ev, r); err != nil {
			return err
		}
	}
	if _, err := tx.Exec(ctx, `UPDATE catalog_releases SET state = $2, verdict = $3 WHERE id = $1`, r.ID, string(state), p.Verdict); err != nil {
		return fmt.Errorf("set the state of release %s: %w", r.ID, err)
	}
	e, err := environment(ctx, tx, ev.App, ev.Env)
	if err != nil || e.Rollout == nil || e.Rollout.ID != p.Rollout {
		return err
	}
	return keep(ctx, tx, ev, "rollout", nil)
}

// replace makes r the live release of its environment.
func replace(ctx context.Context, tx *db.Tx, ev event.Event, r Release) error {
	e, err := environment(ctx, tx, ev.App, ev.Env)
	if err != nil {
		return err
	}
	if e.Live != nil && e.Live.Release != r.ID {
		if _, err := tx.Exec(ctx, `UPDATE catalog_releases SET state = $2 WHERE id = $1`, e.Live.Release, string(replaced(e.Live.Number, r.Number))); err != nil {
			return fmt.Errorf("retire release %s: %w", e.Live.Release, err)
		}
	}
	if _, err := tx.Exec(ctx, `UPDATE catalog_releases SET live_at = $2 WHERE id = $1`, r.ID, db.Micros(ev.Time)); err != nil {
		return fmt.Errorf("note since when release %s is live: %w", r.ID, err)
	}
	if _, err := tx.Exec(ctx, `UPDATE catalog_environments SET live = $3 WHERE app = $1 AND name = $2`, ev.App, ev.Env, r.ID); err != nil {
		return fmt.Errorf("note the live release of %s/%s: %w", ev.App, ev.Env, err)
	}
	return nil
}

func frozen(ctx context.Context, tx *db.Tx, ev event.Event, p event.FreezeSet) error {
	return keep(ctx, tx, ev, "frozen", &Frozen{By: ev.Actor, Reason: p.Reason, At: ev.Time})
}

func setState(ctx context.Context, tx *db.Tx, id, rollout string, state State) error {
	_, err := tx.Exec(ctx, `UPDATE catalog_releases SET state = $2, rollout = $3 WHERE id = $1 AND state <> 'live'`, id, string(state), rollout)
	if err != nil {
		return fmt.Errorf("set the state of release %s: %w", id, err)
	}
	return nil
}

// summarize changes the environment's summary when it is of this rollout.
func summarize(ctx context.Context, tx *db.Tx, ev event.Event, rollout string, change func(*RolloutSummary)) error {
	e, err := environment(ctx, tx, ev.App, ev.Env)
	if err != nil || e.Rollout == nil || e.Rollout.ID != rollout {
		return err
	}
	change(e.Rollout)
	return keep(ctx, tx, ev, "rollout", e.Rollout)
}

// keep writes one of the environment's JSON columns, "rollout" or "frozen".
func keep(ctx context.Context, tx *db.Tx, ev event.Event, column string, v any) error {
	_, err := tx.Exec(ctx, `UPDATE catalog_environments SET `+column+` = $3 WHERE app = $1 AND name = $2`, ev.App, ev.Env, encode(v))
	if err != nil {
		return fmt.Errorf("keep what %s says of %s/%s: %w", ev.Type, ev.App, ev.Env, err)
	}
	return nil
}
