package feed

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/slipwayhq/slipway/internal/analytics"
	"github.com/slipwayhq/slipway/internal/analytics/archive"
	"github.com/slipwayhq/slipway/internal/journal"
	"github.com/slipwayhq/slipway/internal/pure/capture"
)

const (
	// Every is how long events are collected before they are stored.
	Every = time.Second
	// most and mostBytes are how many are stored at once, and readAtOnce how many are read.
	most, mostBytes, readAtOnce = 20_000, 64 << 20, 1000
	// yieldEvery is how many are read before others may go first, who have a client waiting: a quarter of a millisecond.
	yieldEvery = 32
	// again is how long to wait after a store failed.
	again = 2 * time.Second
)

// Options of a Feeder.
type Options struct {
	Journal *journal.Journal
	Engine  analytics.Engine
	// Mark is the file that keeps up to where every store is fed.
	Mark string
	// Archive is what a store that begins anew is filled from first; nil is none.
	Archive *archive.Archive
	// Leave tells that an event is not to be stored, as its person asked to be forgotten; nil leaves none.
	Leave func(app string, e *capture.Event) bool
	// Every is how long events are collected; 0 means a second.
	Every  time.Duration
	Logger *slog.Logger
}

// Feeder feeds. Make it with New, and Run it, once at a time.
type Feeder struct {
	opts  Options
	mu    sync.Mutex
	state Behind
	done  chan struct{} // closed at the next flush
	// rebuilds are those that were asked for since the start, by app; asked tells of a new one.
	rebuilds map[string]Rebuilding
	asked    chan struct{}
	// of Run alone
	learners  map[string]*learner
	positions map[string]uint64
	changed   map[string][]changed // by app, in the order of their sequences
}

// Behind is how far the stores are.
type Behind struct {
	// Stored is the sequence of the log up to which all is stored.
	Stored uint64
	// Again tells, while it is not 0, that the log is read again up to that sequence, for a store that begins anew: the others have it, and days that have ended are archived, so that nothing is at risk.
	Again uint64
	// Trouble is why the last attempt to store failed; nil when it did not. Since is when that began.
	Trouble error
	Since   time.Time
}

// New makes a Feeder.
func New(opts Options) *Feeder {
	if opts.Every == 0 {
		opts.Every = Every
	}
	return &Feeder{opts: opts, done: make(chan struct{}), rebuilds: map[string]Rebuilding{}, asked: make(chan struct{}, 1)}
}

// Behind tells how far the stores are.
func (f *Feeder) Behind() Behind {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.state
}

