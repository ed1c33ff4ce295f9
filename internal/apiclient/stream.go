package apiclient

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/slipwayhq/slipway/internal/event"
)

// Tick says that a second of a watched rollout was counted.
type Tick struct {
	Rollout string `json:"rollout"`
	Second  int64  `json:"second"`
}

// News is what a stream brings: an event, or a tick. Neither means that the stream is open now: who keeps a picture of the state looks at it anew.
type News struct {
	Event *event.Event
	Tick  *Tick
}

// pauses between the tries of a stream that was cut off.
const (
	pauseFirst = 200 * time.Millisecond
	pauseLast  = 5 * time.Second
)

// errQuiet means that a stream ended as connections do.
var errQuiet = errors.New("the stream ended")

// Now begins a stream with what happens from now on.
const Now = -1

// Stream gives everything behind a position (or Now) to fn, in order, until ctx ends (nil), fn fails, or the server refuses. Where it was cut off it goes on
// behind the last event. An app may be empty: then it is all that the caller may see.
func (c *Client) Stream(ctx context.Context, app string, after int64, fn func(News) error) error {
	pause := pauseFirst
	for {
		heard := false
		err := c.streamOnce(ctx, app, after, func(n News) error {
			heard = true // at least that it is open
			if n.Event != nil {
				after = n.Event.Position
			}
			return fn(n)
		})
		if ctx.Err() != nil {
			return nil
		}
		if err := final(err); err != nil {
			return err
		}
		if heard {
			pause = pauseFirst
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
		pause = min(2*pause, pauseLast)
	}
}

// final gives the error that makes going on senseless: the listener's own, or the server's no.
func final(err error) error {
	var own *handlerError
	if errors.As(err, &own) {
		return own.err
	}
	var refused *Problem
	if errors.As(err, &refused) && refused.Status < http.StatusInternalServerError {
		return err
	}
	return nil
}

// handlerError is the listener's own.
type handlerError struct{ err error }

func (e *handlerError) Error() string { return e.err.Error() }

func (c *Client) streamOnce(ctx context.Context, app string, after int64, fn func(News) error) error {
	q := url.Values{}
	if after >= 0 {
		q.Set("after", strconv.FormatInt(after, 10))
	}
	if app != "" {
		q.Set("app", app)
	}
	res, err := c.send(ctx, http.MethodGet, "/v1/stream", q, header{"Accept": "text/event-stream"}, nil)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	if err := fn(News{}); err != nil {
		return &handlerError{err}
	}
	return readStream(res.Body, fn)
}

// readStream reads Server-Sent Events of the two kinds that we send.
func readStream(r io.Reader, fn func(News) error) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 4<<20)
	kind := ""
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch name {
		case "event":
			kind = value
		case "data":
			n, err := decodeNews(kind, value)
			if err != nil {
				return &handlerError{err}
			}
			if err := fn(n); err != nil {
				return &handlerError{err}
			}
		}
	}
	return errQuiet
}

func decodeNews(kind, data string) (News, error) {
	n := News{}
	var into any = &n.Tick
	if kind != "tick" {
		into = &n.Event
	}
	if err := json.Unmarshal([]byte(data), into); err != nil {
		return n, fmt.Errorf("read the stream: %w", err)
	}
	return n, nil
}
