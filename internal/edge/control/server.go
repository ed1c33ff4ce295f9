package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"
)

type request struct {
	Op string `json:"op"`
	// All asks for all listening sockets. Edges that had only one did not know it, and get the first.
	All bool `json:"all,omitempty"`
}

// The operations.
const (
	opStatus = "status"
	opTake   = "take"
	opDrain  = "drain"
	opStop   = "stop"
	opWatch  = "watch"
)

// refused is the answer of an edge that has handed over already, or is ending: it accepts no more.
const refused = "ending"

type answer struct {
	OK     bool   `json:"ok"`
	Listen string `json:"listen,omitempty"`
	Error  string `json:"error,omitempty"`
}

// Server answers on the socket.
type Server struct {
	// Listeners are handed over on take, in this order. There is one at least.
	Listeners []*net.TCPListener
	// Status gives what is told as JSON.
	Status func() any
	// Taking is called before the listeners are handed over, and may refuse; Drain when the successor accepts; Stop when the edge should end.
	// They must not block.
	Taking      func() bool
	Drain, Stop func()

	listener *net.UnixListener
	mu       sync.Mutex
	conns    map[*net.UnixConn]bool
}

// Open takes the socket's name in dir, also from an edge that still runs: it is then the one that is asked.
func (s *Server) Open(dir string) error {
	l, err := listen(dir)
	s.listener, s.conns = l, map[*net.UnixConn]bool{}
	return err
}

// Run answers until ctx ends.
func (s *Server) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() {
		_ = s.listener.Close()
		s.mu.Lock()
		defer s.mu.Unlock()
		for c := range s.conns {
			_ = c.Close()
		}
	})
	defer stop()
	var group sync.WaitGroup
	defer group.Wait()
	for {
		c, err := s.listener.AcceptUnix()
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return nil
			}
			return fmt.Errorf("answer on the edge's socket: %w", err)
		}
		group.Go(func() { s.serve(ctx, c) })
	}
}

func (s *Server) serve(ctx context.Context, c *net.UnixConn) {
	s.mu.Lock()
	s.conns[c] = true
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.conns, c)
		s.mu.Unlock()
		_ = c.Close()
	}()
	if ctx.Err() != nil {
		return
	}
	lines := json.NewDecoder(c)
	for {
		var req request
		if lines.Decode(&req) != nil || s.reply(c, req) != nil {
			return
		}
	}
}

func (s *Server) reply(c *net.UnixConn, req request) error {
	out := json.NewEncoder(c)
	switch req.Op {
	case opStatus:
		return out.Encode(s.Status())
	case opTake:
		if !s.Taking() {
			return out.Encode(answer{Error: refused})
		}
		if !req.All {
			return give(c, s.Listeners[:1])
		}
		return give(c, s.Listeners)
	case opDrain:
		s.Drain()
		return out.Encode(answer{OK: true})
	case opStop:
		s.Stop()
		return out.Encode(answer{OK: true})
	case opWatch:
		return nil
	}
	return out.Encode(answer{Error: "unknown operation " + req.Op})
}

// give sends listening sockets.
func give(c *net.UnixConn, listeners []*net.TCPListener) error {
	line, err := json.Marshal(answer{OK: true, Listen: listeners[0].Addr().String()})
	if err != nil {
		return fmt.Errorf("hand over the listeners: %w", err)
	}
	var sending error
	err = descriptors(listeners, nil, func(fds []int) {
		_, _, sending = c.WriteMsgUnix(append(line, '\n'), syscall.UnixRights(fds...), nil)
	})
	if err = errors.Join(err, sending); err != nil {
		return fmt.Errorf("hand over the listeners: %w", err)
	}
	return nil
}

// descriptors lends the listeners' descriptors, after those in fds, for the time of the call. They are used in place: asking os.File for one would
// switch the socket, which both edges share, to blocking mode.
func descriptors(listeners []*net.TCPListener, fds []int, use func(fds []int)) error {
	if len(listeners) == 0 {
		use(fds)
		return nil
	}
	raw, err := listeners[0].SyscallConn()
	if err != nil {
		return err
	}
	var inner error
	err = raw.Control(func(fd uintptr) { inner = descriptors(listeners[1:], append(fds, int(fd)), use) })
	return errors.Join(err, inner)
}
