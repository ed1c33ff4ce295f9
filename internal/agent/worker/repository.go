package worker

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// repositoryConfig is the whole configuration of a checkout's own repository.
const repositoryConfig = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n\tlogallrefupdates = true\n"

// giveRepository puts a repository of its own into a checkout, at the commit, with the mirror's objects. Commands may do with it as they like: configuration and hooks in
// it are programs that git runs, so the worker's own git never looks there, and each build begins with a new one.
func (j *job) giveRepository(mirror, dir string) error {
	if err := os.Rename(filepath.Join(dir, ".git"), j.oldRepository()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("set the old repository aside: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("open the checkout: %w", err)
	}
	defer root.Close()
	for _, folder := range []string{"", "objects", "objects/info", "refs"} {
		if err := root.Mkdir(filepath.Join(".git", folder), 0o755); err != nil {
			return fmt.Errorf("make a repository: %w", err)
		}
	}
	for name, text := range map[string]string{
		"HEAD":                    j.lease.Commit + "\n",
		"config":                  repositoryConfig,
		"objects/info/alternates": filepath.Join(mirror, "objects") + "\n",
	} {
		if err := root.WriteFile(filepath.Join(".git", name), []byte(text), 0o644); err != nil {
			return fmt.Errorf("make a repository: %w", err)
		}
	}
	if err := copyInto(root, ".git/index", filepath.Join(j.gitDir(mirror), "index")); err != nil {
		return fmt.Errorf("make a repository: %w", err)
	}
	// The mirror has no history: this says that parents are missing on purpose.
	if err := copyInto(root, ".git/shallow", filepath.Join(mirror, "shallow")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("make a repository: %w", err)
	}
	return nil
}

// oldRepository is where the last build's repository waits to be removed, which may take longer than a test should wait.
func (j *job) oldRepository() string { return j.path("tmp", "old-git-"+j.slot.name) }

func copyInto(root *os.Root, name, from string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := root.Create(name)
	if err != nil {
		return err
	}
	_, err = io.Copy(target, source)
	return errors.Join(err, target.Close())
}
