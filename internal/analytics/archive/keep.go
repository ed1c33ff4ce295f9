package archive

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/slipwayhq/slipway/internal/analytics"
)

const (
	day = 24 * time.Hour
	// margin is how long after its end a day is archived.
	margin = time.Hour
	// again is how long to wait after it failed.
	again = 10 * time.Minute
	// readAtOnce is how many events are read from a store at once.
	readAtOnce = 5000
)

// Run archives each day an hour after it has ended, and at the start what is left from before, until ctx ends. What fails is tried again.
func (a *Archive) Run(ctx context.Context) error {
	if a == nil {
		return nil
	}
	for {
		err := a.KeepAll(ctx)
		if ctx.Err() != nil {
			return nil
		}
		now := a.opts.Now()
		wait := now.UTC().Add(-margin).Truncate(day).Add(day + margin).Sub(now)
		if err != nil {
			wait = min(wait, again)
			a.opts.Logger.Error("events are not archived; the stores have them, and archiving them is tried again", "again_in", wait.Round(time.Second), "error", err)
		}
		a.state.Lock()
		a.trouble = err
		a.state.Unlock()
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil
		}
	}
}

// Trouble is why the last attempt to archive failed; nil when it did not.
func (a *Archive) Trouble() error {
	if a == nil {
		return nil
	}
	a.state.Lock()
	defer a.state.Unlock()
	return a.trouble
}

// KeepAll archives what is due of all apps.
func (a *Archive) KeepAll(ctx context.Context) error {
	before := a.opts.Now()
	if a.opts.Fed != nil {
		if err := a.opts.Fed(ctx); err != nil {
			return err
		}
	}
	apps, err := a.opts.Engine.Apps(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, app := range apps {
		errs = append(errs, a.keep(ctx, app, before))
	}
	return errors.Join(errs...)
}

// keep archives the days of an app that had ended at a time, at which everything received till then was stored.
func (a *Archive) keep(ctx context.Context, app string, now time.Time) error {
	// The one store for all that follows: one that is dropped meanwhile answers with errors, and never with less.
	store, err := a.opts.Engine.Store(ctx, app)
	if err != nil {
		return err
	}
	days, err := store.Days(ctx)
	if err != nil {
		return err
	}
	have, err := a.Files(ctx, app)
	if err != nil {
		return err
	}
	for _, f := range due(app, days, have, now.UTC().Add(-margin).Truncate(day)) {
		if f, err = a.keepDay(ctx, store, f); err != nil {
			return fmt.Errorf("archive the events of %s of %s: %w", app, f.Day.Format(time.DateOnly), err)
		}
		a.opts.Logger.Info("a day of events is archived", "app", app, "day", f.Day.Format(time.DateOnly), "events", f.Events)
		have = append(have, f)
	}
	return a.keepAllFailed(ctx, app, store, have)
}

func (a *Archive) keepDay(ctx context.Context, store analytics.Store, f File) (File, error) {
	a.writing.Lock()
	defer a.writing.Unlock()
	return write(ctx, a, f, func(add func([]record) error) error {
		if err := store.Read(ctx, f.After, f.Through, readAtOnce, func(rows []analytics.Row) error { return add(recordsOf(rows)) }); err != nil {
			return err
		}
		at, err := store.Position(ctx)
		if err == nil && at < f.Through {
			err = fmt.Errorf("the store is at %d, and its events go up to %d", at, f.Through)
		}
		return err
	})
}

// due are the files to write: those of days with events, before a day, that are not there. have is sorted by day.
func due(app string, days []analytics.Day, have []File, before time.Time) (out []File) {
	have = slices.Clone(have)
	for _, d := range days {
		if !d.Day.Before(before) {
			break
		}
		i, found := slices.BinarySearchFunc(have, d.Day, func(f File, t time.Time) int { return f.Day.Compare(t) })
		if found {
			continue
		}
		f := File{App: app, Day: d.Day.UTC(), Through: d.Last}
		if i > 0 {
			f.After = have[i-1].Through
		}
		if i < len(have) { // a file was taken away from between others
			f.Through = min(d.Last, have[i].After)
		}
		if f.Through > f.After {
			out = append(out, f)
			have = slices.Insert(have, i, f)
		}
	}
	return out
}
