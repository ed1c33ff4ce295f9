package track

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/slipwayhq/slipway/internal/analytics"
	"github.com/slipwayhq/slipway/internal/analytics/archive"
	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/fault"
)

// keepEvery is how often stores are looked through.
const keepEvery = 24 * time.Hour

// Keeper removes from the stores of events what their apps no longer want there, until ctx ends. Each server keeps its own stores.
type Keeper struct {
	Sources *Service
	Engine  analytics.Engine
	Archive *archive.Archive // nil when there is none
	// Stored waits until all is stored that the log holds now: what is under way is not removed, and would come after.
	Stored func(context.Context) error
	Logger *slog.Logger
	// Every is how often it looks when nothing changes; 0 means daily.
	Every time.Duration

	forgetting sync.Mutex
}

// Run looks at once, whenever rules change, and then every now and then.
func (k *Keeper) Run(ctx context.Context) error {
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
func (k *Keeper) keep(ctx context.Context) error {
	apps, err := k.Engine.Apps(ctx)
	if err != nil {
		return err
	}
	for app, rules := range *k.Sources.rules.Load() {
		if slices.Contains(apps, app) {
			err = errors.Join(err, k.retain(ctx, app, rules.Settings))
		}
	}
	gone, failed := forgotten(ctx, k.Sources.db, "")
	err = errors.Join(err, failed)
	for app, list := range gone {
		for _, f := range list {
			if f.Removed == nil {
				_, failed := k.Remove(ctx, app, f.User)
				err = errors.Join(err, failed)
			}
		}
	}
	return err
}

// Remove removes the events of a user who is forgotten, unless that is done, and gives what came of it.
func (k *Keeper) Remove(ctx context.Context, app, user string) (Forgotten, error) {
	k.forgetting.Lock()
	defer k.forgetting.Unlock()
	gone, err := forgotten(ctx, k.Sources.db, app)
	if err != nil {
		return Forgotten{}, err
	}
	i := slices.IndexFunc(gone[app], func(f Forgotten) bool { return f.User == user })
	if i < 0 {
		return Forgotten{}, fault.NotFound("the user %q is not to be forgotten", user)
	}
	f := gone[app][i]
	if f.Removed != nil {
		return f, nil
	}
	removed, err := k.remove(ctx, app, &f)
	if err != nil {
		return f, fmt.Errorf("remove the events of a user of %s who is forgotten: %w", app, err)
	}
	f.Removed = &removed
	return f, k.Sources.db.Tx(ctx, func(tx *db.Tx) error { return setRemoved(ctx, tx, app, f, removed) })
}

// remove first keeps which ids are theirs: once the events are gone, nothing else tells.
func (k *Keeper) remove(ctx context.Context, app string, f *Forgotten) (removed int64, err error) {
	if err := k.Stored(ctx); err != nil {
		return 0, err
	}
	apps, err := k.Engine.Apps(ctx)
	if err != nil || !slices.Contains(apps, app) {
		return 0, err
	}
	store, err := k.Engine.Store(ctx, app)
	if err != nil {
		return 0, err
	}
	person, err := Find(ctx, store, f.User, !f.keepAliases)
	if err != nil {
		return 0, err
	}
	f.Aliases, f.Anonymous = union(f.Aliases, person.Aliases), union(f.Anonymous, person.Anonymous)
	if err := k.Sources.db.Tx(ctx, func(tx *db.Tx) error { return setIDs(ctx, tx, app, *f) }); err != nil {
		return 0, err
	}
	if err := k.Sources.Load(ctx); err != nil {
		return 0, err
	}
	for _, user := range append([]string{f.User}, f.Aliases...) {
		n, err := store.Forget(ctx, user)
		if err != nil {
			return 0, err
		}
		removed += n
		if _, err := k.Archive.Forget(ctx, app, user, f.Anonymous); err != nil {
			return 0, err
		}
	}
	return removed, nil
}

func (k *Keeper) retain(ctx context.Context, app string, s Settings) error {
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
	if _, err := k.Archive.Retain(ctx, app, s.keptFrom(k.Sources.db.Now())); err != nil {
		return fmt.Errorf("remove the archived events of %s that are older than %d days: %w", app, s.KeepDays, err)
	}
	if removed > 0 {
		k.Logger.Info("old events removed", "app", app, "events", removed, "days", s.KeepDays)
	}
	return nil
}
