package demo

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/slipwayhq/slipway/internal/fault"
)

// Record is how a drill finds the running demo: demo.json in the demo's folder, and in the user's cache.
type Record struct {
	URL      string `json:"url"`
	Token    string `json:"token"`
	Worktree string `json:"worktree"`
	PID      int    `json:"pid"`
}

func recordPaths(dir string) []string {
	paths := []string{filepath.Join(dir, "demo.json")}
	if cache, err := os.UserCacheDir(); err == nil {
		paths = append(paths, filepath.Join(cache, "slipway", "demo.json"))
	}
	return paths
}

// keep writes the record, readable by its owner alone. A cache that cannot be written is no reason not to go on.
func (r Record) keep(dir string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("keep where the demo is: %w", err)
	}
	for i, path := range recordPaths(dir) {
		err := os.MkdirAll(filepath.Dir(path), 0o700)
		if err == nil {
			err = os.WriteFile(path, append(text, '\n'), 0o600)
		}
		if err != nil && i == 0 {
			return fmt.Errorf("keep where the demo is: %w", err)
		}
	}
	return nil
}

// drop removes the record, unless another demo has put its own there.
func (r Record) drop(dir string) {
	for _, path := range recordPaths(dir) {
		if at, err := readRecord(path); err == nil && at.PID == r.PID {
			_ = os.Remove(path) // a stale one is noticed by its process id
		}
	}
}

func readRecord(path string) (Record, error) {
	var r Record
	text, err := os.ReadFile(path)
	if err != nil {
		return r, err
	}
	return r, json.Unmarshal(text, &r)
}

// Find gives the running demo: the one in dir, or the last one started when dir is empty.
func Find(dir string) (Record, error) {
	paths := recordPaths(dir)
	path := paths[len(paths)-1]
	if dir != "" {
		path = paths[0]
	}
	r, err := readRecord(path)
	if err != nil || errors.Is(syscall.Kill(r.PID, 0), syscall.ESRCH) {
		return r, fault.NotFound("no demo is running; start one with: slipway demo")
	}
	return r, nil
}
