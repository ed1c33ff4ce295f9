package archive

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// ids are the columns that say whose an event is.
type ids struct {
	User      string `parquet:"user_id,optional"`
	Anonymous string `parquet:"anonymous_id,optional"`
	Previous  string `parquet:"previous_id,optional"`
}

// of tells whether an event is a person's, as Store.Forget has it: it names them, or it is of nobody known and from a visitor who became known as them.
func (i ids) of(user string, anonymous []string) bool {
	return i.User == user || i.Anonymous == user || i.Previous == user || i.User == "" && slices.Contains(anonymous, i.Anonymous)
}

// Forget removes a person's events from all files of an app, and those of the anonymous visitors that became known as them; it tells how many. Call it after Store.Forget, with the ids that the
// store's relation people had before it: a day that is archived meanwhile is looked at, too.
func (a *Archive) Forget(ctx context.Context, app, user string, anonymous []string) (removed int64, err error) {
	if a == nil || user == "" {
		return 0, nil
	}
	a.writing.Lock()
	defer a.writing.Unlock()
	files, err := a.names(ctx, app, false)
	if err != nil {
		return 0, err
	}
	var errs []error
	for _, f := range files {
		n, err := a.forgetIn(ctx, f, user, anonymous)
		removed += n
		errs = append(errs, err) // the other files are looked at all the same
	}
	failed, err := a.names(ctx, app, true)
	errs = append(errs, err)
	for _, f := range failed {
		errs = append(errs, a.forgetFailed(ctx, f, user))
	}
	return removed, errors.Join(errs...)
}

func (a *Archive) forgetIn(ctx context.Context, f File, user string, anonymous []string) (removed int64, err error) {
	in, err := a.local(ctx, f)
	if err != nil {
		return 0, err
	}
	defer in.Close()
	err = readRecords(in, in.Size(), func(some []ids) error {
		for _, i := range some {
			if i.of(user, anonymous) {
				removed++
			}
		}
		return ctx.Err()
	})
	if err != nil && ctx.Err() == nil {
		return 0, a.broken(f, err)
	}
	if err != nil || removed == 0 {
		return 0, err
	}
	head, err := verify(in, in.Size()) // a broken file is not made a sound one with less in it
	if err != nil {
		return 0, a.broken(f, err)
	}
	_, err = write(ctx, a, head, func(add func([]record) error) error {
		return readRecords(in, in.Size(), func(some []record) error {
			var kept []record
			for i := range some {
				if !(ids{some[i].User, some[i].Anonymous, some[i].Previous}).of(user, anonymous) {
					kept = append(kept, some[i])
				}
			}
			return errors.Join(ctx.Err(), add(kept))
		})
	})
	if err != nil {
		return 0, fmt.Errorf("write %s without a person who is forgotten: %w", f.name(), err)
	}
	return removed, nil
}

// Retain removes the files of an app's days that had ended at a time, and tells how many. Call it after Store.Retain.
func (a *Archive) Retain(ctx context.Context, app string, before time.Time) (removed int, err error) {
	return a.remove(ctx, app, func(f File) bool { return !f.Day.Add(day).After(before) })
}

// Drop removes all files of an app.
func (a *Archive) Drop(ctx context.Context, app string) error {
	_, err := a.remove(ctx, app, func(File) bool { return true })
	return err
}

func (a *Archive) remove(ctx context.Context, app string, which func(File) bool) (removed int, err error) {
	if a == nil {
		return 0, nil
	}
	a.writing.Lock()
	defer a.writing.Unlock()
	files, err := a.names(ctx, app, false)
	if err != nil {
		return 0, err
	}
	failed, err := a.names(ctx, app, true)
	if err != nil {
		return 0, err
	}
	for _, f := range append(failed, files...) {
		if !which(f) {
			continue
		}
		if err := a.opts.Place.Remove(ctx, f.name()); err != nil {
			return removed, fmt.Errorf("remove the archived events %s: %w", f.name(), err)
		}
		if !f.Failed {
			removed++
		}
	}
	return removed, nil
}
