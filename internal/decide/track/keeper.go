package track

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/slipwayhq/slipway/internal/analytics"
)

// keepEvery is how often stores are looked through.
const keepEvery = 24 * time.Hour

// Keeper removes from the stores of events what their apps no longer want there, until ctx ends. Each server keeps its own stores.
type Keeper struct {
	Sources *Service
	Engine  analytics.Engine
	Logger  *slog.Logger
	// Every is how often it looks when nothing changes; 0 means daily.
	Every time.Duration
}

// Run looks at once, whenever rules change, and then every now and then.
func (k Keeper) Run(ctx context.Context) error {
	every := k.Every
	if every == 0 {
		every = keepEvery
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if err := k.keep(ctx); err != nil && ctx.Err() == nil {
			k.Logger.Error("events that are to be removed are still there; it is tried again", "error", err)
		}
		select {
		case <-tick.C:
		case <-k.Sources.changed:
		case <-ctx.Done():
			return nil
		}
	}
}

// keep looks through the stores that are there. What fails with one does not hold up the others.
func (k Keeper) keep(ctx context.Context) error {
	apps, err := k.Engine.Apps(ctx)
	if err != nil {
		return err
	}
	for app, rules := range *k.Sources.rules.Load() {
		if slices.Contains(apps, app) {
			err = errors.Join(err, k.retain(ctx, app, rules.Settings))
		}
	}
	return err
}

func (k Keeper) retain(ctx context.Context, app string, s Settings) error {
	if s.KeepDays == 0 {
		return nil
	}
	store, err := k.Engine.Store(ctx, app)
	if err != nil {
		return err
	}
	removed, err := store.Retain(ctx, s.keptFrom(k.Sources.db.Now()))
	if err != nil {
		return fmt.Errorf("remove the events of %s that are older than %d days: %w", app, s.KeepDays, err)
	}
	if removed > 0 {
		k.Logger.Info("old events removed", "app", app, "events", removed, "days", s.KeepDays)
	}
	return nil
}
