package api

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/db/dbtest"
	"github.com/slipwayhq/slipway/internal/decide/catalog"
	"github.com/slipwayhq/slipway/internal/door/api/metrics"
	"github.com/slipwayhq/slipway/internal/vault"
)

const adminToken = "test-admin-token-0123456789"

// world is a whole door on a real store and log.
type world struct {
	t      *testing.T
	db     *db.DB
	people *access.Service
	apps   *catalog.Service
	server *Server
	http   *httptest.Server
	log    *lockedBuffer
	stop   func() // ends the server's Run
	code   string // of the first admin's link
}

func open(t *testing.T) *world {
	t.Helper()
	d := dbtest.SQLite(t, db.Options{})
	j := dbtest.Journal(t, d)
	w := &world{t: t, db: d, log: &lockedBuffer{}}
	logger := slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	w.people = access.New(d, logger)
	first, err := w.people.Bootstrap(t.Context(), adminToken)
	if err != nil {
		t.Fatal(err)
	}
	w.code = first.Code
	keys, err := vault.OpenKeyring(filepath.Join(t.TempDir(), "key"), "")
	if err != nil {
		t.Fatal(err)
	}
	w.apps = catalog.New(d, vault.New(keys))
	w.server, err = New(Options{
		DB: d, Journal: j, Access: w.people, Catalog: w.apps, Keys: keys, Logger: logger, Version: "test", URL: "http://slipway.test", EdgeURL: "http://edge.test:7080",
		UI:     fstest.MapFS{"index.html": {Data: []byte("<title>UI</title>")}, "assets/app-1234.js": {Data: []byte("let a")}},
		Parts:  []Part{{Name: "spare", Check: func(context.Context) error { return nil }}},
		Gauges: []metrics.Gauge{{Name: "slipway_builds", Help: "Builds.", Label: "state", Read: func(context.Context) (map[string]float64, error) { return map[string]float64{"queued": 3}, nil }}},
	})
	if err != nil {
		t.Fatal(err)
	}
	w.http = httptest.NewServer(w.server.Handler())
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := w.server.Run(ctx); err != nil {
			t.Errorf("run: %v", err)
		}
	})
	w.stop = func() {
		cancel()
		wg.Wait()
	}
	t.Cleanup(func() {
		w.stop()
		w.http.CloseClientConnections()
		w.http.Close()
	})
	return w
}

// reply is an answer, read.
type reply struct {
	*http.Response
	body []byte
}

func (r reply) into(t *testing.T, v any) {
	t.Helper()
	if err := json.Unmarshal(r.body, v); err != nil {
		t.Fatalf("%v in %s", err, r.body)
	}
}

// do sends a request: body is JSON text, headers are pairs.
func (w *world) do(method, path, token, body string, headers ...string) reply {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.http.URL+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return reply{res, text}
}

// want sends a request as the admin and expects a status.
func (w *world) want(status int, method, path, body string, headers ...string) reply {
	w.t.Helper()
	r := w.do(method, path, adminToken, body, headers...)
	if r.StatusCode != status {
		w.t.Fatalf("%s %s: %d, not %d: %s", method, path, r.StatusCode, status, r.body)
	}
	return r
}

// person makes a person with a role in an app ("shop", or "shop/staging" for one environment) and gives their token.
func (w *world) person(name, app string, role access.Role) string {
	w.t.Helper()
	if _, err := w.people.AddPerson(w.t.Context(), "test", name, "", false); err != nil {
		w.t.Fatal(err)
	}
	if role != "" {
		app, env, _ := strings.Cut(app, "/")
		if err := w.people.Grant(w.t.Context(), "test", name, access.Grant{App: app, Env: cmp.Or(env, access.AllEnvironments), Role: role}); err != nil {
			w.t.Fatal(err)
		}
	}
	_, token, err := w.people.NewToken(w.t.Context(), "test", name, "test", time.Time{})
	if err != nil {
		w.t.Fatal(err)
	}
	return token
}

// stream opens /v1/stream and gives its lines.
func (w *world) stream(query, token string, headers ...string) *bufio.Scanner {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), "GET", w.http.URL+"/v1/stream"+query, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { res.Body.Close() })
	if res.StatusCode != http.StatusOK {
		w.t.Fatalf("stream: %d", res.StatusCode)
	}
	return bufio.NewScanner(res.Body)
}

// next reads lines up to one that begins with the prefix and gives the rest of it.
func next(t *testing.T, lines *bufio.Scanner, prefix string) string {
	t.Helper()
	for lines.Scan() {
		if rest, ok := strings.CutPrefix(lines.Text(), prefix); ok {
			return rest
		}
	}
	t.Fatalf("the stream ended before a line with %q: %v", prefix, lines.Err())
	return ""
}

type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
