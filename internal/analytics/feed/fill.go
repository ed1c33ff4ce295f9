package feed

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"

	"github.com/slipwayhq/slipway/internal/analytics"
	"github.com/slipwayhq/slipway/internal/fault"
)

// Rebuilding is how far it is to make an app's store anew.
type Rebuilding struct {
	State RebuildState
	// Message is why it was refused, or what holds it up.
	Message string
	// Events is how many came from the archive.
	Events int64
	// Target is the sequence of the log at which the store is what it was.
	Target uint64
}

// RebuildState is a step of that.
type RebuildState string

// The states, in their order; Refused instead of those behind Checking.
const (
	Checking RebuildState = "checking" // whether archive and log have all that the store has
	Filling  RebuildState = "filling"  // from the archive
	Reading  RebuildState = "reading"  // the log
	Done     RebuildState = "done"
	Refused  RebuildState = "refused" // the store is as it was
)

// errAsked is that somebody wants a store to be made anew.
var errAsked = errors.New("a store is to be made anew")

// Rebuild drops an app's store, and fills it from the archive and the log. It is refused when they have not got all that the store has. What takes long is done by Run; see Rebuilding.
func (f *Feeder) Rebuild(ctx context.Context, app string) error {
	target, err := f.covered(ctx, app)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if r, ok := f.rebuilds[app]; ok && r.State != Done && r.State != Refused && f.state.Stored < r.Target {
		return fault.Conflict("the stored events of %s are being made anew already", app)
	}
	f.rebuilds[app] = Rebuilding{State: Checking, Target: target}
	select {
	case f.asked <- struct{}{}:
	default: // Run will look at all of them
	}
	return nil
}

// covered tells where the log ends, if archive and log have all that a store has.
func (f *Feeder) covered(ctx context.Context, app string) (last uint64, err error) {
	store, err := f.opts.Engine.Store(ctx, app)
	if err != nil {
		return 0, err
	}
	first, last, err := f.opts.Journal.EventsHeld(ctx)
	if err != nil {
		return 0, err
	}
	return last, f.opts.Archive.Covers(ctx, app, store, first)
}

// Rebuilding tells how far an app's rebuild is; ok is false when none was asked for since the start.
func (f *Feeder) Rebuilding(app string) (r Rebuilding, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r, ok = f.rebuilds[app]
	if r.State == Reading && f.state.Stored >= r.Target {
		r.State = Done
	}
	if f.state.Trouble != nil && (r.State == Filling || r.State == Reading) {
		r.Message = f.state.Trouble.Error()
	}
	return r, ok
}

func (f *Feeder) rebuilding(app string, change func(*Rebuilding)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r, ok := f.rebuilds[app]; ok {
		change(&r)
		f.rebuilds[app] = r
	}
}

// dropAsked drops the stores that are to be made anew. The mark goes first: without one all stores are looked at, so that a crash in between does not leave one out.
func (f *Feeder) dropAsked(ctx context.Context) error {
	f.mu.Lock()
	var apps []string
	for app, r := range f.rebuilds {
		if r.State == Checking {
			apps = append(apps, app)
		}
	}
	f.mu.Unlock()
	for _, app := range apps {
		_, err := f.covered(ctx, app)
		if err == nil {
			err = f.opts.Archive.Verify(ctx, app)
		}
		if err == nil {
			err = f.keepChanged(ctx, app)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			f.opts.Logger.Error("the stored events of an app are not made anew, and stay as they are", "app", app, "error", err)
			f.rebuilding(app, func(r *Rebuilding) { r.State, r.Message = Refused, fault.Message(err) })
			continue
		}
		if err := removeMark(f.opts.Mark); err != nil {
			return err
		}
		if err := f.opts.Engine.Drop(ctx, app); err != nil {
			return err
		}
		if _, err := f.opts.Engine.Store(ctx, app); err != nil {
			return err
		}
		f.rebuilding(app, func(r *Rebuilding) { r.State = Filling })
	}
	return f.readChanged()
}

// fill brings into each store what the archive has and it has not. Until the log was read behind that, there is no mark.
func (f *Feeder) fill(ctx context.Context, mark, last uint64) error {
	if err := removeMark(f.opts.Mark); err != nil {
		return err
	}
	again := mark
	for _, at := range f.positions {
		again = max(again, at)
	}
	f.tell(func(b *Behind) { b.Again, b.Stored = max(b.Again, b.Stored, again), 0 })
	archived, err := f.opts.Archive.Apps(ctx)
	if err != nil {
		return err
	}
	for _, app := range archived {
		if err := f.fillStore(ctx, app, last); err != nil {
			return fmt.Errorf("fill the store of %s from the archive: %w", app, err)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for app, r := range f.rebuilds {
		if r.State == Filling {
			r.State = Reading
			f.rebuilds[app] = r
		}
	}
	return nil
}

func (f *Feeder) fillStore(ctx context.Context, app string, last uint64) error {
	through, err := f.archivedThrough(ctx, app)
	if err != nil {
		return err
	}
	if through > last {
		return f.otherLog(through, last)
	}
	store, err := f.opts.Engine.Store(ctx, app)
	if err != nil {
		return err
	}
	at, err := store.Position(ctx)
	if err != nil {
		return err
	}
	err = f.opts.Archive.Read(ctx, app, at, func(b analytics.Batch) error {
		if f.opts.Leave != nil {
			b.Rows = slices.DeleteFunc(b.Rows, func(r analytics.Row) bool { return f.opts.Leave(app, &r.Event) })
			b.Failed = slices.DeleteFunc(b.Failed, func(one analytics.Failed) bool { return left(app, one, f.opts.Leave) })
		}
		b.Between = runtime.Gosched
		if err := (intake{f, app, store}).append(ctx, b, at); err != nil {
			return err
		}
		at = b.Through
		f.rebuilding(app, func(r *Rebuilding) { r.Events += int64(len(b.Rows)) })
		return nil
	})
	if err != nil {
		return err
	}
	f.positions[app] = at
	return nil
}

// archivedThrough is the sequence up to which an app's events are archived.
func (f *Feeder) archivedThrough(ctx context.Context, app string) (uint64, error) {
	files, err := f.opts.Archive.Files(ctx, app)
	if err != nil || len(files) == 0 {
		return 0, err
	}
	return files[len(files)-1].Through, nil
}

// Prepare has a log that never had an event begin behind those that are stored or archived: it was lost, and the sequences that they have must not come again. It is to be done before anything is written
// to the log.
func (f *Feeder) Prepare(ctx context.Context) error {
	_, last, err := f.opts.Journal.EventsHeld(ctx)
	if err != nil || last > 0 {
		return err
	}
	stored, err := f.opts.Engine.Apps(ctx)
	if err != nil {
		return err
	}
	archived, err := f.opts.Archive.Apps(ctx)
	if err != nil {
		return err
	}
	highest := uint64(0)
	for _, app := range archived {
		through, err := f.archivedThrough(ctx, app)
		if err != nil {
			return err
		}
		highest = max(highest, through)
	}
	for _, app := range stored {
		store, err := f.opts.Engine.Store(ctx, app)
		if err != nil {
			return err
		}
		at, err := store.Position(ctx)
		if err != nil {
			return err
		}
		highest = max(highest, at)
	}
	if highest == 0 {
		return nil
	}
	f.opts.Logger.Warn("the log has no events, and the stores and their archive have; it goes on behind them", "sequence", highest)
	return f.opts.Journal.BeginEventsBehind(ctx, highest)
}
