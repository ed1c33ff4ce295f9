package seen

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/slipwayhq/slipway/internal/seen/run"
)

// Window is for how long an id is known, at least; it may be half as long again.
const Window = 7 * 24 * time.Hour

// span is for how long ids are kept together, to be forgotten together. Each has files of its own to look through, so they are few.
const span = Window / 2

// Key stands for an id of a source: 128 bits of a hash, so that two ids of a thousand million have the same with a probability of 10⁻²¹.
type Key = run.Key

// KeyOf is the key of an id, which is one within its source.
func KeyOf(source, id string) (k Key) {
	h := sha256.New()
	h.Write([]byte(source))
	h.Write([]byte{0})
	h.Write([]byte(id))
	copy(k[:], h.Sum(nil))
	return k
}

// Index is the ids that are known. Open it, read the log from Position on and Learn, then Run it.
type Index struct {
	files  files
	recent recent
	now    func() time.Time
	log    *slog.Logger
	// settleEvery and lastSettle are the constants; tests wait less.
	settleEvery, lastSettle time.Duration

	work    sync.WaitGroup // that nobody waits for
	closing chan struct{}
	close   sync.Once

	mu      sync.Mutex
	tidying bool
	// mergeRest is how long merges wait after one that failed, up to mergeAt.
	mergeRest time.Duration
	mergeAt   time.Time
	pending   map[Key]*Claim
	epoch     *epoch
	past      []*epoch // those of which calls may be under way
	lost      error    // why ids are missing that the log has
}

// epoch is the calls that began between two Settles.
type epoch struct {
	calls int           // that are under way
	over  bool          // no call begins in it any more
	ended chan struct{} // closed when it is over and no call is under way
}

func newEpoch() *epoch { return &epoch{ended: make(chan struct{})} }

// leave is told that a call has ended, or that the epoch is over. The index is locked.
func (e *epoch) leave(calls int, over bool) {
	e.calls -= calls
	e.over = e.over || over
	if e.over && e.calls == 0 {
		close(e.ended)
	}
}

// Open opens the index in a folder, and makes it where there is none. One that is damaged is made anew: it then begins at position 0. One process at a time has it.
func Open(dir string, now func() time.Time, log *slog.Logger) (*Index, error) {
	x := &Index{
		files: files{dir: filepath.Clean(dir)}, now: now, log: log, settleEvery: settleEvery, lastSettle: lastSettle,
		closing: make(chan struct{}), pending: map[Key]*Claim{}, epoch: newEpoch(),
	}
	damage, err := x.files.open()
	if err != nil {
		return nil, fmt.Errorf("open the index of event ids in %s: %w", dir, errors.Join(err, x.files.close()))
	}
	if damage != nil {
		log.Error("the index of event ids is made anew from the log", "folder", dir, "error", damage)
	}
	return x, nil
}

// Close closes the index; it may be called again. No call may be under way.
func (x *Index) Close() error {
	var err error
	x.close.Do(func() {
		close(x.closing)
		x.work.Wait()
		err = x.files.close()
	})
	return err
}

// beside does something that nobody waits for.
func (x *Index) beside(failed string, do func() error) {
	x.work.Go(func() {
		if err := do(); err != nil && !errors.Is(err, errClosing) {
			x.log.Error(failed, "error", err)
		}
	})
}

// errClosing is that the index ends.
var errClosing = errors.New("the index of event ids is closed")

const (
	// After a merge that failed the next one waits, each time twice as long: it may be the disk, which is full.
	leastMergeRest, mostMergeRest = time.Minute, time.Hour
)

// tidy merges files beside all else.
func (x *Index) tidy() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.tidying || time.Now().Before(x.mergeAt) {
		return
	}
	x.tidying = true
	x.beside("files of event ids are not merged; they are looked through one by one", func() error {
		err := x.files.merge(func() error {
			select {
			case <-x.closing:
				return errClosing
			default:
				return nil
			}
		})
		x.mu.Lock()
		defer x.mu.Unlock()
		x.tidying = false
		if err != nil {
			x.mergeRest = min(max(2*x.mergeRest, leastMergeRest), mostMergeRest)
			x.mergeAt = time.Now().Add(x.mergeRest)
		} else {
			x.mergeRest = 0
		}
		return err
	})
}

// Position is the sequence of the log up to which every id is in, 0 for none.
func (x *Index) Position() uint64 {
	x.files.mu.RLock()
	defer x.files.mu.RUnlock()
	return x.files.position
}

// Learn adds the ids of events that the log has, written at the given time.
func (x *Index) Learn(written time.Time, keys ...Key) error {
	if len(keys) == 0 {
		return nil
	}
	select {
	case <-x.closing:
		return errClosing
	default:
		return x.learn(spanOf(written), keys)
	}
}

