package edge_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/slipwayhq/slipway/internal/edge"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/wire"
)

// gone is an address where nobody listens.
func gone(t *testing.T, release, host string) wire.Backend {
	t.Helper()
	b, s := backend(t, release, host, nil)
	s.Close()
	return b
}

func post(t *testing.T, url, visitor string) (*http.Response, string) {
	t.Helper()
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader("content"))
	req.Header.Set("Cookie", wire.CookieVisitor+"="+visitor)
	return do(t, http.DefaultClient, req)
}

// A backend that is gone refuses connections: the request, with its body, goes to another of the release, and nobody notices.
func TestABackendThatIsGoneCostsNoRequest(t *testing.T) {
	p := newPlane(t)
	alive, _ := backend(t, "old", "h1", echo)
	e, stop := p.start(nil)
	p.apply(route(0, gone(t, "old", "h2"), alive, gone(t, "old", "h3")))
	for i := range 50 {
		if res, body := post(t, "http://"+e.Addr()+"/", visitorID(i)); res.StatusCode != http.StatusOK || body != "content" {
			t.Fatalf("request %d: %s %q", i, res.Status, body)
		}
	}
	p.await("the checks to find out", func() bool {
		healthy := 0
		for _, b := range e.Status().Routes[0].Backends {
			if b.Healthy {
				healthy++
			}
		}
		return healthy == 1
	})
	stop()
	if sum := sumOf(p); sum.Requests != 50 || sum.Errors != 0 {
		t.Errorf("counted %+v", sum)
	}
}

// A release without a living backend is helped out by the other one, and pays for it in the counts.
func TestTheOtherReleaseHelpsOutAtTheFirstOnesExpense(t *testing.T) {
	p := newPlane(t)
	o, _ := backend(t, "old", "h1", echo)
	for name, dead := range map[string][]wire.Backend{"gone": {gone(t, "new", "h1")}, "never there": nil} {
		e, stop := p.start(nil)
		before := sumOf(p)
		p.apply(route(1, append(dead, o)...))
		for i := range 10 {
			if res, body := post(t, "http://"+e.Addr()+"/", visitorID(i)); body != "content" || res.Header.Get(wire.HeaderRelease) != "old" {
				t.Fatalf("%s: %s from %q", name, res.Status, res.Header.Get(wire.HeaderRelease))
			}
		}
		stop()
		if sum := sumOf(p); sum.Requests-before.Requests != 10 || sum.Errors-before.Errors != 10 {
			t.Errorf("%s: counted %+v", name, sum)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if c := p.totals()["old"]; c.Requests != 0 {
		t.Errorf("the helper's cells: %+v", c)
	}
}

func TestWithoutAnyBackendTheVisitorGetsAPage(t *testing.T) {
	p := newPlane(t)
	e, stop := p.start(nil)
	p.apply(route(0.5, gone(t, "old", "h1"), gone(t, "new", "h1")))
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+e.Addr()+"/", nil)
	req.Header.Set("Accept", "text/html,*/*")
	res, body := do(t, http.DefaultClient, req)
	if res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "" || !strings.Contains(body, "<h1>Back in a moment</h1>") ||
		res.Header.Get("Content-Type") != "text/html; charset=utf-8" || res.Header.Get(wire.HeaderRelease) == "" {
		t.Errorf("%s %v\n%s", res.Status, res.Header, body)
	}
	if res, body := post(t, "http://"+e.Addr()+"/", visitorID(1)); res.StatusCode != http.StatusServiceUnavailable || strings.Contains(body, "<") {
		t.Errorf("%s %q", res.Status, body)
	}
	stop()
	if sum := sumOf(p); sum.Requests != 2 || sum.Errors != 2 {
		t.Errorf("counted %+v", sum)
	}
}

// What a release does wrong after it has the request is not tried again: it might be done twice.
func TestBrokenAnswersAreErrorsAndNotRepeated(t *testing.T) {
	p := newPlane(t)
	var asked flag
	o, _ := backend(t, "old", "h1", func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		_, _ = io.Copy(io.Discard, r.Body) // without it, net/http does not see that the edge hangs up
		switch r.URL.Path {
		case "/half":
			w.Header().Set("Content-Length", "1000000")
			_, _ = w.Write(make([]byte, 500_000))
			_ = http.NewResponseController(w).Flush()
		case "/hang":
			<-r.Context().Done()
		}
		panic(http.ErrAbortHandler)
	})
	e, stop := p.start(func(o *edgeOptions) { o.HeaderTimeout = 50 * time.Millisecond })
	p.apply(route(0, o))
	if res, _ := post(t, "http://"+e.Addr()+"/cut", visitorID(1)); res.StatusCode != http.StatusBadGateway {
		t.Errorf("cut off before the answer: %s", res.Status)
	}
	if res, _ := post(t, "http://"+e.Addr()+"/hang", visitorID(1)); res.StatusCode != http.StatusGatewayTimeout {
		t.Errorf("no answer in time: %s", res.Status)
	}
	res, err := http.Get("http://" + e.Addr() + "/half")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(res.Body); err == nil {
		t.Error("half an answer arrived as a whole one")
	}
	_ = res.Body.Close()
	stop()
	if sum := sumOf(p); asked.Load() != 3 || sum.Requests != 3 || sum.Errors != 3 {
		t.Errorf("asked %d times, counted %+v", asked.Load(), sum)
	}
}

