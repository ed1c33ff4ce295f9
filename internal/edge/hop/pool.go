package hop

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"time"
)

// Options are shared by the pools of an edge.
type Options struct {
	// Dialer makes the connections.
	Dialer net.Dialer
	// HeaderTimeout is how long a backend may take to begin its answer; 0 for ever.
	HeaderTimeout time.Duration
	// MaxIdle is how many connections to one backend are kept unused.
	MaxIdle int
	// IdleSweeps is how many sweeps an unused connection outlives.
	IdleSweeps int
	// Rest takes what is no GET or HEAD without a body.
	Rest http.RoundTripper
}

// Pool holds the connections to one backend. It is safe for concurrent use.
type Pool struct {
	addr string
	opts *Options

	mu     sync.Mutex
	idle   []*conn // the last one was used last
	sweeps int
	closed bool
}

// New makes the pool of the backend at addr (host:port).
func New(addr string, opts *Options) *Pool { return &Pool{addr: addr, opts: opts} }

// RoundTrip asks the backend. A net.OpError of "dial" means that no connection could be made and nothing was ever sent.
func (p *Pool) RoundTrip(req *http.Request) (*http.Response, error) {
	if !plain(req) {
		req.URL.Host = p.addr
		return p.opts.Rest.RoundTrip(req)
	}
	c, err := p.take(req.Context())
	if err != nil {
		return nil, err
	}
	used := c.used
	res, begun, err := p.ask(c, req)
	if err == nil || !used || begun || req.Context().Err() != nil || errors.Is(err, os.ErrDeadlineExceeded) {
		return res, err
	}
	// The backend closed a connection that it may have thought unused. A new one will tell; if there is none, the request may have been what ended it.
	if c, failed := p.dial(req.Context()); failed == nil {
		res, _, err = p.ask(c, req)
	}
	return res, err
}

// ask has one connection ask. begun tells whether a byte of the answer came.
func (p *Pool) ask(c *conn, req *http.Request) (res *http.Response, begun bool, err error) {
	if res, begun, err = c.ask(req); err == nil {
		return res, true, nil
	}
	c.finish(false)
	if cause := context.Cause(req.Context()); cause != nil {
		err = cause // the connection was closed for it
	}
	return nil, begun, fmt.Errorf("ask %s: %w", p.addr, err)
}

// plain tells what the pool asks itself: what has no body, can be asked again, and is no wish for another protocol.
func plain(r *http.Request) bool {
	return (r.Method == http.MethodGet || r.Method == http.MethodHead) && r.Body == nil && r.Trailer == nil && r.Header["Upgrade"] == nil && r.Header["Expect"] == nil
}

// take gives an unused connection, or a new one.
func (p *Pool) take(ctx context.Context) (*conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for c := p.pop(); c != nil; c = p.pop() {
		if c.quiet() {
			return c, nil
		}
		_ = c.tcp.Close()
	}
	return p.dial(ctx)
}

func (p *Pool) dial(ctx context.Context) (*conn, error) {
	tcp, err := p.opts.Dialer.DialContext(ctx, "tcp", p.addr)
	if err != nil {
		return nil, err
	}
	return newConn(p, tcp.(*net.TCPConn))
}

func (p *Pool) pop() *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	last := len(p.idle) - 1
	if last < 0 {
		return nil
	}
	c := p.idle[last]
	p.idle[last] = nil
	p.idle = p.idle[:last]
	return c
}

// put takes a connection back, false when there is no room for it.
func (p *Pool) put(c *conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || len(p.idle) >= p.opts.MaxIdle {
		return false
	}
	c.used, c.since = true, p.sweeps
	p.idle = append(p.idle, c)
	return true
}

// Sweep closes the connections that were unused for longer than IdleSweeps sweeps, and those the backend has closed.
func (p *Pool) Sweep() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sweeps++
	kept := p.idle[:0]
	for _, c := range p.idle {
		if p.sweeps-c.since > p.opts.IdleSweeps || !c.quiet() {
			_ = c.tcp.Close()
			continue
		}
		kept = append(kept, c)
	}
	clear(p.idle[len(kept):])
	p.idle = kept
}

// Close closes what is unused; what is in use follows when it is done. Requests that come later get connections of their own.
func (p *Pool) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, c := range p.idle {
		_ = c.tcp.Close()
	}
	p.idle = nil
}
