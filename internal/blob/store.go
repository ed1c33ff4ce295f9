package blob

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/slipwayhq/slipway/internal/fault"
)

// Options of a Store. The zero Options are the defaults.
type Options struct {
	// LogCap is the most bytes that are kept of one log; 0 means DefaultLogCap.
	LogCap int64
}

// DefaultLogCap is the most bytes of one log: 64 MiB, and a little for the note of who cut it.
const DefaultLogCap = 64<<20 + 4<<10

// Store is an open folder. Its methods may be called by several goroutines.
type Store struct {
	// Logs are the logs in the folder.
	Logs *Logs

	dir    string
	create func(dir string) (*os.File, error) // a new file in dir
}

// Open opens the folder, makes it where it is missing, and removes what a crash left unfinished.
func Open(dir string) (*Store, error) { return OpenWith(dir, Options{}) }

// OpenWith is Open with other than the default limits.
func OpenWith(dir string, opts Options) (*Store, error) {
	if opts.LogCap <= 0 {
		opts.LogCap = DefaultLogCap
	}
	s := &Store{dir: dir, create: func(dir string) (*os.File, error) { return os.CreateTemp(dir, "part-*") }}
	s.Logs = &Logs{store: s, limit: opts.LogCap, live: map[string]*liveLog{}}
	if err := os.RemoveAll(s.tmp()); err != nil {
		return nil, fmt.Errorf("clear the store's unfinished files: %w", err)
	}
	for _, d := range []string{s.tmp(), filepath.Join(dir, "artifacts"), s.Logs.dir()} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return nil, fmt.Errorf("make the store's folder: %w", err)
		}
	}
	return s, nil
}

func (s *Store) tmp() string { return filepath.Join(s.dir, "tmp") }

// keep writes a file through fill and gives it its name once it is whole and on disk. Nothing is left behind when fill fails.
func (s *Store) keep(fill func(*os.File) (path string, err error)) (err error) {
	f, err := s.create(s.tmp())
	if err != nil {
		return s.explain(err)
	}
	part := f.Name()
	defer func() {
		if err != nil {
			_ = f.Close() // the reason is err
			_ = os.Remove(part)
		}
	}()
	path, err := fill(f)
	if err != nil {
		return s.explain(err)
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return s.explain(fmt.Errorf("write %s: %w", path, err))
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return s.explain(err)
	}
	if err := os.Rename(part, path); err != nil {
		return fmt.Errorf("name the finished file: %w", err)
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes the names in a folder, and the folder's own name, outlive a power failure.
func syncDir(dir string) error {
	for _, d := range []string{dir, filepath.Dir(dir)} {
		f, err := os.Open(d)
		if err != nil {
			return fmt.Errorf("sync the folder %s: %w", d, err)
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			return fmt.Errorf("sync the folder %s: %w", d, err)
		}
	}
	return nil
}

// explain turns a full disk into an error that says what to do about it.
func (s *Store) explain(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fault.Limited("The server's disk is full. Free some space in %s, then try again.", s.dir).Because(err)
	}
	return err
}

func missing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
