package edge_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/slipwayhq/slipway/internal/wire"
)

// upgrade opens a line protocol through the edge, as a websocket would.
func upgrade(t *testing.T, addr string) (net.Conn, *bufio.Reader, *http.Response) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return upgradeOn(t, c)
}

// upgradeOn is upgrade over a connection that is made.
func upgradeOn(t *testing.T, c net.Conn) (net.Conn, *bufio.Reader, *http.Response) {
	t.Helper()
	t.Cleanup(func() { _ = c.Close() })
	_, _ = fmt.Fprintf(c, "GET /ws HTTP/1.1\r\nHost: shop\r\nConnection: Upgrade\r\nUpgrade: lines\r\n\r\n")
	in := bufio.NewReader(c)
	res, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c, in, res
}

// lines answers each line with the release's name and the line.
func lines(release string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		c, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer func() { _ = c.Close() }()
		_, _ = rw.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: lines\r\n\r\n")
		_ = rw.Flush()
		for {
			line, err := rw.ReadString('\n')
			if err != nil {
				return
			}
			_, _ = rw.WriteString(release + " " + line)
			_ = rw.Flush()
		}
	}
}

func TestWebsocketsLiveThroughSwitchesAndRestarts(t *testing.T) {
	p := newPlane(t)
	o, _ := backend(t, "old", "h1", lines("old"))
	n, _ := backend(t, "new", "h1", lines("new"))
	dir := t.TempDir()
	e, stop := p.start(func(opts *edgeOptions) { opts.Dir = dir })
	p.apply(route(0, o, n))
	c, in, res := upgrade(t, e.Addr())
	if res.StatusCode != http.StatusSwitchingProtocols || res.Header.Get(wire.HeaderRelease) != "old" {
		t.Fatalf("upgrade: %s, release %q", res.Status, res.Header.Get(wire.HeaderRelease))
	}
	say := func(text string) {
		t.Helper()
		_, _ = fmt.Fprintln(c, text)
		if line, err := in.ReadString('\n'); line != "old "+text+"\n" {
			t.Fatalf("after %q: %q, %v", text, line, err)
		}
	}
	say("before")
	p.apply(route(1, n)) // the old release is not even a backend any more
	say("after the switch")
	next, _ := p.start(func(opts *edgeOptions) { opts.Dir, opts.Listen = dir, e.Addr() })
	say("after the restart")
	if _, _, res := upgrade(t, next.Addr()); res.Header.Get(wire.HeaderRelease) != "new" {
		t.Errorf("a new one goes to %q", res.Header.Get(wire.HeaderRelease))
	}
	_ = c.Close()
	<-p.ended[e]
	stop()
}

func TestStreamsAreFlushedAtOnce(t *testing.T) {
	p := newPlane(t)
	next := make(chan string)
	stream := func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/events" {
			w.Header().Set("Content-Type", "text/event-stream")
		}
		for {
			select {
			case line := <-next:
				_, _ = io.WriteString(w, line+"\n")
				_ = http.NewResponseController(w).Flush()
			case <-r.Context().Done():
				return
			}
		}
	}
	o, _ := backend(t, "old", "h1", stream)
	e, _ := p.start(nil)
	p.apply(route(0, o))
	for _, path := range []string{"/events", "/unknown-length"} {
		go func() { next <- "first" }()
		res, err := http.Get("http://" + e.Addr() + path)
		if err != nil {
			t.Fatal(err)
		}
		in := bufio.NewReader(res.Body)
		for i, line := range []string{"first", "second", "third"} {
			if i > 0 {
				next <- line
			}
			if got, err := in.ReadString('\n'); got != line+"\n" { // the answer goes on: what came was not held back
				t.Fatalf("%s: %q, %v", path, got, err)
			}
		}
		p.apply(route(0, o)) // a switch does not cut it
		next <- "last"
		if got, err := in.ReadString('\n'); got != "last\n" {
			t.Fatalf("%s: %q, %v", path, got, err)
		}
		_ = res.Body.Close()
		p.await("the end of the stream", func() bool { return e.Status().Requests == 0 })
	}
}

// Large bodies go through without being held: 64 MB each way.
func TestLargeBodiesPass(t *testing.T) {
	t.Parallel()
	const size = 64 << 20
	p := newPlane(t)
	o, _ := backend(t, "old", "h1", func(w http.ResponseWriter, r *http.Request) {
		sum := sha256.New()
		_, _ = io.Copy(sum, r.Body)
		_, _ = fmt.Fprintf(w, "%x", sum.Sum(nil))
		_, _ = io.Copy(w, io.LimitReader(rand.NewChaCha8([32]byte{2}), size))
	})
	e, _ := p.start(nil)
	p.apply(route(0, o))
	hash := func(seed byte) string {
		sum := sha256.New()
		_, _ = io.Copy(sum, io.LimitReader(rand.NewChaCha8([32]byte{seed}), size))
		return fmt.Sprintf("%x", sum.Sum(nil))
	}
	res, err := http.Post("http://"+e.Addr()+"/upload", "application/octet-stream", io.LimitReader(rand.NewChaCha8([32]byte{1}), size))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	up := make([]byte, 64)
	_, _ = io.ReadFull(res.Body, up)
	down := sha256.New()
	n, err := io.Copy(down, res.Body)
	if string(up) != hash(1) || fmt.Sprintf("%x", down.Sum(nil)) != hash(2) || n != size || err != nil {
		t.Errorf("up %s, down %d bytes %x, %v", up, n, down.Sum(nil), err)
	}
}

