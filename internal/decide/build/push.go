package build

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

// maxCommits is how many commits a build lists; of more, the newest.
const maxCommits = 2000

// pushed takes a push to a mapped branch in: into the build that waits in the environment, or as a new one.
func (s *Service) pushed(ctx context.Context, tx *db.Tx, ev event.Event) error {
	push, err := event.Decode[event.GitPushed](ev)
	if err != nil {
		return err
	}
	if ev.Env == "" || push.After == "" || len(push.Manifest) == 0 {
		return nil // a branch that is stored only, or was deleted
	}
	waiting, err := oneBuild(ctx, tx, `app = $1 AND env = $2 AND state = 'queued' ORDER BY number DESC`, ev.App, ev.Env)
	if err != nil {
		return err
	}
	tx.OnCommit(s.work.wake)
	if waiting != nil && joins(waiting.Hotfix, push.Hotfix) && waiting.RetryOf == "" {
		return join(ctx, tx, waiting, ev, push)
	}
	b := &row{Commits: []event.Commit{}}
	b.App, b.Env, b.Branch = ev.App, ev.Env, push.Branch
	b.take(ev, push)
	return queue(ctx, tx, b, ev.Actor)
}

// joins reports whether a push may become part of a build that waits: what skips something must not take commits with it that came later and do not.
func joins(waiting, pushed *event.Hotfix) bool { return waiting == nil || pushed != nil }

// take makes the push the head of the build.
func (b *row) take(ev event.Event, push event.GitPushed) {
	b.Head, b.Tree, b.Manifest, b.Hotfix, b.Cause = push.After, push.Tree, push.Manifest, push.Hotfix, ev.ID
	if push.Forced {
		b.Commits, b.Forced = nil, true // what was there before is no longer part of the branch
	}
	b.Commits = merge(b.Commits, push.Commits)
}

// merge appends the commits that are not there yet.
func merge(have, more []event.Commit) []event.Commit {
	seen := make(map[string]bool, len(have)+len(more))
	out := make([]event.Commit, 0, len(have)+len(more))
	for _, list := range [][]event.Commit{have, more} {
		for _, c := range list {
			if !seen[c.SHA] {
				seen[c.SHA] = true
				out = append(out, c)
			}
		}
	}
	return out[max(0, len(out)-maxCommits):]
}

// join adds a push to the build that waits.
func join(ctx context.Context, tx *db.Tx, b *row, ev event.Event, push event.GitPushed) error {
	b.take(ev, push)
	b.Package = packageState(b.Manifest)
	if err := b.save(ctx, tx); err != nil {
		return err
	}
	return announce(ctx, tx, b, ev.Actor)
}

// queue gives a new build its id and number and stores it.
func queue(ctx context.Context, tx *db.Tx, b *row, by string) error {
	b.ID, b.State, b.Queued = event.NewKey("bld", tx.Now()), Queued, tx.Now()
	b.Package = packageState(b.Manifest)
	err := tx.QueryRow(ctx, `SELECT COALESCE(MAX(number), 0) + 1 FROM build_builds WHERE app = $1 AND env = $2`, b.App, b.Env).Scan(&b.Number)
	if err != nil {
		return fmt.Errorf("number a build of %s: %w", b.App, err)
	}
	if err := b.save(ctx, tx); err != nil {
		return err
	}
	return announce(ctx, tx, b, by)
}

// announce says what the waiting build holds; it does so again whenever that changes.
func announce(ctx context.Context, tx *db.Tx, b *row, by string) error {
	_, err := tx.Emit(ctx, b.meta(by), event.BuildQueued{Build: b.ID, Number: b.Number, Branch: b.Branch, Head: b.Head, Commits: b.Commits})
	return err
}

// packageState is where the package step begins.
func packageState(text json.RawMessage) string {
	m, err := readManifest(text)
	if err == nil && m.Package.Path == "" {
		return packageNothing
	}
	return packageWaits // an unreadable manifest is told of when the build starts
}

func readManifest(text json.RawMessage) (*manifest.Manifest, error) {
	var m manifest.Manifest
	if err := json.Unmarshal(text, &m); err != nil {
		return nil, fmt.Errorf("read the manifest of a build: %w", err)
	}
	return &m, nil
}
