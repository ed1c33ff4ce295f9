package count

import (
	"encoding/binary"
	"fmt"
	"os"
	"sync"

	"github.com/slipwayhq/slipway/internal/event"
)

// The marks of a visitor: erred, and slow by threshold.
const (
	markError = 1 << 0
	markSlow  = 1 << 1 // shifted by the threshold
	allSlow   = 1<<(1+event.Thresholds) - markSlow
	// recordSize is a mark on disk: 8 bytes of visitor, big endian, and the marks.
	recordSize = 9
	// memoryShards spread the lock.
	memoryShards = 64
	// memoryLimit is the number of visitors remembered for one rollout, about 40 MB.
	memoryLimit = 1 << 20
)

// memory holds the marks of one rollout's visitors.
type memory struct {
	file   string // empty: not kept on disk
	limit  int    // visitors of one shard
	shards [memoryShards]memoryShard
}

type memoryShard struct {
	mu    sync.Mutex
	marks map[uint64]byte
	fresh []byte // records not yet on disk
	over  bool   // the rollout is over: nothing is taken any more
}

// openMemory reads the marks that an earlier run left. A record that was cut off is dropped.
func openMemory(file string, limit int) (*memory, error) {
	m := &memory{file: file, limit: max(1, limit/memoryShards)}
	if file == "" {
		return m, nil
	}
	data, err := os.ReadFile(file)
	if os.IsNotExist(err) {
		return m, nil
	}
	if err != nil {
		return m, fmt.Errorf("read which visitors have erred: %w", err)
	}
	whole := len(data) / recordSize * recordSize
	for rec := data[:whole]; len(rec) > 0; rec = rec[recordSize:] {
		m.shard(binary.BigEndian.Uint64(rec)).set(binary.BigEndian.Uint64(rec), rec[8])
	}
	if whole == len(data) {
		return m, nil
	}
	if err := os.Truncate(file, int64(whole)); err != nil {
		return m, fmt.Errorf("cut off half a record of %s: %w", file, err)
	}
	return m, nil
}

func (m *memory) shard(visitor uint64) *memoryShard { return &m.shards[visitor%memoryShards] }

// set is for the one who holds the lock, or for the only user.
func (s *memoryShard) set(visitor uint64, marks byte) {
	if s.marks == nil {
		s.marks = map[uint64]byte{}
	}
	s.marks[visitor] |= marks
}

// room reports whether a visitor without marks could be given this one.
func (s *memoryShard) room(limit int, mark byte) bool {
	if s.over {
		return false
	}
	if mark == markError {
		return len(s.marks) < limit
	}
	return len(s.marks) < limit*3/4
}

// unmarked gives the marks that a first of its kind would set: those the visitor does not have and that there is room for.
func (m *memory) unmarked(visitor uint64) byte {
	s := m.shard(visitor)
	s.mu.Lock()
	defer s.mu.Unlock()
	had, known := s.marks[visitor]
	free := byte(0)
	for i := range 1 + event.Thresholds {
		mark := byte(1) << i
		if had&mark == 0 && (known || s.room(m.limit, mark)) {
			free |= mark
		}
	}
	return free
}

// first sets the mark and reports whether the visitor had not had it.
func (m *memory) first(visitor uint64, mark byte) bool {
	s := m.shard(visitor)
	s.mu.Lock()
	defer s.mu.Unlock()
	had, known := s.marks[visitor]
	if had&mark != 0 || !known && !s.room(m.limit, mark) {
		return false
	}
	if !known && !s.room(m.limit, markSlow) {
		mark |= allSlow // it may have been slow before, when there was no room to know it
	}
	s.set(visitor, mark)
	if m.file != "" {
		s.fresh = append(binary.BigEndian.AppendUint64(s.fresh, visitor), mark)
	}
	return true
}

// forget frees what is held. From then on nobody counts first, and nobody is at risk.
func (m *memory) forget() {
	for i := range m.shards {
		s := &m.shards[i]
		s.mu.Lock()
		s.over, s.marks, s.fresh = true, nil, nil
		s.mu.Unlock()
	}
}

// save appends to the file what is new. What could not be written is lost for a restart only.
func (m *memory) save() error {
	if m.file == "" {
		return nil
	}
	var records []byte
	for i := range m.shards {
		s := &m.shards[i]
		s.mu.Lock()
		records = append(records, s.fresh...)
		s.fresh = s.fresh[:0]
		s.mu.Unlock()
	}
	if len(records) == 0 {
		return nil
	}
	f, err := os.OpenFile(m.file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("keep which visitors have erred: %w", err)
	}
	_, err = f.Write(records)
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return fmt.Errorf("keep which visitors have erred in %s: %w", m.file, err)
	}
	return nil
}
