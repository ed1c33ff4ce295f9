package ingest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/db/dbtest"
	"github.com/slipwayhq/slipway/internal/decide/track"
	"github.com/slipwayhq/slipway/internal/door/ingest"
	"github.com/slipwayhq/slipway/internal/journal"
	"github.com/slipwayhq/slipway/internal/pure/capture"
	"github.com/slipwayhq/slipway/internal/seen"
)

// send posts events to a door that has no network before it.
func send(door *ingest.Events, key, body string) *httptest.ResponseRecorder {
	mux := http.NewServeMux()
	door.Mount(mux)
	rec := httptest.NewRecorder()
	req := httptest.NewRequest(http.MethodPost, "/v1/events", strings.NewReader(body))
	req.Header.Set("Authorization", "Bearer "+key)
	mux.ServeHTTP(rec, req)
	return rec
}

// settles waits until the index has settled at what the log has.
func settles(t *testing.T, ids *seen.Index, door *ingest.Events) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := ids.Settle(ctx, door.Position); err != nil {
		t.Fatal(err)
	}
	at := ids.Position()
	if last, err := door.Position(ctx); err != nil || at != last {
		t.Fatalf("settled at %d of %d: %v", at, last, err)
	}
}

// More in doubt than are remembered is not given up: nothing more is taken until it is known what became of them, and then all goes on.
func TestDoubtsAreBoundedAndEnd(t *testing.T) {
	q := aboutToStop(t)
	door := ingest.NewEvents(q.journal, q.sources, q.ids, time.Now, slog.New(slog.DiscardHandler))
	door.SettleAfter(300 * time.Millisecond)
	door.MostDoubts(10)
	q.stop() // from here on the log takes nothing
	for i := range 6 {
		rec := send(door, q.source.Key, fmt.Sprintf(`[{"id":"a%d","name":"x","user":"u"},{"id":"b%d","name":"x","user":"u"}]`, i, i))
		if rec.Code != http.StatusServiceUnavailable || rec.Header().Get("Retry-After") == "" {
			t.Fatalf("%d: %d %s", i, rec.Code, rec.Body)
		}
		if full := strings.Contains(rec.Body.String(), "not known yet"); full != (i == 5) {
			t.Errorf("%d: %s", i, rec.Body)
		}
	}
	if n := door.InDoubt(); n != 10 || door.Closed() == nil {
		t.Errorf("%d ids are in doubt, %v", n, door.Closed())
	}
	dbtest.Run(t, door.Run)
	settles(t, q.ids, door)
	if n := door.InDoubt(); n != 0 || door.Closed() != nil {
		t.Errorf("%d ids are in doubt still, %v", n, door.Closed())
	}
	claim, err := q.ids.Claim(t.Context(), []seen.Key{seen.KeyOf(q.source.ID, "a0")})
	if err != nil || !claim.Fresh[0] {
		t.Errorf("what the log has not is not as if it had never come: %v", err)
	}
	claim.Release()
}

// cable is a way to a log on another machine, which can be cut.
type cable struct {
	net.Listener
	to string

	mu    sync.Mutex
	cut   bool
	conns []net.Conn
}

// elsewhere starts a log, and gives the way to it.
func elsewhere(t *testing.T) *cable {
	t.Helper()
	srv, err := server.NewServer(&server.Options{ServerName: "log", Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: filepath.Join(t.TempDir(), "log"), NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	srv.Start()
	t.Cleanup(func() { srv.Shutdown(); srv.WaitForShutdown() })
	if !srv.ReadyForConnections(time.Minute) {
		t.Fatal("the log does not start")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &cable{Listener: l, to: srv.Addr().String()}
	dbtest.Run(t, func(ctx context.Context) error {
		context.AfterFunc(ctx, func() { _ = l.Close(); w.set(true) })
		w.pass()
		return nil
	})
	return w
}

// pass hands on what comes, until the listener is closed.
func (c *cable) pass() {
	var wg sync.WaitGroup
	defer wg.Wait()
	for {
		in, err := c.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", c.to)
		if err != nil {
			_ = in.Close()
			continue
		}
		c.add(in, out)
		for _, ends := range [][2]net.Conn{{in, out}, {out, in}} {
			wg.Go(func() {
				_, _ = io.Copy(ends[0], ends[1])
				_ = ends[0].Close()
			})
		}
	}
}

func (c *cable) add(conns ...net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conns = append(c.conns, conns...)
	c.close()
}

// close closes what goes over a cable that is cut.
func (c *cable) close() {
	if !c.cut {
		return
	}
	for _, conn := range c.conns {
		_ = conn.Close()
	}
	c.conns = nil
}

// set cuts the cable, or mends it.
func (c *cable) set(cut bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut = cut
	c.close()
}

// Where the log cannot be asked what it has, it is asked again until it answers; then what it has is known, failed events too, and what it has not can come again. Nothing waits for a restart.
func TestADoubtIsAskedAboutUntilTheLogAnswers(t *testing.T) {
	way := elsewhere(t)
	j, err := journal.Open(t.Context(), journal.Options{URL: "nats://" + way.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(j.Close)
	sources := track.New(dbtest.SQLite(t, db.Options{}))
	source, err := sources.Create(t.Context(), "person:ana", "shop", "production", "web")
	if err != nil {
		t.Fatal(err)
	}
	ids, err := seen.Open(t.TempDir(), time.Now, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ids.Close() })
	running, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- j.Run(running) }()
	// The answer to these was lost: they are in the log, and the door does not know.
	event, _ := json.Marshal(capture.Event{ID: "there", Source: source.ID, App: "shop", Received: time.Now()})
	failed := fmt.Appendf(nil, `{"id":"broken","raw":{},"source":%q,"app":"shop","received":%q}`, source.ID, time.Now().Format(time.RFC3339))
	if _, err := j.AppendEvents(t.Context(), journal.Record{Subject: "shop.event", Data: event}, journal.Record{Subject: "shop.failed", Data: failed}); err != nil {
		t.Fatal(err)
	}
	stop()
	if err := <-ended; err != nil { // from here on the log takes nothing
		t.Fatal(err)
	}
	way.set(true) // nor can it be asked

	var said lines
	said.got = make(chan string, 100)
	door := ingest.NewEvents(j, sources, ids, time.Now, slog.New(slog.NewTextHandler(&said, nil)))
	door.SettleAfter(20 * time.Millisecond)
	dbtest.Run(t, door.Run)
	body := `[{"id":"there","name":"x","user":"u"},{"id":"nowhere","name":"x","user":"u"},{"id":"broken","name":{}}]`
	if rec := send(door, source.Key, body); rec.Code != http.StatusServiceUnavailable {
		t.Fatalf("%d %s", rec.Code, rec.Body)
	}
	for line := range said.got {
		if strings.Contains(line, "it is not known yet whether the log has") {
			break
		}
	}
	way.set(false)
	settles(t, ids, door)
	claim, err := ids.Claim(t.Context(), []seen.Key{seen.KeyOf(source.ID, "there"), seen.KeyOf(source.ID, "nowhere"), seen.KeyOf(source.ID, "failed\x00broken")})
	if err != nil || claim.Fresh[0] || !claim.Fresh[1] || claim.Fresh[2] {
		t.Errorf("%v, %v", claim.Fresh, err)
	}
	claim.Release()
}

// lines hands on what is logged.
type lines struct{ got chan string }

func (l *lines) Write(p []byte) (int, error) {
	l.got <- string(p)
	return len(p), nil
}
