package takes

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/slipwayhq/slipway/internal/durable"
	"github.com/slipwayhq/slipway/internal/journal"
	"github.com/slipwayhq/slipway/internal/pure/rate"
)

// OpenMemory opens the table as it was: takes that were written down are in it.
func OpenMemory(ctx context.Context, opts Options) (*Memory, error) {
	if opts.MaxKeys == 0 {
		opts.MaxKeys = 10_000_000
	}
	if opts.SaveEvery <= 0 {
		opts.SaveEvery = 3 * time.Minute
	}
	m := &Memory{
		opts: opts, most: max(opts.MaxKeys/shardCount, 1),
		dirty: make(chan struct{}, 1), urgent: make(chan struct{}, 1), ended: make(chan struct{}),
		known: known{numbers: map[uint64]uint32{}, limits: []*rate.Defined{nil}, slow: []*rate.Rule{nil}},
		round: round{at: shardCount},
	}
	m.clock.follow()
	first := newCycle()
	for i := range m.shards {
		m.shards[i].cycle = first
	}
	if err := os.MkdirAll(opts.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of limits: %w", err)
	}
	if err := m.openKey(); err != nil {
		return nil, err
	}
	if err := m.restore(ctx); err != nil {
		return nil, err
	}
	return m, nil
}

// openKey reads the key of the hash, or makes one.
func (m *Memory) openKey() error {
	path := filepath.Join(m.opts.Dir, "key")
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) || err == nil && len(b) != 16 {
		b = make([]byte, 16)
		_, _ = rand.Read(b) // never fails, as of Go 1.24
		err = durable.WriteFile(path, b)
	}
	if err != nil {
		return fmt.Errorf("open the key of limits: %w", err)
	}
	m.key = [2]uint64{binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])}
	return nil
}

// replay takes again what the log says was taken, of the shards that do not have it.
func (m *Memory) replay(batch []journal.Telemetry) error {
	for _, msg := range batch {
		at, rows, err := m.blocks.Block(msg.Data)
		if err != nil {
			return err
		}
		for i := range rows {
			m.again(msg.Sequence, at.UnixNano(), &rows[i])
		}
	}
	return nil
}

func (m *Memory) again(sequence uint64, at int64, row *Row) {
	h := m.hash(row.Series, row.Group)
	if sequence <= m.round.has[h.a>>56] {
		return
	}
	d := m.opts.Find(row.App, row.Env, row.Limit)
	if d == nil || d.Series != row.Series {
		return
	}
	s := m.shard(h)
	s.changed = true
	switch rule := d.For(row.Group); {
	case row.Forgot:
		if i, ok := s.cells.find(h); ok {
			s.cells.cells[i].at, s.cells.cells[i].used = 0, 0
		}
		delete(s.leases, h)
	case row.Ends != 0:
		s.leaseAgain(h, d, row)
	case row.Counted > 0 && rule.Limit.Kind != rate.Concurrent:
		i, ok := s.cells.find(h)
		if !ok {
			i = s.cells.add(h, m.known.number(d))
		}
		c := &s.cells.cells[i]
		cell := rate.Cell{At: c.at, Used: c.used}
		rule.Force(&cell, at, row.Counted)
		c.at, c.used = cell.At, cell.Used
	}
}

func (s *shard) leaseAgain(h hashed, d *rate.Defined, row *Row) {
	l := s.leases[h]
	if l == nil {
		if s.leases == nil {
			s.leases = map[hashed]*leases{}
		}
		l = &leases{limit: d, group: row.Group}
		s.leases[h] = l
	}
	l.out = rate.Put(l.out, rate.Lease{Ends: row.Ends, Amount: row.Out})
}
