package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"
)

// answerTime is how long a running edge may take to answer.
const answerTime = 5 * time.Second

// Status asks the edge in dir how it is and decodes the answer into status. It fails when none runs there.
func Status(dir string, status any) error {
	return ask(dir, opStatus, status)
}

// Stop tells the edge in dir to finish its requests and end.
func Stop(dir string) error {
	var a answer
	return ask(dir, opStop, &a)
}

func ask(dir, op string, into any) error {
	c, err := dial(dir)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	if err := c.SetDeadline(time.Now().Add(answerTime)); err != nil {
		return fmt.Errorf("ask the running edge: %w", err)
	}
	if err := json.NewEncoder(c).Encode(request{Op: op}); err != nil {
		return fmt.Errorf("ask the running edge: %w", err)
	}
	if err := json.NewDecoder(c).Decode(into); err != nil {
		return fmt.Errorf("read the running edge's answer: %w", err)
	}
	return nil
}

// Watch returns nil when the edge in dir is gone, or ctx's error. It fails at once when none runs there.
func Watch(ctx context.Context, dir string) error {
	c, err := dial(dir)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	defer stop()
	if err := json.NewEncoder(c).Encode(request{Op: opWatch}); err != nil {
		return fmt.Errorf("ask the running edge: %w", err)
	}
	var one [1]byte
	_, _ = c.Read(one[:]) // nothing is ever sent: it ends with the edge
	return ctx.Err()
}

// Handover is a running edge that gave its listeners.
type Handover struct {
	Listeners []*net.TCPListener
	conn      *net.UnixConn
}

// socketsMax is how many listeners one edge may hand over.
const socketsMax = 8

// errEnding means that the other edge accepts no more: its address is free.
var errEnding = errors.New("the running edge is ending")

// Take asks the edge in dir for its listeners. It gives nil and no error when none runs there, or only one that is ending.
func Take(dir string) (*Handover, error) {
	c, err := dial(dir)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	ls, err := take(c)
	if errors.Is(err, errEnding) {
		return nil, c.Close()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("take over from the running edge: %w", err), c.Close())
	}
	return &Handover{Listeners: ls, conn: c}, nil
}

func take(c *net.UnixConn) ([]*net.TCPListener, error) {
	if err := c.SetDeadline(time.Now().Add(answerTime)); err != nil {
		return nil, err
	}
	if err := json.NewEncoder(c).Encode(request{Op: opTake, All: true}); err != nil {
		return nil, err
	}
	line, rights := make([]byte, 4096), make([]byte, syscall.CmsgSpace(4*socketsMax))
	n, rn, _, _, err := c.ReadMsgUnix(line, rights)
	if err != nil {
		return nil, err
	}
	var a answer
	if err := json.Unmarshal(line[:n], &a); err == nil && a.Error == refused {
		return nil, errEnding
	} else if err != nil || !a.OK {
		return nil, errors.Join(fmt.Errorf("it answered %q", line[:n]), err)
	}
	messages, err := syscall.ParseSocketControlMessage(rights[:rn])
	if err != nil || len(messages) != 1 {
		return nil, errors.Join(errors.New("it sent no socket"), err)
	}
	fds, err := syscall.ParseUnixRights(&messages[0])
	if err != nil || len(fds) == 0 {
		return nil, errors.Join(errors.New("it sent no socket"), err)
	}
	return adopt(fds)
}

// adopt makes listeners of descriptors, of which it leaves none open on an error.
func adopt(fds []int) (ls []*net.TCPListener, err error) {
	for _, fd := range fds {
		syscall.CloseOnExec(fd)
		f := os.NewFile(uintptr(fd), "listener")
		l, failed := net.FileListener(f)
		if tcp, ok := l.(*net.TCPListener); ok {
			ls = append(ls, tcp)
		}
		err = errors.Join(err, failed, f.Close())
	}
	if err != nil {
		return nil, errors.Join(err, closeAll(ls))
	}
	return ls, nil
}

func closeAll(ls []*net.TCPListener) (err error) {
	for _, l := range ls {
		err = errors.Join(err, l.Close())
	}
	return err
}

// Drain tells the other edge that its successor accepts, so that it ends when it has finished.
func (h *Handover) Drain() error {
	defer func() { _ = h.conn.Close() }()
	if err := h.conn.SetDeadline(time.Now().Add(answerTime)); err != nil {
		return fmt.Errorf("tell the other edge to drain: %w", err)
	}
	var a answer
	if err := errors.Join(json.NewEncoder(h.conn).Encode(request{Op: opDrain}), json.NewDecoder(h.conn).Decode(&a)); err != nil {
		return fmt.Errorf("tell the other edge to drain: %w", err)
	}
	return nil
}

// Close gives up: the other edge goes on.
func (h *Handover) Close() error { return errors.Join(closeAll(h.Listeners), h.conn.Close()) }
