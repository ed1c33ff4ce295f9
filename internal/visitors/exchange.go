package visitors

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

// request is one thing that a visitor does.
type request struct {
	method string
	path   string
	form   string // of a POST
}

// outcome is what came back. Status 0 is no answer: the request was lost, and err says how. With a status, err says
// how the body was cut.
type outcome struct {
	status  int
	release string
	cookies []string // as in Set-Cookie
	body    []byte   // its first part; valid until the link is used again
	err     error
}

const keptBody = 64 << 10 // bytes of a body that visitors look at

// link is one connection to the shop. It carries one request at a time.
type link struct {
	conn   net.Conn
	in     *bufio.Reader
	out    []byte
	body   bytes.Buffer
	rested time.Time // since when it is idle
}

func newLink(c net.Conn) *link {
	return &link{conn: c, in: bufio.NewReaderSize(c, 8<<10)}
}

// exchange sends a request, once, and reads its answer. The link can be used again if reuse is true.
func (l *link) exchange(o *Options, cookie string, r request) (res outcome, reuse bool) {
	if err := l.conn.SetDeadline(time.Now().Add(o.Timeout)); err != nil {
		return outcome{err: err}, false
	}
	l.out = r.append(l.out[:0], o.Host, cookie)
	_, unsent := l.conn.Write(l.out)
	// A server may answer and close before it has read everything: even then the answer counts.
	answer, err := l.head(r.method)
	if err != nil {
		if unsent != nil {
			err = unsent
		}
		return outcome{err: fmt.Errorf("no answer: %w", err)}, false
	}
	defer answer.Body.Close()
	res = outcome{
		status:  answer.StatusCode,
		release: answer.Header.Get(o.ReleaseHeader),
		cookies: answer.Header["Set-Cookie"],
	}
	l.body.Reset()
	if _, err = io.CopyN(&l.body, answer.Body, keptBody); err == nil {
		_, err = io.Copy(io.Discard, answer.Body)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		res.err = fmt.Errorf("answer %d was cut: %w", res.status, err)
	}
	res.body = l.body.Bytes()
	return res, unsent == nil && res.err == nil && !answer.Close
}

// head reads the head of an answer; those that only announce it (100 to 199) are passed over.
func (l *link) head(method string) (*http.Response, error) {
	for {
		answer, err := http.ReadResponse(l.in, &http.Request{Method: method})
		if err != nil {
			return nil, err
		}
		if answer.StatusCode >= 200 || answer.StatusCode == http.StatusSwitchingProtocols {
			return answer, nil
		}
	}
}

// append writes the request as HTTP/1.1 to the end of b.
func (r request) append(b []byte, host, cookie string) []byte {
	b = append(b, r.method...)
	b = append(b, ' ')
	b = append(b, r.path...)
	b = append(b, " HTTP/1.1\r\nHost: "...)
	b = append(b, host...)
	b = append(b, "\r\nUser-Agent: slipway-visitors\r\nAccept: */*"...)
	if cookie != "" {
		b = append(b, "\r\nCookie: "...)
		b = append(b, cookie...)
	}
	if r.method == http.MethodPost {
		b = append(b, "\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: "...)
		b = strconv.AppendInt(b, int64(len(r.form)), 10)
	}
	b = append(b, "\r\n\r\n"...)
	return append(b, r.form...)
}
