package host

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Logs are what processes print, as files that the processes hold themselves, so that they outlive the agent. A full one is copied and emptied in place;
// the process need not know. What is printed between the last read of the copy and the emptying, some microseconds, is lost.

func (h *Host) logFolder(env envKey) string { return filepath.Join(h.o.Dir, "logs", env.path()) }

func (h *Host) logPath(key serviceKey) string {
	return filepath.Join(h.logFolder(key.envKey), key.Release+"."+key.Process+".log")
}

// openLog opens the log of a process for appending.
func (h *Host) openLog(key serviceKey) (*os.File, error) {
	if err := os.MkdirAll(h.logFolder(key.envKey), 0o700); err != nil {
		return nil, diskFault("make the folder of logs", err)
	}
	f, err := os.OpenFile(h.logPath(key), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, diskFault("open the process's log", err)
	}
	return f, nil
}

// rotateLogs empties logs that are full and removes those of releases that have been gone for LogKeep.
func (h *Host) rotateLogs() {
	h.mu.Lock()
	known := map[string]bool{}
	for key := range h.releases {
		known[filepath.Join(h.logFolder(key.envKey), key.Release)] = true
	}
	h.mu.Unlock()
	err := filepath.WalkDir(filepath.Join(h.o.Dir, "logs"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		release, _, _ := strings.Cut(filepath.Base(path), ".")
		switch {
		case !known[filepath.Join(filepath.Dir(path), release)] && h.o.Clock().Sub(info.ModTime()) > h.o.LogKeep:
			return os.Remove(path)
		case info.Size() > h.o.LogSize && strings.HasSuffix(path, ".log"):
			return rotate(path)
		}
		return nil
	})
	if err != nil {
		h.o.Logger.Error("cannot tidy the logs", "error", err)
	}
}

// rotate moves the content of a log into path.1.
func rotate(path string) (err error) {
	from, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.OpenFile(path+".1", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, copyErr := io.Copy(to, from)
	// On a full disk the copy is given up and the log emptied all the same: room matters more than old lines.
	if err := errors.Join(from.Truncate(0), to.Close()); err != nil {
		return fmt.Errorf("rotate %s: %w", path, err)
	}
	if copyErr != nil {
		return errors.Join(fmt.Errorf("rotate %s: %w", path, copyErr), os.Remove(path+".1"))
	}
	return nil
}
