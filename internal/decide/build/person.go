package build

import (
	"context"
	"strings"

	"github.com/slipwayhq/slipway/internal/db"
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
		return s.cancel(ctx, tx, b, by, clean(reason))
	})
}

// Retry builds the head of a build again, without the units that passed, and returns the new build's id. The newest build of an environment alone can be retried, for an
// older one would ship older commits.
func (s *Service) Retry(ctx context.Context, by, app, id string) (string, error) {
	var made string
	err := s.change(ctx, func(tx *db.Tx) error {
		old, err := buildOf(ctx, tx, app, id)
		if err != nil {
			return err
		}
		if old.State != Failed && old.State != Cancelled {
			return fault.Conflict("Build #%d is %s. A build that failed or was cancelled can be retried.", old.Number, old.State)
		}
		newer, err := oneBuild(ctx, tx, `app = $1 AND env = $2 AND number > $3 ORDER BY number DESC`, old.App, old.Env, old.Number)
		if err != nil {
			return err
		}
		if newer != nil {
			return fault.Conflict("Build #%d came after #%d and holds its commits. Retry that one.", newer.Number, old.Number)
		}
		b := &row{App: old.App, Env: old.Env, Branch: old.Branch, Head: old.Head, Tree: old.Tree, Commits: old.Commits, Manifest: old.Manifest,
			Hotfix: old.Hotfix, RetryOf: old.ID}
		if err := queue(ctx, tx, b, by); err != nil {
			return err
		}
		made = b.ID
		tx.OnCommit(s.work.wake)
		return s.reuseArtifact(ctx, tx, b, old)
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
