package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/slipwayhq/slipway/internal/fault"
)

// Logs keeps texts that grow while they are read. A key is "build/lease": lower-case letters, digits, "-" and "_", between slashes.
type Logs struct {
	store *Store
	limit int64

	mu   sync.Mutex
	live map[string]*liveLog
}

// liveLog is a log that was written to or waited for since the start.
type liveLog struct {
	file    *os.File      // nil until the first append
	size    int64         // bytes in file
	changed chan struct{} // closed and replaced with every change
	waiters int
}

const (
	openExt   = ".log"
	sealedExt = ".log.zst"
)

var keyShape = regexp.MustCompile(`^[a-z0-9_-]+(/[a-z0-9_-]+)*$`)

func (l *Logs) dir() string { return filepath.Join(l.store.dir, "logs") }

func (l *Logs) path(key, ext string) string {
	return filepath.Join(l.dir(), filepath.FromSlash(key)+ext)
}

func checkKey(key string) error {
	if keyShape.MatchString(key) && len(key) <= 200 {
		return nil
	}
	return fault.Invalid("%q does not name a log.", key)
}

// Append adds data, which begins offset bytes into the log. What is already there is dropped, so that sending twice is safe; what is missing between (bytes that
// a power failure took) is replaced by a note of the same length; what exceeds the cap is dropped. A sealed log is a conflict.
func (l *Logs) Append(key string, offset int64, data []byte) error {
	if err := checkKey(key); err != nil {
		return err
	}
	if offset < 0 {
		return fault.Invalid("A log has no offset %d.", offset)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	log, err := l.open(key)
	if err != nil {
		return err
	}
	data = data[:max(0, min(int64(len(data)), l.limit-offset))]
	if end := offset + int64(len(data)); end <= log.size || len(data) == 0 {
		return nil
	}
	if offset < log.size {
		data, offset = data[log.size-offset:], log.size
	}
	if offset > log.size {
		data, offset = append(gapNote(offset-log.size), data...), log.size
	}
	if _, err := log.file.WriteAt(data, offset); err != nil {
		return l.store.explain(fmt.Errorf("write log %s: %w", key, err))
	}
	log.size += int64(len(data))
	log.wake()
	return nil
}

// gapNote fills n lost bytes.
func gapNote(n int64) []byte {
	note := fmt.Sprintf("\n[%d bytes of the log were lost here]\n", n)
	if int64(len(note)) > n {
		return []byte(strings.Repeat("\n", int(n)))
	}
	return append([]byte(strings.Repeat("\n", int(n)-len(note))), note...)
}

func (g *liveLog) wake() {
	close(g.changed)
	g.changed = make(chan struct{})
}

// entry gives the live state of a log, made on first sight.
func (l *Logs) entry(key string) *liveLog {
	log := l.live[key]
	if log == nil {
		log = &liveLog{changed: make(chan struct{})}
		l.live[key] = log
	}
	return log
}

// open gives the log ready for writing.
func (l *Logs) open(key string) (*liveLog, error) {
	log := l.entry(key)
	if log.file != nil {
		return log, nil
	}
	if _, err := os.Stat(l.path(key, sealedExt)); err == nil {
		l.drop(key, log)
		return nil, fault.Conflict("The log %s is complete.", key)
	}
	path := l.path(key, openExt)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, l.store.explain(fmt.Errorf("make the folder of log %s: %w", key, err))
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, l.store.explain(fmt.Errorf("open log %s: %w", key, err))
	}
	info, err := f.Stat()
	if err != nil {
		_ = f.Close() // the reason is err
		return nil, fmt.Errorf("open log %s: %w", key, err)
	}
	log.file, log.size = f, info.Size()
	return log, nil
}

// drop forgets the live state of a log that nobody writes or waits for.
func (l *Logs) drop(key string, log *liveLog) {
	if log.file == nil && log.waiters == 0 && l.live[key] == log {
		delete(l.live, key)
	}
}

