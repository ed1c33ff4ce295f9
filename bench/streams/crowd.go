package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// changing is the flag that is changed.
const changing = "changing"

// opening is how many streams are opened at once.
const opening = 100

// late is how long all may take to hear of a change.
const late = time.Minute

// crowd is clients, each with a stream, and nothing but the time at which it saw the last message.
type crowd struct {
	conns   []net.Conn
	now     atomic.Pointer[change]
	bytes   atomic.Int64 // of the last message
	failed  chan error   // the first one
	ended   atomic.Bool
	readers sync.WaitGroup
}

// change is what all are to see.
type change struct {
	begin   time.Time
	seen    []time.Duration // since then, by client
	missing atomic.Int64    // clients that have not seen it
	done    chan struct{}
}

func newCrowd(n int) *crowd {
	return &crowd{conns: make([]net.Conn, n), failed: make(chan error, 1)}
}

// open opens all streams, and waits until each has its first message.
func (c *crowd) open(ctx context.Context, addr, path string) error {
	c.expect()
	g, opened := errgroup.WithContext(ctx)
	g.SetLimit(opening)
	for i := range c.conns {
		g.Go(func() error { return c.one(opened, i, addr, path) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	_, err := c.all(ctx)
	return err
}

// one opens a stream, which is read until it ends.
func (c *crowd) one(ctx context.Context, i int, addr, path string) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("open stream %d: %w", i, err)
	}
	c.conns[i] = conn
	if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nAccept: text/event-stream\r\n\r\n", path, addr); err != nil {
		return fmt.Errorf("ask for stream %d: %w", i, err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return fmt.Errorf("open stream %d: %w", i, err)
	}
	if res.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(res.Body) // what there is of it
		return fmt.Errorf("open stream %d: %s: %s", i, res.Status, text)
	}
	c.readers.Go(func() {
		defer res.Body.Close()
		err := c.read(i, res.Body)
		if !c.ended.Load() {
			select {
			case c.failed <- fmt.Errorf("stream %d ended: %w", i, err):
			default:
			}
		}
	})
	return nil
}

// read notes when each message was there: all of it, as a client needs it.
func (c *crowd) read(i int, body io.Reader) error {
	buf := make([]byte, 4096)
	var size int64
	within, last := false, byte(' ')
	for {
		n, err := body.Read(buf)
		if err != nil {
			return err
		}
		at := buf[:n]
		for len(at) > 0 {
			if !within { // data begins a message; ids, times to come back and comments are none
				begin := dataIn(at)
				if begin < 0 {
					break
				}
				within, at, size, last = true, at[begin:], 0, ' '
			}
			if last == '\n' && at[0] == '\n' { // the end, split between the two
				c.note(i, size-1)
				within, at = false, at[1:]
				continue
			}
			end := bytes.Index(at, []byte("\n\n"))
			if end < 0 {
				size += int64(len(at))
				last = at[len(at)-1]
				break
			}
			c.note(i, size+int64(end))
			within, at = false, at[end+2:]
		}
	}
}

// dataIn finds where the data of a message begins. The server writes the head of a message at once, so that it is not split.
func dataIn(b []byte) int {
	if bytes.HasPrefix(b, []byte("data: ")) {
		return 0
	}
	if i := bytes.Index(b, []byte("\ndata: ")); i >= 0 {
		return i + 1
	}
	return -1
}

// note has a client see the present change.
func (c *crowd) note(i int, size int64) {
	now := c.now.Load()
	now.seen[i] = time.Since(now.begin)
	c.bytes.Store(size)
	if now.missing.Add(-1) == 0 {
		close(now.done)
	}
}

// expect begins a change, which nobody has seen.
func (c *crowd) expect() time.Time {
	now := &change{begin: time.Now(), seen: make([]time.Duration, len(c.conns)), done: make(chan struct{})}
	now.missing.Store(int64(len(c.conns)))
	c.now.Store(now)
	return now.begin
}

// all waits until all have seen the change, and says how long each took.
func (c *crowd) all(ctx context.Context) ([]time.Duration, error) {
	over := time.NewTimer(late)
	defer over.Stop()
	now := c.now.Load()
	select {
	case <-now.done:
		return now.seen, nil
	case err := <-c.failed:
		return nil, err
	case <-over.C:
		return nil, fmt.Errorf("%d of %d streams have not seen it within %s", now.missing.Load(), len(c.conns), late)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// close ends all streams.
func (c *crowd) close() {
	c.ended.Store(true)
	for _, conn := range c.conns {
		if conn != nil {
			_ = conn.Close() // gone already is as good
		}
	}
	c.readers.Wait()
}
