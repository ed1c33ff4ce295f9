package archive

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"math"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/slipwayhq/slipway/internal/analytics"
	"github.com/slipwayhq/slipway/internal/fault"
)

// Options of an Archive.
type Options struct {
	Place  Place
	Engine analytics.Engine
	// Scratch is a folder for files under way. They have no name there, and are gone with their program.
	Scratch string
	// Fed returns when everything that the log has now is in the stores.
	Fed    func(ctx context.Context) error
	Now    func() time.Time
	Logger *slog.Logger
}

// Archive keeps the days that have ended. Make it with New, and Run it. A nil one is none: it has nothing, and keeps nothing.
type Archive struct {
	opts Options
	// writing is held while a file is made and put: what Forget and Retain remove does not come back by one that was under way.
	writing sync.Mutex
	state   sync.Mutex
	trouble error
	failed  map[string]string // by app: the counts of failed events when they were archived last
}

// New makes an Archive.
func New(opts Options) *Archive {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	return &Archive{opts: opts, failed: map[string]string{}}
}

// named reads a file's name.
func named(name string) (f File, ok bool) {
	app, rest, slash := strings.Cut(name, "/")
	rest, failed := strings.CutPrefix(rest, failedFolder)
	text, parquet := strings.CutSuffix(rest, suffix)
	day, err := time.Parse(time.DateOnly, text)
	return File{App: app, Day: day, Failed: failed}, slash && parquet && err == nil && app != ""
}

// Apps are those that have files, sorted.
func (a *Archive) Apps(ctx context.Context) ([]string, error) {
	if a == nil {
		return nil, nil
	}
	names, err := a.opts.Place.List(ctx, "")
	if err != nil {
		return nil, fmt.Errorf("list the archive %s: %w", a.opts.Place, err)
	}
	var apps []string
	for _, name := range names {
		if f, ok := named(name); ok {
			apps = append(apps, f.App)
		}
	}
	slices.Sort(apps)
	return slices.Compact(apps), nil
}

