package evaluate

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// endTime is how long the end of a stream may take to write, when the server stops.
const endTime = time.Second

// frame is a piece of a stream as HTTP/1.1 sends it: the text in one chunk.
type frame struct {
	chunk []byte
	from  int // where the text begins
}

func newFrame(format string, args ...any) frame {
	text := fmt.Appendf(nil, format, args...)
	chunk := fmt.Appendf(make([]byte, 0, len(text)+16), "%x\r\n", len(text))
	f := frame{from: len(chunk)}
	f.chunk = append(append(chunk, text...), "\r\n"...)
	return f
}

func (f frame) text() []byte { return f.chunk[f.from : len(f.chunk)-2] }

// writer writes to a stream, and waits for no reader. By HTTP/1.1 it has the connection to itself: a message then is one write of the same bytes for everybody, where net/http copies it, and writes thrice. At ten thousand streams that
// is half of all the work.
type writer struct {
	time     time.Duration // that a write may take
	w        http.ResponseWriter
	control  *http.ResponseController
	conn     net.Conn // nil by HTTP/2
	stopped  context.Context
	release  func() bool   // takes back what is done when the server stops; false where it is too late
	released chan struct{} // closed when that is done
	reading  sync.WaitGroup
}

// take begins the answer. ctx ends with the request, and when the client is gone.
func (d *Door) take(w http.ResponseWriter, r *http.Request) (*writer, context.Context, error) {
	out := &writer{time: d.writeTime, w: w, control: http.NewResponseController(w)}
	if r.ProtoMajor != 1 || r.ProtoMinor != 1 {
		return out, r.Context(), nil
	}
	h := w.Header()
	h.Set("Transfer-Encoding", "chunked")
	h.Set("Connection", "close")
	h.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	var head bytes.Buffer
	head.WriteString("HTTP/1.1 200 OK\r\n")
	if err := h.Write(&head); err != nil {
		return nil, nil, fmt.Errorf("write the head of a stream: %w", err)
	}
	head.WriteString("\r\n")
	conn, _, err := out.control.Hijack()
	if err != nil {
		return nil, nil, fmt.Errorf("take the connection of a stream: %w", err)
	}
	out.conn, out.stopped, out.released = conn, r.Context(), make(chan struct{})
	out.release = context.AfterFunc(r.Context(), func() { // a write that waits for a reader does so no longer
		defer close(out.released)
		_ = conn.SetWriteDeadline(time.Now())
	})
	ctx, leave := context.WithCancel(r.Context())
	out.reading.Go(func() {
		defer leave()
		var nothing [16]byte // is what clients send on a stream
		for {
			if _, err := conn.Read(nothing[:]); err != nil {
				return
			}
		}
	})
	_ = out.send(head.Bytes()) // a client that is gone already shows at the next write
	return out, ctx, nil
}

func (o *writer) send(b []byte) error {
	if err := o.stopped.Err(); err != nil {
		return err
	}
	if err := o.conn.SetWriteDeadline(time.Now().Add(o.time)); err != nil {
		return err
	}
	_, err := o.conn.Write(b)
	return err
}

func (o *writer) write(f frame) error {
	if o.conn != nil {
		return o.send(f.chunk)
	}
	if err := o.control.SetWriteDeadline(time.Now().Add(o.time)); err != nil {
		return err
	}
	if _, err := o.w.Write(f.text()); err != nil {
		return err
	}
	if err := o.control.Flush(); err != nil {
		return err
	}
	return o.control.SetWriteDeadline(time.Time{}) // by HTTP/2 it would end the stream, also where nothing is written
}

// close ends the stream, so that the client knows that it has all of it.
func (o *writer) close() {
	if o.conn == nil {
		return
	}
	if !o.release() {
		<-o.released
	}
	_ = o.conn.SetWriteDeadline(time.Now().Add(endTime))
	_, _ = o.conn.Write([]byte("0\r\n\r\n")) // who is gone needs no end
	_ = o.conn.Close()
	o.reading.Wait()
}
