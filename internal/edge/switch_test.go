package edge_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"

	"github.com/slipwayhq/slipway/internal/wire"
)

// load sends GETs and POSTs over kept connections until it is stopped, and tells what went wrong. Nothing is ever sent again.
type load struct {
	sent, failed flag
	first        chan error
	stop         func()
}

func startLoad(t *testing.T, url string, visitors int) *load {
	t.Helper()
	return startLoadBy(t, url, visitors, func() *http.Transport { return &http.Transport{} })
}

// startLoadBy is startLoad by connections of another kind.
func startLoadBy(t *testing.T, url string, visitors int, transport func() *http.Transport) *load {
	t.Helper()
	l := &load{first: make(chan error, 1)}
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	for i := range visitors {
		client := &http.Client{Transport: transport(), CheckRedirect: stay}
		group.Go(func() {
			defer client.CloseIdleConnections()
			for n := 0; ctx.Err() == nil; n++ {
				if err := once(client, url, visitorID(i), n); err != nil {
					l.failed.Add(1)
					select {
					case l.first <- fmt.Errorf("visitor %d, request %d: %w", i, n, err):
					default:
					}
				}
				l.sent.Add(1)
			}
		})
	}
	l.stop = sync.OnceFunc(func() { cancel(); group.Wait() })
	t.Cleanup(l.stop)
	return l
}

// once makes one request: every other a POST whose body must come back whole.
func once(client *http.Client, url, visitor string, n int) error {
	method, content := http.MethodGet, []byte(nil)
	if n%2 == 1 {
		method, content = http.MethodPost, bytes.Repeat([]byte{byte(n)}, 1000)
	}
	req, err := http.NewRequestWithContext(context.Background(), method, url, bytes.NewReader(content))
	if err != nil {
		return err
	}
	req.GetBody = nil // so that the client cannot send it again in silence
	req.Header.Set("Cookie", wire.CookieVisitor+"="+visitor)
	res, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	defer func() { _ = res.Body.Close() }()
	back, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK || !bytes.Equal(back, content) {
		return fmt.Errorf("%s: status %d, %d bytes of %d: %w", method, res.StatusCode, len(back), len(content), err)
	}
	return nil
}

func (l *load) check(t *testing.T) {
	t.Helper()
	select {
	case err := <-l.first:
		t.Errorf("%d of %d requests failed; the first: %v", l.failed.Load(), l.sent.Load(), err)
	default:
	}
}

// echo reads all before it writes: net/http's servers drop the rest of the body at the first byte of the answer.
func echo(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	_, _ = w.Write(body)
}

func TestAHundredWeightChangesUnderLoadLoseNothing(t *testing.T) {
	p := newPlane(t)
	var backends []wire.Backend
	for i := range 2 {
		host := fmt.Sprintf("h%d", i)
		o, _ := backend(t, "old", host, echo)
		n, _ := backend(t, "new", host, echo)
		backends = append(backends, o, n)
	}
	e, stop := p.start(nil)
	p.apply(route(0, backends...))
	l := startLoad(t, "http://"+e.Addr()+"/echo", 8)
	for i := range 100 {
		r := route(float64(i%11)/10, backends...)
		r.Traffic = fmt.Sprintf("trf_%03d", i)
		if i%7 == 3 {
			r.Backends = r.Backends[:2] // a host leaves, and comes back with the next change
		}
		p.apply(r)
	}
	l.stop()
	l.check(t)
	stop()
	p.mu.Lock()
	defer p.mu.Unlock()
	if got := p.requests(); got != l.sent.Load() || got < 100 {
		t.Errorf("%d requests counted, %d made", got, l.sent.Load())
	}
	for release, c := range p.totals() {
		if c.Errors != 0 {
			t.Errorf("%d errors counted for %s", c.Errors, release)
		}
	}
}

func TestARestartUnderLoadLosesNothing(t *testing.T) {
	p := newPlane(t)
	o, _ := backend(t, "old", "h1", echo)
	n, _ := backend(t, "new", "h1", echo)
	p.set(route(0.5, o, n))
	dir, listen := t.TempDir(), "127.0.0.1:0"
	first, stop := p.start(func(o *edgeOptions) { o.Dir, o.Listen = dir, listen })
	listen = first.Addr()
	p.apply(route(0.5, o, n))
	l := startLoad(t, "http://"+listen+"/echo", 8)
	for range 5 {
		sent := l.sent.Load()
		next, end := p.start(func(o *edgeOptions) { o.Dir, o.Listen = dir, listen })
		if next.Addr() != listen {
			t.Fatalf("the successor serves %s instead of %s", next.Addr(), listen)
		}
		p.await("traffic through the successor", func() bool { return l.sent.Load() > sent+100 })
		<-p.ended[first] // it has handed over, and ends by itself once its connections are gone
		stop()
		first, stop = next, end
	}
	l.stop()
	l.check(t)
	stop()
	p.mu.Lock()
	defer p.mu.Unlock()
	boots := map[string]bool{}
	for _, s := range p.seconds {
		boots[s.Boot] = true
	}
	if got := p.requests(); got != l.sent.Load() || len(boots) != 6 {
		t.Errorf("%d requests counted by %d boots, %d made", got, len(boots), l.sent.Load())
	}
}
