package traffic

import (
	"context"
	"log/slog"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/journal"
	"github.com/slipwayhq/slipway/internal/wire"
)

// lock is held by all that changes splits or what edges applied: of two edges that apply the same at once, the later one must see the earlier one.
const lock = "traffic"

// Service is the slice as the doors see it.
type Service struct {
	db  *db.DB
	j   *journal.Journal
	log *slog.Logger

	changed db.Signal // when the snapshot changes
}

// New makes the slice. Run it too.
func New(d *db.DB, j *journal.Journal, log *slog.Logger) *Service {
	return &Service{db: d, j: j, log: log}
}

// Snapshot notes what the edge applied, and gives the snapshot when its generation is not after, waiting up to wire.PollTime for that; ok is false when
// there is nothing new. An edge without a snapshot asks with after 0.
func (s *Service) Snapshot(ctx context.Context, edge string, after, applied int64) (snap wire.Snapshot, ok bool, err error) {
	if err := s.note(ctx, edge, applied); err != nil {
		return snap, false, err
	}
	ok, err = s.db.Poll(ctx, &s.changed, wire.PollTime, func() (bool, error) {
		gen, err := generation(ctx, s.db)
		return gen != after, err
	})
	if err != nil || !ok {
		return snap, false, err
	}
	snap, err = snapshot(ctx, s.db)
	return snap, err == nil, err
}

// note keeps what an edge applied and tells what came true by it.
func (s *Service) note(ctx context.Context, edge string, applied int64) error {
	known, err := appliedBy(ctx, s.db, edge)
	if err != nil || known == applied {
		return err
	}
	return s.db.Tx(ctx, func(tx *db.Tx) error {
		if err := tx.Lock(ctx, lock); err != nil {
			return err
		}
		if err := setApplied(ctx, tx, edge, applied); err != nil {
			return err
		}
		return tellApplied(ctx, tx)
	})
}