// spanOf is the number of the span that a time is in.
func spanOf(at time.Time) uint32 { return uint32(max(at.Unix(), 0) / int64(span/time.Second)) }

// yieldEvery is how many ids are looked up before others may go first: a tenth of a millisecond.
const yieldEvery = 64

// known hands on those of keys (by their index among them) that are in.
func (x *Index) known(now time.Time, keys []Key, wanted []bool, found func(i int)) (err error) {
	// To tomorrow's: the clock may have been put back since.
	first, last := spanOf(now.Add(-Window)), spanOf(now.Add(24*time.Hour))
	for at := 0; at < len(keys); at += yieldEvery {
		if at > 0 {
			runtime.Gosched()
		}
		end := min(at+yieldEvery, len(keys))
		found := func(i int) { found(at + i) }
		x.recent.known(first, last, keys[at:end], wanted[at:end], found) // before the files, which have what is in memory no more
		if err := x.files.known(first, last, keys[at:end], wanted[at:end], found); err != nil {
			return fmt.Errorf("look for event ids: %w", err)
		}
	}
	return nil
}

// Settle writes down that everything which the log has now is in. position gives the log's last sequence. It waits for the calls that are under way, until ctx ends.
func (x *Index) Settle(ctx context.Context, position func(context.Context) (uint64, error)) error {
	at, err := position(ctx) // before the epoch ends: whoever wrote up to there began in it
	if err != nil {
		return fmt.Errorf("settle the index of event ids: %w", err)
	}
	if err := x.waitForCalls(ctx); err != nil {
		return fmt.Errorf("settle the index of event ids: calls are under way still: %w", err)
	}
	x.mu.Lock()
	lost := x.lost
	x.mu.Unlock()
	if err := x.writeAll(); err != nil {
		return fmt.Errorf("settle the index of event ids: %w", err)
	}
	if lost != nil {
		return fmt.Errorf("the index of event ids misses some; the next start learns them from the log: %w", lost)
	}
	if err := x.files.settle(at); err != nil {
		return fmt.Errorf("settle the index of event ids: %w", err)
	}
	return nil
}

// waitForCalls ends the epoch, and waits for all calls that began in it or before.
func (x *Index) waitForCalls(ctx context.Context) error {
	x.mu.Lock()
	x.past = append(slices.DeleteFunc(x.past, func(e *epoch) bool { return e.calls == 0 }), x.epoch)
	x.epoch.leave(0, true)
	x.epoch = newEpoch()
	past := slices.Clone(x.past)
	x.mu.Unlock()
	for _, e := range past {
		select {
		case <-e.ended:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// Forget forgets the spans that lie before the window.
func (x *Index) Forget() error {
	err := x.writeAll() // what is in memory may be old, too
	if err == nil {
		err = x.files.forget(spanOf(x.now().Add(-Window)))
	}
	if err != nil {
		return fmt.Errorf("forget old event ids: %w", err)
	}
	return nil
}

const (
	// settleEvery bounds how much of the log is read again after a crash.
	settleEvery = 5 * time.Second
	// lastSettle bounds how long the end waits for calls: one of which nobody hears any more must not keep the server from ending.
	lastSettle = 20 * time.Second
)

// Run settles each few seconds and forgets each hour, until ctx ends, and once more then. What fails it logs, and goes on: ids are claimed and known without it, and the next start reads the log from the last position on.
func (x *Index) Run(ctx context.Context, position func(context.Context) (uint64, error)) error {
	settle, forget := time.NewTicker(x.settleEvery), time.NewTicker(time.Hour)
	defer settle.Stop()
	defer forget.Stop()
	x.tidy()
	told := false // one line for all seconds in which it fails
	for {
		select {
		case <-settle.C:
			err := x.Settle(ctx, position)
			if err != nil && ctx.Err() == nil && !told {
				x.tell("event ids are not settled; they are known all the same, and the next start reads the log from the last position on", err)
			}
			told = err != nil
		case <-forget.C:
			x.beside("old event ids are not forgotten yet", x.Forget) // a merge may be under way, for which this need not wait
		case <-ctx.Done():
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), x.lastSettle)
			defer cancel()
			if err := x.Settle(ctx, position); err != nil {
				x.tell("event ids were not settled at the end; the next start reads the log from the last position on", err)
			}
			return nil
		}
	}
}

// tell logs a failure, and from where on the log is to be read.
func (x *Index) tell(what string, err error) {
	x.log.Error(what, "position", x.Position(), "error", err)
}
