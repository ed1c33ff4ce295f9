package check_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/db/dbtest"
	"github.com/slipwayhq/slipway/internal/decide/limit"
	"github.com/slipwayhq/slipway/internal/door/check"
	"github.com/slipwayhq/slipway/internal/journal"
	"github.com/slipwayhq/slipway/internal/pure/rate"
	"github.com/slipwayhq/slipway/internal/takes"
)

const key = "sfk_secret"

// world is the door on a real store, a real log and real takes.
type world struct {
	*testing.T
	limits *limit.Service
	http   *httptest.Server
	env    string // of the key
	clock  atomic.Int64
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, env: "production"}
	w.clock.Store(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).UnixNano())
	quiet := slog.New(slog.DiscardHandler)
	log, err := journal.Open(t.Context(), journal.Options{Dir: t.TempDir(), Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(log.Close)
	w.limits = limit.New(dbtest.SQLite(t, db.Options{}), log, quiet)
	store, err := takes.OpenMemory(t.Context(), takes.Options{Dir: t.TempDir(), Journal: log, Find: w.limits.Find, Watch: w.limits.Fold, Now: w.now, Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	w.run(log.Run)
	w.run(store.Run)
	mux := http.NewServeMux()
	(&check.Door{
		Limits: w.limits, Store: store, Now: w.now, Logger: quiet,
		Key: func(k string) (check.Caller, bool) {
			return check.Caller{App: "shop", Env: w.env, Name: "backend"}, k == key
		},
	}).Mount(mux)
	w.http = httptest.NewServer(mux)
	t.Cleanup(w.http.Close)
	return w
}

func (w *world) run(run func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(w.Context()))
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := run(ctx); err != nil {
			w.Error(err)
		}
	})
	w.Cleanup(func() { cancel(); wg.Wait() })
}

func (w *world) now() time.Time { return time.Unix(0, w.clock.Load()) }

func (w *world) limit(group string, d rate.Limit) limit.Limit {
	w.Helper()
	l, err := w.limits.Create(w.Context(), "person:ana", "", limit.Limit{App: "shop", Group: group, Definition: d})
	if err != nil {
		w.Fatal(err)
	}
	return l
}

type answer struct {
	*http.Response
	text string
}

func (w *world) call(method, path, body string, headers ...string) answer {
	w.Helper()
	req, err := http.NewRequestWithContext(w.Context(), method, w.http.URL+path, strings.NewReader(body))
	if err != nil {
		w.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	return w.do(req)
}

func (w *world) do(req *http.Request) answer {
	w.Helper()
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		w.Fatal(err)
	}
	return answer{res, string(b)}
}

// ask asks as our own clients do.
func (w *world) ask(path, body string) answer {
	w.Helper()
	return w.call("POST", path, body, "Authorization", "Bearer "+key)
}
