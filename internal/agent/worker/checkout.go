package worker

import (
	"context"
	"fmt"
	"os"

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
	dir := j.path("work", j.lease.App+"-"+j.slot.name)
	if j.slot.at == nil {
		j.slot.at = map[string]string{}
	}
	if j.slot.at[j.lease.App] == j.lease.Build && j.lease.Kind != wire.LeasePackage {
		return dir, nil
	}
	delete(j.slot.at, j.lease.App)
	err = j.update(ctx, dir)
	if err != nil && ctx.Err() == nil {
		// There is none yet, or a crash broke it.
		err = j.addWorktree(ctx, mirror, dir)
	}
	if err != nil {
		return "", fmt.Errorf("check out commit %.12s of %s: %w", j.lease.Commit, j.lease.App, err)
	}
	j.slot.at[j.lease.App] = j.lease.Build
	return dir, nil
}

// dirty has the next lease check out again: a command that was killed may have left anything.
func (j *job) dirty() { delete(j.slot.at, j.lease.App) }

func (j *job) update(ctx context.Context, dir string) error {
	if _, err := os.Stat(dir); err != nil {
		return err
	}
	if err := j.git(ctx, dir, nil, "checkout", "--quiet", "--force", "--detach", j.lease.Commit); err != nil {
		return err
	}
	return j.git(ctx, dir, nil, "clean", "-ffdq")
}

func (j *job) addWorktree(ctx context.Context, mirror, dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("remove the old checkout: %w", err)
	}
	j.mirrors.of(j.lease.App).mu.Lock()
	defer j.mirrors.of(j.lease.App).mu.Unlock()
	if err := j.git(ctx, mirror, nil, "worktree", "prune"); err != nil {
		return err
	}
	return j.git(ctx, mirror, nil, "worktree", "add", "--quiet", "--force", "--detach", dir, j.lease.Commit)
}
