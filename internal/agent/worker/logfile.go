package worker

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/slipwayhq/slipway/internal/agent/client"
)

// Sending of a log.
const (
	sendEvery = 100 * time.Millisecond
	sendSize  = 32 << 10 // what is sent without waiting, in bytes
	sendMost  = 512 << 10
	tailShare = 64 // the last 1/64 of the cap is for the end of the output
)

// logFile takes a command's output and sends it. What is not sent yet waits on disk, so that neither a slow server nor one that is away stops the command.
// Of an output beyond the cap it keeps the beginning and the end, with a note between.
type logFile struct {
	file *os.File
	head int64 // bytes kept of the beginning

	mu      sync.Mutex
	size    int64 // bytes in file
	total   int64 // bytes written by the command
	tail    []byte
	tailMax int
	closed  bool
	news    chan struct{} // holds one signal that size or closed changed

	done int64 // bytes the server has; the sender's own until it ended
}

func newLogFile(file *os.File, limit int64) *logFile {
	tail := limit / tailShare
	return &logFile{file: file, head: limit - tail, tailMax: int(tail), news: make(chan struct{}, 1)}
}

// Write never fails the command: what the disk refuses is dropped.
func (l *logFile) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(p)
	l.total += int64(n)
	if room := l.head - l.size; room > 0 {
		take := min(int64(n), room)
		l.store(p[:take])
		p = p[take:]
	}
	l.tail = append(l.tail, p...)
	if len(l.tail) > 2*l.tailMax {
		l.tail = append(l.tail[:0], l.tail[len(l.tail)-l.tailMax:]...)
	}
	return n, nil
}

func (l *logFile) store(p []byte) {
	n, _ := l.file.WriteAt(p, l.size) // a full disk cuts the log; the command goes on
	l.size += int64(n)
	select {
	case l.news <- struct{}{}:
	default:
	}
}

// close ends the log with what was kept of its end.
func (l *logFile) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	l.closed = true
	if len(l.tail) > l.tailMax {
		l.tail = l.tail[len(l.tail)-l.tailMax:]
	}
	left := l.total - l.size - int64(len(l.tail))
	if left > 0 {
		l.store(fmt.Appendf(nil, "\n[%d bytes are left out here: a log keeps the first %d and the last %d bytes]\n", left, l.head, l.tailMax))
	}
	l.store(l.tail)
}

// sent is how many bytes the server has. Ask when send has returned.
func (l *logFile) sent() int64 { return l.done }

// state gives how much there is to send, and whether that is all.
func (l *logFile) state() (size int64, closed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.size, l.closed
}

// send sends the log until it is closed and sent, or ctx ends, or the server takes no more of it.
func (l *logFile) send(ctx context.Context, c *client.Client, lease string) {
	buf := make([]byte, sendMost)
	pace := time.NewTimer(0)
	defer pace.Stop()
	<-pace.C
	for {
		size, closed := l.state()
		if size == l.done {
			if closed {
				return
			}
			select {
			case <-l.news:
				continue
			case <-ctx.Done():
				return
			}
		}
		n, err := l.file.ReadAt(buf[:min(int64(len(buf)), size-l.done)], l.done)
		if err != nil && err != io.EOF || n == 0 {
			return
		}
		if c.LeaseLog(ctx, lease, l.done, buf[:n]) != nil {
			return
		}
		l.done += int64(n)
		l.pause(ctx, pace)
	}
}

// pause waits until it is time for the next piece: after sendEvery, once there is much, or at the end.
func (l *logFile) pause(ctx context.Context, pace *time.Timer) {
	pace.Reset(sendEvery)
	for {
		size, closed := l.state()
		if closed || size-l.done >= sendSize {
			pace.Stop()
			return
		}
		select {
		case <-pace.C:
			return
		case <-ctx.Done():
			return
		case <-l.news:
		}
	}
}
