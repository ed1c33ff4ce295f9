package seen

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
)

// Window is for how long an id is known, at least; it may be half as long again.
const Window = 7 * 24 * time.Hour

const (
	// span is for how long ids are kept together, to be forgotten together. Each looks up one more time, so they are few.
	span = Window / 2
	// cacheBytes and tableBytes are all the memory that the ids may take, however many there are.
	cacheBytes = 16 << 20
	tableBytes = 4 << 20
	// indexBytes is more than the index of any table takes, so that it has one level.
	indexBytes = 1 << 20
	// yieldEvery is how many ids are looked up before others may go first: a tenth of a millisecond.
	yieldEvery = 64
)

// Key stands for an id of a source: 128 bits of a hash, so that two ids of a thousand million have the same with a probability of 10⁻²¹.
type Key [16]byte

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
	db  *pebble.DB
	now func() time.Time
	log *slog.Logger
	// lastSettle is how long the end of Run waits for calls; tests wait less.
	lastSettle time.Duration

	close sync.Once

	mu      sync.Mutex
	spans   map[uint32]bool // that have ids, or will in a moment: only in these it is worth looking
	pending map[Key]*Claim
	epoch   *epoch
	past    []*epoch // those of which calls may be under way
	lost    error    // why ids are missing that the log has
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

// Open opens the index in a folder, and makes it where there is none. One process at a time has it.
func Open(dir string, now func() time.Time, log *slog.Logger) (*Index, error) {
	cache := pebble.NewCache(cacheBytes)
	defer cache.Unref()
	o := &pebble.Options{Cache: cache, MemTableSize: tableBytes, FormatMajorVersion: pebble.FormatNewest, Logger: quiet{log}}
	for i := range o.Levels {
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
		o.Levels[i].IndexBlockSize = indexBytes
	}
	db, err := pebble.Open(filepath.Clean(dir), o)
	if err != nil {
		return nil, fmt.Errorf("open the index of event ids in %s: %w", dir, err)
	}
	x := &Index{db: db, now: now, log: log, lastSettle: lastSettle, spans: map[uint32]bool{}, pending: map[Key]*Claim{}, epoch: newEpoch()}
	if err := x.readSpans(); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return x, nil
}

// readSpans looks which spans have ids.
func (x *Index) readSpans() error {
	it, err := x.db.NewIter(nil)
	if err != nil {
		return fmt.Errorf("look which ids are known: %w", err)
	}
	for ok := it.First(); ok; {
		if len(it.Key()) != 4+len(Key{}) { // the position
			ok = it.Next()
			continue
		}
		number := binary.BigEndian.Uint32(it.Key())
		x.spans[number] = true
		ok = number < math.MaxUint32 && it.SeekGE(binary.BigEndian.AppendUint32(nil, number+1))
	}
	if err := it.Close(); err != nil {
		return fmt.Errorf("look which ids are known: %w", err)
	}
	return nil
}

// Close closes the index; it may be called again. No call may be under way.
func (x *Index) Close() error {
	var err error
	x.close.Do(func() { err = x.db.Close() })
	return err
}

// positionKey is shorter than any id's key.
const positionKey = "position"

// Position is the sequence of the log up to which every id is in, 0 for none.
func (x *Index) Position() (uint64, error) {
	value, closer, err := x.db.Get([]byte(positionKey))
	if errors.Is(err, pebble.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read the position of the index of event ids: %w", err)
	}
	defer closer.Close()
	if len(value) != 8 {
		return 0, fmt.Errorf("the index of event ids has a position of %d bytes; remove its folder, and it is made anew from the log", len(value))
	}
	return binary.BigEndian.Uint64(value), nil
}

// Learn adds the ids of events that the log has, received at the given time.
func (x *Index) Learn(received time.Time, keys ...Key) error {
	b := x.db.NewBatch()
	defer b.Close()
	number := spanOf(received)
	x.mu.Lock()
	x.spans[number] = true // before they are there, or somebody would look past them
	x.mu.Unlock()
	keys = slices.SortedFunc(slices.Values(keys), func(a, b Key) int { return bytes.Compare(a[:], b[:]) }) // as the tree wants them
	for _, k := range keys {
		if err := b.Set(spanKey(number, k), nil, nil); err != nil {
			return fmt.Errorf("keep an event id: %w", err)
		}
	}
	if err := b.Commit(pebble.NoSync); err != nil {
		return fmt.Errorf("keep %d event ids: %w", len(keys), err)
	}
	return nil
}

