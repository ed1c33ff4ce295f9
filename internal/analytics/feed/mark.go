package feed

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// A mark is up to where each store is fed, and, a line each, which stores there were: one that somebody took away is noticed.

// readMark gives 0 when there is no mark: then each store has to be looked at.
func readMark(path string) (mark uint64, apps []string, err error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil, nil
	}
	lines := strings.Fields(string(text))
	if err == nil && len(lines) == 0 { // a machine that went down may leave its name alone
		return 0, nil, nil
	}
	if err == nil {
		mark, err = strconv.ParseUint(lines[0], 10, 64)
	}
	if err != nil {
		return 0, nil, fmt.Errorf("read up to where events are stored from %s: %w", path, err)
	}
	return mark, lines[1:], nil
}

// writeMark needs no fsync: an older mark only means that stores pass over more.
func writeMark(path string, through uint64, apps []string) error {
	text := strconv.FormatUint(through, 10) + "\n" + strings.Join(apps, "\n") + "\n"
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		return fmt.Errorf("keep up to where events are stored: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("keep up to where events are stored: %w", err)
	}
	return nil
}

// removeMark is certain, or a crash would bring a mark back that is beyond what a store has that is being filled.
func removeMark(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove the mark of what is stored: %w", err)
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("remove the mark of what is stored: %w", err)
	}
	return errors.Join(dir.Sync(), dir.Close())
}
