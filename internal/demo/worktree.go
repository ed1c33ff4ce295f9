package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// worktree is a developer's clone of the shop. Its remote is called slipway, and git knows the token for it.
type worktree struct{ dir string }

// author is who commits.
type author struct{ name, email string }

func ana() author { return author{"Ana", "ana@example.com"} }
func ben() author { return author{"Ben", "ben@example.com"} }

// newWorktree makes the repository and tells git where to push. fill writes the files.
func newWorktree(ctx context.Context, dir, remote, token string, fill func(dir string) error) (worktree, error) {
	w := worktree{dir}
	if err := os.MkdirAll(dir, 0o755); err != nil { // people look into it
		return w, fmt.Errorf("make the work tree: %w", err)
	}
	u, err := url.Parse(remote)
	if err != nil {
		return w, fmt.Errorf("the repository's address: %w", err)
	}
	site := u.Scheme + "://" + u.Host
	u.User, u.Path = url.UserPassword("admin", token), ""
	for _, args := range [][]string{
		{"init", "-q", "-b", "main"},
		{"remote", "add", "slipway", remote},
		{"config", "credential.helper", ""}, // whatever the user has for other places
		{"config", "--add", "credential.helper", "store --file=" + filepath.Join(dir, ".git", "slipway-credentials")},
		{"config", "http." + site + ".proxy", ""},
		{"config", "user.name", ana().name},
		{"config", "user.email", ana().email},
	} {
		if _, err := w.git(ctx, args...); err != nil {
			return w, err
		}
	}
	if err := os.WriteFile(filepath.Join(dir, ".git", "slipway-credentials"), []byte(u.String()+"\n"), 0o600); err != nil {
		return w, fmt.Errorf("keep the token for git: %w", err)
	}
	return w, fill(dir)
}

// commit commits everything and gives the commit's name.
func (w worktree) commit(ctx context.Context, by author, message string) (sha string, err error) {
	if _, err := w.git(ctx, "add", "-A"); err != nil {
		return "", err
	}
	if _, err := w.git(ctx, "-c", "user.name="+by.name, "-c", "user.email="+by.email, "commit", "-q", "-m", message); err != nil {
		return "", err
	}
	return w.git(ctx, "rev-parse", "HEAD")
}

// push gives what git said to the pusher. It lasts until the verdict of the tests.
func (w worktree) push(ctx context.Context) (said string, err error) {
	return w.git(ctx, "push", "slipway", "HEAD:main")
}

// git runs git in the work tree, apart from the settings of whoever started the demo.
func (w worktree) git(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...) // our own arguments
	cmd.Dir = w.dir
	cmd.Env = append(withoutGit(os.Environ()), "GIT_TERMINAL_PROMPT=0", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "LC_ALL=C")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var out, all bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &all
	if err := cmd.Run(); err != nil {
		if errors.Is(err, exec.ErrNotFound) {
			return "", errors.New("the demo needs git; install it (apt-get install git)")
		}
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, strings.TrimSpace(out.String()+all.String()))
	}
	return strings.TrimSpace(out.String()), nil
}

// withoutGit drops variables that would lead git to another repository.
func withoutGit(environ []string) []string {
	var out []string
	for _, entry := range environ {
		if !strings.HasPrefix(entry, "GIT_") {
			out = append(out, entry)
		}
	}
	return out
}
