package edge

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync/atomic"
)

// conns counts visitors' connections and requests, and knows when a draining edge is done with them.
type conns struct {
	drain    atomic.Bool
	open     atomic.Int64 // connections, without those that became websockets
	requests atomic.Int64 // under way, with websockets
	changed  chan struct{}
}

func newConns() *conns { return &conns{changed: make(chan struct{}, 1)} }

func (c *conns) draining() bool { return c.drain.Load() }
func (c *conns) enter()         { c.requests.Add(1) }

func (c *conns) leave() {
	c.requests.Add(-1)
	c.tell()
}

// state is the server's ConnState callback.
func (c *conns) state(_ net.Conn, s http.ConnState) {
	switch s {
	case http.StateNew:
		c.open.Add(1)
	case http.StateClosed, http.StateHijacked:
		c.open.Add(-1)
		c.tell()
	case http.StateActive, http.StateIdle:
	}
}

func (c *conns) tell() {
	if !c.drain.Load() {
		return
	}
	select {
	case c.changed <- struct{}{}:
	default:
	}
}

// errStopped means that the waiting was cut short on purpose.
var errStopped = errors.New("told to stop")

// wait returns when done says so, or with an error when ctx ends or stop is told. It is for a draining edge.
func (c *conns) wait(ctx context.Context, stop <-chan struct{}, done func() bool) error {
	for !done() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-stop:
			return errStopped
		case <-c.changed:
		}
	}
	return nil
}

func (c *conns) quiet() bool { return c.requests.Load() == 0 }
func (c *conns) gone() bool  { return c.open.Load() == 0 && c.requests.Load() == 0 }
