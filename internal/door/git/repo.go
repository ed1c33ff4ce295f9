package git

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/slipwayhq/slipway/internal/decide/catalog"
	"github.com/slipwayhq/slipway/internal/event"
)

func (d *Door) hooksDir() string { return filepath.Join(d.opts.Dir, ".hooks") }

// emptyRepo is what somebody who may create apps sees before their first push. A name that begins with a dot is no app's.
func (d *Door) emptyRepo() string { return filepath.Join(d.opts.Dir, ".empty.git") }

func (d *Door) repo(app string) string { return filepath.Join(d.opts.Dir, app+".git") }

func (d *Door) hasRepo(app string) bool {
	info, err := os.Stat(filepath.Join(d.repo(app), "HEAD"))
	return err == nil && info.Mode().IsRegular()
}

func (d *Door) makeEmpty(ctx context.Context) error {
	if err := os.MkdirAll(d.opts.Dir, 0o700); err != nil {
		return fmt.Errorf("make the folder of the repositories: %w", err)
	}
	return d.initRepo(ctx, d.emptyRepo())
}

// initRepo makes an empty repository beside its place and moves it there, so that half of one is never seen. It does nothing where there is one.
func (d *Door) initRepo(ctx context.Context, path string) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	tmp, err := os.MkdirTemp(d.opts.Dir, ".new-")
	if err != nil {
		return fmt.Errorf("make a repository: %w", err)
	}
	defer os.RemoveAll(tmp)
	if out, err := d.command(ctx, nil, "init", "--quiet", "--bare", "--template=", tmp).CombinedOutput(); err != nil {
		return fmt.Errorf("make a repository: %w: %s", err, out)
	}
	if err := os.Rename(tmp, path); err != nil && !errors.Is(err, fs.ErrExist) { // it exists when another push made it at the same time
		return fmt.Errorf("put the repository in its place: %w", err)
	}
	return nil
}

// apps lists the apps that have a repository.
func (d *Door) apps() ([]string, error) {
	entries, err := os.ReadDir(d.opts.Dir)
	if err != nil {
		return nil, fmt.Errorf("list the repositories: %w", err)
	}
	var apps []string
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".git"); ok && catalog.CheckName("app", name) == nil {
			apps = append(apps, name)
		}
	}
	return apps, nil
}

// heads gives the branches and their heads.
func (d *Door) heads(ctx context.Context, repo string) (map[string]string, error) {
	out, err := d.output(ctx, repo, nil, "for-each-ref", "--format=%(objectname) %(refname)", "refs/heads/")
	if err != nil {
		return nil, fmt.Errorf("list the branches of %s: %w", repo, err)
	}
	heads := map[string]string{}
	for line := range strings.Lines(out) {
		head, ref, _ := strings.Cut(strings.TrimSpace(line), " ")
		heads[strings.TrimPrefix(ref, headsPrefix)] = head
	}
	return heads, nil
}

// isAncestor tells whether old is part of new's history.
func (d *Door) isAncestor(ctx context.Context, repo string, env []string, old, head string) (bool, error) {
	_, err := d.output(ctx, repo, env, "merge-base", "--is-ancestor", old, head)
	if exited(err, 1) {
		return false, nil
	}
	return err == nil, err
}

// maxCommits is how many commits an event tells of.
const maxCommits = 200

// commits gives what a push brought to a branch, oldest first, at most maxCommits: those that neither the old head nor another branch had. It always has the head itself.
func (d *Door) commits(ctx context.Context, repo, branch, old, head string, heads map[string]string) ([]event.Commit, error) {
	args := []string{"log", "--format=%H%x1f%an%x1f%ae%x1f%ct%x1f%s", "--no-show-signature", fmt.Sprintf("--max-count=%d", maxCommits), head}
	switch {
	case old != "":
		args = append(args, "^"+old)
	default:
		for other, at := range heads {
			if other != branch {
				args = append(args, "^"+at)
			}
		}
	}
	out, err := d.output(ctx, repo, nil, append(args, "--")...)
	if err == nil && strings.TrimSpace(out) == "" {
		out, err = d.output(ctx, repo, nil, "log", args[1], "--no-show-signature", "--max-count=1", head, "--")
	}
	if err != nil {
		return nil, fmt.Errorf("list the commits of %s: %w", branch, err)
	}
	return parseCommits(out), nil
}

func parseCommits(log string) []event.Commit {
	lines := strings.Split(strings.TrimRight(log, "\n"), "\n")
	commits := make([]event.Commit, 0, len(lines))
	for i := len(lines) - 1; i >= 0; i-- {
		parts := strings.SplitN(lines[i], "\x1f", 5)
		if len(parts) < 5 {
			continue // an author's name with a control character of ours: not worth losing the push for
		}
		var seconds int64
		_, _ = fmt.Sscan(parts[3], &seconds) // a broken date is 1970
		commits = append(commits, event.Commit{
			SHA: parts[0], Author: clean(parts[1], 100), Email: clean(parts[2], 254), Subject: clean(parts[4], 200), Time: time.Unix(seconds, 0).UTC(),
		})
	}
	return commits
}

// clean makes text of a commit fit for a terminal and for JSON: valid UTF-8, no control characters, not too long.
func clean(text string, limit int) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
	if runes := []rune(text); len(runes) > limit {
		return string(runes[:limit-1]) + "…"
	}
	return text
}

// fixHead lets HEAD name a branch that is there, so that a clone checks something out.
func (d *Door) fixHead(ctx context.Context, repo string, heads map[string]string, wanted string) error {
	if _, err := d.output(ctx, repo, nil, "rev-parse", "--verify", "--quiet", "HEAD"); err == nil || len(heads) == 0 {
		return nil
	}
	if heads[wanted] == "" {
		for name := range heads {
			if wanted = name; name == catalog.MainBranch {
				break
			}
		}
	}
	_, err := d.output(ctx, repo, nil, "symbolic-ref", "HEAD", headsPrefix+wanted)
	return err
}

// settleEvery is how often refs are compared with what was told, beside each push and each start. When the server is killed, git may be just about to move a ref, and does so
// behind the next start's look.
const settleEvery = 30 * time.Second

// maintain settles what was left open, and repacks repositories where git finds that they need it, now and then, one after another.
func (d *Door) maintain(ctx context.Context) {
	settle, repack := time.NewTicker(settleEvery), time.NewTicker(d.opts.MaintainEvery)
	defer settle.Stop()
	defer repack.Stop()
	for {
		var err error
		select {
		case <-settle.C:
			err = d.settleAll(ctx)
		case <-repack.C:
			err = d.repack(ctx)
		case <-ctx.Done():
			return
		}
		if err != nil && ctx.Err() == nil {
			d.log.Error("repositories not looked after", "error", err)
		}
	}
}

func (d *Door) repack(ctx context.Context) error {
	apps, err := d.apps()
	for _, app := range apps {
		// Safe beside pushes: git keeps what is younger than two weeks, whether a ref leads to it or not.
		if _, gcErr := d.output(ctx, d.repo(app), nil, "-c", "gc.auto=5000", "-c", "gc.autoDetach=false", "gc", "--auto", "--quiet"); gcErr != nil {
			err = errors.Join(err, fmt.Errorf("repack %s: %w", app, gcErr))
		}
	}
	return err
}
