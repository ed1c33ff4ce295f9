package hop_test

import (
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

func TestConnectionsServeAgain(t *testing.T) {
	b := serve(t, say("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody"))
	p := pool(t, b, nil)
	for range 20 {
		if status, body, err := get(t, p, "/"); status != 200 || body != "body" || err != nil {
			t.Fatal(status, body, err)
		}
	}
	if b.made() != 1 {
		t.Errorf("%d connections", b.made())
	}
}

// A connection whose answer does not end where it says, or that nobody read to its end, serves nobody else.
func TestConnectionsThatMightMixUpAnswersServeNoMore(t *testing.T) {
	for name, answer := range map[string]string{ // each kept open by the backend
		"more than it said":   "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbodyHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged",
		"a body with a HEAD":  "HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged",
		"the last one":        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbody",
		"another protocol":    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n",
		"an old one's answer": "HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\nbody",
	} {
		b := serve(t, say(answer))
		p := pool(t, b, nil)
		for range 3 {
			if _, body, err := get(t, p, "/"); err != nil || body == "forged" {
				t.Errorf("%s: %q, %v", name, body, err)
			}
		}
		if b.made() != 3 {
			t.Errorf("%s: %d connections", name, b.made())
		}
	}
	b := serve(t, say("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"+strings.Repeat("x", 100_000)))
	p := pool(t, b, nil)
	for range 3 {
		res, err := p.RoundTrip(request(t.Context(), t, http.MethodGet, "/"))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.ReadFull(res.Body, make([]byte, 10))
		_ = res.Body.Close()
		if _, err := res.Body.Read(make([]byte, 1)); !errors.Is(err, http.ErrBodyReadAfterClose) {
			t.Error("an answer that was given up can be read")
		}
	}
	if b.made() != 3 {
		t.Errorf("answers that were given up: %d connections", b.made())
	}
}

// What a backend says on a connection that nobody asked on is the answer to nothing.
func TestWhatComesUnaskedIsNoAnswer(t *testing.T) {
	late := make(chan struct{})
	b := serve(t, func(c net.Conn, _ int, r *http.Request) bool {
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody")
		if r.URL.Path == "/first" {
			_, _ = io.WriteString(c, "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
			close(late)
		}
		return true
	})
	p := pool(t, b, nil)
	if status, _, err := get(t, p, "/first"); status != 200 || err != nil {
		t.Fatal(status, err)
	}
	<-late
	if status, body, err := get(t, p, "/second"); status != 200 || body != "body" || err != nil {
		t.Errorf("%d %q, %v", status, body, err)
	}
}

// A backend may close what is unused at any time. The next request takes another connection; only what it may have begun to answer, or a first try, is not repeated.
func TestWhoIsAskedAgain(t *testing.T) {
	b := serve(t, func(c net.Conn, n int, r *http.Request) bool {
		if n > 0 && r.URL.Path == "/closes" {
			return false // it has the request, and ends
		}
		if n > 0 && r.URL.Path == "/breaks" {
			_, _ = io.WriteString(c, "HT")
			return false
		}
		if r.URL.Path == "/never" {
			return false
		}
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody")
		return r.URL.Path != "/goes"
	})
	p := pool(t, b, nil)
	for _, path := range []string{"/goes", "/", "/closes"} {
		if _, _, err := get(t, p, path); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		if path == "/goes" {
			<-b.ended // the connection is closed while it is unused
		}
	}
	if _, _, err := get(t, p, "/breaks"); err == nil {
		t.Error("half an answer was taken for a whole one, or asked for again")
	}
	if _, _, err := get(t, p, "/never"); err == nil {
		t.Error("no answer was taken for one")
	}
	if got := b.requests(); got != "GET /goes, GET /, GET /closes, GET /closes, GET /breaks, GET /never" {
		t.Errorf("asked: %s", got)
	}
}

// However many connections are at hand, a request that a backend hangs up on is not tried on all of them.
func TestARequestIsSentTwiceAtMost(t *testing.T) {
	var arrived sync.WaitGroup
	arrived.Add(5)
	b := serve(t, func(c net.Conn, _ int, r *http.Request) bool {
		if r.URL.Path == "/hangs-up" {
			return false
		}
		arrived.Done()
		arrived.Wait() // all at once
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody")
		return true
	})
	p := pool(t, b, nil)
	var group sync.WaitGroup
	for range 5 {
		group.Go(func() {
			if _, _, err := get(t, p, "/"); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if _, _, err := get(t, p, "/hangs-up"); err == nil {
		t.Error("no answer was taken for one")
	}
	if n := strings.Count(b.requests(), "/hangs-up"); n != 2 {
		t.Errorf("sent %d times", n)
	}
}

func TestAVisitorWhoLeavesEndsTheAsking(t *testing.T) {
	arrived, gone := make(chan struct{}, 2), make(chan struct{}, 2)
	b := serve(t, func(c net.Conn, _ int, r *http.Request) bool {
		if r.URL.Path == "/body" {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n")
		}
		arrived <- struct{}{}
		_, err := c.Read(make([]byte, 1)) // until the other side closes
		if err != nil {
			gone <- struct{}{}
		}
		return false
	})
	p := pool(t, b, nil)
	for _, path := range []string{"/header", "/body"} {
		ctx, leave := context.WithCancel(t.Context())
		go func() { <-arrived; leave() }()
		res, err := p.RoundTrip(request(ctx, t, http.MethodGet, path))
		if err == nil {
			_, err = io.ReadAll(res.Body)
			_ = res.Body.Close()
		}
		if err == nil {
			t.Errorf("%s: an answer", path)
		}
		if path == "/header" && !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", path, err)
		}
		<-gone
	}
	ctx, leave := context.WithCancel(t.Context())
	leave()
	if _, err := p.RoundTrip(request(ctx, t, http.MethodGet, "/")); !errors.Is(err, context.Canceled) {
		t.Errorf("who has left already: %v", err)
	}
}

// The header has its time; the body may take longer.
func TestTheTimeIsTheHeaders(t *testing.T) {
	const limit = 50 * time.Millisecond
	b := serve(t, func(c net.Conn, _ int, r *http.Request) bool {
		if r.URL.Path == "/hangs" {
			_, _ = c.Read(make([]byte, 1))
			return false
		}
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
		for range 3 {
			time.Sleep(limit) // longer than the limit, all together
			_, _ = io.WriteString(c, "1\r\nx\r\n")
		}
		_, _ = io.WriteString(c, "0\r\n\r\n")
		return true
	})
	p := pool(t, b, func(o *hop.Options) { o.HeaderTimeout = limit })
	for range 2 {
		if _, body, err := get(t, p, "/streams"); body != "xxx" || err != nil {
			t.Errorf("%q, %v", body, err)
		}
	}
	_, _, err := get(t, p, "/hangs")
	var timeout net.Error
	if !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("no answer in time: %v", err)
	}
	if b.made() != 1 || b.requests() != "GET /streams, GET /streams, GET /hangs" {
		t.Errorf("%d connections, asked %s", b.made(), b.requests())
	}
}

func TestTheRestGoesTheOtherWay(t *testing.T) {
	b := serve(t, say("HTTP/1.1 204 No Content\r\n\r\n"))
	p := pool(t, b, nil)
	post := request(t.Context(), t, http.MethodPost, "/")
	body := request(t.Context(), t, http.MethodGet, "/")
	body.Body = io.NopCloser(strings.NewReader("x"))
	socket := request(t.Context(), t, http.MethodGet, "/")
	socket.Header.Set("Upgrade", "websocket")
	expects := request(t.Context(), t, http.MethodGet, "/")
	expects.Header.Set("Expect", "100-continue")
	trailer := request(t.Context(), t, http.MethodGet, "/")
	trailer.Trailer = http.Header{"X": nil}
	for _, r := range []*http.Request{post, body, socket, expects, trailer} {
		if _, err := p.RoundTrip(r); !errors.Is(err, errRest) || r.URL.Host != b.addr {
			t.Errorf("%s %v: %v", r.Method, r.Header, err)
		}
	}
	l, _ := net.Listen("tcp", "127.0.0.1:0")
	l.Close()
	_, err := hop.New(l.Addr().String(), &hop.Options{Rest: rest{}}).RoundTrip(request(t.Context(), t, http.MethodGet, "/"))
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "dial" {
		t.Errorf("nobody listens: %v", err)
	}
}

// Unused connections are closed in time, and when the backend leaves; one that is in use is not.
func TestUnusedConnectionsEnd(t *testing.T) {
	hold := make(chan struct{})
	b := serve(t, func(c net.Conn, _ int, r *http.Request) bool {
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n")
		if r.URL.Path == "/hold" {
			<-hold
		}
		_, _ = io.WriteString(c, "body")
		return r.URL.Path != "/goes"
	})
	p := pool(t, b, nil) // outlives two sweeps
	for i := range 3 {
		if _, _, err := get(t, p, "/"); err != nil || b.made() != 1 {
			t.Fatalf("sweep %d: %d connections, %v", i, b.made(), err)
		}
		p.Sweep()
	}
	p.Sweep()
	p.Sweep()
	<-b.ended // that was one too many
	if _, _, err := get(t, p, "/goes"); err != nil || b.made() != 2 {
		t.Fatalf("%d connections, %v", b.made(), err)
	}
	<-b.ended
	res, err := p.RoundTrip(request(t.Context(), t, http.MethodGet, "/hold"))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := get(t, p, "/"); err != nil || b.made() != 4 {
		t.Fatalf("%d connections, %v", b.made(), err)
	}
	p.Close()
	<-b.ended // the unused one
	close(hold)
	if body, err := io.ReadAll(res.Body); string(body) != "body" || err != nil {
		t.Errorf("the one in use: %q, %v", body, err)
	}
	<-b.ended
	if _, _, err := get(t, p, "/"); err != nil { // a request that comes late
		t.Error(err)
	}
	<-b.ended
}

func TestNoMoreAreKeptThanMayBe(t *testing.T) {
	var arrived sync.WaitGroup
	arrived.Add(6)
	b := serve(t, func(c net.Conn, _ int, _ *http.Request) bool {
		arrived.Done()
		arrived.Wait() // all at once
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody")
		return true
	})
	p := pool(t, b, func(o *hop.Options) { o.MaxIdle = 2 })
	var group sync.WaitGroup
	for range 6 {
		group.Go(func() {
			if _, body, err := get(t, p, "/"); body != "body" || err != nil {
				t.Error(body, err)
			}
		})
	}
	group.Wait()
	for range 4 {
		<-b.ended
	}
	p.Close()
	<-b.ended
	<-b.ended
}

// Under many visitors, some of whom leave, with a backend that hangs up now and then, everybody gets the answer to the own question.
func TestEverybodyGetsTheOwnAnswer(t *testing.T) {
	b := serve(t, func(c net.Conn, n int, r *http.Request) bool {
		text := r.URL.Path
		_, err := io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
		for _, part := range []string{text[:1], text[1:]} {
			if err == nil {
				_, err = io.WriteString(c, "000"+string("0123456789abcdef"[len(part)])+"\r\n"+part+"\r\n")
			}
		}
		_, _ = io.WriteString(c, "0\r\n\r\n")
		return err == nil && n%7 != 6
	})
	p := pool(t, b, func(o *hop.Options) { o.HeaderTimeout = time.Minute })
	var group sync.WaitGroup
	stop := make(chan struct{})
	sweeper := make(chan struct{})
	go func() {
		defer close(sweeper)
		for {
			select {
			case <-stop:
				return
			default:
				p.Sweep()
			}
		}
	}()
	for v := range 8 {
		group.Go(func() {
			for i := range 150 {
				path := "/" + string(rune('a'+v)) + strings.Repeat("x", i%7)
				ctx, leave := context.WithCancel(t.Context())
				if i%11 == 0 {
					go leave()
				}
				res, err := p.RoundTrip(request(ctx, t, http.MethodGet, path))
				var body []byte
				if err == nil {
					body, err = io.ReadAll(res.Body)
					_ = res.Body.Close()
				}
				if i%11 != 0 && (err != nil || string(body) != path) || i%11 == 0 && err == nil && string(body) != path {
					t.Errorf("%s: %q, %v", path, body, err)
				}
				leave()
			}
		})
	}
	group.Wait()
	close(stop)
	<-sweeper
}
