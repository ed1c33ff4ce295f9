package hop_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"testing"
)

// Whatever a backend answers, the pool gives what http.Transport gives.
func TestAnswersAreThoseOfTheLibrary(t *testing.T) {
	long := strings.Repeat("x", 100_000)
	for name, answer := range map[string]string{
		"length":              "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nX-A: 1\r\nX-A: 2\r\n\r\nbody",
		"empty":               "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
		"no content":          "HTTP/1.1 204 No Content\r\n\r\n",
		"not modified":        "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n",
		"chunked":             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n2;x=y\r\n!!\r\n0\r\n\r\n",
		"trailers":            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n4\r\nbody\r\n0\r\nX-Sum: 42\r\n\r\n",
		"until the end":       "HTTP/1.1 200 OK\r\n\r\nbody",
		"old":                 "HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\nbody",
		"old, kept":           "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 4\r\n\r\nbody",
		"last one":            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbody",
		"long":                "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + long,
		"too short":           "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nbody",
		"half a chunk":        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nbody",
		"broken chunk":        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nbody\r\n",
		"hints before":        "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody",
		"hints, then nothing": "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n",
		"error":               "HTTP/1.1 500 Oh\r\nContent-Length: 4\r\n\r\noops",
		"nothing":             "",
		"half a line":         "HTTP/1.1 20",
		"half a header":       "HTTP/1.1 200 OK\r\nContent-Le",
		"garbage":             "SSH-2.0-OpenSSH_9.2\r\n",
		"broken header":       "HTTP/1.1 200 OK\r\n: x\r\n\r\n",
		"two lengths":         "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nbody!",
		"no length":           "HTTP/1.1 200 OK\r\nContent-Length: four\r\n\r\nbody",
		"length and chunks":   "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
		"another protocol":    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n",
		"endless header":      "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 11<<20) + "\r\n\r\n",
	} {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			b := serve(t, func(c net.Conn, n int, r *http.Request) bool { say(answer)(c, n, r); return false })
			library := &http.Transport{DisableCompression: true, DisableKeepAlives: true} // it logs what is left over otherwise
			t.Cleanup(library.CloseIdleConnections)
			ask := func(via http.RoundTripper) (res *http.Response, body string, hints []string, err error) {
				ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
					hints = append(hints, http.StatusText(code)+h.Get("Link"))
					return nil
				}})
				req := request(ctx, t, method, "/")
				req.URL.Host = b.addr
				if res, err = via.RoundTrip(req); err != nil {
					return nil, "", hints, err
				}
				raw, err := io.ReadAll(res.Body)
				_ = res.Body.Close()
				return res, string(raw), hints, err
			}
			want, wantBody, wantHints, wantErr := ask(library)
			got, gotBody, gotHints, gotErr := ask(pool(t, b, nil))
			if (wantErr == nil) != (gotErr == nil) || (want == nil) != (got == nil) || wantBody != gotBody || strings.Join(wantHints, ",") != strings.Join(gotHints, ",") {
				t.Fatalf("%s %s: %v %q %v, the library %v %q %v", method, name, gotErr, gotBody, gotHints, wantErr, wantBody, wantHints)
			}
			if want == nil {
				continue
			}
			if want.StatusCode != got.StatusCode || want.ContentLength != got.ContentLength || want.Close != got.Close || want.Proto != got.Proto ||
				!same(want.Header, got.Header) || !same(want.Trailer, got.Trailer) {
				t.Errorf("%s %s: %+v, the library %+v", method, name, got, want)
			}
		}
	}
}

func same(a, b http.Header) bool {
	if len(a) != len(b) {
		return false
	}
	for k, v := range a {
		if strings.Join(v, "\n") != strings.Join(b[k], "\n") {
			return false
		}
	}
	return true
}

// What arrives at the backend is what http.Transport would send.
func TestRequestsAreThoseOfTheLibrary(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	sent := make(chan string)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			buf := make([]byte, 4096)
			n, _ := c.Read(buf)
			_, _ = io.WriteString(c, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
			c.Close()
			sent <- string(buf[:n])
		}
	}()
	ask := func(via http.RoundTripper) string {
		req := request(t.Context(), t, http.MethodGet, "/a%2Fb?x=1;y")
		req.URL.Host = l.Addr().String()
		req.Header = http.Header{"X-B": {"1", "2"}, "Accept": {"*/*"}, "User-Agent": {""}, "Te": {"trailers"}, "Cookie": {"a=b"}}
		res, err := via.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		return <-sent
	}
	library := ask(&http.Transport{DisableCompression: true})
	if got := ask(pool(t, &backend{addr: l.Addr().String()}, nil)); got != library || !strings.HasPrefix(got, "GET /a%2Fb?x=1;y HTTP/1.1\r\nHost: shop.example\r\n") {
		t.Errorf("sent %q, the library %q", got, library)
	}
}
