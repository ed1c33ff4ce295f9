package agent

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/slipwayhq/slipway/internal/agent/client"
)

// Folders in Options.Dir. What a worker's commands must not see has folders of its own: a folder can be hidden for good, a file only until it is replaced.
const (
	identityDir = "identity"
	hostDir     = "host"
	workDir     = "work"
	// FrontDir is of the front, an edge beside the agent, where there is one.
	FrontDir = "front"
)

// moveIdentity takes over the identity from where earlier versions kept it.
func moveIdentity(dir string) error {
	old, now := filepath.Join(dir, client.IdentityFile), filepath.Join(dir, identityDir, client.IdentityFile)
	if _, err := os.Stat(old); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(now), 0o700); err != nil {
		return fmt.Errorf("make a folder for the agent's identity: %w", err)
	}
	if err := os.Rename(old, now); err != nil {
		return fmt.Errorf("move the agent's identity: %w", err)
	}
	return nil
}

// Known tells who the agent of a data folder is: its id, and the address of its server.
func Known(dir string) (agent, server string, err error) {
	if _, err := os.Stat(filepath.Join(dir, identityDir)); err != nil {
		return "", "", fmt.Errorf("%s is not the data folder of an agent: %w", dir, err)
	}
	return client.Known(filepath.Join(dir, identityDir))
}

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
