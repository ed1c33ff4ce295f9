package seen

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/slipwayhq/slipway/internal/seen/run"
)

// mostRecent is how many ids are in memory before they are written: some 4 MB, twice while they are being written.
const mostRecent = 1 << 17

// tryAgain is how long nothing is written after it failed, by those who have a client waiting.
const tryAgain = time.Second

// generation is ids of one span that came one after the other.
type generation struct {
	span uint32
	ids  map[Key]struct{}
}

// recent is the newest ids, which no file has yet.
type recent struct {
	mu sync.Mutex
	// last is added to. before is being written, or could not be; nil where there is none.
	last, before *generation
	failed       error // the last write, and when
	failedAt     time.Time

	writing sync.Mutex // one writes at a time
}

// learn adds ids of a span. Where there is no more room it writes some, or waits until others have.
func (x *Index) learn(span uint32, keys []Key) error {
	r := &x.recent
	for {
		r.mu.Lock()
		full := r.last != nil && (r.last.span != span || len(r.last.ids) >= mostRecent)
		if full && r.before != nil { // they come faster than they are written, or writing failed
			failed, at := r.failed, r.failedAt
			r.mu.Unlock()
			if failed != nil && time.Since(at) < tryAgain {
				return failed
			}
			if err := x.write(); err != nil {
				return err
			}
			continue
		}
		if full {
			r.before, r.last = r.last, nil
			x.beside("ids of events are not written yet", x.write)
		}
		if r.last == nil {
			r.last = &generation{span: span, ids: make(map[Key]struct{}, len(keys))}
		}
		for _, k := range keys {
			r.last.ids[k] = struct{}{}
		}
		r.mu.Unlock()
		return nil
	}
}

// known hands on those keys that are in memory, of the given spans.
func (r *recent) known(first, last uint32, keys []Key, wanted []bool, found func(i int)) {
	var has []int
	r.mu.Lock()
	for _, g := range []*generation{r.last, r.before} {
		if g == nil || g.span < first || g.span > last {
			continue
		}
		for i := range keys {
			if _, in := g.ids[keys[i]]; in && wanted[i] {
				has = append(has, i)
			}
		}
	}
	r.mu.Unlock()
	for _, i := range has {
		found(i)
	}
}

// writeAll writes every id that was learnt before.
func (x *Index) writeAll() error {
	r := &x.recent
	for all := false; !all; {
		if err := x.write(); err != nil { // what is older goes first
			return err
		}
		r.mu.Lock()
		if all = r.before == nil; all {
			r.before, r.last = r.last, nil
		}
		r.mu.Unlock()
	}
	return x.write()
}

// write writes the generation before the last. If it fails that is in memory still.
func (x *Index) write() error {
	r := &x.recent
	r.writing.Lock()
	defer r.writing.Unlock()
	r.mu.Lock()
	g := r.before
	r.mu.Unlock()
	if g == nil { // somebody else has
		return nil
	}
	path := x.files.path()
	err := g.write(path)
	if err == nil {
		err = x.files.add(path, g.span)
	}
	if err != nil {
		err = fmt.Errorf("write %d event ids: %w", len(g.ids), err)
		r.mu.Lock()
		r.failed, r.failedAt = err, time.Now()
		r.mu.Unlock()
		return err
	}
	r.mu.Lock()
	r.before, r.failed = nil, nil // after a file has them, or somebody would look past them
	r.mu.Unlock()
	x.tidy()
	return nil
}

// write makes a file of a generation.
func (g *generation) write(path string) error {
	w, err := run.Create(path, len(g.ids))
	if err != nil {
		return err
	}
	var parts [256][]Key // by the first byte, as a hash is as likely to begin with one as with another: what is sorted at once is small
	for k := range g.ids {
		parts[k[0]] = append(parts[k[0]], k)
	}
	for _, keys := range parts {
		runtime.Gosched() // others have a client waiting
		slices.SortFunc(keys, func(a, b Key) int { return a.Compare(&b) })
		for _, k := range keys {
			if err := w.Add(k); err != nil {
				return errors.Join(err, w.Abandon())
			}
		}
	}
	return w.Close()
}
