package spool

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"syscall"
)

// segment is one file of lines.
type segment struct {
	file    *os.File
	size    int64
	pending int // lines neither acknowledged nor dropped
}

// entry is one second in the queue. Its bytes are in memory, or on disk only.
type entry struct {
	seg  *segment // nil: never reached the disk
	off  int64
	size int
	data []byte
	gone bool
}

// errBusy means that the file's writer is alive.
var errBusy = errors.New("in use by another process")

// openSegment opens or makes a file and locks it.
func openSegment(path string, flags int) (*segment, error) {
	f, err := os.OpenFile(path, flags|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the spool: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("lock the spool %s: %w", path, errBusy)
	}
	return &segment{file: f}, nil
}

// add appends a line.
func (s *segment) add(line []byte) (*entry, error) {
	if _, err := s.file.WriteAt(append(line, '\n'), s.size); err != nil {
		return nil, fmt.Errorf("write the spool: %w", err)
	}
	e := &entry{seg: s, off: s.size, size: len(line)}
	s.size += int64(len(line)) + 1
	s.pending++
	return e, nil
}

// load reads the lines that an earlier process left. One that was cut off is no second.
func (s *segment) load() ([]*entry, error) {
	data, err := os.ReadFile(s.file.Name())
	if err != nil {
		return nil, fmt.Errorf("read the spool: %w", err)
	}
	var entries []*entry
	s.size = int64(len(data))
	for off := 0; off < len(data); {
		end := bytes.IndexByte(data[off:], '\n')
		if end < 0 {
			break
		}
		if line := data[off : off+end]; json.Valid(line) {
			entries = append(entries, &entry{seg: s, off: int64(off), size: end})
		}
		off += end + 1
	}
	s.pending = len(entries)
	return entries, nil
}

// bytes gives the entry's line.
func (e *entry) bytes() ([]byte, error) {
	if e.data != nil {
		return e.data, nil
	}
	data := make([]byte, e.size)
	if _, err := e.seg.file.ReadAt(data, e.off); err != nil {
		return nil, fmt.Errorf("read the spool: %w", err)
	}
	return data, nil
}

// reset makes an empty segment ready for new lines.
func (s *segment) reset() error {
	s.size = 0
	return s.file.Truncate(0)
}

// remove deletes the file and gives up the lock.
func (s *segment) remove() error {
	return errors.Join(os.Remove(s.file.Name()), s.file.Close())
}
