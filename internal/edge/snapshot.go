package edge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/slipwayhq/slipway/internal/wire"
)

// followEvery is how often an edge that has handed over looks whether its successor has a new snapshot.
const followEvery = 100 * time.Millisecond

// snapshots keeps the last snapshot on disk. Writing waits for the disk and happens beside the serving.
type snapshots struct {
	path    string
	current func() wire.Snapshot // the one in force
	wake    chan struct{}

	mu   sync.Mutex // one writes at a time, and so the last one writes the newest
	heir bool       // a successor writes the file
}

func newSnapshots(dir string, current func() wire.Snapshot) *snapshots {
	return &snapshots{path: filepath.Join(dir, "snapshot.json"), current: current, wake: make(chan struct{}, 1)}
}

// load reads the last snapshot; ok is false when there is none.
func (s *snapshots) load() (snap wire.Snapshot, ok bool, err error) {
	data, err := os.ReadFile(s.path)
	if errors.Is(err, os.ErrNotExist) {
		return snap, false, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &snap)
	}
	if err != nil {
		return wire.Snapshot{}, false, fmt.Errorf("read the last snapshot %s: %w", s.path, err)
	}
	return snap, true, nil
}

// save asks run to write the snapshot in force.
func (s *snapshots) save() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// handOver leaves the file to a successor.
func (s *snapshots) handOver() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heir = true
}

// run writes whenever it is asked to, until ctx ends.
func (s *snapshots) run(ctx context.Context, failed func(error)) {
	for {
		select {
		case <-s.wake:
			failed(s.write())
			continue
		case <-ctx.Done():
		}
		select {
		case <-s.wake: // what was asked for at the last moment
			failed(s.write())
		default:
		}
		return
	}
}

// write replaces the file by a rename, so that there is always a whole one.
func (s *snapshots) write() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.heir {
		return nil
	}
	data, err := json.Marshal(s.current())
	if err != nil {
		return fmt.Errorf("keep the snapshot: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(s.path), "snapshot-*")
	if err != nil {
		return fmt.Errorf("keep the snapshot: %w", err)
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), s.path)
	}
	if err != nil {
		return fmt.Errorf("keep the snapshot: %w", errors.Join(err, os.Remove(f.Name())))
	}
	return nil
}

// follow gives each snapshot that another process writes, until ctx ends.
func (s *snapshots) follow(ctx context.Context, apply func(wire.Snapshot)) {
	ticker := time.NewTicker(followEvery)
	defer ticker.Stop()
	var last time.Time
	for {
		if info, err := os.Stat(s.path); err == nil && !info.ModTime().Equal(last) {
			last = info.ModTime()
			if snap, ok, err := s.load(); ok && err == nil {
				apply(snap)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}
