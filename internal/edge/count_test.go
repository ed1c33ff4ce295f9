package edge_test

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/edge"
	"github.com/slipwayhq/slipway/internal/event"
)

// sometimes fails for the visitors that bad names, and answers late for the slow ones.
func sometimes(w http.ResponseWriter, r *http.Request) {
	switch {
	case strings.HasPrefix(r.URL.Path, "/bad"):
		http.Error(w, "planted", http.StatusInternalServerError)
	default:
		_, _ = w.Write([]byte("ok"))
	}
}

func TestAVisitorErrsOnceARollout(t *testing.T) {
	t.Parallel()
	p := newPlane(t)
	o, _ := backend(t, "old", "h1", sometimes)
	n, _ := backend(t, "new", "h1", sometimes)
	dir := t.TempDir()
	e, stop := p.start(func(opts *edgeOptions) { opts.Dir = dir })
	p.apply(route(0.5, o, n))
	// 20 visitors: 2 good requests, 3 bad ones at the same time, 4 good ones. Nobody may count as first twice.
	var group sync.WaitGroup
	for i := range 20 {
		group.Go(func() {
			for range 2 {
				get(t, "http://"+e.Addr()+"/good", visitorID(i))
			}
			var bad sync.WaitGroup
			for range 3 {
				bad.Go(func() { get(t, "http://"+e.Addr()+"/bad/17", visitorID(i)) })
			}
			bad.Wait()
			for range 4 {
				get(t, "http://"+e.Addr()+"/good", visitorID(i))
			}
		})
	}
	group.Wait()
	p.apply(route(0.6, o, n)) // a step: the same rollout
	for i := range 20 {
		get(t, "http://"+e.Addr()+"/bad", visitorID(i))
	}
	stop()
	e, stop = p.start(func(opts *edgeOptions) { opts.Dir = dir }) // a restart: still the same
	for i := range 20 {
		get(t, "http://"+e.Addr()+"/bad", visitorID(i))
	}
	stop()
	sum := sumOf(p)
	if sum.Requests != 20*(9+1+1) || sum.Errors != 20*(3+1+1) || sum.FirstErrors != 20 {
		t.Errorf("counted %+v", sum)
	}
	// At risk: the 2 good ones, and those of the 3 bad that began before the first of them had failed.
	if sum.AtRisk < 20*3 || sum.AtRisk > 20*5 {
		t.Errorf("%d requests at risk", sum.AtRisk)
	}
	r := route(0.5, o, n)
	r.Rollout, r.Traffic, r.Split.Salt = "rol_2", "trf_2", "rol_2"
	e, stop = p.start(func(opts *edgeOptions) { opts.Dir = dir })
	p.apply(r)
	get(t, "http://"+e.Addr()+"/bad", visitorID(1))
	stop()
	if sum := sumOf(p); sum.FirstErrors != 21 {
		t.Errorf("in the next rollout everybody begins anew: %d first errors", sum.FirstErrors)
	}
}

// A client that keeps no cookie is one visitor, and when it does keep it after all, still the same one.
func TestAClientWithoutCookiesIsOneVisitor(t *testing.T) {
	p := newPlane(t)
	o, _ := backend(t, "old", "h1", sometimes)
	n, _ := backend(t, "new", "h1", sometimes)
	e, stop := p.start(nil)
	p.apply(route(0.5, o, n))
	ask := func(agent, visitor string) string {
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+e.Addr()+"/bad", nil)
		req.Header.Set("User-Agent", agent)
		if visitor != "" {
			req.Header.Set("Cookie", "slipway_visitor="+visitor)
		}
		res, _ := do(t, http.DefaultClient, req)
		if visitor != "" {
			return visitor
		}
		return res.Cookies()[0].Value
	}
	given := ask("crawler/1", "")
	for range 50 {
		ask("crawler/1", "")
	}
	ask("crawler/1", given) // it kept the cookie of its first error: it has been counted
	ask("browser/2", "")    // somebody else
	stop()
	if sum := sumOf(p); sum.Requests != 53 || sum.Errors != 53 || sum.FirstErrors != 2 {
		t.Errorf("counted %+v", sum)
	}
}

// What the app says of its error tells kinds apart, and no visitor sees it.
func TestTheAppMaySayWhichErrorItWas(t *testing.T) {
	p := newPlane(t)
	b, _ := backend(t, "old", "h1", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Slipway-Error", "cart "+r.URL.Query().Get("n")+": no such item")
		if r.URL.Path != "/good" {
			w.WriteHeader(http.StatusNotImplemented)
		}
	})
	e, stop := p.start(nil)
	p.apply(route(0, b))
	for i, path := range []string{"/cart?n=17", "/cart?n=18", "/good"} {
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+e.Addr()+path, nil)
		req.Header.Set("Cookie", "slipway_visitor="+visitorID(i))
		if res, _ := do(t, http.DefaultClient, req); res.Header.Get("Slipway-Error") != "" {
			t.Errorf("%s: the visitor sees %q", path, res.Header.Get("Slipway-Error"))
		}
	}
	stop()
	p.mu.Lock()
	defer p.mu.Unlock()
	var errors int64
	for _, s := range p.seconds {
		for _, r := range s.Routes {
			for _, f := range r.Failures {
				errors += f.Errors
				if f.Path != "/cart" || f.Status != http.StatusNotImplemented || f.Error != "cart # no such item" {
					t.Errorf("counted %+v", f)
				}
			}
		}
	}
	if errors != 2 {
		t.Errorf("%d failures are told apart", errors)
	}
}