// Seal ends a log: it is compressed and its readers are told. A log that is sealed already, or that nothing was written to, is fine.
func (l *Logs) Seal(key string) error {
	if err := checkKey(key); err != nil {
		return err
	}
	if err := l.compress(key); err != nil {
		return fmt.Errorf("complete log %s: %w", key, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	log := l.entry(key)
	err := os.Remove(l.path(key, openExt))
	if missing(err) {
		err = nil
	}
	if log.file != nil {
		err = errors.Join(err, log.file.Close())
		log.file = nil
	}
	log.wake()
	l.drop(key, log)
	return err
}

// compress writes the complete form beside the open one.
func (l *Logs) compress(key string) error {
	if _, err := os.Stat(l.path(key, sealedExt)); err == nil {
		return nil
	}
	in, err := os.Open(l.path(key, openExt))
	if missing(err) {
		return l.store.keep(func(f *os.File) (string, error) { return l.path(key, sealedExt), compress(f, strings.NewReader(""), 0) })
	}
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	return l.store.keep(func(f *os.File) (string, error) {
		return l.path(key, sealedExt), compress(f, io.LimitReader(in, info.Size()), info.Size())
	})
}

// Size gives the bytes of a log so far, and whether it is complete. A log nobody wrote to has none.
func (l *Logs) Size(key string) (size int64, sealed bool, err error) {
	if err := checkKey(key); err != nil {
		return 0, false, err
	}
	// The sealed form is looked for on both sides of the open one, since sealing goes from the one to the other.
	for range 2 {
		if size, err = sealedSize(l.path(key, sealedExt)); !missing(err) {
			return size, true, err
		}
		info, err := os.Stat(l.path(key, openExt))
		if err == nil {
			return info.Size(), false, nil
		}
		if !missing(err) {
			return 0, false, fmt.Errorf("look at log %s: %w", key, err)
		}
	}
	return 0, false, nil
}

// Open gives the bytes from offset to the present end. Close it.
func (l *Logs) Open(key string, offset int64) (io.ReadCloser, error) {
	if err := checkKey(key); err != nil {
		return nil, err
	}
	for range 2 {
		r, err := openSealed(l.path(key, sealedExt), offset)
		if !missing(err) {
			return r, err
		}
		f, err := os.Open(l.path(key, openExt))
		if err == nil {
			_, err = f.Seek(max(offset, 0), io.SeekStart)
			return f, err
		}
		if !missing(err) {
			return nil, fmt.Errorf("open log %s: %w", key, err)
		}
	}
	return io.NopCloser(strings.NewReader("")), nil
}

// Wait returns once the log has more than offset bytes or is complete, or ctx ends, and gives what Size gives then.
func (l *Logs) Wait(ctx context.Context, key string, offset int64) (size int64, sealed bool, err error) {
	if err := checkKey(key); err != nil {
		return 0, false, err
	}
	for {
		l.mu.Lock()
		log := l.entry(key)
		log.waiters++
		changed := log.changed
		l.mu.Unlock()
		size, sealed, err = l.Size(key)
		over := err != nil || sealed || size > offset
		if !over {
			select {
			case <-changed:
			case <-ctx.Done():
				over = true
			}
		}
		l.mu.Lock()
		log.waiters--
		l.drop(key, log)
		l.mu.Unlock()
		if over {
			return size, sealed, err
		}
	}
}

// Prune removes logs that were last written before the given time, and returns how many.
func (l *Logs) Prune(before time.Time) (int, error) {
	removed := 0
	err := filepath.WalkDir(l.dir(), func(path string, entry fs.DirEntry, err error) error {
		if missing(err) {
			return nil
		}
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if missing(err) {
			return nil
		}
		if err != nil || !info.ModTime().Before(before) {
			return err
		}
		if err := os.Remove(path); err != nil {
			return err
		}
		removed++
		_ = os.Remove(filepath.Dir(path)) // succeeds with the last log of a build, which is what is wanted
		return nil
	})
	if err != nil {
		return removed, fmt.Errorf("remove old logs: %w", err)
	}
	return removed, nil
}
