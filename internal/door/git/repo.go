package git

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/slipwayhq/slipway/internal/decide/catalog"
	"github.com/slipwayhq/slipway/internal/event"
)

func (d *Door) hooksDir() string { return filepath.Join(d.opts.Dir, ".hooks") }

// emptyRepo is what somebody who may create apps sees before their first push. A name that begins with a dot is no app's.
func (d *Door) emptyRepo() string { return filepath.Join(d.opts.Dir, ".empty.git") }

func (d *Door) repo(app string) string { return filepath.Join(d.opts.Dir, app+".git") }

func (d *Door) hasRepo(app string) bool { return isRepo(d.repo(app)) }

func isRepo(path string) bool {
	info, err := os.Stat(filepath.Join(path, "HEAD"))
	return err == nil && info.Mode().IsRegular()
}

func (d *Door) makeEmpty(ctx context.Context) error {
	if err := os.MkdirAll(d.opts.Dir, 0o700); err != nil {
		return fmt.Errorf("make the folder of the repositories: %w", err)
	}
	return d.initRepo(ctx, d.emptyRepo())
}

// initRepo makes an empty repository beside its place and moves it there, so that half of one is never seen. It does nothing where there is one; an empty folder in
// its place is none.
func (d *Door) initRepo(ctx context.Context, path string) error {
	if isRepo(path) {
		return nil
	}
	tmp, err := os.MkdirTemp(d.opts.Dir, newPrefix)
	if err != nil {
		return fmt.Errorf("make a repository: %w", err)
	}
	defer os.RemoveAll(tmp)
	if out, err := d.command(ctx, nil, "init", "--quiet", "--bare", "--template=", tmp).CombinedOutput(); err != nil {
		return fmt.Errorf("make a repository: %w: %s", err, out)
	}
	_ = os.Remove(path)                                           // an empty folder; anything else stays, and Rename says so
	if err := os.Rename(tmp, path); err != nil && !isRepo(path) { // it is there when another push made it at the same time
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

// gone is nil when git says that there is no such branch, neither whole nor damaged.
func (d *Door) gone(ctx context.Context, repo, branch string) error {
	var errs limitedBuffer
	cmd := d.command(ctx, nil, "--git-dir="+repo, "update-ref", "--stdin")
	cmd.Stdin, cmd.Stderr = strings.NewReader("verify "+headsPrefix+branch+" "+zero+"\n"), &errs
	if err := cmd.Run(); err != nil {
		return &commandError{args: []string{"update-ref", "--stdin"}, said: strings.TrimSpace(errs.String()), err: err}
	}
	return nil
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

// history is what a push did to a branch.
type history struct {
	tree    string         // of the new head
	forced  bool           // the old head is no part of the new one's history
	commits []event.Commit // new ones, oldest first, at most maxCommits; always with the head itself
}

// logFormat is one commit a line: on which side of old...new it is, its name and tree, and what people know it by.
const logFormat = "--format=%m%x1f%H%x1f%T%x1f%an%x1f%ae%x1f%ct%x1f%s"

// historyOf finds out what a push did, by one command: it is what a pusher's build waits for. A new branch brings what no other branch had.
func (d *Door) historyOf(ctx context.Context, repo, branch, old, head string, heads map[string]string) (history, error) {
	args := []string{"log", logFormat, "--no-show-signature", "--left-right"}
	if old != "" {
		args = append(args, old+"..."+head)
	} else {
		args = append(args, fmt.Sprintf("--max-count=%d", maxCommits), head)
		for other, at := range heads {
			if other != branch {
				args = append(args, "^"+at)
			}
		}
	}
	out, err := d.output(ctx, repo, nil, append(args, "--")...)
	if err != nil {
		return history{}, fmt.Errorf("list the commits of %s: %w", branch, err)
	}
	h := parseHistory(out, head)
	if h.tree != "" {
		return h, nil
	}
	// The head itself is not new: the branch went back, or begins where another is.
	out, err = d.output(ctx, repo, nil, "log", logFormat, "--no-show-signature", "--max-count=1", head, "--")
	if err != nil {
		return history{}, fmt.Errorf("read the head of %s: %w", branch, err)
	}
	only := parseHistory(out, head)
	only.forced = h.forced
	return only, nil
}

// parseHistory reads what git log prints, newest first. The head comes first of those on its side.
func parseHistory(log, head string) history {
	var h history
	for line := range strings.Lines(log) {
		parts := strings.SplitN(strings.TrimSuffix(line, "\n"), "\x1f", 7)
		if len(parts) < 7 {
			continue // an author's name with a control character of ours: not worth losing the push for
		}
		if parts[0] == "<" {
			h.forced = true
			continue
		}
		if parts[1] == head {
			h.tree = parts[2]
		}
		if len(h.commits) == maxCommits {
			continue
		}
		var seconds int64
		_, _ = fmt.Sscan(parts[5], &seconds) // a broken date is 1970
		h.commits = append(h.commits, event.Commit{
			SHA: parts[1], Author: clean(parts[3], 100), Email: clean(parts[4], 254), Subject: clean(parts[6], 200), Time: time.Unix(seconds, 0).UTC(),
		})
	}
	slices.Reverse(h.commits)
	return h
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

// fixHead lets HEAD name a branch that is there, so that a clone checks something out: the wanted one, else any.
func (d *Door) fixHead(ctx context.Context, repo string, heads map[string]string, wanted string) error {
	text, err := os.ReadFile(filepath.Join(repo, "HEAD"))
	if err != nil {
		return fmt.Errorf("read HEAD of %s: %w", repo, err)
	}
	now := strings.TrimPrefix(strings.TrimSpace(string(text)), "ref: "+headsPrefix)
	if heads[now] != "" || len(heads) == 0 {
		return nil
	}
	if heads[wanted] == "" {
		wanted = slices.Min(slices.Collect(maps.Keys(heads)))
	}
	_, err = d.output(ctx, repo, nil, "symbolic-ref", "HEAD", headsPrefix+wanted)
	return err
}

// settleEvery is how often refs are compared with what was told, beside each push and each start. When the server is killed, git may be just about to move a ref, and does so
// behind the next start's look.
const settleEvery = 30 * time.Second

// maintain settles what was left open, and repacks repositories where git finds that they need it, now and then, one after another.
func (d *Door) maintain(ctx context.Context, started time.Time) {
	settle, repack, locks := time.NewTicker(settleEvery), time.NewTicker(d.opts.MaintainEvery), time.NewTimer(lockGrace)
	defer settle.Stop()
	defer repack.Stop()
	defer locks.Stop()
	for {
		var err error
		select {
		case <-settle.C:
			err = d.settleAll(ctx)
		case <-repack.C:
			err = d.repack(ctx)
		case <-locks.C:
			err = d.dropLocks(started)
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
