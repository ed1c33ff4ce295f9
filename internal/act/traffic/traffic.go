package traffic

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/journal"
	"github.com/slipwayhq/slipway/internal/wire"
)

// lock is held by all that changes splits or what edges applied: of two edges that apply the same at once, the later one must see the earlier one.
const lock = "traffic"

// pollEvery is how often a waiting edge is looked after without being woken: another server may have changed the snapshot.
const pollEvery = 500 * time.Millisecond

// Service is the slice as the doors see it.
type Service struct {
	db  *db.DB
	j   *journal.Journal
	log *slog.Logger

	mu      sync.Mutex
	changed chan struct{} // closed and replaced when the snapshot changes
}

// New makes the slice. Run it too.
func New(d *db.DB, j *journal.Journal, log *slog.Logger) *Service {
	return &Service{db: d, j: j, log: log, changed: make(chan struct{})}
}

// Snapshot notes what the edge applied, and gives the snapshot when its generation is not after, waiting up to wire.PollTime for that; ok is false when
// there is nothing new. An edge without a snapshot asks with after 0.
func (s *Service) Snapshot(ctx context.Context, edge string, after, applied int64) (snap wire.Snapshot, ok bool, err error) {
	if err := s.note(ctx, edge, applied); err != nil {
		return snap, false, err
	}
	end := time.NewTimer(wire.PollTime)
	defer end.Stop()
	look := time.NewTicker(pollEvery)
	defer look.Stop()
	for {
		woken := s.signal()
		gen, err := generation(ctx, s.db)
		if err != nil {
			return snap, false, err
		}
		if gen != after {
			snap, err = snapshot(ctx, s.db)
			return snap, err == nil, err
		}
		select {
		case <-woken:
		case <-look.C:
		case <-end.C:
			return snap, false, nil
		case <-ctx.Done():
			return snap, false, nil
		}
	}
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

func (s *Service) signal() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

func (s *Service) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.changed)
	s.changed = make(chan struct{})
}