func TestABackendThatFailsItsChecksGetsNoRequests(t *testing.T) {
	t.Parallel()
	p := newPlane(t)
	var sick flag
	h := func(name string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/healthz" && name == "h1" && sick.Load() == 1 {
				w.WriteHeader(http.StatusInternalServerError)
			}
			_, _ = w.Write([]byte(name))
		}
	}
	a, _ := backend(t, "old", "h1", h("h1"))
	b, _ := backend(t, "old", "h2", h("h2"))
	e, _ := p.start(nil)
	r := route(0, a, b)
	r.Health = "/healthz"
	p.apply(r)
	healthy := func() bool { return e.Status().Routes[0].Backends[0].Healthy }
	sick.Store(1)
	p.await("the check to fail", func() bool { return !healthy() })
	for i := range 30 {
		if _, body := get(t, "http://"+e.Addr()+"/", visitorID(i)); body != "h2" {
			t.Fatalf("%s answered", body)
		}
	}
	sick.Store(0)
	p.await("the check to pass", healthy)
}

// A backend that leaves the snapshot finishes what it has.
func TestABackendThatLeavesFinishesItsRequests(t *testing.T) {
	p := newPlane(t)
	arrived, finish := make(chan bool), make(chan bool)
	o, _ := backend(t, "old", "h1", func(w http.ResponseWriter, _ *http.Request) {
		arrived <- true
		<-finish
		_, _ = w.Write([]byte("finished"))
	})
	n, _ := backend(t, "new", "h1", nil)
	e, _ := p.start(nil)
	p.apply(route(0, o, n))
	answer := make(chan string)
	go func() {
		_, body := get(t, "http://"+e.Addr()+"/", visitorID(1))
		answer <- body
	}()
	<-arrived
	p.apply(route(1, n))
	if _, body := get(t, "http://"+e.Addr()+"/", visitorID(1)); body != "new" {
		t.Errorf("after the switch: %q", body)
	}
	close(finish)
	if body := <-answer; body != "finished" {
		t.Errorf("the one under way: %q", body)
	}
}

// A snapshot that cannot be meant changes nothing.
func TestABrokenSnapshotIsRefused(t *testing.T) {
	p := newPlane(t)
	o, _ := backend(t, "old", "h1", nil)
	e, _ := p.start(nil)
	p.apply(route(0, o))
	broken := route(2, o)
	p.set(broken)
	twice := route(0, o)
	p.set(twice, twice)
	for range 20 {
		if release, _ := get(t, "http://"+e.Addr()+"/", visitorID(1)); release != "old" {
			t.Fatalf("%q answered", release)
		}
	}
	p.apply(route(0, o))
	if e.Status().Generation != 4 {
		t.Errorf("generation %d", e.Status().Generation)
	}
}

func TestStartingAndStopping(t *testing.T) {
	p := newPlane(t)
	http.DefaultClient.CloseIdleConnections()
	before := goleak.IgnoreCurrent()
	dir := filepath.Join(t.TempDir(), strings.Repeat("long", 30)) // longer than a socket's address
	for range 5 {
		e, stop := p.start(func(o *edgeOptions) { o.Dir = dir })
		addr := e.Addr()
		if s, err := edge.Alive(dir); err != nil || s.Listen != addr || s.ID != "agt_edge" {
			t.Fatalf("%+v, %v", s, err)
		}
		stop()
		if _, err := net.Dial("tcp", addr); err == nil {
			t.Fatal("it still listens")
		}
		if _, err := edge.Alive(dir); err == nil {
			t.Fatal("it still answers")
		}
	}
	p.CloseClientConnections()
	if err := goleak.Find(before, goleak.IgnoreAnyFunction("net/http.(*conn).serve")); err != nil {
		t.Errorf("an edge that ended left something running: %v", err)
	}
	taken := httptest.NewServer(nil)
	defer taken.Close()
	e, err := edge.New(edge.Options{ID: "a", Dir: t.TempDir(), Listen: taken.Listener.Addr().String(), Server: p.URL})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Run(context.Background()); !fault.Is(err, fault.CodeConflict) || !strings.Contains(err.Error(), taken.Listener.Addr().String()+": another program does; end it") {
		t.Errorf("on a taken port: %v", err)
	}
	e, err = edge.New(edge.Options{ID: "a", Dir: t.TempDir(), Listen: "192.0.2.1:80", Server: p.URL})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Run(context.Background()); err == nil || !strings.Contains(err.Error(), "192.0.2.1:80: this machine has no such address") {
		t.Errorf("at another machine's address: %v", err)
	}
	for _, o := range []edge.Options{{}, {ID: "a"}, {ID: "a", Dir: dir, Listen: "80"}, {ID: "a", Dir: dir, Listen: ":80", Server: "example.com"}} {
		if _, err := edge.New(o); !fault.Is(err, fault.CodeInvalid) {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

// Requests of people who speak no HTTP get an answer of net/http, and break nothing.
func TestGarbageBreaksNothing(t *testing.T) {
	p := newPlane(t)
	o, _ := backend(t, "old", "h1", nil)
	e, _ := p.start(nil)
	p.apply(route(0, o))
	for _, raw := range []string{
		"\x16\x03\x01\x02\x00", "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/9.9\r\nHost: x\r\n\r\n", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", strings.Repeat("A", 1<<16),
		"GET / HTTP/1.1\r\nHost: x\r\nCookie: slipway_visitor\r\nConnection: close\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: x\r\nCookie: ;;=; slipway_visitor=" + strings.Repeat("G", 32) + "\r\nConnection: close\r\n\r\n",
		fmt.Sprintf("GET / HTTP/1.1\r\nHost: x\r\nX: %s\r\n\r\n", bytes.Repeat([]byte("x"), 2<<20)),
	} {
		c, err := net.Dial("tcp", e.Addr())
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(c, raw)
		_ = c.(*net.TCPConn).CloseWrite()
		_, _ = io.Copy(io.Discard, c)
		_ = c.Close()
	}
	if release, _ := get(t, "http://"+e.Addr()+"/", visitorID(1)); release != "old" {
		t.Errorf("%q answers", release)
	}
}
