package rig

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Repo is a developer's repository.
type Repo struct {
	Dir    string
	remote string
}

// Repo makes an empty repository whose pushes go to the remote.
func (r *Rig) Repo(ctx context.Context, name, remote string) (*Repo, error) {
	dir, err := r.Folder("repo", name)
	if err != nil {
		return nil, err
	}
	repo := &Repo{Dir: dir, remote: remote}
	for _, args := range [][]string{{"init", "-q", "-b", "main"}, {"config", "user.name", "Bench"}, {"config", "user.email", "bench@example.com"}} {
		if _, err := repo.Git(ctx, args...); err != nil {
			return nil, err
		}
	}
	return repo, nil
}

// Git runs git in the repository, apart from the settings of whoever runs the benchmark.
func (r *Repo) Git(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = r.Dir
	cmd.Env = append(os.Environ(), "GIT_TERMINAL_PROMPT=0", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "LC_ALL=C")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, out)
	}
	return strings.TrimSpace(string(out)), nil
}

// Write writes files, named by their paths in the repository.
func (r *Repo) Write(files map[string]string) error {
	for name, text := range files {
		path := filepath.Join(r.Dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
	}
	return nil
}

// Commit commits everything and gives the commit's name.
func (r *Repo) Commit(ctx context.Context, message string) (string, error) {
	if _, err := r.Git(ctx, "add", "-A"); err != nil {
		return "", err
	}
	if _, err := r.Git(ctx, "commit", "-q", "-m", message); err != nil {
		return "", err
	}
	return r.Git(ctx, "rev-parse", "HEAD")
}

// Push pushes main, and gives what the pusher was told. It lasts until the verdict of the tests.
func (r *Repo) Push(ctx context.Context) (string, error) {
	return r.Git(ctx, "push", r.remote, "HEAD:main")
}
