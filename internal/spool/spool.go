package spool

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// Sizes in bytes.
const (
	// DefaultLimit is what the spool takes on disk at most.
	DefaultLimit = 256 << 20
	segmentSize  = 4 << 20
	// memoryLimit is what it keeps in memory beside; more than that is read back from disk, or dropped when there is no disk.
	memoryLimit = 16 << 20
	// Of one post.
	batchSize  = 1 << 20
	batchLines = 120
)

const prefix, suffix = "seconds-", ".ndjson"

// Spool is the queue. Put and Run may be used at the same time.
type Spool struct {
	dir, boot string
	limit     int64
	log       *slog.Logger
	wake      chan struct{}

	mu       sync.Mutex
	queue    []*entry
	segments []*segment // oldest first
	current  *segment   // the one written to, nil before the first Put and when the disk fails
	serial   int
	inMemory int
	dropped  int64
	empty    chan struct{} // closed while the queue is empty
}

// Stats tells how the spool stands.
type Stats struct {
	Queued  int   `json:"queued"`  // seconds not yet taken by the server
	Bytes   int64 `json:"bytes"`   // on disk
	Dropped int64 `json:"dropped"` // seconds lost to the limit since the start, or refused by the server for good
}

// Open takes over what earlier boots left in dir. limit is in bytes, 0 means DefaultLimit.
func Open(dir, boot string, limit int64, log *slog.Logger) (*Spool, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of the spool: %w", err)
	}
	if limit == 0 {
		limit = DefaultLimit
	}
	s := &Spool{dir: dir, boot: boot, limit: limit, log: log, wake: make(chan struct{}, 1), empty: make(chan struct{})}
	close(s.empty)
	s.adopt()
	return s, nil
}

// Second is what somebody counted or measured in one second, as package event has it. It becomes one line of JSON.
type Second interface {
	// Key is unique for each second of each sender.
	Key() string
}

// Put appends a second. It does not fail: where the disk does, the second is kept in memory.
func (s *Spool) Put(second Second) {
	line, err := json.Marshal(second)
	if err != nil {
		s.log.Error("a second could not be encoded and is lost", "second", second.Key(), "error", err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	e, err := s.write(line)
	if err != nil {
		s.log.Error("a second is kept in memory only", "second", second.Key(), "error", err)
		e = &entry{size: len(line)}
	}
	if e.seg == nil || s.inMemory+len(line) <= memoryLimit {
		e.data = line
		s.inMemory += len(line)
	}
	s.push(e)
	s.bound()
	s.signal()
}

// write puts the line into the current segment, or a new one.
func (s *Spool) write(line []byte) (*entry, error) {
	if s.current == nil || s.current.size > segmentSize {
		s.serial++
		path := filepath.Join(s.dir, fmt.Sprintf("%s%s-%06d%s", prefix, s.boot, s.serial, suffix))
		seg, err := openSegment(path, os.O_CREATE|os.O_EXCL)
		if err != nil {
			return nil, err
		}
		s.current = seg
		s.segments = append(s.segments, seg)
	}
	return s.current.add(line)
}

func (s *Spool) push(entries ...*entry) {
	if len(s.queue) == 0 && len(entries) > 0 {
		s.empty = make(chan struct{})
	}
	s.queue = append(s.queue, entries...)
}

func (s *Spool) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// adopt takes over the files of processes that are gone.
func (s *Spool) adopt() {
	files, err := os.ReadDir(s.dir)
	if err != nil {
		s.log.Error("the spool's folder cannot be read", "error", err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range files {
		name := f.Name()
		if !strings.HasPrefix(name, prefix) || !strings.HasSuffix(name, suffix) || strings.HasPrefix(name, prefix+s.boot) || s.holds(name) {
			continue
		}
		if err := s.take(filepath.Join(s.dir, name)); err != nil && !errors.Is(err, errBusy) && !errors.Is(err, os.ErrNotExist) {
			s.log.Error("a file of the spool cannot be taken over", "file", name, "error", err)
		}
	}
}

func (s *Spool) holds(name string) bool {
	for _, seg := range s.segments {
		if filepath.Base(seg.file.Name()) == name {
			return true
		}
	}
	return false
}

// take locks one file and queues its lines.
func (s *Spool) take(path string) error {
	seg, err := openSegment(path, 0)
	if err != nil {
		return err
	}
	entries, err := seg.load()
	if err != nil {
		return errors.Join(err, seg.file.Close())
	}
	if len(entries) == 0 {
		return seg.remove()
	}
	s.segments = append([]*segment{seg}, s.segments...)
	s.push(entries...)
	s.signal()
	return nil
}

// bound drops the oldest while there is more than the limits allow.
func (s *Spool) bound() {
	for s.bytes() > s.limit && len(s.segments) > 1 {
		oldest := s.segments[0]
		s.drop(func(e *entry) bool { return e.seg == oldest })
	}
	for s.inMemory > memoryLimit {
		oldest := s.oldestLoose()
		if oldest == nil {
			return
		}
		s.drop(func(e *entry) bool { return e == oldest })
	}
}

// oldestLoose is the oldest second that never reached the disk.
func (s *Spool) oldestLoose() *entry {
	for _, e := range s.queue {
		if e.seg == nil && !e.gone {
			return e
		}
	}
	return nil
}

func (s *Spool) bytes() int64 {
	var n int64
	for _, seg := range s.segments {
		n += seg.size
	}
	return n
}

// drop loses the entries that match, and counts them.
func (s *Spool) drop(match func(*entry) bool) {
	var lost []*entry
	for _, e := range s.queue {
		if !e.gone && match(e) {
			lost = append(lost, e)
		}
	}
	s.dropped += int64(len(lost))
	s.log.Error("the spool is full: the oldest seconds are lost", "seconds", len(lost), "limit_bytes", s.limit)
	s.finish(lost)
}

// finish takes entries out of the queue and frees what held them.
func (s *Spool) finish(done []*entry) {
	for _, e := range done {
		if e.gone {
			continue
		}
		e.gone = true
		if e.data != nil {
			s.inMemory -= len(e.data)
			e.data = nil
		}
		if e.seg == nil {
			continue
		}
		if e.seg.pending--; e.seg.pending == 0 {
			s.release(e.seg)
		}
	}
	before, kept := len(s.queue), s.queue[:0]
	for _, e := range s.queue {
		if !e.gone {
			kept = append(kept, e)
		}
	}
	clear(s.queue[len(kept):])
	s.queue = kept
	if len(kept) == 0 && before > 0 {
		close(s.empty)
	}
}

// release empties the current segment, or removes another.
func (s *Spool) release(seg *segment) {
	var err error
	if seg == s.current {
		err = seg.reset()
	} else {
		kept := s.segments[:0]
		for _, other := range s.segments {
			if other != seg {
				kept = append(kept, other)
			}
		}
		s.segments = kept
		err = seg.remove()
	}
	if err != nil {
		s.log.Error("the spool cannot be tidied", "error", err)
	}
}

// Stats tells how the spool stands now.
func (s *Spool) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Stats{Queued: len(s.queue), Bytes: s.bytes(), Dropped: s.dropped}
}

// Empty is closed while there is nothing to post.
func (s *Spool) Empty() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.empty
}

// Close gives up the locks. What is queued stays on disk.
func (s *Spool) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var err error
	for _, seg := range s.segments {
		if seg.pending == 0 {
			err = errors.Join(err, seg.remove())
		} else {
			err = errors.Join(err, seg.file.Close())
		}
	}
	s.segments, s.current = nil, nil
	return err
}
