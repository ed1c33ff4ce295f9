package git

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// lockGrace is how old a lock of refs from before the start has to be until it counts as left over: a git that outlived the server that was killed holds one for moments.
const lockGrace = 10 * time.Second

// dropLocks removes the lock files of refs that were made before a time. The data folder belongs to this server alone, so nobody is left who would: git refuses every
// push to such a ref until somebody does. A repository that cannot be looked through is no reason to leave the others.
func (d *Door) dropLocks(before time.Time) error {
	apps, err := d.apps()
	for _, app := range apps {
		repo := d.repo(app)
		paths, globErr := filepath.Glob(filepath.Join(repo, "*.lock")) // HEAD, packed-refs, config, shallow
		walkErr := filepath.WalkDir(filepath.Join(repo, "refs"), func(path string, e fs.DirEntry, err error) error {
			if err != nil {
				return ignoreGone(err)
			}
			if e.Type().IsRegular() && strings.HasSuffix(path, ".lock") {
				paths = append(paths, path)
			}
			return nil
		})
		err = errors.Join(err, globErr, walkErr)
		for _, path := range paths {
			err = errors.Join(err, d.dropLock(path, before))
		}
	}
	return err
}

func (d *Door) dropLock(path string, before time.Time) error {
	info, err := os.Stat(path)
	if err != nil {
		return ignoreGone(err)
	}
	if !info.ModTime().Before(before) {
		return nil
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("remove a lock that was left over: %w", err)
	}
	d.log.Warn("a lock that git left over was removed", "file", path, "since", info.ModTime())
	return nil
}

// Folders beside the repositories: of one in the making, and of one on its way out.
const (
	newPrefix = ".new-"
	oldPrefix = ".old-"
)

// dropUnused removes the repositories that nothing was ever put in, and what a server that was killed left half made.
func (d *Door) dropUnused() error {
	apps, err := d.apps()
	for _, prefix := range []string{newPrefix, oldPrefix} {
		halves, globErr := filepath.Glob(filepath.Join(d.opts.Dir, prefix+"*"))
		err = errors.Join(err, globErr)
		for _, half := range halves {
			err = errors.Join(err, os.RemoveAll(half))
		}
	}
	for _, app := range apps {
		err = errors.Join(err, d.dropUnusedOf(app))
	}
	return err
}

// dropUnusedOf removes an app's repository when it holds nothing, as a refused first push leaves it, and no other push is under way that would fill it.
func (d *Door) dropUnusedOf(app string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, p := range d.pushes {
		if p.app == app {
			return nil // its own end comes here, too
		}
	}
	if unused, err := unusedRepo(d.repo(app)); err != nil || !unused {
		return err
	}
	// Out of its place at once, so that half of one is never seen.
	old, err := os.MkdirTemp(d.opts.Dir, oldPrefix)
	if err == nil {
		err = errors.Join(os.Rename(d.repo(app), filepath.Join(old, "repo")), os.RemoveAll(old))
	}
	if err != nil {
		return fmt.Errorf("remove the repository of %s, which was never used: %w", app, err)
	}
	return nil
}

// unusedRepo tells whether a folder is a repository without an object and without a ref, damaged ones included.
func unusedRepo(repo string) (bool, error) {
	if !isRepo(repo) {
		return false, nil
	}
	for _, name := range []string{"packed-refs", "reftable", "shallow"} {
		if _, err := os.Lstat(filepath.Join(repo, name)); !errors.Is(err, fs.ErrNotExist) {
			return false, err
		}
	}
	for _, name := range []string{"refs", "objects"} {
		err := filepath.WalkDir(filepath.Join(repo, name), func(_ string, e fs.DirEntry, err error) error {
			if err == nil && !e.IsDir() {
				return errInUse
			}
			return ignoreGone(err)
		})
		if err != nil {
			if errors.Is(err, errInUse) {
				err = nil
			}
			return false, err
		}
	}
	return true, nil
}

var errInUse = errors.New("there is something in it")

// ignoreGone takes a file that somebody else removed meanwhile for none.
func ignoreGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
