package agent

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// lockFile is in the data folder while an agent runs on it.
const lockFile = "agent.lock"

// lockFolder takes the data folder for this process, until unlock or its end: two agents on one folder would remove each other's releases and leases.
func lockFolder(dir string) (unlock func() error, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the agent's data folder: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the agent's data folder: %w", err)
	}
	switch err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); {
	case errors.Is(err, syscall.EWOULDBLOCK):
		return nil, errors.Join(fmt.Errorf("another agent uses the data folder %s: stop it, or give this one a folder of its own with --data", dir), f.Close())
	case err != nil:
		return nil, errors.Join(fmt.Errorf("lock the agent's data folder %s: %w", dir, err), f.Close())
	}
	return f.Close, nil
}
