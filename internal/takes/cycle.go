package takes

import (
	"context"
	"errors"
	"time"

	"github.com/slipwayhq/slipway/internal/pure/rate"
)

// cycle is one writing down of what is pending. done is closed when it is on disk.
type cycle struct{ done chan struct{} }

func newCycle() *cycle { return &cycle{done: make(chan struct{})} }

const (
	// lull is how long what nobody waits for may stay in memory only.
	lull = 100 * time.Millisecond
	// blockBytes is when a block is long enough; the log takes 8 MiB.
	blockBytes = 2 << 20
	// retry is how long a log that failed is left alone.
	retry = 200 * time.Millisecond
	// farewell is how long the log has at the end.
	farewell = 15 * time.Second
)

// Run writes down what is taken until ctx ends, and then the rest.
func (m *Memory) Run(ctx context.Context) error {
	defer close(m.ended)
	w := newBatch(m)
	save := time.NewTicker(m.opts.SaveEvery)
	defer save.Stop()
	for {
		select {
		case <-m.urgent:
		case <-m.dirty:
			m.lull(ctx)
		case <-save.C:
			m.round.begin()
		case <-ctx.Done():
			m.closed.Store(true)
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
			defer cancel()
			return errors.Join(w.append(last), w.write(last))
		}
		for first := true; ctx.Err() == nil && (first || m.round.under()); first = false {
			if err := w.write(ctx); err != nil && ctx.Err() == nil {
				return err
			}
		}
	}
}

// lull waits for others to share the block, unless somebody waits.
func (m *Memory) lull(ctx context.Context) {
	t := time.NewTimer(lull)
	defer t.Stop()
	select {
	case <-t.C:
	case <-m.urgent:
	case <-ctx.Done():
	}
}

// batch collects what is pending, and makes blocks of it.
type batch struct {
	memory  *Memory
	writer  writer
	open    []*cycle // that some shards have not been collected of, or whose blocks the log does not have
	blocks  [][]byte // that the log does not have yet
	rows    []Row    // of what is not in a block that the log has
	pending []pending
	names   []byte
	acts    []act
}

func newBatch(m *Memory) *batch {
	b := &batch{memory: m}
	b.writer.reset()
	return b
}

// write writes down what is pending of all shards, and comes back when it is on disk.
func (b *batch) write(ctx context.Context) error {
	m := b.memory
	m.clock.follow()
	next := newCycle()
	b.open = append(b.open, m.shards[0].cycle)
	saving := m.round.next()
	var slow []*rate.Rule
	if saving.from < saving.to {
		slow = m.known.renew(m.opts.Find)
	}
	for i := range m.shards {
		b.collect(i, next, saving, slow, m.now())
		if len(b.blocks) > 0 { // many keys: their names are not gathered in memory
			if err := b.flush(ctx); err != nil {
				return err
			}
		}
	}
	if err := b.flush(ctx); err != nil {
		return err
	}
	for _, c := range b.open {
		close(c.done)
	}
	b.open = b.open[:0]
	m.finish(saving)
	return nil
}

// flush writes what was collected, and tells of it.
func (b *batch) flush(ctx context.Context) error {
	at := b.cut()
	err := b.append(ctx)
	if err == nil && len(b.rows) > 0 && b.memory.opts.Watch != nil {
		b.memory.opts.Watch(at, b.rows)
	}
	b.rows = b.rows[:0]
	return err
}

// append writes the blocks, in order. As long as the log fails it tries again: what follows must not come first, and is added up in the shards meanwhile. A block of which nobody knows is written again: taken twice, it
// denies, and gives nothing.
func (b *batch) append(ctx context.Context) error {
	for len(b.blocks) > 0 {
		sequence, err := b.memory.opts.Journal.AppendTakes(ctx, b.blocks[0])
		if err == nil {
			b.memory.round.last, b.blocks = sequence, b.blocks[1:]
			continue
		}
		if ctx.Err() == nil {
			b.memory.opts.Logger.Error("the log does not take what was taken of limits; it is tried again", "error", err)
		}
		select {
		case <-time.After(retry):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// collect takes what is pending of one shard, and a copy of the shard when it is to be saved: it has then all of this block, and nothing of the next one.
func (b *batch) collect(i int, next *cycle, saving *saving, slow []*rate.Rule, at int64) {
	s := &b.memory.shards[i]
	s.mu.Lock()
	s.pending, b.pending = b.pending[:0], s.pending
	s.names, b.names = b.names[:0], s.names
	s.acts, b.acts = b.acts[:0], s.acts
	s.cycle = next
	s.changed = s.changed || len(b.pending) > 0 || len(b.acts) > 0
	if saving.has(i) {
		s.sweep(slow, at)
		if s.changed {
			saving.copy(i, s)
			s.changed = false
		}
	}
	s.mu.Unlock()
	for _, a := range b.acts {
		b.act(a)
	}
	for j := range b.pending {
		b.count(&b.pending[j])
	}
}

func (b *batch) act(a act) {
	d := a.limit
	n := b.writer.limit(d.App, d.Env, d.Group, d.Series)
	row := Row{App: d.App, Env: d.Env, Limit: d.Group, Series: d.Series, Group: a.group}
	if a.ends == 0 {
		b.writer.begin(n, rowForget, []byte(a.group))
		row.Forgot = true
	} else {
		b.writer.begin(n, rowLease, []byte(a.group))
		b.writer.numbers(a.ends, a.out)
		row.Ends, row.Out = a.ends, a.out
	}
	b.rows = append(b.rows, row)
}

func (b *batch) count(p *pending) {
	d, group := p.limit, b.names[p.name:p.end]
	b.writer.begin(b.writer.limit(d.App, d.Env, d.Group, d.Series), rowCount, group)
	b.writer.numbers(p.asks, p.asked, p.given, p.denied, p.nears, p.counted)
	b.rows = append(b.rows, Row{
		App: d.App, Env: d.Env, Limit: d.Group, Series: d.Series, Group: string(group),
		Asks: p.asks, Asked: p.asked, Given: p.given, Denied: p.denied, Near: p.nears, Counted: p.counted,
	})
	if len(b.writer.rows) > blockBytes {
		b.cut()
	}
}

// cut ends a block. Its time is now, behind all that is in it: what is read back may count longer than it did, and never in a window that had ended.
func (b *batch) cut() (at time.Time) {
	ns := b.memory.now()
	at = time.Unix(0, ns)
	if b.writer.entries > 0 {
		b.blocks = append(b.blocks, append([]byte(nil), b.writer.done(ns)...))
		b.writer.reset()
	}
	return at
}