// names lists an app's files of events, or of failed ones, by name alone, oldest first.
func (a *Archive) names(ctx context.Context, app string, failed bool) (files []File, err error) {
	if a == nil {
		return nil, nil
	}
	if app == "" || strings.ContainsAny(app, `/\`) || strings.HasPrefix(app, ".") {
		return nil, fault.Invalid("%q is not the name of an app", app)
	}
	names, err := a.opts.Place.List(ctx, app+"/")
	if err != nil {
		return nil, fmt.Errorf("list the archive %s: %w", a.opts.Place, err)
	}
	for _, name := range names {
		if f, ok := named(name); ok && f.Failed == failed {
			files = append(files, f)
		}
	}
	return files, nil
}

// Files are an app's files of events, oldest first.
func (a *Archive) Files(ctx context.Context, app string) ([]File, error) {
	return a.heads(ctx, app, false)
}

func (a *Archive) heads(ctx context.Context, app string, failed bool) ([]File, error) {
	files, err := a.names(ctx, app, failed)
	for i, f := range files {
		if files[i], err = a.head(ctx, f); err != nil {
			return nil, err
		}
	}
	return files, err
}

// broken says that a file is not what was written, and what to do about it.
func (a *Archive) broken(f File, err error) error {
	return fault.Conflict("the archived events %s in %s cannot be read; put back a sound copy of that file, or move it away to go on without that day", f.name(), a.opts.Place).Because(err)
}

func (a *Archive) head(ctx context.Context, f File) (File, error) {
	in, err := a.opts.Place.Open(ctx, f.name())
	if err != nil {
		return f, fmt.Errorf("open the archived events %s in %s: %w", f.name(), a.opts.Place, err)
	}
	defer in.Close()
	head, err := readHead(in, in.Size())
	if err == nil && head.name() != f.name() {
		err = errors.New("by its metadata it is " + head.name())
	}
	if ctx.Err() != nil {
		return f, ctx.Err()
	}
	if err != nil {
		return f, a.broken(f, err)
	}
	return head, nil
}

// local opens a file on this machine's disk, so that it can be read more than once, and anywhere in it.
func (a *Archive) local(ctx context.Context, f File) (_ Opened, err error) {
	in, err := a.opts.Place.Open(ctx, f.name())
	if err != nil {
		return nil, fmt.Errorf("open the archived events %s in %s: %w", f.name(), a.opts.Place, err)
	}
	if _, ok := in.(onDisk); ok {
		return in, nil
	}
	defer in.Close()
	to, err := scratch(a.opts.Scratch)
	if err != nil {
		return nil, err
	}
	if _, err := io.Copy(to, in); err != nil {
		return nil, errors.Join(fmt.Errorf("fetch the archived events %s from %s: %w", f.name(), a.opts.Place, err), to.Close())
	}
	return onDisk{to, in.Size()}, nil
}

// checked opens a file that is what was written.
func (a *Archive) checked(ctx context.Context, f File) (Opened, error) {
	in, err := a.local(ctx, f)
	if err != nil {
		return nil, err
	}
	if _, err := verify(in, in.Size()); err != nil {
		return nil, errors.Join(a.broken(f, err), in.Close())
	}
	return in, nil
}

// Verify reads all of an app's files, and tells of the first that is not what was written.
func (a *Archive) Verify(ctx context.Context, app string) error {
	files, err := a.Files(ctx, app)
	if err != nil {
		return err
	}
	failed, err := a.FailedFiles(ctx, app)
	if err != nil {
		return err
	}
	for _, f := range append(files, failed...) {
		in, err := a.checked(ctx, f)
		if err != nil {
			return err
		}
		if err := errors.Join(in.Close(), ctx.Err()); err != nil {
			return err
		}
	}
	return nil
}

// Read hands on an app's events, and failed events, behind a sequence of the log, in order. The Through of each batch is the sequence up to which the log is accounted for.
func (a *Archive) Read(ctx context.Context, app string, after uint64, fn func(analytics.Batch) error) error {
	files, err := a.Files(ctx, app)
	if err != nil {
		return err
	}
	for i, f := range files {
		if i > 0 && f.After > files[i-1].Through {
			a.opts.Logger.Warn("between two archived days there is a gap; what is in it is lost, unless another copy has it", "app", app, "from", files[i-1].name(), "to", f.name())
		}
		if f.Through <= after {
			continue
		}
		if err := a.readFile(ctx, f, after, fn); err != nil {
			return err
		}
	}
	return nil
}

func (a *Archive) readFile(ctx context.Context, f File, after uint64, fn func(analytics.Batch) error) error {
	in, err := a.checked(ctx, f)
	if err != nil {
		return err
	}
	defer in.Close()
	next, stop := iter.Pull2(a.failedOf(ctx, f))
	defer stop()
	to := merging{after: after, fn: fn, next: next}
	err = readRecords(in, in.Size(), func(some []record) error {
		for i := range some {
			if err := to.event(&some[i]); err != nil {
				return err
			}
		}
		return ctx.Err()
	})
	if err != nil {
		return err
	}
	return to.end(f.Through)
}

// write makes a file of the records that fill gives, reads it back, and puts it.
func write[T any, P pointer[T]](ctx context.Context, a *Archive, f File, fill func(add func([]T) error) error) (_ File, err error) {
	tmp, err := scratch(a.opts.Scratch)
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, tmp.Close()) }()
	w := newWriter[T, P](tmp, f)
	if err := fill(w.add); err != nil {
		return f, err
	}
	if f, err = w.close(); err != nil {
		return f, err
	}
	return f, a.put(ctx, f, tmp)
}

func recordsOf(rows []analytics.Row) []record {
	records := make([]record, len(rows))
	for i, r := range rows {
		records[i] = recordOf(r)
	}
	return records
}

func (a *Archive) put(ctx context.Context, f File, tmp *os.File) error {
	info, err := tmp.Stat()
	if err != nil {
		return err
	}
	back, err := verify(tmp, info.Size())
	if err == nil && (back.name() != f.name() || back.After != f.After || back.Through != f.Through || back.Events != f.Events) {
		err = fmt.Errorf("it is %+v, not %+v", back, f)
	}
	if err != nil {
		return fmt.Errorf("the file that was written does not read as it should: %w", err)
	}
	if _, err := tmp.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return a.opts.Place.Put(ctx, f.name(), tmp, info.Size())
}

// errFound ends a reading that looks for one event.
var errFound = errors.New("there is one")

// Covers tells what of a store would be lost with it: fault.Conflict names the first events that are neither in the archive nor in the log, whose first event has the sequence first.
func (a *Archive) Covers(ctx context.Context, app string, store analytics.Store, first uint64) error {
	lost := func(what string, received time.Time) error {
		return fault.Conflict("%s received on %s are only in the store: the log begins later, and the archive has not got them; the store of %s cannot be made anew without losing them",
			what, received.Format(time.DateOnly), app)
	}
	files, err := a.Files(ctx, app)
	if err != nil {
		return err
	}
	err = gaps(files, first, func(after, through uint64) error {
		var found analytics.Row
		err := store.Read(ctx, after, through, 1, func(rows []analytics.Row) error { found = rows[0]; return errFound })
		if errors.Is(err, errFound) {
			return lost("events", found.Received)
		}
		return err
	})
	if err != nil {
		return err
	}
	failed, err := a.FailedFiles(ctx, app)
	if err != nil {
		return err
	}
	return gaps(failed, first, func(after, through uint64) error {
		some, err := store.Failed(ctx, analytics.FailedFilter{After: after, Limit: 1})
		if err == nil && len(some) > 0 && some[0].Sequence <= through {
			return lost("failed events", some[0].Received)
		}
		return err
	})
}

// gaps are the ranges of sequences that neither files nor the log have, whose first event has the sequence first.
func gaps(files []File, first uint64, fn func(after, through uint64) error) error {
	files = append(files, File{After: max(first, 1) - 1, Through: math.MaxInt64})
	slices.SortFunc(files, func(a, b File) int { return cmp.Compare(a.After, b.After) })
	at := uint64(0)
	for _, f := range files {
		if f.After > at {
			if err := fn(at, f.After); err != nil {
				return err
			}
		}
		at = max(at, f.Through)
	}
	return nil
}
