package evaluate

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/db/dbtest"
	"github.com/slipwayhq/slipway/internal/decide/flag"
)

const ana = "person:ana"

// patience is how long a test waits for what has to come.
const patience = time.Minute

// world is the door on a store with an app's flags.
type world struct {
	*testing.T
	flags *flag.Service
	door  *Door
	http  *httptest.Server
	// stop ends the server's requests, as the program does when it stops.
	stop context.CancelFunc
}

func newWorld(t *testing.T, change ...func(*Door)) *world {
	t.Helper()
	return on(t, dbtest.SQLite(t, db.Options{}), change...)
}

func on(t *testing.T, d *db.DB, change ...func(*Door)) *world {
	t.Helper()
	w := &world{T: t, flags: flag.New(d)}
	w.door = New(w.flags, slog.New(slog.NewTextHandler(t.Output(), nil)))
	for _, c := range change {
		c(w.door)
	}
	mux := http.NewServeMux()
	w.door.Mount(mux)
	w.http = httptest.NewUnstartedServer(mux)
	var base context.Context
	base, w.stop = context.WithCancel(context.Background())
	w.http.Config.BaseContext = func(net.Listener) context.Context { return base }
	w.http.Start()
	t.Cleanup(w.http.Close)
	t.Cleanup(w.stop)
	return w
}

// make adds a flag that is on in production, with a default and rules.
func (w *world) make(name, normal, rules string) flag.Flag {
	w.Helper()
	f := flag.Flag{App: "shop", Kind: flag.Rules, Name: name, About: flag.About{Type: "json"}}
	f, err := w.flags.Create(w.Context(), ana, "", f)
	if err != nil {
		w.Fatal(err)
	}
	return w.set(f, "production", flag.State{On: true, Default: json.RawMessage(normal), Rules: json.RawMessage(rules)})
}

func (w *world) set(f flag.Flag, env string, to flag.State) flag.Flag {
	w.Helper()
	to.Revision = f.States[env].Revision
	f, err := w.flags.SetState(w.Context(), ana, "shop", f.ID, env, "", to)
	if err != nil {
		w.Fatal(err)
	}
	return f
}

func (w *world) key(k flag.Key, encrypted bool) flag.Key {
	w.Helper()
	k.App, k.Environment = "shop", "production"
	if k.Name == "" {
		k.Name = k.Kind
	}
	k, err := w.flags.CreateKey(w.Context(), ana, k, encrypted)
	if err != nil {
		w.Fatal(err)
	}
	return k
}

// reply is an answer, read to its end.
type reply struct {
	*http.Response
	text string
}

// call asks, with headers in pairs.
func (w *world) call(method, path, body string, headers ...string) reply {
	w.Helper()
	req, err := http.NewRequestWithContext(w.Context(), method, w.http.URL+path, strings.NewReader(body))
	if err != nil {
		w.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	transport := &http.Transport{DisableCompression: true} // the test unpacks by itself
	defer transport.CloseIdleConnections()
	res, err := transport.RoundTrip(req)
	if err != nil {
		w.Fatalf("%s %s: %v", method, short(path), err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		w.Fatal(err)
	}
	return reply{res, string(raw)}
}

// want asks and checks the status.
func (w *world) want(status int, method, path, body string, headers ...string) reply {
	w.Helper()
	r := w.call(method, path, body, headers...)
	if r.StatusCode != status {
		w.Fatalf("%s %s: %d, want %d: %s", method, short(path), r.StatusCode, status, r.text)
	}
	return r
}

// into decodes an answer.
func into[T any](t *testing.T, r reply) (out T) {
	t.Helper()
	if err := json.Unmarshal([]byte(r.text), &out); err != nil {
		t.Fatalf("%v: %s", err, r.text)
	}
	return out
}

// message is one of a stream.
type message struct{ id, event, data string }

// listener reads a stream.
type listener struct {
	*world
	res   *http.Response
	lines *bufio.Scanner
	retry string
	id    string // the last one
}

// listen opens a stream.
func (w *world) listen(path, last string) *listener {
	w.Helper()
	return w.listenWith(http.DefaultClient, path, last)
}

func (w *world) listenWith(client *http.Client, path, last string) *listener {
	w.Helper()
	req, err := http.NewRequestWithContext(w.Context(), http.MethodGet, w.http.URL+path, nil)
	if err != nil {
		w.Fatal(err)
	}
	if last != "" {
		req.Header.Set("Last-Event-ID", last)
	}
	res, err := client.Do(req)
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { res.Body.Close() })
	l := &listener{world: w, res: res, lines: bufio.NewScanner(res.Body)}
	l.lines.Buffer(nil, 16<<20)
	if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "text/event-stream" {
		w.Fatalf("%s: %s %v", path, res.Status, res.Header)
	}
	for l.lines.Scan() && l.lines.Text() != "" { // the greeting
		if v, ok := strings.CutPrefix(l.lines.Text(), "retry: "); ok {
			l.retry = v
		}
		if v, ok := strings.CutPrefix(l.lines.Text(), "id: "); ok {
			l.id = v
		}
	}
	if l.retry == "" || l.id == "" {
		w.Fatalf("the stream begins without retry or id: %v", l.lines.Err())
	}
	return l
}

// next waits for a message; comments are none. ok is false at the end of the stream.
func (l *listener) next() (m message, ok bool) {
	l.Helper()
	late := time.AfterFunc(patience, func() { l.res.Body.Close() })
	defer late.Stop()
	for l.lines.Scan() {
		name, value, _ := strings.Cut(l.lines.Text(), ": ")
		switch name {
		case "id":
			m.id = value
		case "event":
			m.event = value
		case "data":
			m.data = value
		case "":
			if m.data != "" && l.lines.Text() == "" {
				l.id = m.id
				return m, true
			}
		}
	}
	return m, false
}

// must is next where something has to come.
func (l *listener) must(event string) message {
	l.Helper()
	m, ok := l.next()
	if !ok || m.event != event || m.id == "" {
		l.Fatalf("%+v (%v) came, not %s: %v", m, ok, event, l.lines.Err())
	}
	return m
}
