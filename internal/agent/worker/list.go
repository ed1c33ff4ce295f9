package worker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/slipwayhq/slipway/internal/pure/shard"
	"github.com/slipwayhq/slipway/internal/wire"
)

// maxList is how much a list may print, in bytes: one that prints more is stopped, since it may never end.
const maxList = 48 << 20

// list runs a suite's list command. Its standard output alone names units; what it says on standard error goes to the log.
func (j *job) list(ctx context.Context, r *wire.LeaseResult) error {
	pipe, err := openPipe(filepath.Join(j.tmp, "list"))
	if err != nil {
		return err
	}
	defer pipe.close()
	fmt.Fprintf(j.log, "$ %s\n", j.lease.Command)
	listing, stop := context.WithCancel(ctx)
	defer stop()
	lines := &head{most: maxList, full: stop}
	pipe.feed(io.MultiWriter(lines, j.log))
	out, err := j.run(listing, shard.Command("exec >{units}\n", []string{pipe.path})+j.lease.Command, j.log)
	pipe.drain()
	if lines.cut && ctx.Err() == nil {
		out.into(r)
		r.Exit, r.TimedOut = 1, false
		r.Tail = fmt.Sprintf("The list printed more than %d MiB and was stopped. It has to print one test unit a line, and to end.", maxList>>20)
		fmt.Fprintf(j.log, "\nSlipway: %s\n", r.Tail)
		return nil
	}
	if err != nil {
		return err
	}
	out.into(r)
	if r.Exit != 0 || r.TimedOut {
		if r.Tail == "" {
			r.Tail = lines.end(tailSize)
		}
		return nil
	}
	r.Listed = splitList(string(lines.kept))
	r.Sizes = j.sizes(ctx, r.Listed)
	return nil
}

// splitList gives the lines, but no more than it takes to see that there are too many. Bytes that are no text become NUL, for JSON would turn them into text.
func splitList(text string) []string {
	text = strings.TrimSuffix(strings.ToValidUTF8(text, "\x00"), "\n")
	if text == "" {
		return nil
	}
	lines := strings.SplitN(text, "\n", shard.MaxListed+2)
	return lines[:min(len(lines), shard.MaxListed+1)]
}

// head keeps the beginning of what is written to it, and calls full when there is more.
type head struct {
	most int
	full func()
	kept []byte
	cut  bool
}

func (h *head) Write(p []byte) (int, error) {
	room := h.most - len(h.kept)
	h.kept = append(h.kept, p[:min(len(p), room)]...)
	if len(p) > room && !h.cut {
		h.cut = true
		h.full()
	}
	return len(p), nil
}

func (h *head) end(n int) string {
	return strings.ToValidUTF8(string(h.kept[max(0, len(h.kept)-n):]), "\uFFFD")
}

// pipe is a named pipe that takes a command's standard output apart from its standard error.
type pipe struct {
	path          string
	read, write   *os.File
	fed           chan struct{}
	writingClosed bool
}

func openPipe(path string) (*pipe, error) {
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		return nil, fmt.Errorf("make a pipe for the list: %w", err)
	}
	// The reading end first: without it the writing end could not be opened without waiting. Ours keeps the pipe from ending before the command began.
	read, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("open the pipe for the list: %w", err)
	}
	write, err := os.OpenFile(path, os.O_WRONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the pipe for the list: %w", err), read.Close())
	}
	return &pipe{path: path, read: read, write: write, fed: make(chan struct{})}, nil
}

// feed copies what comes to w, until drain. It is waited for by drain.
func (p *pipe) feed(w io.Writer) {
	go func() {
		defer close(p.fed)
		_, _ = io.Copy(w, p.read) // ends with the last writer, or by drain's deadline; w does not fail
	}()
}

// drain waits for what is still in the pipe. A process that left the group may hold it open: it is not waited for.
func (p *pipe) drain() {
	_ = p.write.Close() // nothing was written by us
	p.writingClosed = true
	select {
	case <-p.fed:
	case <-time.After(time.Second):
		_ = p.read.SetReadDeadline(time.Unix(1, 0)) // then feed ends
		<-p.fed
	}
}

func (p *pipe) close() {
	if !p.writingClosed {
		p.drain()
	}
	_ = p.read.Close() // read only
	_ = os.Remove(p.path)
}
