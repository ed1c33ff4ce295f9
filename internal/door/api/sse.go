package api

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/slipwayhq/slipway/internal/access"
)

// Stream answers with Server-Sent Events about an app, for a door beside this one, as long as the reader listens and may view the app and the server runs. feed sends them, and returns when ctx ends; send may be called from
// one goroutine at a time.
func (s *Server) Stream(w http.ResponseWriter, r *http.Request, app string, feed func(ctx context.Context, send func(id uint64, kind string, data []byte) error) error) {
	err := IdentityOf(r.Context()).Require(access.View, app)
	if err == nil {
		err = s.place(r.Context(), app, "")
	}
	if err != nil {
		s.writeProblem(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no")
	out := &sse{w: w, control: http.NewResponseController(w)}
	ctx, cancel := context.WithCancel(r.Context())
	var mu sync.Mutex
	var wg sync.WaitGroup
	send := func(text string) error {
		mu.Lock()
		defer mu.Unlock()
		return out.send(text)
	}
	wg.Go(func() {
		defer cancel()
		rest := time.NewTicker(streamRest)
		defer rest.Stop()
		for err := send(": stream\n\n"); err == nil; {
			select {
			case <-rest.C:
				if _, err = s.stillSees(r, app); err == nil {
					err = send(": rest\n\n")
				}
			case <-s.feed.over:
				return
			case <-ctx.Done():
				return
			}
		}
	})
	err = feed(ctx, func(id uint64, kind string, data []byte) error {
		return send(fmt.Sprintf("id: %d\nevent: %s\ndata: %s\n\n", id, kind, data))
	})
	cancel()
	wg.Wait()
	s.log.Debug("stream ended", "request", requestOf(r.Context()).id, "error", err)
}

// Refuse answers an error as a problem, for a door beside this one, and logs what is the server's own fault.
func (s *Server) Refuse(w http.ResponseWriter, r *http.Request, err error) { s.writeProblem(w, r, err) }
