package events_test

import (
	"context"
	"encoding/json"
	"errors"
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
	"github.com/slipwayhq/slipway/internal/analytics"
	"github.com/slipwayhq/slipway/internal/analytics/duck"
	"github.com/slipwayhq/slipway/internal/analytics/feed"
	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/db/dbtest"
	"github.com/slipwayhq/slipway/internal/decide/catalog"
	"github.com/slipwayhq/slipway/internal/decide/question"
	"github.com/slipwayhq/slipway/internal/decide/track"
	"github.com/slipwayhq/slipway/internal/door/api"
	"github.com/slipwayhq/slipway/internal/door/events"
	"github.com/slipwayhq/slipway/internal/door/ingest"
	"github.com/slipwayhq/slipway/internal/journal"
	"github.com/slipwayhq/slipway/internal/seen"
	"github.com/slipwayhq/slipway/internal/vault"
)

const adminToken = "test-admin-token-0123456789"

// world is the API with the door on it, an app "shop", and a real store and log.
type world struct {
	t       *testing.T
	db      *db.DB
	log     *journal.Journal
	people  *access.Service
	sources *track.Service
	engine  analytics.Engine
	feeder  *feed.Feeder
	full    error // what the door of events says
	http    *httptest.Server
}

func open(t *testing.T) *world {
	t.Helper()
	engine, err := duck.Open(duck.Options{Dir: t.TempDir(), Memory: 128, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	return openOn(t, engine)
}

// openOn is a world whose events are stored by an engine, which it closes.
func openOn(t *testing.T, engine analytics.Engine) *world {
	t.Helper()
	d := dbtest.SQLite(t, db.Options{})
	w := &world{t: t, db: d, log: dbtest.Journal(t, d), people: access.New(d, slog.New(slog.DiscardHandler)), sources: track.New(d), engine: engine}
	if _, err := w.people.Bootstrap(t.Context(), adminToken); err != nil {
		t.Fatal(err)
	}
	keys, err := vault.OpenKeyring(filepath.Join(t.TempDir(), "key"), "")
	if err != nil {
		t.Fatal(err)
	}
	server, err := api.New(api.Options{
		DB: d, Journal: w.log, Access: w.people, Catalog: catalog.New(d, vault.New(keys)), Keys: keys, Logger: slog.New(slog.DiscardHandler), Version: "test", URL: "http://slipway.test",
		UI: fstest.MapFS{"index.html": {Data: []byte("<title>UI</title>")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	w.feeder = feed.New(feed.Options{Journal: w.log, Engine: w.engine, Mark: filepath.Join(dir, "mark"), Leave: w.sources.Leave, Every: 5 * time.Millisecond, Logger: slog.New(slog.DiscardHandler)})
	ids, err := seen.Open(filepath.Join(dir, "seen"), time.Now, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	door := ingest.NewEvents(w.log, w.sources, ids, time.Now, slog.New(slog.DiscardHandler))
	door.Mount(server.Clients())
	keeper := &track.Keeper{Sources: w.sources, Engine: w.engine, Logger: slog.New(slog.DiscardHandler), Stored: func(ctx context.Context) error {
		_, last, err := w.log.EventsHeld(ctx)
		return errors.Join(err, w.feeder.WaitFor(ctx, last))
	}}
	(&events.Door{API: server, Sources: w.sources, Questions: question.New(d), Journal: w.log, Analytics: w.engine, Feeder: w.feeder, Keeper: keeper, Refusals: door.Refusals, Replay: door.Replay, Full: func() error { return w.full }, Plans: &track.Reviewer{Sources: w.sources, Engine: w.engine, Uses: []track.UsesOf{w.sources.Vitals}}}).Mount()
	w.http = httptest.NewServer(server.Handler())
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = server.Run(ctx) })
	wg.Go(func() { _ = w.feeder.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		wg.Wait()
		w.http.CloseClientConnections()
		w.http.Close()
		if err := errors.Join(w.engine.Close(), ids.Close()); err != nil {
			t.Error(err)
		}
	})
	refused(t, w.do("POST", "/v1/apps", adminToken, `{"name":"shop"}`), 200)
	return w
}

// reply is an answer, read.
type reply struct {
	*http.Response
	body []byte
}

func (r reply) into(t *testing.T, v any) {
	t.Helper()
	if err := json.Unmarshal(r.body, v); err != nil || r.StatusCode != http.StatusOK {
		t.Fatalf("%d, %v in %s", r.StatusCode, err, r.body)
	}
}

func refused(t *testing.T, r reply, status int) {
	t.Helper()
	if r.StatusCode != status {
		t.Errorf("%d, want %d: %s", r.StatusCode, status, r.body)
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
	req.Header.Set("Authorization", "Bearer "+token)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
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

// person makes a person with a role in an app and gives their token.
func (w *world) person(name, app string, role access.Role) string {
	w.t.Helper()
	if _, err := w.people.AddPerson(w.t.Context(), "test", name, "", false); err != nil {
		w.t.Fatal(err)
	}
	if err := w.people.Grant(w.t.Context(), "test", name, access.Grant{App: app, Env: access.AllEnvironments, Role: role}); err != nil {
		w.t.Fatal(err)
	}
	_, token, err := w.people.NewToken(w.t.Context(), "test", name, "test", time.Time{})
	if err != nil {
		w.t.Fatal(err)
	}
	return token
}
