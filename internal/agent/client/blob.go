package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// GetBlob writes the bytes of a blob from offset on to w, taking up where a broken connection left. It returns how many it wrote.
// The hash is not checked here: who keeps the bytes checks them. ErrGone means that the server has no such blob. An error of w ends it.
func (c *Client) GetBlob(ctx context.Context, sha string, offset int64, w io.Writer) (written int64, err error) {
	var pause Backoff
	for {
		n, again, err := c.getOnce(ctx, sha, offset+written, w)
		written += n
		c.notice(ctx, err, again)
		if err == nil || !again {
			return written, err
		}
		if n > 0 {
			pause.Reset()
		}
		if !pause.Wait(ctx) {
			return written, fmt.Errorf("%w: %w", ctx.Err(), err)
		}
	}
}

func (c *Client) getOnce(ctx context.Context, sha string, offset int64, w io.Writer) (written int64, again bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stall := time.AfterFunc(stallTime, cancel)
	defer stall.Stop()
	header := http.Header{}
	if offset > 0 {
		header.Set("Range", fmt.Sprintf("bytes=%d-", offset))
	}
	k := call{method: http.MethodGet, path: blobPath(sha), bearer: c.Credential()}
	response, err := c.send(ctx, k, http.NoBody, 0, header)
	if err != nil {
		return 0, true, err
	}
	defer response.Body.Close()
	switch {
	case response.StatusCode == http.StatusOK && offset > 0:
		// It does not do ranges: what we have is read again and dropped.
		if _, err := io.CopyN(io.Discard, response.Body, offset); err != nil {
			return 0, true, fmt.Errorf("fetch blob %s: %w", sha, err)
		}
	case response.StatusCode == http.StatusRequestedRangeNotSatisfiable:
		return 0, false, nil // all there already
	case response.StatusCode/100 != 2:
		again, err := failure(response)
		return 0, again, err
	}
	sink := &sink{w: w, moved: func() { stall.Reset(stallTime) }}
	written, err = io.Copy(sink, response.Body)
	if sink.err != nil {
		return written, false, sink.err
	}
	if err != nil {
		return written, true, fmt.Errorf("fetch blob %s: %w", sha, err)
	}
	return written, false, nil
}

// PutBlob stores size bytes of r under their sha256, from the beginning at each try.
func (c *Client) PutBlob(ctx context.Context, sha string, r io.ReaderAt, size int64) error {
	var pause Backoff
	for {
		again, err := c.putOnce(ctx, sha, io.NewSectionReader(r, 0, size), size)
		c.notice(ctx, err, again)
		if err == nil || !again {
			return err
		}
		if !pause.Wait(ctx) {
			return fmt.Errorf("%w: %w", ctx.Err(), err)
		}
	}
}

func (c *Client) putOnce(ctx context.Context, sha string, r io.Reader, size int64) (again bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stall := time.AfterFunc(stallTime, cancel)
	defer stall.Stop()
	body := &tap{r: r, moved: func() { stall.Reset(stallTime) }}
	k := call{method: http.MethodPut, path: blobPath(sha), kind: "application/octet-stream", bearer: c.Credential()}
	response, err := c.send(ctx, k, body, size, nil)
	if err != nil {
		return body.err == nil, fmt.Errorf("store blob %s: %w", sha, err)
	}
	defer response.Body.Close()
	if response.StatusCode/100 != 2 {
		return failure(response)
	}
	return false, nil
}

func blobPath(sha string) string { return "/agent/v1/blobs/" + sha }

// sink keeps the writer's error apart from the network's.
type sink struct {
	w     io.Writer
	moved func()
	err   error
}

func (s *sink) Write(p []byte) (int, error) {
	s.moved()
	n, err := s.w.Write(p)
	s.err = err
	return n, err
}

// tap keeps the reader's error apart from the network's.
type tap struct {
	r     io.Reader
	moved func()
	err   error
}

func (t *tap) Read(p []byte) (int, error) {
	t.moved()
	n, err := t.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		t.err = err
	}
	return n, err
}
