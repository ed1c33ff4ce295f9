package hop_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/edge/hop"
)

// backend is a server that says, byte by byte, what a test wants: script answers the n-th request of a connection and closes it when it returns false.
type backend struct {
	addr  string
	conns chan net.Conn // each connection that was made
	ended chan struct{} // one for each connection that is done

	mu    sync.Mutex
	asked []string // "METHOD path"
}

func serve(t *testing.T, script func(c net.Conn, n int, r *http.Request) bool) *backend {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &backend{addr: l.Addr().String(), conns: make(chan net.Conn, 1000), ended: make(chan struct{}, 1000)}
	var group sync.WaitGroup
	var open sync.Map
	t.Cleanup(func() {
		l.Close()
		open.Range(func(c, _ any) bool { c.(net.Conn).Close(); return true })
		group.Wait()
	})
	group.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			open.Store(c, nil)
			b.conns <- c
			group.Go(func() {
				defer func() { c.Close(); b.ended <- struct{}{} }()
				in := bufio.NewReader(c)
				for n := 0; ; n++ {
					r, err := http.ReadRequest(in)
					if err != nil {
						return
					}
					b.mu.Lock()
					b.asked = append(b.asked, r.Method+" "+r.URL.Path)
					b.mu.Unlock()
					if _, err := io.Copy(io.Discard, r.Body); err != nil || !script(c, n, r) {
						return
					}
				}
			})
		}
	})
	return b
}

// say is a script that always gives the same answer, and keeps the connection.
func say(answer string) func(net.Conn, int, *http.Request) bool {
	return func(c net.Conn, _ int, _ *http.Request) bool {
		_, err := io.WriteString(c, answer)
		return err == nil
	}
}

func (b *backend) made() int { return len(b.conns) }

func (b *backend) requests() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Join(b.asked, ", ")
}

// pool asks the backend until the test ends. Requests that are not its own business fail.
func pool(t *testing.T, b *backend, change func(*hop.Options)) *hop.Pool {
	t.Helper()
	opts := &hop.Options{Dialer: net.Dialer{Timeout: 5 * time.Second}, MaxIdle: 10, IdleSweeps: 2, Rest: rest{}}
	if change != nil {
		change(opts)
	}
	p := hop.New(b.addr, opts)
	t.Cleanup(p.Close)
	return p
}

var errRest = errors.New("not the pool's business")

type rest struct{}

func (rest) RoundTrip(r *http.Request) (*http.Response, error) {
	return nil, errors.Join(errRest, errors.New(r.URL.Host))
}

func request(ctx context.Context, t *testing.T, method, path string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, method, "http://backend"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "shop.example"
	return r
}

// get asks and reads the whole answer.
func get(t *testing.T, via http.RoundTripper, path string) (status int, body string, err error) {
	t.Helper()
	res, err := via.RoundTrip(request(t.Context(), t, http.MethodGet, path))
	if err != nil {
		return 0, "", err
	}
	raw, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	return res.StatusCode, string(raw), err
}
