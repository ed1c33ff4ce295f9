package waffle_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/db/dbtest"
	"github.com/slipwayhq/slipway/internal/decide/flag"
	"github.com/slipwayhq/slipway/internal/door/expose"
	"github.com/slipwayhq/slipway/internal/door/waffle"
)

const ana = "person:ana"

// world is the door on a real store, with a key of each kind.
type world struct {
	*testing.T
	flags *flag.Service
	door  *waffle.Door
	http  *httptest.Server
	// secret is the key of a server, open that of clients.
	secret, open string
	stop         func() // waits until all exposures are written

	mu      sync.Mutex
	dice    float64 // from 0 to 1, what comes next
	draws   int
	later   time.Duration // by how much the door's clock is ahead
	logs    strings.Builder
	exposed []string // what was written
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return on(t, dbtest.SQLite(t, db.Options{}))
}

func on(t *testing.T, d *db.DB) *world {
	t.Helper()
	w := &world{T: t, flags: flag.New(d), dice: 0.5}
	for kind, into := range map[string]*string{"server": &w.secret, "client": &w.open} {
		k, err := w.flags.CreateKey(t.Context(), ana, flag.Key{App: "shop", Environment: "production", Name: kind, Kind: kind}, false)
		if err != nil {
			t.Fatal(err)
		}
		*into = k.Key
	}
	exposures := expose.New(func(_ context.Context, app, env string, body []byte) error {
		var in struct {
			Events []struct {
				Name, User, Anonymous, Release string
				Properties                     struct{ Value json.RawMessage }
			}
		}
		err := json.Unmarshal(body, &in)
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, e := range in.Events {
			w.exposed = append(w.exposed, fmt.Sprintf("%s/%s %s%s %s=%s %s", app, env, e.User, e.Anonymous, e.Name, e.Properties.Value, e.Release))
		}
		return err
	}, func() time.Time { return time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC) }, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- exposures.Run(ctx) }()
	w.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(w.stop)
	mux := http.NewServeMux()
	w.door = &waffle.Door{Flags: w.flags, Exposures: exposures, Now: w.now, Dice: w.draw, Logger: slog.New(slog.NewTextHandler(w, nil))}
	w.door.Mount(mux)
	w.http = httptest.NewServer(mux)
	t.Cleanup(w.http.Close)
	return w
}

// draw gives what the test wants, and counts.
func (w *world) draw() float64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.draws++
	return w.dice
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Now().Add(w.later)
}

// Write is where the door logs.
func (w *world) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.logs.Write(p)
}

func (w *world) make(f flag.Flag, state *flag.State) flag.Flag {
	w.Helper()
	f.App = "shop"
	if f.Kind == "" {
		f.Kind = flag.Rules
	}
	if state != nil {
		f.States = map[string]flag.State{"production": *state}
	}
	out, err := w.flags.Create(w.Context(), ana, "", f)
	if err != nil {
		w.Fatalf("create %s: %v", f.Name, err)
	}
	return out
}

// audience makes a flag another one; it is made where there is none.
func (w *world) audience(name string, a flag.Audience) flag.Flag {
	w.Helper()
	f, err := w.flags.Find(w.Context(), "shop", name)
	if err != nil {
		return w.make(flag.Flag{Name: name}, &flag.State{On: true, Audience: &a})
	}
	f, err = w.flags.SetState(w.Context(), ana, "shop", f.ID, "production", "", flag.State{On: true, Audience: &a, Revision: f.States["production"].Revision})
	if err != nil {
		w.Fatal(err)
	}
	return f
}

func (w *world) settings(do func(*flag.Settings)) {
	w.Helper()
	s, err := w.flags.Settings(w.Context(), "shop")
	if err == nil {
		do(&s)
		_, err = w.flags.SetSettings(w.Context(), ana, "shop", "", s)
	}
	if err != nil {
		w.Fatal(err)
	}
}

// browser has cookies of its own.
func browser() *http.Client {
	jar, _ := cookiejar.New(nil) // without a list of suffixes it cannot fail
	return &http.Client{Jar: jar}
}

// answer is one, read to its end.
type answer struct {
	*http.Response
	text string
}

// call asks, with headers in pairs.
func (w *world) call(c *http.Client, method, path, body string, headers ...string) answer {
	w.Helper()
	req, err := http.NewRequestWithContext(w.Context(), method, w.http.URL+path, strings.NewReader(body))
	if err != nil {
		w.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
	}
	res, err := c.Do(req)
	if err != nil {
		w.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		w.Fatal(err)
	}
	return answer{res, string(raw)}
}

type told struct {
	Active   bool      `json:"is_active"`
	Reason   string    `json:"reason"`
	Missing  bool      `json:"missing"`
	Modified time.Time `json:"last_modified"`
}

type all struct {
	Flags, Switches, Samples map[string]told
	Cookies                  []struct {
		Name, Value, Path, Header string
		MaxAge                    int `json:"max_age"`
		Secure                    bool
	}
}

// status asks for all, by a key.
func (w *world) status(c *http.Client, key, query string, headers ...string) (all, answer) {
	w.Helper()
	a := w.call(c, "GET", "/waffle_status?key="+key+query, "", headers...)
	var out all
	if err := json.Unmarshal([]byte(a.text), &out); a.StatusCode != 200 || err != nil {
		w.Fatalf("%d %s: %v", a.StatusCode, a.text, err)
	}
	return out, a
}

// check asks as a backend.
func (w *world) check(body string) all {
	w.Helper()
	a := w.call(http.DefaultClient, "POST", "/v1/waffle/check", body, "Authorization", "Bearer "+w.secret, "Slipway-Release", "rel_1")
	var out all
	if err := json.Unmarshal([]byte(a.text), &out); a.StatusCode != 200 || err != nil {
		w.Fatalf("%s: %d %s: %v", body, a.StatusCode, a.text, err)
	}
	return out
}