// WaitFor returns when everything up to a sequence of the log is stored, or ctx ends.
func (f *Feeder) WaitFor(ctx context.Context, sequence uint64) error {
	for {
		f.mu.Lock()
		stored, next := f.state.Stored, f.done
		f.mu.Unlock()
		if stored >= sequence {
			return nil
		}
		select {
		case <-next:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (f *Feeder) tell(change func(*Behind)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(&f.state)
	close(f.done)
	f.done = make(chan struct{})
}

// Run feeds until ctx ends. What fails is tried again.
func (f *Feeder) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		err := f.feed(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if errors.Is(err, errAsked) {
			continue
		}
		f.opts.Logger.Error("events are not stored; the log holds them, and storing them is tried again", "error", err)
		f.tell(func(b *Behind) {
			if b.Trouble == nil {
				b.Since = time.Now()
			}
			b.Trouble = err
		})
		select {
		case <-time.After(again):
		case <-ctx.Done():
		}
	}
	return nil
}

// feed reads from the mark on, until it fails or ctx ends.
func (f *Feeder) feed(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	f.learners, f.positions = map[string]*learner{}, map[string]uint64{}
	after, err := f.begin(ctx)
	if err != nil {
		return err
	}
	f.tell(func(b *Behind) { b.Stored = after })
	batches, read := make(chan []journal.Telemetry), make(chan error, 1)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	wg.Go(func() {
		read <- f.opts.Journal.ReadEvents(ctx, after, readAtOnce, func(batch []journal.Telemetry) error {
			select {
			case batches <- batch:
			case <-ctx.Done():
			}
			return nil
		})
	})
	return f.collect(ctx, after, batches, read)
}

// begin is where to read from: the mark, or the beginning, when a store has nothing of what came before it, or when it is not certain that each has.
func (f *Feeder) begin(ctx context.Context) (uint64, error) {
	if err := f.dropAsked(ctx); err != nil {
		return 0, err
	}
	mark, known, err := readMark(f.opts.Mark)
	if err != nil {
		return 0, err
	}
	_, last, err := f.opts.Journal.EventsHeld(ctx)
	if err != nil {
		return 0, err
	}
	if mark > last {
		return 0, f.otherLog(mark, last)
	}
	apps, err := f.opts.Engine.Apps(ctx)
	if err != nil {
		return 0, err
	}
	empty := slices.ContainsFunc(known, func(app string) bool { return !slices.Contains(apps, app) })
	for _, app := range apps {
		store, err := f.opts.Engine.Store(ctx, app)
		if err != nil {
			return 0, err
		}
		if f.positions[app], err = store.Position(ctx); err != nil {
			return 0, err
		}
		empty = empty || f.positions[app] == 0
	}
	if mark > 0 && !empty {
		return mark, nil
	}
	return 0, f.fill(ctx, mark, last)
}

func (f *Feeder) otherLog(stored, last uint64) error {
	return fmt.Errorf("the events are stored up to %d, and the log ends at %d: it is another log, or an older copy of it; put the right one back, or move the stored events, their archive and %s away to begin anew", stored, last, f.opts.Mark)
}

// collect stores what was read, each second or when it is much.
func (f *Feeder) collect(ctx context.Context, after uint64, batches <-chan []journal.Telemetry, read <-chan error) error {
	part := newPart(after)
	timer := time.NewTimer(f.opts.Every)
	timer.Stop()
	defer timer.Stop()
	for {
		var flush bool
		select {
		case batch := <-batches:
			if part.messages == 0 {
				timer.Reset(f.opts.Every)
			}
			part.add(batch, f.opts.Leave)
			flush = part.full()
		case <-timer.C:
			flush = true
		case <-f.asked:
			return errAsked
		case err := <-read:
			return errors.Join(errors.New("the log's events could not be read on"), err)
		case <-ctx.Done():
			return nil
		}
		if !flush {
			continue
		}
		timer.Stop()
		if err := f.store(ctx, part); err != nil {
			return err
		}
		part = newPart(part.through)
	}
}

// errEmptied is that a store was set aside since it was last fed.
var errEmptied = errors.New("an app's store begins anew")

// store appends a part to the stores of all its apps, and moves the mark.
func (f *Feeder) store(ctx context.Context, p *part) error {
	for app, at := range f.positions {
		if at == 0 && p.apps[app] == nil { // or each start would look for its events from the beginning
			p.apps[app] = &analytics.Batch{}
		}
	}
	between := runtime.Gosched
	if !p.full() { // nothing that came before this waits
		between = newGentle().between
	}
	for app, batch := range p.apps {
		between()
		store, err := f.opts.Engine.Store(ctx, app)
		if err != nil {
			return err
		}
		at, err := store.Position(ctx)
		if err != nil {
			return err
		}
		if at < f.positions[app] {
			return fmt.Errorf("%w: %s", errEmptied, app)
		}
		batch.Through, batch.Between = p.through, between
		if err := (intake{f, app, store}).append(ctx, *batch, at); err != nil {
			return err
		}
		f.positions[app] = p.through
		if p.full() { // there is more to store, which comes first
			continue
		}
		if _, err := store.Improve(ctx); err != nil { // what is stored is stored
			f.opts.Logger.Warn("questions about an app's events take longer than they could", "app", app, "error", err)
		}
	}
	if err := writeMark(f.opts.Mark, p.through, slices.Sorted(maps.Keys(f.positions))); err != nil {
		return err
	}
	if err := f.restored(p.through); err != nil {
		return err
	}
	f.tell(func(b *Behind) {
		again := b.Again
		if p.through >= again {
			again = 0
		}
		*b = Behind{Stored: p.through, Again: again}
	})
	return nil
}
