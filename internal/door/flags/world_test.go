package flags_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/analytics"
	"github.com/slipwayhq/slipway/internal/analytics/duck"
	"github.com/slipwayhq/slipway/internal/analytics/pg"
	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/db/dbtest"
	"github.com/slipwayhq/slipway/internal/decide/catalog"
	"github.com/slipwayhq/slipway/internal/decide/flag"
	"github.com/slipwayhq/slipway/internal/decide/flag/ramp"
	"github.com/slipwayhq/slipway/internal/door/api"
	"github.com/slipwayhq/slipway/internal/door/flags"
	"github.com/slipwayhq/slipway/internal/pure/capture"
	"github.com/slipwayhq/slipway/internal/vault"
)

const adminToken = "test-admin-token-0123456789"

// world is the API with the door on it, an app "shop", and a real store of events.
type world struct {
	*testing.T
	flags  *flag.Service
	people *access.Service
	engine analytics.Engine
	http   *httptest.Server
}

// engines are those that events can be stored by.
func engines(t *testing.T) map[string]func(*testing.T) analytics.Engine {
	t.Helper()
	return map[string]func(*testing.T) analytics.Engine{
		"duck": func(t *testing.T) analytics.Engine {
			e, err := duck.Open(duck.Options{Dir: t.TempDir(), Memory: 128, Threads: 1})
			if err != nil {
				t.Fatal(err)
			}
			return e
		},
		"postgres": func(t *testing.T) analytics.Engine {
			e, err := pg.Open(t.Context(), pg.Options{URL: dbtest.PostgresURL(t), Secret: []byte("0123456789abcdef0123456789abcdef")})
			if err != nil {
				t.Fatal(err)
			}
			return e
		},
	}
}

func open(t *testing.T, engine analytics.Engine) *world {
	t.Helper()
	d := dbtest.SQLite(t, db.Options{})
	log := slog.New(slog.DiscardHandler)
	w := &world{T: t, flags: flag.New(d), people: access.New(d, log), engine: engine}
	if _, err := w.people.Bootstrap(t.Context(), adminToken); err != nil {
		t.Fatal(err)
	}
	keys, err := vault.OpenKeyring(filepath.Join(t.TempDir(), "key"), "")
	if err != nil {
		t.Fatal(err)
	}
	server, err := api.New(api.Options{
		DB: d, Journal: dbtest.Journal(t, d), Access: w.people, Catalog: catalog.New(d, vault.New(keys)), Keys: keys, Logger: log, Version: "test", URL: "http://slipway.test",
		UI: fstest.MapFS{"index.html": {Data: []byte("<title>UI</title>")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	(&flags.Door{API: server, Flags: w.flags, Ramps: ramp.New(d, w.flags, log), Analytics: engine, Now: time.Now, Refs: refs}).Mount()
	w.http = httptest.NewServer(server.Handler())
	dbtest.Run(t, server.Run)
	t.Cleanup(func() {
		w.http.CloseClientConnections()
		w.http.Close()
		if err := engine.Close(); err != nil {
			t.Error(err)
		}
	})
	w.ok("POST", "/v1/apps", `{"name":"shop"}`, nil)
	return w
}

// refs are places in some code.
func refs(_ context.Context, _, branch string, words []string) (flags.Refs, error) {
	out := flags.Refs{Commit: "abc", Branch: branch, Refs: []flags.Ref{}}
	for _, w := range words {
		if w == "cart" {
			out.Refs = append(out.Refs, flags.Ref{Flag: w, Path: "shop.go", Line: 7, Text: `flag("cart")`})
		}
	}
	return out, nil
}

// do asks as the admin, or by another token.
func (w *world) do(method, path, body string, headers ...string) (*http.Response, []byte) {
	w.Helper()
	req, err := http.NewRequestWithContext(w.Context(), method, w.http.URL+path, strings.NewReader(body))
	if err != nil {
		w.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+adminToken)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		w.Fatal(err)
	}
	return res, raw
}

// ok asks for what must be answered, and reads the answer.
func (w *world) ok(method, path, body string, into any, headers ...string) *http.Response {
	w.Helper()
	res, raw := w.do(method, path, body, headers...)
	if res.StatusCode/100 != 2 {
		w.Fatalf("%s %s: %d %s", method, path, res.StatusCode, raw)
	}
	if into != nil {
		if err := json.Unmarshal(raw, into); err != nil {
			w.Fatalf("%s %s: %v in %s", method, path, err, raw)
		}
	}
	return res
}

// refused asks for what must not be answered.
func (w *world) refused(status int, says, method, path, body string, headers ...string) {
	w.Helper()
	res, raw := w.do(method, path, body, headers...)
	if res.StatusCode != status || !strings.Contains(string(raw), says) {
		w.Errorf("%s %s: %d %s, not %d with %q", method, path, res.StatusCode, raw, status, says)
	}
}

// store keeps events as the feeder would.
func (w *world) store(events ...capture.Event) {
	w.Helper()
	s, err := w.engine.Store(w.Context(), "shop")
	if err != nil {
		w.Fatal(err)
	}
	b := analytics.Batch{Through: uint64(len(events)) + 1}
	for i, e := range events {
		e.App, e.Environment, e.Source, e.Received = "shop", "production", "web", e.Time
		if e.ID == "" {
			e.ID = fmt.Sprint("e", i)
		}
		b.Rows = append(b.Rows, analytics.Row{Sequence: uint64(i) + 1, Event: e})
	}
	if err := s.Append(w.Context(), b); err != nil {
		w.Fatal(err)
	}
}
