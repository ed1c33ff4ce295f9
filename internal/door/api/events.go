package api

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/fault"
)

const (
	// streamBatch is how many events are read at once.
	streamBatch = 200
	// streamRest is how long a stream says nothing before it sends a comment, so that proxies keep it open; the right to see is looked at again then.
	streamRest = 15 * time.Second
	// streamStall is how long a reader may take for one write.
	streamStall = 30 * time.Second
)

func (s *Server) mountEvents() {
	type input struct {
		App string `query:"app" doc:"Events of this app only"`
		Env string `query:"environment" doc:"Events of this environment only"`
		Page
	}
	register(s, signedIn, "GET /v1/events", "List events from the oldest, behind a position", func(ctx context.Context, id access.Identity, in *input) (*listOf[event.Event], error) {
		after, err := in.number()
		if err != nil {
			return nil, err
		}
		if in.App != "" {
			if err := id.Require(access.View, in.App); err != nil {
				return nil, err
			}
			if err := s.place(ctx, in.App, in.Env); err != nil {
				return nil, err
			}
		} else if in.Env != "" {
			if err := s.anyPlace(ctx, id, in.Env); err != nil {
				return nil, err
			}
		}
		events, last, err := s.events(ctx, id, in.App, in.Env, after, in.Limit)
		if err != nil {
			return nil, err
		}
		out := &listOf[event.Event]{Body: List[event.Event]{Items: events}}
		if last > 0 {
			out.Body.Next = strconv.FormatInt(last, 10)
		}
		return out, nil
	})
	s.mux.HandleFunc("GET /v1/stream", s.stream)
}

// events reads at most limit events behind a position and leaves out those the identity may not see. last is where to go on, 0 when there is nothing more by now.
func (s *Server) events(ctx context.Context, id access.Identity, app, env string, after int64, limit int) (events []event.Event, last int64, err error) {
	read, err := db.Events(ctx, s.opts.DB, `SELECT position, body FROM events WHERE position > $1 AND ($2 = '' OR app = $2) AND ($3 = '' OR env = $3)
		ORDER BY position LIMIT $4`, after, app, env, limit)
	if err != nil {
		return nil, 0, err
	}
	events = []event.Event{}
	for _, ev := range read {
		if ev.App == "" || id.Can(access.View, ev.App) {
			events = append(events, ev)
		}
	}
	if len(read) == limit {
		last = read[limit-1].Position
	}
	return events, last, nil
}

// stream sends events as they come: Server-Sent Events with the position as id, so that a browser that was cut off resumes by itself.
func (s *Server) stream(w http.ResponseWriter, r *http.Request) {
	id := IdentityOf(r.Context())
	app := r.URL.Query().Get("app")
	err := id.Require(access.View, app)
	if app == "" && id.Person.ID != "" {
		err = nil
	}
	if app != "" && err == nil {
		err = s.place(r.Context(), app, "")
	}
	var at int64
	if err == nil {
		at, err = s.streamFrom(r)
	}
	if err != nil {
		s.writeProblem(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no")
	out := &sse{w: w, control: http.NewResponseController(w)}
	ticks, stop := s.feed.listen()
	defer stop()
	rest := time.NewTicker(streamRest)
	defer rest.Stop()
	err = out.send(": stream\n\n")
	for err == nil {
		news := s.feed.wait() // before reading: what comes in between is not missed
		if at, err = s.catchUp(r.Context(), out, id, app, at); err != nil {
			break
		}
		select {
		case <-news:
		case t := <-ticks:
			if app == "" && id.Can(access.View, t.App) || t.App == app {
				err = out.tick(t)
			}
		case <-rest.C:
			if id, err = s.stillSees(r, app); err == nil {
				err = out.send(": rest\n\n")
			}
		case <-s.feed.over:
			return
		case <-r.Context().Done():
			return
		}
	}
	s.log.Debug("stream ended", "request", requestOf(r.Context()).id, "error", err)
}

// streamFrom is the position to go on behind: where the browser was cut off, or what was asked for, or now.
func (s *Server) streamFrom(r *http.Request) (int64, error) {
	text := r.Header.Get("Last-Event-ID")
	if text == "" {
		text = r.URL.Query().Get("after")
	}
	if text == "" {
		var now int64
		if err := s.opts.DB.QueryRow(r.Context(), `SELECT COALESCE(MAX(position), 0) FROM events`).Scan(&now); err != nil {
			return 0, fmt.Errorf("find the newest event: %w", err)
		}
		return now, nil
	}
	at, err := strconv.ParseInt(text, 10, 64)
	if err != nil || at < 0 {
		return 0, fault.Invalid("after, and Last-Event-ID, is the position of an event").At("query.after")
	}
	return at, nil
}

// catchUp sends everything behind a position and gives the new one.
func (s *Server) catchUp(ctx context.Context, out *sse, id access.Identity, app string, at int64) (int64, error) {
	for {
		events, last, err := s.events(ctx, id, app, "", at, streamBatch)
		if err != nil {
			return at, err
		}
		for _, ev := range events {
			if err := out.event(ev); err != nil {
				return at, err
			}
			at = ev.Position
		}
		if last == 0 {
			return at, nil
		}
		at = last
	}
}

// stillSees looks at the caller's rights again: a stream can outlive them.
func (s *Server) stillSees(r *http.Request, app string) (access.Identity, error) {
	id, err := s.opts.Access.Authenticate(r.Context(), r)
	if err == nil && app != "" {
		err = id.Require(access.View, app)
	}
	if err == nil && id.Person.ID == "" {
		err = fault.Unauthorized("the session ended")
	}
	return id, err
}

// sse writes Server-Sent Events, each at once.
type sse struct {
	w       io.Writer
	control *http.ResponseController
}

func (o *sse) send(text string) error {
	_ = o.control.SetWriteDeadline(time.Now().Add(streamStall)) // not every connection can; then a stalled reader is cut off by TCP
	if _, err := io.WriteString(o.w, text); err != nil {
		return fmt.Errorf("write to a stream: %w", err)
	}
	if err := o.control.Flush(); err != nil {
		return fmt.Errorf("write to a stream: %w", err)
	}
	return nil
}

func (o *sse) event(ev event.Event) error {
	data, err := json.Marshal(ev)
	if err != nil {
		return fmt.Errorf("encode event %s: %w", ev.ID, err)
	}
	return o.send(fmt.Sprintf("id: %d\nevent: %s\ndata: %s\n\n", ev.Position, ev.Type, data))
}

func (o *sse) tick(t Tick) error {
	data, err := json.Marshal(t)
	if err != nil {
		return fmt.Errorf("encode a tick: %w", err)
	}
	return o.send(fmt.Sprintf("event: tick\ndata: %s\n\n", data))
}