func sumOf(p *plane) event.Counts {
	p.mu.Lock()
	defer p.mu.Unlock()
	var sum event.Counts
	for _, c := range p.totals() {
		sum.Add(c)
	}
	return sum
}

// A server that takes a post and says no, says yes late, or is away, still has every second once.
func TestEverySecondIsCountedOnce(t *testing.T) {
	t.Parallel()
	p := newPlane(t)
	p.answer = func(n int) (bool, int) {
		switch n % 3 {
		case 1:
			return true, http.StatusInternalServerError // stored, and the edge does not know
		case 2:
			return false, http.StatusServiceUnavailable
		}
		return true, http.StatusNoContent
	}
	var clock atomic.Int64
	wall := func() time.Time { return time.Now().Add(time.Duration(clock.Load())) }
	o, _ := backend(t, "old", "h1", nil)
	e, stop := p.start(func(o *edgeOptions) { o.Clock = wall })
	p.apply(route(0, o))
	made := int64(0)
	for _, jump := range []time.Duration{0, time.Hour, -3 * time.Hour, 500 * time.Millisecond, 0} {
		clock.Add(int64(jump)) // the clock jumps
		for range 30 {
			get(t, "http://"+e.Addr()+"/", visitorID(1))
			made++
		}
		p.await("the seconds", func() bool { return p.requests() == made })
	}
	stop()
	p.mu.Lock()
	defer p.mu.Unlock()
	if got := p.requests(); got != made {
		t.Errorf("%d requests counted, %d made", got, made)
	}
	var numbers []int64
	for _, s := range p.seconds {
		numbers = append(numbers, s.Number)
	}
	slices.Sort(numbers)
	for i, n := range numbers {
		if n != int64(i)+1 {
			t.Fatalf("numbers with a gap: %v", numbers)
		}
	}
}

// While a release hangs, its requests are counted at their start and as slow when they pass the thresholds, although no answer ever comes.
func TestAHangIsSeen(t *testing.T) {
	t.Parallel()
	p := newPlane(t)
	release := make(chan struct{})
	o, _ := backend(t, "old", "h1", func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	e, stop := p.start(nil)
	p.apply(route(0, o))
	hang := func(e *edge.Edge, visitor string) (giveUp func()) {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			req, _ := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+e.Addr()+"/", nil)
			req.Header.Set("Cookie", "slipway_visitor="+visitor)
			if res, err := http.DefaultClient.Do(req); err == nil {
				_ = res.Body.Close()
			}
		}()
		return func() { cancel(); <-done }
	}
	var giveUp []func()
	for i := range 3 {
		giveUp = append(giveUp, hang(e, visitorID(i%2)))
	}
	p.await("three requests that hang past all thresholds", func() bool {
		c := p.totals()["old"]
		return c.Requests == 3 && c.Slow == [event.Thresholds]int64{3, 3, 3} && c.FirstSlow == [event.Thresholds]int64{2, 2, 2} && c.Errors == 0
	})
	for _, f := range giveUp {
		f() // the visitors give up before their patience ends: not an error
	}
	p.await("their end", func() bool { return e.Status().Requests == 0 })
	stop()
	if c := sumOf(p); c.Errors != 0 || c.Slow[2] != 3 {
		t.Errorf("counted %+v", c)
	}
	e, stop = p.start(func(o *edgeOptions) { o.Patience = time.Nanosecond })
	p.await("the route", func() bool { return len(e.Status().Routes) == 1 })
	f := hang(e, visitorID(7))
	p.await("one more that hangs", func() bool { return e.Status().Requests == 1 })
	f() // now beyond patience: an error
	stop()
	close(release)
	if c := sumOf(p); c.Errors != 1 || c.Requests != 4 {
		t.Errorf("counted %+v", c)
	}
}

func TestNothingIsLostWhileTheServerIsAway(t *testing.T) {
	t.Parallel()
	p := newPlane(t)
	dir := t.TempDir()
	o, _ := backend(t, "old", "h1", nil)
	_, stop := p.start(func(opts *edgeOptions) { opts.Dir = dir })
	p.apply(route(0, o))
	stop()
	away := "http://127.0.0.1:1" // nobody is there
	e, stop := p.start(func(opts *edgeOptions) { opts.Dir, opts.Server = dir, away })
	for range 25 {
		if release, _ := get(t, "http://"+e.Addr()+"/", visitorID(1)); release != "old" {
			t.Fatal("the snapshot on disk was not served")
		}
	}
	stop()
	left, err := filepath.Glob(filepath.Join(dir, "spool", "*.ndjson"))
	if err != nil || len(left) == 0 {
		t.Fatalf("no spool on disk: %v, %v", left, err)
	}
	_, stop = p.start(func(opts *edgeOptions) { opts.Dir = dir })
	p.await("what was counted meanwhile", func() bool { return p.requests() == 25 })
	stop()
	var snap map[string]any
	raw, err := os.ReadFile(filepath.Join(dir, "snapshot.json"))
	if err != nil || json.Unmarshal(raw, &snap) != nil {
		t.Errorf("snapshot.json: %v", err)
	}
}