// spanKey puts a key under its span.
func spanKey(number uint32, k Key) []byte {
	return append(binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(k)), number), k[:]...)
}

// spanOf is the number of the span that a time is in.
func spanOf(at time.Time) uint32 { return uint32(max(at.Unix(), 0) / int64(span/time.Second)) }

// known hands on those of keys (by their index among them) that are in. Many are looked up at once, in their order: that costs a third of one by one.
func (x *Index) known(now time.Time, keys []Key, wanted []bool, found func(i int)) (err error) {
	order := make([]int, 0, len(keys))
	for i := range keys {
		if wanted[i] {
			order = append(order, i)
		}
	}
	slices.SortFunc(order, func(a, b int) int { return bytes.Compare(keys[a][:], keys[b][:]) })
	it, err := x.db.NewIter(&pebble.IterOptions{UseL6Filters: true})
	if err != nil {
		return fmt.Errorf("look for event ids: %w", err)
	}
	// To tomorrow's: the clock may have been put back since.
	for _, n := range x.spansFrom(spanOf(now.Add(-Window)), spanOf(now.Add(24*time.Hour))) {
		for at, i := range order {
			if at%yieldEvery == yieldEvery-1 {
				runtime.Gosched()
			}
			if it.SeekPrefixGE(spanKey(n, keys[i])) {
				found(i)
			}
		}
	}
	if err := it.Close(); err != nil {
		return fmt.Errorf("look for event ids: %w", err)
	}
	return nil
}

// spansFrom are those that have ids, from the first to the last.
func (x *Index) spansFrom(first, last uint32) (all []uint32) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for n := first; n <= last; n++ {
		if x.spans[n] {
			all = append(all, n)
		}
	}
	return all
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
	if lost != nil {
		return fmt.Errorf("the index of event ids misses some; the next start learns them from the log: %w", lost)
	}
	if err := x.db.Set([]byte(positionKey), binary.BigEndian.AppendUint64(nil, at), pebble.Sync); err != nil {
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
	first := binary.BigEndian.AppendUint32(nil, 0)
	begin := spanOf(x.now().Add(-Window))
	if err := x.db.DeleteRange(first, binary.BigEndian.AppendUint32(nil, begin), pebble.NoSync); err != nil {
		return fmt.Errorf("forget old event ids: %w", err)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	maps.DeleteFunc(x.spans, func(n uint32, _ bool) bool { return n < begin })
	return nil
}

const (
	// settleEvery bounds how much of the log is read again after a crash.
	settleEvery = time.Second
	// lastSettle bounds how long the end waits for calls: one of which nobody hears any more must not keep the server from ending.
	lastSettle = 20 * time.Second
)

// Run settles each second and forgets each hour, until ctx ends, and once more then. What fails it logs, and goes on: ids are claimed and known without it, and the next start reads the log from the last position on.
func (x *Index) Run(ctx context.Context, position func(context.Context) (uint64, error)) error {
	settle, forget := time.NewTicker(settleEvery), time.NewTicker(time.Hour)
	defer settle.Stop()
	defer forget.Stop()
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
			if err := x.Forget(); err != nil {
				x.tell("old event ids are not forgotten yet", err)
			}
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
	position, unread := x.Position()
	x.log.Error(what, "position", position, "error", errors.Join(err, unread))
}

// quiet logs what the tree has to say only where something is wrong.
type quiet struct{ log *slog.Logger }

func (quiet) Infof(string, ...any) {}

func (q quiet) Errorf(format string, args ...any) { q.log.Error(fmt.Sprintf(format, args...)) }

// Fatalf is what the tree calls when it cannot go on, and must not come back.
func (q quiet) Fatalf(format string, args ...any) {
	panic("the index of event ids: " + fmt.Sprintf(format, args...))
}
