package limits_test

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/db/dbtest"
	"github.com/slipwayhq/slipway/internal/decide/catalog"
	"github.com/slipwayhq/slipway/internal/decide/limit"
	"github.com/slipwayhq/slipway/internal/door/api"
	"github.com/slipwayhq/slipway/internal/door/limits"
	"github.com/slipwayhq/slipway/internal/pure/rate"
	"github.com/slipwayhq/slipway/internal/takes"
	"github.com/slipwayhq/slipway/internal/vault"
)

const adminToken = "test-admin-token-0123456789"

// world is the API with the door on it, an app "shop" with an environment, and real takes. Its clock stands still.
type world struct {
	*testing.T
	limits *limit.Service
	store  *takes.Memory
	http   *httptest.Server
}

func open(t *testing.T) *world {
	t.Helper()
	d, log := dbtest.SQLite(t, db.Options{}), slog.New(slog.DiscardHandler)
	w := &world{T: t}
	people, line := access.New(d, log), dbtest.Journal(t, d)
	if _, err := people.Bootstrap(t.Context(), adminToken); err != nil {
		t.Fatal(err)
	}
	keys, err := vault.OpenKeyring(filepath.Join(t.TempDir(), "key"), "")
	if err != nil {
		t.Fatal(err)
	}
	server, err := api.New(api.Options{
		DB: d, Journal: line, Access: people, Catalog: catalog.New(d, vault.New(keys)), Keys: keys, Logger: log, Version: "test", URL: "http://slipway.test",
		UI: fstest.MapFS{"index.html": {Data: []byte("<title>UI</title>")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	w.limits = limit.New(d, line, log)
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	if w.store, err = takes.OpenMemory(t.Context(), takes.Options{Dir: t.TempDir(), Journal: line, Find: w.limits.Find, Watch: w.limits.Fold, Now: clock, Logger: log}); err != nil {
		t.Fatal(err)
	}
	(&limits.Door{API: server, Limits: w.limits, Store: w.store, Now: clock}).Mount()
	w.http = httptest.NewServer(server.Handler())
	dbtest.Run(t, server.Run)
	dbtest.Run(t, w.store.Run)
	t.Cleanup(func() {
		w.http.CloseClientConnections()
		w.http.Close()
	})
	w.ask(http.StatusOK, "POST", "/v1/apps", `{"name":"shop"}`, nil)
	return w
}

// ask asks as the admin, reads the answer, and gives it as text.
func (w *world) ask(status int, method, path, body string, into any) string {
	w.Helper()
	req, err := http.NewRequestWithContext(w.Context(), method, w.http.URL+path, strings.NewReader(body))
	if err != nil {
		w.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+adminToken)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != status {
		w.Fatalf("%s %s: %d %s %v", method, path, res.StatusCode, raw, err)
	}
	if into != nil {
		if err := json.Unmarshal(raw, into); err != nil {
			w.Fatalf("%s %s: %v in %s", method, path, err, raw)
		}
	}
	return string(raw)
}

func (w *world) take(group string, amount int64) {
	w.Helper()
	var a [1]rate.Answer
	if err := w.store.Take(w.Context(), []takes.Ask{{Limit: w.limits.For("shop", "production").Find(group), Group: group, Amount: amount}}, a[:]); err != nil {
		w.Fatal(err)
	}
}

func TestSeveralKeysAtOnce(t *testing.T) {
	w := open(t)
	w.ask(http.StatusOK, "POST", "/v1/apps/shop/limits", `{"group":"api","definition":{"kind":"rolling","amount":6,"unit":"minute"}}`, nil)
	w.ask(http.StatusOK, "POST", "/v1/apps/shop/limits", `{"group":"api:search","definition":{"kind":"ever","amount":1}}`, nil)
	w.take("api:ana", 2)
	var got api.List[limits.LimitKey]
	const place = "/v1/apps/shop/environments/production/limits/api/keys"
	for range 2 { // a look takes nothing
		w.ask(http.StatusOK, "GET", place+"?"+url.Values{"key": {"api:ana", "api:search:ana", "api:b&o/x", "mails:ana"}}.Encode(), "", &got)
	}
	if len(got.Items) != 2 || got.Items[0].Key != "api:ana" || got.Items[0].Left != 4 || got.Items[1].Key != "api:b&o/x" || got.Items[1].Left != 6 {
		t.Fatalf("%+v", got.Items)
	}
	if full := got.Items[0].Full; full == nil || !full.Equal(time.Date(2026, 3, 1, 12, 0, 20, 0, time.UTC)) || got.Items[1].Full != nil {
		t.Errorf("full at %v and %v", full, got.Items[1].Full)
	}
	if text := w.ask(http.StatusOK, "GET", place, "", nil); !strings.Contains(text, `"items":[]`) {
		t.Errorf("of no key: %s", text)
	}

	w.ask(http.StatusNotFound, "GET", strings.Replace(place, "limits/api/", "limits/mails/", 1)+"?key=mails:ana", "", nil)
}
