package evaluate

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/db/dbtest"
	"github.com/slipwayhq/slipway/internal/decide/flag"
)

func (w *world) change(f *flag.Flag, value string) {
	w.Helper()
	*f = w.set(*f, "production", flag.State{On: true, Default: json.RawMessage(value)})
}

func TestStreamsTellOfChanges(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := on(t, d)
		f := w.make("a", "1", "")
		k := w.key(flag.Key{Kind: "client"}, false)
		w.want(200, "HEAD", "/sub/"+k.Key, "") // which is no stream
		l := w.listen("/sub/"+k.Key, "")
		first := l.must("features")
		w.set(f, "staging", flag.State{On: true}) // elsewhere
		w.change(&f, "2")
		second := l.must("features")
		if !strings.Contains(first.data, `"a":{"defaultValue":1}`) || !strings.Contains(second.data, `"a":{"defaultValue":2}`) || first.id == second.id {
			t.Errorf("%+v, then %+v", first, second)
		}
		etag := w.want(200, "GET", "/api/features/"+k.Key, "").Header.Get("ETag")
		if etag != `W/"`+second.id+`"` {
			t.Errorf("ETag %s, id %s", etag, second.id)
		}
		// Who comes back with what is true still is told of the next change alone; who missed one, of that.
		current, behind := w.listen("/sub/"+k.Key, second.id), w.listen("/sub/"+k.Key, first.id)
		if m := behind.must("features"); m.data != second.data {
			t.Errorf("who missed a change is told %s", m.data)
		}
		w.change(&f, "3")
		if m := current.must("features"); !strings.Contains(m.data, `"a":{"defaultValue":3}`) {
			t.Errorf("who was up to date is told %s", m.data)
		}
	})
}

func TestLargePayloadsAreFetched(t *testing.T) {
	w := newWorld(t)
	f := w.make("a", "1", "")
	w.make("large", `"`+strings.Repeat("x", smallPayload)+`"`, "")
	client, server := w.key(flag.Key{Kind: "client"}, false), w.key(flag.Key{Kind: "server"}, false)
	remote := w.key(flag.Key{Kind: "client", Name: "remote", Remote: true}, false)
	browser, backend, told := w.listen("/sub/"+client.Key, ""), w.listen("/sub/"+server.Key, ""), w.listen("/sub/"+remote.Key, "")
	for range 2 {
		if m := browser.must("features-updated"); strings.Contains(m.data, "xxx") {
			t.Errorf("browsers are sent %d bytes", len(m.data))
		}
		if m := backend.must("features"); len(m.data) < smallPayload { // one server reads it at once
			t.Errorf("servers are sent %d bytes", len(m.data))
		}
		told.must("features-updated")
		w.change(&f, "2")
	}
	// With so many of them that all together would take too much, servers fetch as well.
	for range 10 {
		if err := w.door.crowd.enter(server.ID, 1<<20, 1<<20); err != nil {
			t.Fatal(err)
		}
	}
	if most := w.door.mostWhole(server); most*11 > keyBudget || most <= smallPayload {
		t.Errorf("%d bytes each of %d", most, keyBudget)
	}
	small := w.listen("/sub/"+remote.Key, "")
	small.must("features-updated")
}

