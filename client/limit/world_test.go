package limit_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/client/limit"
	"github.com/slipwayhq/slipway/internal/app"
	"github.com/slipwayhq/slipway/internal/apptest"
)

func TestMain(m *testing.M) { apptest.Main(m) }

// world is a whole server with an app, a key, and a clock that tests set. (Its clock stands still, so that what comes back by itself comes back when a test wants it.)
type world struct {
	testing.TB
	server *apptest.Server
	key    string
	clock  atomic.Int64
	asked  atomic.Int64 // requests of clients
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{TB: t}
	w.clock.Store(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).UnixNano())
	w.server = apptest.Start(t, func(o *app.Options) { o.Now = func() time.Time { return time.Unix(0, w.clock.Load()) } })
	w.server.Must(t, "POST", "/v1/apps", map[string]any{"name": "shop"}, nil)
	var made struct{ Key string }
	w.server.Must(t, "POST", "/v1/apps/shop/keys", map[string]any{"name": "backend", "kind": "server", "environment": "production"}, &made)
	w.key = made.Key
	return w
}

// limit adds a limit.
func (w *world) limit(group string, definition map[string]any) {
	w.Helper()
	w.server.Must(w, "POST", "/v1/apps/shop/limits", map[string]any{"group": group, "definition": definition}, nil)
}

// override gives one key another amount.
func (w *world) override(group, key, body string) {
	w.Helper()
	req, err := http.NewRequestWithContext(w.Context(), http.MethodPut, w.server.URL()+"/v1/apps/shop/limits/"+group+"/overrides/"+key, strings.NewReader(body))
	if err != nil {
		w.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+apptest.Token)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("If-Match", "*")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.Fatal(err)
	}
	defer res.Body.Close()
	if text := read(w, res.Body); res.StatusCode != http.StatusOK {
		w.Fatalf("%d %s", res.StatusCode, text)
	}
}

// RoundTrip counts requests.
func (w *world) RoundTrip(r *http.Request) (*http.Response, error) {
	w.asked.Add(1)
	return http.DefaultTransport.RoundTrip(r)
}

func (w *world) client(change ...func(*limit.Options)) *limit.Client {
	w.Helper()
	o := limit.Options{URL: w.server.URL(), Key: w.key, HTTPClient: &http.Client{Transport: w}, Timeout: time.Minute, OnError: limit.Throw, Logger: slog.New(slog.DiscardHandler)}
	for _, f := range change {
		f(&o)
	}
	c, err := limit.New(o)
	if err != nil {
		w.Fatal(err)
	}
	return c
}

func check(t testing.TB, l limit.Limiter, group string) limit.Answer {
	t.Helper()
	a, err := l.Check(t.Context(), group)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func read(t testing.TB, r io.Reader) string {
	t.Helper()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func perMinute(amount, burst int) map[string]any {
	return map[string]any{"kind": "rolling", "amount": amount, "unit": "minute", "burst": burst}
}

func place(t testing.TB, address string) *url.URL {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u
}
