package build

import (
	"context"
	"strings"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/fault"
)

// Cancel stops a build. The actor is "person:<name>".
func (s *Service) Cancel(ctx context.Context, by, app, id, reason string) error {
	return s.change(ctx, func(tx *db.Tx) error {
		b, err := buildOf(ctx, tx, app, id)
		if err != nil {
			return err
		}
		if !b.State.Open() {
			return fault.Conflict("Build #%d is over: it is %s.", b.Number, b.State)
		}
		if strings.TrimSpace(reason) == "" {
			reason = "Cancelled by " + strings.TrimPrefix(by, "person:") + "."
		}
		if err := access.Audit(ctx, tx, access.Entry{Actor: by, Action: "build.cancelled", App: b.App, Env: b.Env, Target: b.ID, Reason: reason}); err != nil {
			return err
		}
		return s.cancel(ctx, tx, b, by, clean(reason))
	})
}

// Retry builds the head of a build again, without the units that passed, and returns the new build's id. The newest build of an environment alone can be retried, for an
// older one would ship older commits.
func (s *Service) Retry(ctx context.Context, by, app, id string) (string, error) {
	var made string
	err := s.change(ctx, func(tx *db.Tx) error {
		old, err := s.newest(ctx, tx, app, id)
		if err != nil {
			return err
		}
		if old.State != Failed && old.State != Cancelled {
			return fault.Conflict("Build #%d is %s. A build that failed or was cancelled can be retried.", old.Number, old.State)
		}
		if made, err = s.again(ctx, tx, old, old.Hotfix, by); err != nil {
			return err
		}
		return access.Audit(ctx, tx, access.Entry{Actor: by, Action: "build.retried", App: old.App, Env: old.Env, Target: old.ID})
	})
	return made, err
}

// reuseArtifact takes over what the old build packaged of the same tree.
func (s *Service) reuseArtifact(ctx context.Context, tx *db.Tx, b, old *row) error {
	if _, stored := s.blobs.Has(old.Artifact); !stored || old.Package != packageDone {
		return nil
	}
	b.Package, b.Artifact, b.Size = packageDone, old.Artifact, old.Size
	return b.save(ctx, tx)
}

// Hotfix builds the head of a build again, skipping what h says, and returns the new build's id. It takes a reason, and the newest build of an environment that has not
// passed: of one that has, the rollout can be promoted at once. The old build goes on until the hotfix has passed, and is cancelled by it then.
func (s *Service) Hotfix(ctx context.Context, by, app, id string, h event.Hotfix) (string, error) {
	h.Reason, h.By = clean(strings.TrimSpace(h.Reason)), by
	switch {
	case h.Reason == "":
		return "", fault.Invalid("A hotfix needs a reason. Others will ask.").At("reason")
	case !h.SkipTests && !h.SkipWatch:
		return "", fault.Invalid("A hotfix skips the tests, the watch, or both. Say which.").At("skip_tests")
	}
	var made string
	err := s.change(ctx, func(tx *db.Tx) error {
		old, err := s.newest(ctx, tx, app, id)
		if err != nil {
			return err
		}
		if old.State == Passed {
			return fault.Conflict("Build #%d has passed. Promote its rollout if it cannot wait.", old.Number)
		}
		if made, err = s.again(ctx, tx, old, &h, by); err != nil {
			return err
		}
		skipped := map[string]any{"tests": h.SkipTests, "watch": h.SkipWatch}
		return access.Audit(ctx, tx, access.Entry{Actor: by, Action: "build.hotfixed", App: old.App, Env: old.Env, Target: made, Reason: h.Reason, Detail: skipped})
	})
	return made, err
}

// newest reads a build that no later one of its environment followed: an older one would ship older commits.
func (s *Service) newest(ctx context.Context, tx *db.Tx, app, id string) (*row, error) {
	b, err := buildOf(ctx, tx, app, id)
	if err != nil {
		return nil, err
	}
	newer, err := oneBuild(ctx, tx, `app = $1 AND env = $2 AND number > $3 ORDER BY number DESC`, b.App, b.Env, b.Number)
	if err != nil {
		return nil, err
	}
	if newer != nil {
		return nil, fault.Conflict("Build #%d came after #%d and holds its commits. Take that one.", newer.Number, b.Number)
	}
	return b, nil
}

// again queues a build of the same head, with what can be taken over from the old one.
func (s *Service) again(ctx context.Context, tx *db.Tx, old *row, h *event.Hotfix, by string) (string, error) {
	b := &row{App: old.App, Env: old.Env, Branch: old.Branch, Head: old.Head, Tree: old.Tree, Commits: old.Commits, Manifest: old.Manifest,
		Hotfix: h, RetryOf: old.ID}
	if err := queue(ctx, tx, b, by); err != nil {
		return "", err
	}
	tx.OnCommit(s.work.wake)
	return b.ID, s.reuseArtifact(ctx, tx, b, old)
}
