package agents_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/act/deploy"
	"github.com/slipwayhq/slipway/internal/act/traffic"
	"github.com/slipwayhq/slipway/internal/agent/client"
	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/db/dbtest"
	"github.com/slipwayhq/slipway/internal/decide/fleet"
	"github.com/slipwayhq/slipway/internal/door/agents"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/vault"
	"github.com/slipwayhq/slipway/internal/wire"
)

type world struct {
	t     *testing.T
	db    *db.DB
	fleet *fleet.Service
	url   string
	ahead atomic.Int64 // nanoseconds that the clock is ahead of 2026-11-01
}

func (w *world) now() time.Time {
	return time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC).Add(time.Duration(w.ahead.Load()))
}

func (w *world) skip(d time.Duration) { w.ahead.Add(int64(d)) }

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t}
	d := dbtest.SQLite(t, db.Options{Now: w.now})
	j := dbtest.Journal(t, d)
	keys, err := vault.OpenKeyring(filepath.Join(t.TempDir(), "key"), "")
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	door := agents.Door{Fleet: fleet.New(d, log), Deploy: deploy.New(d, j, vault.New(keys), log), Traffic: traffic.New(d, j, log), Logger: log}
	dbtest.Run(t, door.Deploy.Run)
	dbtest.Run(t, door.Traffic.Run)
	mux := http.NewServeMux()
	door.Mount(mux)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	w.db, w.fleet, w.url = d, door.Fleet, server.URL
	return w
}

