package takes

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/slipwayhq/slipway/internal/durable"
	"github.com/slipwayhq/slipway/internal/pure/rate"
)

const (
	// atOnce is how many shards are saved with one block.
	atOnce = 2
	// fileVersion begins each file.
	fileVersion = 1
)

// round is one saving of all shards, a few with each block. Only Run uses it.
type round struct {
	at      int    // the next shard; shardCount: there is no round under way
	last    uint64 // what the log has
	indexed uint64 // what it had when the index was written
	// has is, for each shard, up to which sequence of the log its file has it.
	has   [shardCount]uint64
	filed [shardCount]bool // it has a file; else it was empty
}

func (r *round) begin()      { r.at = 0 }
func (r *round) under() bool { return r.at < shardCount }

// next is what is saved with this block.
func (r *round) next() *saving {
	s := &saving{from: r.at, to: min(r.at+atOnce, shardCount)}
	r.at = s.to
	return s
}

// saving is some shards as they were when a block was made.
type saving struct {
	from, to int
	copies   [atOnce]*saved
}

type saved struct {
	cells  []cell
	leases []leases
	of     []hashed
}

func (s *saving) has(i int) bool { return i >= s.from && i < s.to }

// copy copies a shard; it is called under its lock.
func (s *saving) copy(i int, sh *shard) {
	c := &saved{cells: make([]cell, 0, sh.cells.count)}
	for j := range sh.cells.cells {
		if sh.cells.cells[j].limit != 0 {
			c.cells = append(c.cells, sh.cells.cells[j])
		}
	}
	for h, l := range sh.leases {
		c.leases = append(c.leases, leases{limit: l.limit, group: l.group, out: slices.Clone(l.out)})
		c.of = append(c.of, h)
	}
	s.copies[i-s.from] = c
}

// finish writes the files of what was copied. That a file is not written is told, and costs the next start time.
func (m *Memory) finish(s *saving) {
	for i := s.from; i < s.to; i++ {
		c := s.copies[i-s.from]
		if c == nil { // as it is on disk
			m.round.has[i] = m.round.last
			continue
		}
		if err := m.save(i, c, m.round.last); err != nil {
			m.opts.Logger.Warn("what is taken of limits could not be saved; the next start reads more of the log", "error", err)
			m.shards[i].mu.Lock()
			m.shards[i].changed = true
			m.shards[i].mu.Unlock()
			continue
		}
		m.round.has[i], m.round.filed[i] = m.round.last, true
	}
	if s.to < shardCount || s.from == shardCount || m.round.indexed == m.round.last {
		return
	}
	if err := m.saveIndex(); err != nil {
		m.opts.Logger.Warn("what is taken of limits could not be saved; the next start reads more of the log", "error", err)
		return
	}
	m.round.indexed = m.round.last
}

func (m *Memory) file(i int) string { return filepath.Join(m.opts.Dir, "shard-"+strconv.Itoa(i)) }
func (m *Memory) index() string     { return filepath.Join(m.opts.Dir, "index") }

// A file is: version, the check of the hash's key, the place of the log; the limits with their numbers; the cells; the leases; and a checksum of it all.
func (m *Memory) save(i int, c *saved, sequence uint64) error {
	limits := m.known.all()
	b := make([]byte, 0, 64+len(c.cells)*40)
	b = binary.AppendUvarint(b, fileVersion)
	b = binary.LittleEndian.AppendUint64(b, m.check())
	b = binary.AppendUvarint(b, sequence)
	here := map[uint32]uint64{} // those that have a cell, by the order in which they come
	var order []*rate.Defined
	for _, e := range c.cells {
		if _, ok := here[e.limit]; !ok {
			order = append(order, limits[e.limit])
			here[e.limit] = uint64(len(order))
		}
	}
	b = binary.AppendUvarint(b, uint64(len(order)))
	for _, d := range order {
		b = text(text(text(b, d.App), d.Env), d.Group)
		b = binary.LittleEndian.AppendUint64(b, d.Series)
	}
	b = binary.AppendUvarint(b, uint64(len(c.cells)))
	for _, e := range c.cells {
		b = binary.LittleEndian.AppendUint64(b, e.of.a)
		b = binary.LittleEndian.AppendUint64(b, e.of.b)
		b = binary.LittleEndian.AppendUint64(b, uint64(e.at))
		b = binary.LittleEndian.AppendUint64(b, uint64(e.used))
		b = binary.AppendUvarint(b, here[e.limit])
	}
	b = binary.AppendUvarint(b, uint64(len(c.leases)))
	for _, l := range c.leases {
		b = text(text(text(text(b, l.limit.App), l.limit.Env), l.limit.Group), l.group)
		b = binary.LittleEndian.AppendUint64(b, l.limit.Series)
		b = binary.AppendUvarint(b, uint64(len(l.out)))
		for _, o := range l.out {
			b = binary.AppendVarint(binary.AppendVarint(b, o.Ends), o.Amount)
		}
	}
	return durable.WriteFile(m.file(i), sum(b))
}

