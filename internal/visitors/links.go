package visitors

import (
	"fmt"
	"net"
	"sync"
	"syscall"
	"time"
)

// maxRest is how long an idle connection is kept: less than any server keeps its own, so that no server closes one
// just as it is used.
const maxRest = 3 * time.Second

// links are the idle connections to the shop, the latest used on top.
type links struct {
	mu   sync.Mutex
	idle []*link
}

// take returns an idle connection on which the server is still there, or a new one.
func (p *links) take(o *Options) (*link, error) {
	for {
		l := p.pop()
		if l == nil {
			break
		}
		if time.Since(l.rested) < maxRest && l.quiet() {
			return l, nil
		}
		_ = l.conn.Close() // nothing was under way on it
	}
	conn, err := net.DialTimeout("tcp", o.Target, o.Timeout) //nolint:noctx // it has its own time, and a crowd that ends waits for what is open
	if err != nil {
		return nil, fmt.Errorf("no connection: %w", err)
	}
	return newLink(conn), nil
}

func (p *links) pop() *link {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.idle) == 0 {
		return nil
	}
	last := len(p.idle) - 1
	l := p.idle[last]
	p.idle = p.idle[:last]
	return l
}

func (p *links) put(l *link) {
	l.rested = time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.idle = append(p.idle, l)
}

func (p *links) close() {
	for l := p.pop(); l != nil; l = p.pop() {
		_ = l.conn.Close() // nothing was under way on it
	}
}

// quiet says whether an idle connection is open and has nothing to read: the server has not closed it.
func (l *link) quiet() bool {
	raw, err := l.conn.(syscall.Conn).SyscallConn()
	if err != nil || l.in.Buffered() > 0 {
		return false
	}
	quiet := false
	var one [1]byte
	err = raw.Control(func(fd uintptr) {
		_, _, err := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		quiet = err == syscall.EAGAIN || err == syscall.EWOULDBLOCK
	})
	return err == nil && quiet
}
