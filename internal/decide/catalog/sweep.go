package catalog

import (
	"context"
	"fmt"
	"time"

	"github.com/slipwayhq/slipway/internal/blob"
	"github.com/slipwayhq/slipway/internal/db"
)

// sweepAge is how old an artifact has to be before it can be dropped: a build may have put it, or put it again, and not be a release yet.
const sweepAge = 24 * time.Hour

// Dropped is an artifact that was deleted, and the reason of the last release that let go of it.
type Dropped struct {
	Artifact string
	Size     int64 // bytes
	Reason   string
}

// Sweep deletes the artifacts that nobody needs: no release that Keep keeps has them, and no host holds a release with them (held gives the ids of those releases).
// The releases stay, marked as not stored. n is how many good releases of each environment can be rolled back to; 0 means Kept.
func (s *Service) Sweep(ctx context.Context, blobs *blob.Store, held map[string]bool, n int) ([]Dropped, error) {
	if n == 0 {
		n = Kept
	}
	stored, err := blobs.List()
	if err != nil {
		return nil, err
	}
	var dropped []Dropped
	for _, a := range stored {
		if s.db.Now().Sub(a.Kept) < sweepAge {
			continue
		}
		reason, err := s.letGo(ctx, a.SHA, held, n)
		if err != nil {
			return dropped, err
		}
		if reason == "" {
			continue
		}
		if err := blobs.Delete(a.SHA); err != nil {
			return dropped, err
		}
		dropped = append(dropped, Dropped{a.SHA, a.Size, reason})
	}
	return dropped, nil
}

// letGo marks the releases of an artifact as not stored, if none of them needs it, and tells why; the reason is empty when one does. A build that makes the same artifact
// meanwhile stores it anew: then it is young, and Sweep does not come here.
func (s *Service) letGo(ctx context.Context, artifact string, held map[string]bool, n int) (reason string, err error) {
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		reason = "no release has it"
		sharing, err := queryReleases(ctx, tx, `SELECT `+releaseColumns+` WHERE artifact = $1`, artifact)
		if err != nil {
			return err
		}
		for _, r := range sharing {
			why, needed, err := verdict(ctx, tx, r, held, n)
			if err != nil {
				return err
			}
			if needed {
				reason = ""
				return nil
			}
			if why != "" {
				reason = fmt.Sprintf("release %d of %s/%s: %s", r.Number, r.App, r.Environment, why)
			}
		}
		if _, err := tx.Exec(ctx, `UPDATE catalog_releases SET stored = 0 WHERE artifact = $1`, artifact); err != nil {
			return fmt.Errorf("let go of artifact %s: %w", artifact, err)
		}
		return nil
	})
	return reason, err
}

// verdict tells whether a release needs its artifact, and why or why not; it has none any more when why is empty.
func verdict(ctx context.Context, q db.Querier, r Release, held map[string]bool, n int) (why string, needed bool, err error) {
	switch {
	case held[r.ID]:
		return "a host holds it", true, nil
	case r.State == IsLive || r.State == Waiting || r.State == Rolling:
		return "it is " + string(r.State), true, nil
	}
	siblings, err := releases(ctx, q, r.App, r.Environment, 0, keptReleases)
	if err != nil {
		return "", false, err
	}
	for _, d := range Keep(siblings, n) {
		if d.Release.ID == r.ID {
			return d.Reason, d.Keep, nil
		}
	}
	return "", false, nil
}