func (m *Memory) saveIndex() error {
	if err := durable.SyncFolder(m.opts.Dir); err != nil { // what the index says of files is on disk before it
		return err
	}
	b := binary.AppendUvarint(nil, fileVersion)
	b = binary.LittleEndian.AppendUint64(b, m.check())
	for i, n := range m.round.has {
		filed := uint64(0)
		if m.round.filed[i] {
			filed = 1
		}
		b = binary.AppendUvarint(b, n<<1|filed)
	}
	return durable.WriteFile(m.index(), sum(b))
}

func sum(b []byte) []byte { return binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(b)) }

// check tells one key of the hash from another.
func (m *Memory) check() uint64 { return m.hash(0, "").a }

// open takes the checksum and the head off a file; an empty reader is a file that says nothing, as it is broken or of another key.
func (m *Memory) open(path string) (*reader, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read what was taken of limits: %w", err)
	}
	if len(b) < 4 || crc32.ChecksumIEEE(b[:len(b)-4]) != binary.LittleEndian.Uint32(b[len(b)-4:]) {
		m.opts.Logger.Warn("a file of what was taken of limits is broken; the log is read instead", "file", path)
		return nil, nil
	}
	r := &reader{rest: b[:len(b)-4]}
	if r.uvarint() != fileVersion || r.fixed() != m.check() {
		return nil, nil
	}
	return r, nil
}

func (r *reader) fixed() uint64 {
	if len(r.rest) < 8 {
		r.rest, r.err = nil, errShort
		return 0
	}
	n := binary.LittleEndian.Uint64(r.rest)
	r.rest = r.rest[8:]
	return n
}

// load reads a shard's file.
func (m *Memory) load(i int) error {
	r, err := m.open(m.file(i))
	if r == nil || err != nil {
		return err
	}
	s, sequence := &m.shards[i], r.uvarint()
	numbers := []uint32{0}
	for n := r.uvarint(); n > 0 && r.err == nil; n-- {
		numbers = append(numbers, m.numberOf(r.text(), r.text(), r.text(), r.fixed()))
	}
	for n := r.uvarint(); n > 0 && r.err == nil; n-- {
		h := hashed{r.fixed(), r.fixed()}
		at, used := int64(r.fixed()), int64(r.fixed())
		if n := r.uvarint(); n < uint64(len(numbers)) && numbers[n] != 0 {
			c := &s.cells.cells[s.cells.add(h, numbers[n])]
			c.at, c.used = at, used
		}
	}
	for n := r.uvarint(); n > 0 && r.err == nil; n-- {
		m.loadLeases(r)
	}
	if r.err != nil {
		return fmt.Errorf("read what was taken of limits in %s: %w", m.file(i), r.err)
	}
	m.round.has[i], m.round.filed[i] = sequence, true
	return nil
}

func (m *Memory) loadLeases(r *reader) {
	d := m.opts.Find(r.text(), r.text(), r.text())
	group, series := r.text(), r.fixed()
	l := &leases{limit: d, group: group}
	for n := r.uvarint(); n > 0 && r.err == nil; n-- {
		l.out = append(l.out, rate.Lease{Ends: r.varint(), Amount: r.varint()})
	}
	if d == nil || d.Series != series || r.err != nil {
		return
	}
	h := m.hash(series, group)
	s := m.shard(h)
	if s.leases == nil {
		s.leases = map[hashed]*leases{}
	}
	s.leases[h] = l
}

// numberOf is the number here of a limit that a file names; 0: there is none such any more.
func (m *Memory) numberOf(app, env, group string, series uint64) uint32 {
	if d := m.opts.Find(app, env, group); d != nil && d.Series == series {
		return m.known.number(d)
	}
	return 0
}

// restore is the files, and what the log has behind them.
func (m *Memory) restore(ctx context.Context) error {
	for i := range m.shards {
		if err := m.load(i); err != nil {
			return err
		}
	}
	if r, err := m.open(m.index()); err != nil {
		return err
	} else if r != nil {
		for i := range m.round.has {
			if n := r.uvarint(); n&1 == 0 || m.round.filed[i] { // a file that was lost is read from the log
				m.round.has[i] = max(m.round.has[i], n>>1)
			}
		}
	}
	first, last, err := m.opts.Journal.TakesHeld(ctx)
	if err != nil {
		return err
	}
	m.round.last = last
	if has := slices.Min(m.round.has[:]); has > 0 && has < last && first > has+1 {
		m.opts.Logger.Warn("the log has dropped takes of limits that no file has; some may be given again", "from", has+1, "to", first-1)
	}
	for i, n := range m.round.has {
		if n > last { // of a log that was lost: what was saved counts, and is saved anew by the places of this one
			m.round.has[i], m.shards[i].changed = last, true
			m.round.begin()
		}
	}
	if m.round.under() {
		m.opts.Logger.Warn("the log begins anew; of limits that counts which was saved last, up to a few minutes before its loss", "folder", m.opts.Dir)
		signal(m.dirty)
	}
	return m.opts.Journal.ReadTakes(ctx, slices.Min(m.round.has[:]), last, 64, m.replay)
}
