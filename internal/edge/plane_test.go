package edge_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/edge"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/wire"
)

// plane is a small server that speaks the edge's side of the wire.
type plane struct {
	*httptest.Server
	t *testing.T

	mu      sync.Mutex
	snap    wire.Snapshot
	changed chan struct{} // closed and renewed whenever anything changes
	applied int64
	seconds map[string]event.EdgeSecond
	posts   int
	beats   int
	// answer decides on the n-th post whether it is stored and what is answered; nil stores all and says 204.
	answer func(n int) (store bool, status int)
	ended  map[*edge.Edge]chan struct{} // closed when Run has returned
}

func newPlane(t *testing.T) *plane {
	p := &plane{t: t, changed: make(chan struct{}), seconds: map[string]event.EdgeSecond{}, ended: map[*edge.Edge]chan struct{}{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /edge/v1/snapshot", p.snapshot)
	mux.HandleFunc("POST /edge/v1/seconds", p.post)
	mux.HandleFunc("POST /agent/v1/beat", p.beat)
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	return p
}

func (p *plane) tell() {
	close(p.changed)
	p.changed = make(chan struct{})
}

func (p *plane) snapshot(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer secret" || r.Header.Get(wire.HeaderVersion) != "1" {
		http.Error(w, "who are you?", http.StatusUnauthorized)
		return
	}
	after, _ := strconv.ParseInt(r.URL.Query().Get("after"), 10, 64)
	applied, _ := strconv.ParseInt(r.URL.Query().Get("applied"), 10, 64)
	p.mu.Lock()
	if applied > p.applied {
		p.applied = applied
		p.tell()
	}
	for p.snap.Generation == after {
		changed := p.changed
		p.mu.Unlock()
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		}
		p.mu.Lock()
	}
	snap := p.snap
	p.mu.Unlock()
	_ = json.NewEncoder(w).Encode(snap)
}

func (p *plane) beat(w http.ResponseWriter, r *http.Request) {
	var b wire.Beat
	if err := json.NewDecoder(r.Body).Decode(&b); err != nil || r.Header.Get("Authorization") != "Bearer secret" {
		http.Error(w, "a beat of somebody", http.StatusBadRequest)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.beats++
	p.tell()
	w.WriteHeader(http.StatusNoContent)
}

func (p *plane) post(w http.ResponseWriter, r *http.Request) {
	var seconds []event.EdgeSecond
	if err := json.NewDecoder(r.Body).Decode(&seconds); err != nil {
		p.t.Errorf("a post that cannot be read: %v", err)
		http.Error(w, "no JSON", http.StatusBadRequest)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	store, status := true, http.StatusNoContent
	if p.posts++; p.answer != nil {
		store, status = p.answer(p.posts)
	}
	if store {
		for _, s := range seconds {
			p.seconds[s.Key()] = s
		}
		p.tell()
	}
	w.WriteHeader(status)
}

// set gives the edges new routes and returns the generation.
func (p *plane) set(routes ...wire.Route) int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.snap = wire.Snapshot{Generation: p.snap.Generation + 1, Routes: routes}
	p.tell()
	return p.snap.Generation
}

// apply is set, and waits until the edge splits so.
func (p *plane) apply(routes ...wire.Route) {
	p.t.Helper()
	gen := p.set(routes...)
	p.await("the snapshot in force", func() bool { return p.applied >= gen })
}

// await waits until the condition holds; it is asked under the lock whenever something came in.
func (p *plane) await(what string, holds func() bool) {
	p.t.Helper()
	deadline := time.After(30 * time.Second)
	for {
		p.mu.Lock()
		ok, changed := holds(), p.changed
		p.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-time.After(5 * time.Millisecond): // some conditions change without a word to the plane
		case <-deadline:
			p.t.Fatalf("waited in vain for %s; counted so far: %+v", what, p.totals())
		}
	}
}

// totals sums what was counted, by release.
func (p *plane) totals() map[string]event.Counts {
	sums := map[string]event.Counts{}
	for _, s := range p.seconds {
		for _, r := range s.Routes {
			for _, h := range r.Hosts {
				c := sums[h.Release]
				c.Add(h.Counts)
				sums[h.Release] = c
			}
		}
	}
	return sums
}

func (p *plane) requests() int64 {
	var n int64
	for _, c := range p.totals() {
		n += c.Requests
	}
	return n
}

// start runs an edge for the plane until the test ends, or the returned function is called.
func (p *plane) start(change func(*edge.Options)) (*edge.Edge, func()) {
	p.t.Helper()
	opts := edge.Options{
		ID: "agt_edge", Listen: "127.0.0.1:0", Server: p.URL, Credential: "secret", Dir: p.t.TempDir(), Version: "1",
		Logger: slog.New(slog.NewTextHandler(p.t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})), StopTime: 5 * time.Second,
	}
	if change != nil {
		change(&opts)
	}
	e, err := edge.New(opts)
	if err != nil {
		p.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	ended := make(chan struct{})
	p.ended[e] = ended
	go func() {
		defer close(ended)
		done <- e.Run(ctx)
	}()
	select {
	case <-e.Ready():
	case err := <-done:
		p.t.Fatalf("the edge did not start: %v", err)
	}
	stop := sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			p.t.Errorf("the edge ended with %v", err)
		}
	})
	p.t.Cleanup(stop)
	return e, stop
}

// backend is a release on a host.
func backend(t *testing.T, release, host string, h http.HandlerFunc) (wire.Backend, *httptest.Server) {
	t.Helper()
	if h == nil {
		h = func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte(release)) }
	}
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return wire.Backend{Release: release, Host: host, Addr: s.Listener.Addr().String()}, s
}

// route is the shop's environment with old and new.
func route(share float64, backends ...wire.Backend) wire.Route {
	return wire.Route{
		App: "shop", Env: "production", Traffic: "trf_" + strconv.FormatFloat(share, 'g', -1, 64), Rollout: "rol_1",
		Split:    event.Split{Mode: "visitors", Old: "old", New: "new", Share: share, Salt: "rol_1", Slow: []float64{50, 300, 1000}},
		Backends: backends,
	}
}

// visitor is a client with a cookie, and connections of its own.
func get(t *testing.T, url, visitor string) (release, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if visitor != "" {
		req.Header.Set("Cookie", "other=1; "+wire.CookieVisitor+"="+visitor)
	}
	res, raw := do(t, http.DefaultClient, req)
	return res.Header.Get(wire.HeaderRelease), raw
}

// edgeOptions are edge.Options; the tests change them.
type edgeOptions = edge.Options

// flag is a counter that tests read while others write.
type flag = atomic.Int64