// call sends a body as an agent of this wire version and gives status and answer.
func (w *world) call(method, path, credential, version string, body io.Reader) (int, string) {
	w.t.Helper()
	req, err := http.NewRequest(method, w.url+path, body)
	if err != nil {
		w.t.Fatal(err)
	}
	if credential != "" {
		req.Header.Set("Authorization", "Bearer "+credential)
	}
	if version != "" {
		req.Header.Set(wire.HeaderVersion, version)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func (w *world) send(method, path, credential string, v any) (int, string) {
	w.t.Helper()
	body, err := json.Marshal(v)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.call(method, path, credential, "1", bytes.NewReader(body))
}

func (w *world) join(name string, roles ...string) wire.JoinAnswer {
	w.t.Helper()
	_, token, err := w.fleet.CreateJoin(w.t.Context(), "person:ana", fleet.JoinToken{Roles: roles})
	if err != nil {
		w.t.Fatal(err)
	}
	status, text := w.send("POST", "/agent/v1/join", "", wire.JoinRequest{Token: token, Name: name, Key: strings.Repeat("a", 32), Roles: roles})
	var a wire.JoinAnswer
	if err := json.Unmarshal([]byte(text), &a); status != http.StatusOK || err != nil || a.Agent == "" || a.Credential == "" {
		w.t.Fatalf("join: %d %s", status, text)
	}
	return a
}

func TestWhoMaySayWhat(t *testing.T) {
	w := newWorld(t)
	host, worker := w.join("h1", wire.RoleHost), w.join("w1", wire.RoleWork)
	if status, text := w.send("POST", "/agent/v1/join", "", wire.JoinRequest{Token: "slj_x", Name: "x", Key: strings.Repeat("a", 32), Roles: []string{wire.RoleHost}}); status != http.StatusUnauthorized || !strings.Contains(text, "join token") {
		t.Errorf("a join by an unknown token: %d %s", status, text)
	}
	for name, c := range map[string]struct {
		path, credential string
		want             int
	}{
		"a host reports":           {"/agent/v1/host/report", host.Credential, http.StatusNoContent},
		"a worker reports":         {"/agent/v1/host/report", worker.Credential, http.StatusForbidden},
		"a worker lives":           {"/agent/v1/beat", worker.Credential, http.StatusNoContent},
		"a stranger lives":         {"/agent/v1/beat", "sla_x", http.StatusUnauthorized},
		"nobody lives":             {"/agent/v1/beat", "", http.StatusUnauthorized},
		"a token is no credential": {"/agent/v1/beat", "slj_x", http.StatusUnauthorized},
	} {
		if status, text := w.send("POST", c.path, c.credential, struct{}{}); status != c.want {
			t.Errorf("%s: %d %s, want %d", name, status, text, c.want)
		}
	}
	if status, text := w.call("GET", "/edge/v1/snapshot", host.Credential, "1", nil); status != http.StatusForbidden {
		t.Errorf("a host asks for the edges' snapshot: %d %s", status, text)
	}
	if err := w.fleet.Remove(t.Context(), "person:ana", host.Agent, ""); err != nil {
		t.Fatal(err)
	}
	if status, _ := w.send("POST", "/agent/v1/beat", host.Credential, wire.Beat{}); status != http.StatusUnauthorized {
		t.Errorf("a removed host lives: %d", status)
	}
}

// TestRefusedJoinSaysWhy joins as an agent does, by its own client: its operator must read what the server says, and with it what to do.
func TestRefusedJoinSaysWhy(t *testing.T) {
	w := newWorld(t)
	w.join("taken", wire.RoleHost)
	token := func(spec fleet.JoinToken) string {
		t.Helper()
		spec.Roles = []string{wire.RoleWork}
		_, secret, err := w.fleet.CreateJoin(t.Context(), "person:ana", spec)
		if err != nil {
			t.Fatal(err)
		}
		return secret
	}
	join := func(token, name, role string) error {
		t.Helper()
		c, err := client.New(client.Options{Server: w.url, Token: token, Dir: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_, err = c.Join(t.Context(), wire.JoinRequest{Name: name, Roles: []string{role}})
		return err
	}
	good, spent := token(fleet.JoinToken{}), token(fleet.JoinToken{Uses: 1})
	if err := join(spent, "w1", wire.RoleWork); err != nil {
		t.Fatal(err)
	}
	brief := token(fleet.JoinToken{Expires: w.now().Add(time.Minute)})
	w.skip(2 * time.Minute)
	for name, c := range map[string]struct{ token, name, role, want string }{
		"an unknown token": {"slj_x", "u1", wire.RoleWork, "this join token is not known here"},
		"another role":     {good, "u2", wire.RoleHost, "does not allow the role host, only work"},
		"a used token":     {spent, "u3", wire.RoleWork, "was used up; make a new one"},
		"an old token":     {brief, "u4", wire.RoleWork, "expired at 2026-"},
		"a name in use":    {good, "taken", wire.RoleWork, "is there already, on another machine; choose another --name"},
		"no role":          {good, "u5", "king", "use work, host or edge"},
		"an endless name":  {good, strings.Repeat("x", 101), wire.RoleWork, "at most 100 characters"},
	} {
		if err := join(c.token, c.name, c.role); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	status, text := w.call("POST", "/agent/v1/join", "", "99", strings.NewReader("{}"))
	if status != http.StatusUpgradeRequired || !strings.Contains(text, `"detail":"this server speaks version 1 of the wire`) || !strings.Contains(text, "upgrade the server first") {
		t.Errorf("a newer agent reads %d %s", status, text)
	}
}

func TestWhatCannotBeUnderstood(t *testing.T) {
	w := newWorld(t)
	c := w.join("h1", wire.RoleHost).Credential
	for name, body := range map[string]string{"no JSON": "{", "a list": "[]", "too large": `{"environments":"` + strings.Repeat("x", 5<<20) + `"}`} {
		if status, text := w.call("POST", "/agent/v1/host/report", c, "1", strings.NewReader(body)); status != http.StatusBadRequest || text == "" {
			t.Errorf("%s: %d %s", name, status, text)
		}
	}
	if status, text := w.call("GET", "/agent/v1/host/desired?after=x", c, "1", nil); status != http.StatusBadRequest || !strings.Contains(text, "after") {
		t.Errorf("a generation that is no number: %d %s", status, text)
	}
	for version, want := range map[string]int{"2": http.StatusUpgradeRequired, "x": http.StatusUpgradeRequired, "1": http.StatusNoContent, "": http.StatusNoContent} {
		if status, text := w.call("POST", "/agent/v1/beat", c, version, strings.NewReader("{}")); status != want {
			t.Errorf("wire version %q: %d %s, want %d", version, status, text, want)
		}
	}
}

func TestHostGetsItsWishAndAnEdgeItsSnapshot(t *testing.T) {
	w := newWorld(t)
	host, edge := w.join("h1", wire.RoleHost), w.join("e1", wire.RoleEdge)
	meta := event.Meta{App: "shop", Env: "production", Actor: "system:test"}
	dbtest.Emit(t, w.db, meta, event.DeployRequested{Deploy: "dep_1", Hosts: []string{host.Agent}})
	status, text := w.call("GET", "/agent/v1/host/desired?after=0", host.Credential, "1", nil) // it waits until the wish is there
	var d wire.Desired
	if err := json.Unmarshal([]byte(text), &d); err != nil || status != http.StatusOK || d.Generation != 1 || d.Environments[0].Deploy != "dep_1" {
		t.Errorf("the wish: %d %s, %v", status, text, err)
	}
	dbtest.Emit(t, w.db, meta, event.TrafficRequested{Traffic: "trf_1", Split: event.Split{Old: "rel_1"}})
	var snap wire.Snapshot
	for end := time.Now().Add(20 * time.Second); len(snap.Routes) == 0 && time.Now().Before(end); {
		status, text = w.call("GET", "/edge/v1/snapshot?after=-1", edge.Credential, "1", nil)
		if err := json.Unmarshal([]byte(text), &snap); err != nil || status != http.StatusOK {
			t.Fatalf("the snapshot: %d %s, %v", status, text, err)
		}
	}
	if len(snap.Routes) != 1 || snap.Routes[0].Traffic != "trf_1" {
		t.Errorf("the snapshot is %+v", snap)
	}
}

func TestASampleIsASignOfLife(t *testing.T) {
	w := newWorld(t)
	host := w.join("h1", wire.RoleHost)
	sample := &wire.Sample{CPU: .5}
	for path, body := range map[string]any{"/agent/v1/beat": wire.Beat{Sample: sample}, "/agent/v1/host/report": wire.Report{Sample: sample}} {
		if status, text := w.send("POST", path, host.Credential, body); status != http.StatusNoContent {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
	if s := w.fleet.Samples(host.Agent); len(s) != 2 || s[0].CPU != .5 {
		t.Errorf("samples %+v", s)
	}
}