func TestStreamsEnd(t *testing.T) {
	w := newWorld(t)
	f := w.make("a", "1", "")
	k, other := w.key(flag.Key{Kind: "server"}, false), w.key(flag.Key{Kind: "client"}, false)
	stopped, stays := w.listen("/sub/"+k.Key, ""), w.listen("/sub/"+other.Key, "")
	stopped.must("features")
	stays.must("features")
	if _, err := w.flags.ChangeKey(t.Context(), ana, "shop", k.ID, "stopped", ""); err != nil {
		t.Fatal(err)
	}
	w.change(&f, "2")
	stays.must("features")
	if m, ok := stopped.next(); ok || stopped.lines.Err() != nil {
		t.Errorf("a stopped key is told %+v, %v", m, stopped.lines.Err())
	}
	over, end := context.WithCancel(t.Context())
	end()
	gone := make(chan error)
	go func() { gone <- w.door.Run(over) }() // received below
	select {
	case err := <-gone:
		t.Fatalf("the door ends before its streams: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	w.stop()
	if err := <-gone; err != nil {
		t.Error(err)
	}
	if m, ok := stays.next(); ok || stays.lines.Err() != nil {
		t.Errorf("the stream is not ended but cut off, or goes on: %+v, %v", m, stays.lines.Err())
	}
}

func TestThereAreNotTooManyStreams(t *testing.T) {
	w := newWorld(t, func(d *Door) {
		d.MaxStreams, d.MaxOfKey = 3, 2
		d.restLeast, d.restMost = time.Hour, 2*time.Hour // who leaves is missed at once, not when something is said
	})
	w.make("a", "1", "")
	k, other := w.key(flag.Key{Kind: "server"}, false), w.key(flag.Key{Kind: "client"}, false)
	one := w.listen("/sub/"+k.Key, "")
	w.listen("/ofrep/v1/streams/shop/"+k.ID, "")
	w.refused(429, "/sub/"+k.Key, "this key has 2 streams")
	w.listen("/sub/"+other.Key, "")
	w.refused(503, "/sub/"+other.Key, "this server has 3 streams")
	one.res.Body.Close()
	w.until("there is a place again", func() bool { return w.door.crowd.count(k.ID) == 1 })
	w.listen("/sub/"+other.Key, "")
}

// refused asks for a stream that is one too many.
func (w *world) refused(status int, path, says string) {
	w.Helper()
	r := w.want(status, "GET", path, "")
	if !strings.Contains(r.text, says) || r.Header.Get("Retry-After") == "" {
		w.Errorf("%s, Retry-After %q", r.text, r.Header.Get("Retry-After"))
	}
}

func (w *world) until(what string, ok func() bool) {
	w.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if ok() {
			return
		}
	}
	w.Fatalf("not within %s: %s", patience, what)
}

// A stream that has nothing to say says so from time to time, and goes on.
func TestStreamsRest(t *testing.T) {
	w := newWorld(t, func(d *Door) { d.restLeast, d.restMost = 10*time.Millisecond, 20*time.Millisecond })
	f := w.make("a", "1", "")
	k := w.key(flag.Key{Kind: "client"}, false)
	l := w.listen("/sub/"+k.Key, "")
	l.must("features")
	for n := 0; n < 3 && l.lines.Scan(); {
		switch l.lines.Text() {
		case ": rest":
			n++
		case "":
		default:
			t.Fatalf("%q", l.lines.Text())
		}
	}
	w.change(&f, "2")
	l.must("features")
}

// Many listen while much changes: each comes to see the last of it, whatever it missed in between, and one that reads nothing holds nobody up.
func TestManyStreams(t *testing.T) {
	w := newWorld(t)
	f := w.make("a", "0", "")
	k := w.key(flag.Key{Kind: "server"}, false)
	w.deaf(k)
	w.make("large", `"`+strings.Repeat("x", 500_000)+`"`, "")
	const many, last = 40, 20
	var all sync.WaitGroup
	for range many {
		l := w.listen("/sub/"+k.Key, "")
		all.Go(func() {
			seen := map[string]bool{}
			for {
				m, ok := l.next()
				if !ok || seen[m.id] {
					t.Errorf("ended, or told twice: %+v, %v", m, l.lines.Err())
					return
				}
				if seen[m.id] = true; strings.Contains(m.data, fmt.Sprintf(`"a":{"defaultValue":%d}`, last)) {
					return
				}
			}
		})
	}
	for i := range last {
		w.change(&f, fmt.Sprint(i+1))
	}
	all.Wait()
}

// deaf opens a stream that nobody reads.
func (w *world) deaf(k flag.Key) {
	w.Helper()
	c, err := (&net.Dialer{}).DialContext(w.Context(), "tcp", w.http.Listener.Addr().String())
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { c.Close() }) // before the server is closed, which would wait for it
	if err := c.(*net.TCPConn).SetReadBuffer(1 << 10); err != nil {
		w.Fatal(err)
	}
	if _, err := io.WriteString(c, "GET /sub/"+k.Key+" HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		w.Fatal(err)
	}
}

