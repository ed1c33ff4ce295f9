package worker

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/slipwayhq/slipway/internal/wire"
)

// checkout brings the slot's checkout of the app to the lease's commit and returns its folder. Within a build it is used as the lease before left it; between builds
// every file is the commit's again, but for ignored ones; so it is for a package, which must hold nothing that tests left.
func (j *job) checkout(ctx context.Context) (string, error) {
	mirror, err := j.mirrors.fetch(ctx, j.lease.App, j.lease.Commit)
	if err != nil {
		return "", err
	}
	j.phase.Store(phaseCheckout)
	dir := j.path("work", j.checkoutName())
	if j.slot.at == nil {
		j.slot.at = map[string]string{}
	}
	if j.slot.at[j.lease.App] == j.lease.Build && j.lease.Kind != wire.LeasePackage {
		return dir, nil
	}
	delete(j.slot.at, j.lease.App)
	err = j.update(ctx, mirror, dir)
	if err != nil && ctx.Err() == nil {
		// There is none yet, or a crash broke it.
		err = j.addWorktree(ctx, mirror, dir)
	}
	if err == nil {
		err = j.giveRepository(mirror, dir)
	}
	if err != nil {
		return "", fmt.Errorf("check out commit %.12s of %s: %w", j.lease.Commit, j.lease.App, err)
	}
	j.slot.at[j.lease.App] = j.lease.Build
	return dir, nil
}

func (j *job) checkoutName() string { return j.lease.App + "-" + j.slot.name }

// gitDir is where the mirror keeps the state of this checkout, out of the commands' reach.
func (j *job) gitDir(mirror string) string {
	return filepath.Join(mirror, "worktrees", j.checkoutName())
}

// dirty has the next lease check out again: a command that was killed may have left anything.
func (j *job) dirty() { delete(j.slot.at, j.lease.App) }

func (j *job) update(ctx context.Context, mirror, dir string) error {
	if _, err := os.Stat(dir); err != nil {
		return err
	}
	// The repository in the checkout belongs to the commands, so git is told of another.
	own := []string{"GIT_DIR=" + j.gitDir(mirror), "GIT_WORK_TREE=" + dir}
	if err := j.gitIn(ctx, dir, nil, own, "checkout", "--quiet", "--force", "--detach", j.lease.Commit); err != nil {
		return err
	}
	return j.gitIn(ctx, dir, nil, own, "clean", "-ffdq")
}

func (j *job) addWorktree(ctx context.Context, mirror, dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("remove the old checkout: %w", err)
	}
	j.mirrors.of(j.lease.App).mu.Lock()
	defer j.mirrors.of(j.lease.App).mu.Unlock()
	if err := os.RemoveAll(j.gitDir(mirror)); err != nil { // git worktree prune would take other slots' as well, while they are being made
		return fmt.Errorf("remove the old checkout's state: %w", err)
	}
	return j.git(ctx, mirror, nil, "worktree", "add", "--quiet", "--force", "--detach", dir, j.lease.Commit)
}
