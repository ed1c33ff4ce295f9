package limit

import (
	"context"
	"time"
)

// KeepAll writes down all minutes.
func (s *Service) KeepAll(ctx context.Context) { s.keep(ctx, s.db.Now().Add(time.Minute)) }

// Merge makes hours of minutes.
func (s *Service) Merge(ctx context.Context) error { return s.merge(ctx) }
