package edge

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/slipwayhq/slipway/internal/wire"
)

// beat lets the server hear of an edge without visitors: it posts no seconds then, and its poll takes longer than an agent may be silent.
func (e *Edge) beat(ctx context.Context) {
	tick := time.NewTicker(wire.BeatEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := e.server.beat(ctx); err != nil {
				e.opts.Logger.Debug("not heard of", "error", err) // poll says it once, and goes on for both
			}
		}
	}
}

// beat tells the server that this edge lives.
func (s *server) beat(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, wire.BeatEvery)
	defer cancel()
	res, err := s.call(ctx, http.MethodPost, "/agent/v1/beat", []byte("{}"))
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusNoContent {
		return fmt.Errorf("beat: %w", unexpected(res))
	}
	_, _ = io.Copy(io.Discard, res.Body) // so that the connection is used again
	return nil
}
