package hop

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"os"
	"syscall"
	"time"
)

// headerLimit is the most bytes that the header of an answer may have, as http.Transport allows.
const headerLimit = 10 << 20

var errLongHeader = fmt.Errorf("the header of the answer is longer than %d bytes", headerLimit)

// conn is a connection to the backend. One goroutine has it at a time; the watch over the visitor may close it.
type conn struct {
	pool *Pool
	tcp  *net.TCPConn
	raw  syscall.RawConn
	in   *bufio.Reader
	out  *bufio.Writer

	used  bool // it has served before
	since int  // the pool's sweeps when it was put back
	left  int64
	body  bool // the header is read

	release func() bool        // ends the watch; false when the visitor is gone
	cut     func()             // what the watch does
	look    func(uintptr) bool // what quiet does
	silent  bool               // what look saw
}

func newConn(p *Pool, tcp *net.TCPConn) (*conn, error) {
	raw, err := tcp.SyscallConn()
	if err != nil {
		_ = tcp.Close()
		return nil, fmt.Errorf("connect to %s: %w", p.addr, err)
	}
	c := &conn{pool: p, tcp: tcp, raw: raw}
	c.in, c.out = bufio.NewReader(c), bufio.NewWriter(tcp)
	c.cut = func() { _ = tcp.Close() }
	c.look = func(fd uintptr) bool {
		var b [1]byte
		_, err := syscall.Read(int(fd), b[:])
		c.silent = err == syscall.EAGAIN || err == syscall.EWOULDBLOCK
		return true
	}
	return c, nil
}

// quiet reports that an unused connection is open and that nothing came on it. What comes unasked must never be taken for the answer to the next request.
func (c *conn) quiet() bool {
	// The deadline of the last answer may be over, and nothing can be read then.
	if c.pool.opts.HeaderTimeout > 0 && c.tcp.SetReadDeadline(time.Now().Add(c.pool.opts.HeaderTimeout)) != nil {
		return false
	}
	c.silent = false
	return c.raw.Read(c.look) == nil && c.silent
}

// ask sends the request and reads the header of its answer. begun tells whether a byte of it came.
func (c *conn) ask(req *http.Request) (res *http.Response, begun bool, err error) {
	c.left, c.body = headerLimit, false
	c.release = context.AfterFunc(req.Context(), c.cut)
	if !c.used && c.pool.opts.HeaderTimeout > 0 { // quiet has done it for others
		if err := c.tcp.SetReadDeadline(time.Now().Add(c.pool.opts.HeaderTimeout)); err != nil {
			return nil, false, err
		}
	}
	if err := req.Write(c.out); err != nil {
		return nil, false, err
	}
	if err := c.out.Flush(); err != nil {
		return nil, false, err
	}
	if _, err := c.in.Peek(1); err != nil {
		return nil, false, err
	}
	if res, err = c.header(req); err != nil {
		return nil, true, err
	}
	if res.Body == http.NoBody || res.StatusCode == http.StatusSwitchingProtocols {
		c.finish(!res.Close && res.StatusCode != http.StatusSwitchingProtocols)
		return res, true, nil
	}
	res.Body = &body{ReadCloser: res.Body, conn: c, last: res.Close}
	return res, true, nil
}

// header reads headers until that of the answer itself; those before it (early hints) are passed on.
func (c *conn) header(req *http.Request) (*http.Response, error) {
	for {
		res, err := http.ReadResponse(c.in, req)
		if err != nil {
			return nil, err
		}
		if res.StatusCode >= 200 || res.StatusCode == http.StatusSwitchingProtocols {
			c.left, c.body = math.MaxInt64, true
			return res, nil
		}
		trace := httptrace.ContextClientTrace(req.Context())
		if trace == nil || trace.Got1xxResponse == nil {
			continue
		}
		if err := trace.Got1xxResponse(res.StatusCode, textproto.MIMEHeader(res.Header)); err != nil {
			return nil, err
		}
		c.left = headerLimit // who takes them says when it is enough
	}
}

// Read reads for the buffer.
func (c *conn) Read(p []byte) (int, error) {
	for c.left > 0 {
		n, err := c.tcp.Read(p)
		c.left -= int64(n)
		if c.body && n == 0 && errors.Is(err, os.ErrDeadlineExceeded) && c.tcp.SetReadDeadline(time.Time{}) == nil {
			continue // it was the header's
		}
		return n, err
	}
	return 0, errLongHeader
}

// finish puts the connection back if its answer was read whole, else closes it.
func (c *conn) finish(whole bool) {
	present := c.release()
	if !present || !whole || c.in.Buffered() > 0 || !c.pool.put(c) {
		_ = c.tcp.Close()
	}
}

// body is an answer's body, which gives the connection back at its end.
type body struct {
	io.ReadCloser
	conn *conn // nil after the end
	last bool  // the connection serves no more
	err  error // what is said after the end
}

func (b *body) Read(p []byte) (int, error) {
	if b.conn == nil {
		return 0, b.err
	}
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.end(err == io.EOF && !b.last, err)
	}
	return n, err
}

// Close gives the rest of the answer up.
func (b *body) Close() error {
	if b.conn != nil {
		b.end(false, http.ErrBodyReadAfterClose)
	}
	return nil
}

func (b *body) end(whole bool, err error) {
	b.conn.finish(whole)
	b.conn, b.err = nil, err
}
