package fleet

import "context"

// Flush is what Run does every two seconds.
func (s *Service) Flush(ctx context.Context) error { return s.flush(ctx) }