func TestWhoDoesNotReadIsDropped(t *testing.T) {
	w := newWorld(t, func(d *Door) { d.writeTime = 100 * time.Millisecond })
	f := w.make("a", "1", "")
	k := w.key(flag.Key{Kind: "server"}, false)
	w.deaf(k)
	w.until("the stream is there", func() bool { return w.door.crowd.count(k.ID) == 1 })
	n := 0
	w.until("the stream is gone", func() bool {
		n++
		w.change(&f, fmt.Sprintf(`"%d%s"`, n, strings.Repeat("x", 1<<20)))
		return w.door.crowd.count(k.ID) == 0
	})
}

// Nor does the server wait for it when it stops.
func TestWhoDoesNotReadHoldsNoStopUp(t *testing.T) {
	w := newWorld(t, func(d *Door) { d.writeTime = time.Hour })
	f := w.make("a", "1", "")
	k := w.key(flag.Key{Kind: "server"}, false)
	w.deaf(k)
	w.until("the stream is there", func() bool { return w.door.crowd.count(k.ID) == 1 })
	for n := range 20 { // more than the system holds for the two of them
		w.change(&f, fmt.Sprintf(`"%d%s"`, n, strings.Repeat("x", 1<<20)))
	}
	w.stop()
	over, end := context.WithCancel(t.Context())
	end()
	gone := make(chan error, 1)
	go func() { gone <- w.door.Run(over) }() // received below
	select {
	case err := <-gone:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(patience):
		t.Error("the server waits for a client that does not read")
	}
}

// By HTTP/2, and by HTTP/1.0, which has no chunks, streams are net/http's.
func TestStreamsOfOtherVersions(t *testing.T) {
	w := newWorld(t)
	f := w.make("a", "1", "")
	k := w.key(flag.Key{Kind: "client"}, false)
	tls := httptest.NewUnstartedServer(w.http.Config.Handler)
	tls.EnableHTTP2 = true
	tls.StartTLS()
	defer tls.Close()
	plain := w.http.URL
	w.http.URL = tls.URL
	by2 := w.listenWith(tls.Client(), "/sub/"+k.Key, "")
	if by2.res.ProtoMajor != 2 {
		t.Fatalf("by %s", by2.res.Proto)
	}
	w.http.URL = plain
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", w.http.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET /sub/"+k.Key+" HTTP/1.0\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || res.TransferEncoding != nil {
		t.Fatalf("%+v, %v", res, err)
	}
	by1 := &listener{world: w, res: res, lines: bufio.NewScanner(res.Body)}
	for _, l := range []*listener{by2, by1} {
		l.must("features")
	}
	w.change(&f, "2")
	for _, l := range []*listener{by2, by1} {
		if m := l.must("features"); !strings.Contains(m.data, `"a":{"defaultValue":2}`) {
			t.Errorf("%s", m.data)
		}
	}
	by2.res.Body.Close()
	w.until("the stream is gone", func() bool { return w.door.crowd.count(k.ID) == 1 })
}

// Who is cut off at once does not come back at once.
func TestTimesAreSpread(t *testing.T) {
	seen := map[time.Duration]bool{}
	for range 100 {
		d := between(backLeast, backMost)
		if d < backLeast || d >= backMost {
			t.Errorf("%v", d)
		}
		seen[d] = true
	}
	if len(seen) < 50 {
		t.Errorf("%d different times of 100", len(seen))
	}
}

func TestFilesBoundStreams(t *testing.T) {
	if n := streams(); n < 100 || n > 100_000 {
		t.Errorf("%d streams", n)
	}
	if d := New(nil, nil); d.MaxOfKey >= d.MaxStreams || d.MaxOfKey < d.MaxStreams/2 {
		t.Errorf("%d of a key, %d in all", d.MaxOfKey, d.MaxStreams)
	}
}