func TestHeadersOfOneHopStayOnIt(t *testing.T) {
	p := newPlane(t)
	var seen http.Header
	var host string
	o, _ := backend(t, "old", "h1", func(w http.ResponseWriter, r *http.Request) {
		seen, host = r.Header.Clone(), r.Host
		w.Header().Set("Keep-Alive", "timeout=5")
		w.Header().Set("Connection", "X-Private")
		w.Header().Set("X-Private", "backend")
		w.Header().Set("Slipway-Release", "forged")
		w.Header().Set("Trailer", "X-Sum")
		_, _ = w.Write([]byte("body"))
		w.Header().Set("X-Sum", "42")
	})
	ask := func(addr string) *http.Response {
		t.Helper()
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addr+"/a%2Fb?x=1;y=%zz", nil)
		req.Host = "shop.example"
		for k, v := range map[string]string{
			"Connection": "X-Hop", "X-Hop": "1", "Te": "trailers", "Proxy-Authorization": "x", "X-Forwarded-For": "203.0.113.9, 10.1.1.1",
			"X-Forwarded-Proto": "https", "X-Forwarded-Host": "front.example", "X-Request-Id": "given",
		} {
			req.Header.Set(k, v)
		}
		res, _ := do(t, http.DefaultClient, req)
		return res
	}
	e, _ := p.start(nil)
	p.apply(route(0, o))
	res := ask(e.Addr())
	want := map[string]string{
		"X-Hop": "", "Proxy-Authorization": "", "Te": "trailers", "X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "http", "X-Forwarded-Host": "shop.example",
	}
	for k, v := range want {
		if seen.Get(k) != v {
			t.Errorf("a stranger's %s arrived as %q, expected %q", k, seen.Get(k), v)
		}
	}
	if id := seen.Get("X-Request-Id"); len(id) != 32 || host != "shop.example" {
		t.Errorf("request id %q, host %q", id, host)
	}
	if res.Header.Get("X-Private") != "" || res.Header.Get("Keep-Alive") != "" || len(res.Header.Values(wire.HeaderRelease)) != 1 ||
		res.Header.Get(wire.HeaderRelease) != "old" || res.Trailer.Get("X-Sum") != "42" {
		t.Errorf("answer: %v, trailer %v", res.Header, res.Trailer)
	}

	e, _ = p.start(func(o *edgeOptions) {
		o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8")}
	})
	p.await("the route", func() bool { return len(e.Status().Routes) == 1 })
	res = ask(e.Addr())
	for k, v := range map[string]string{
		"X-Forwarded-For": "203.0.113.9, 10.1.1.1, 127.0.0.1", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "front.example", "X-Request-Id": "given",
	} {
		if seen.Get(k) != v {
			t.Errorf("a trusted proxy's %s arrived as %q, expected %q", k, seen.Get(k), v)
		}
	}
	if !res.Cookies()[0].Secure {
		t.Error("behind a proxy that speaks TLS the cookie is secure")
	}
}

func TestTheAddressArrivesAsItWasWritten(t *testing.T) {
	p := newPlane(t)
	o, _ := backend(t, "old", "h1", func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte(r.RequestURI)) })
	e, _ := p.start(nil)
	p.apply(route(0, o))
	for _, uri := range []string{"/", "/a%2Fb/../c", "/?x=1;y=%zz&&", "//double", "/caf%C3%A9?q=%20"} {
		c, err := net.Dial("tcp", e.Addr())
		if err != nil {
			t.Fatal(err)
		}
		_, _ = fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", uri)
		raw, _ := io.ReadAll(c)
		_ = c.Close()
		if !bytes.HasSuffix(raw, []byte("\r\n\r\n"+uri)) {
			t.Errorf("%s arrived as %q", uri, raw[bytes.LastIndexByte(raw, '\n')+1:])
		}
	}
}

func TestOddTargetsReachTheBackendAndNobodyElse(t *testing.T) {
	p := newPlane(t)
	o, _ := backend(t, "old", "h1", func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte(r.Method + " " + r.RequestURI)) })
	e, _ := p.start(nil)
	p.apply(route(0, o))
	for line, want := range map[string]string{
		"GET http://elsewhere.example/x HTTP/1.1": "GET /x", "PURGE /x HTTP/1.1": "PURGE /x",
	} {
		c, err := net.Dial("tcp", e.Addr())
		if err != nil {
			t.Fatal(err)
		}
		_, _ = fmt.Fprintf(c, "%s\r\nHost: x\r\nConnection: close\r\n\r\n", line)
		raw, _ := io.ReadAll(c)
		_ = c.Close()
		if !bytes.HasSuffix(raw, []byte("\r\n\r\n"+want)) {
			t.Errorf("%s arrived as %q", line, raw)
		}
	}
}

func TestRequestTrailersPass(t *testing.T) {
	p := newPlane(t)
	o, _ := backend(t, "old", "h1", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = w.Write([]byte(r.Trailer.Get("X-Sum")))
	})
	e, _ := p.start(nil)
	p.apply(route(0, o))
	req, _ := http.NewRequestWithContext(context.Background(), http.MethodPost, "http://"+e.Addr()+"/", io.NopCloser(strings.NewReader("body")))
	req.ContentLength, req.Trailer = -1, http.Header{"X-Sum": {"42"}}
	if _, body := do(t, http.DefaultClient, req); body != "42" {
		t.Errorf("the trailer arrived as %q", body)
	}
}
