package edge

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/slipwayhq/slipway/internal/spool"
	"github.com/slipwayhq/slipway/internal/wire"
)

// Times of the talk with the server.
const (
	pollSlack    = 10 * time.Second // beyond wire.PollTime
	postTimeout  = 30 * time.Second
	backoffFirst = 50 * time.Millisecond
	backoffLast  = 3 * time.Second
)

// server is the edge's side of the wire.
type server struct {
	url, credential string
	client          *http.Client
}

func newServer(o Options) *server {
	return &server{
		url: strings.TrimSuffix(o.Server, "/"), credential: o.Credential,
		client: &http.Client{Transport: o.Transport},
	}
}

// call makes one request. The caller closes the body.
func (s *server) call(ctx context.Context, method, path string, body []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, s.url+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("ask the server: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+s.credential)
	req.Header.Set(wire.HeaderVersion, strconv.Itoa(wire.Version))
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := s.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask the server: %w", err)
	}
	return res, nil
}

// unexpected makes an error of an answer that says no, with the first line of why.
func unexpected(res *http.Response) error {
	why, _ := io.ReadAll(io.LimitReader(res.Body, 4<<10)) // the status says enough without it
	var problem struct {
		Detail string `json:"detail"`
	}
	if json.Unmarshal(why, &problem) == nil && problem.Detail != "" {
		why = []byte(problem.Detail)
	}
	return fmt.Errorf("the server answered %s: %s", res.Status, bytes.TrimSpace(why[:min(len(why), 300)]))
}

// snapshot waits for a snapshot other than the one of generation have; ok is false when there was none in wire.PollTime.
func (s *server) snapshot(ctx context.Context, have int64) (snap wire.Snapshot, ok bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, wire.PollTime+pollSlack)
	defer cancel()
	gen := strconv.FormatInt(have, 10)
	res, err := s.call(ctx, http.MethodGet, "/edge/v1/snapshot?after="+gen+"&applied="+gen, nil)
	if err != nil {
		return snap, false, err
	}
	defer func() { _ = res.Body.Close() }()
	switch res.StatusCode {
	case http.StatusNoContent:
		return snap, false, nil
	case http.StatusOK:
		if err := json.NewDecoder(res.Body).Decode(&snap); err != nil {
			return snap, false, fmt.Errorf("read the snapshot: %w", err)
		}
		return snap, true, nil
	}
	return snap, false, unexpected(res)
}

// post sends seconds; nil means that the server has them for good.
func (s *server) post(ctx context.Context, batch []byte) error {
	ctx, cancel := context.WithTimeout(ctx, postTimeout)
	defer cancel()
	res, err := s.call(ctx, http.MethodPost, "/edge/v1/seconds", batch)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	switch res.StatusCode {
	case http.StatusOK, http.StatusNoContent:
		_, _ = io.Copy(io.Discard, res.Body) // so that the connection is used again
		return nil
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		return fmt.Errorf("%w: %w", spool.ErrRefused, unexpected(res))
	}
	return unexpected(res)
}

// poll keeps the table up to date until ctx ends. What is in force is told with the next question, which follows at once.
func (e *Edge) poll(ctx context.Context) {
	failures := 0
	for ctx.Err() == nil {
		have := e.table.Load().snapshot.Generation
		snap, ok, err := e.server.snapshot(ctx, have)
		if err == nil && ok {
			if err = e.apply(snap); err == nil {
				e.snapshots.save()
			}
			if err == nil && snap.Generation == have {
				err = fmt.Errorf("the server sent generation %d again", have)
			}
		}
		if err == nil {
			failures = 0
			continue
		}
		if failures++; failures == 1 && ctx.Err() == nil {
			e.opts.Logger.Warn("the edge goes on with the last snapshot", "generation", have, "error", err)
		}
		wait := min(backoffLast, backoffFirst<<min(failures-1, 10))
		pause(ctx, wait/2+rand.N(wait/2)) // jitter needs no secret
	}
}

// pause waits, or returns when ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
