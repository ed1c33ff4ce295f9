package apiclient_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/agent"
	"github.com/slipwayhq/slipway/internal/analytics"
	"github.com/slipwayhq/slipway/internal/apiclient"
	"github.com/slipwayhq/slipway/internal/apptest"
	"github.com/slipwayhq/slipway/internal/fault"
)

func TestMain(m *testing.M) { apptest.Main(m) }

func connect(t *testing.T, s *apptest.Server, token string) *apiclient.Client {
	t.Helper()
	c, err := apiclient.New(apiclient.Options{URL: s.URL(), Token: token, Agent: "test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func production() apiclient.Place { return apiclient.Place{App: "tiny", Env: "production"} }

// A list is read to its end, however many parts it has.
func TestListsAreWhole(t *testing.T) {
	s := apptest.Start(t)
	const more = 501 // than a part can hold
	for range more {
		_, _, err := s.Access.NewToken(t.Context(), "test", "admin", "x", time.Time{})
		must(t, err)
	}
	tokens, err := connect(t, s, apptest.Token).Tokens(t.Context())
	if err != nil || len(tokens) != more+1 {
		t.Errorf("%d tokens, %v", len(tokens), err)
	}
}

func TestPeopleTokensAndConfig(t *testing.T) {
	s := apptest.Start(t)
	c, ctx := connect(t, s, apptest.Token), t.Context()

	who, err := c.Session(ctx)
	if err != nil || who.Person.Name != "admin" || !who.Admin || who.Version != "test" {
		t.Fatalf("session: %+v, %v", who, err)
	}
	app, err := c.CreateApp(ctx, "tiny")
	if err != nil || app.GitURL != s.URL()+"/git/tiny.git" || len(app.Environments) != 1 || app.Environments[0].Branch != "main" {
		t.Fatalf("app: %+v, %v", app, err)
	}
	apps, err := c.Apps(ctx)
	if err != nil || len(apps) != 1 || apps[0].Value.Name != "tiny" || !json.Valid(apps[0].Raw) {
		t.Fatalf("apps: %+v, %v", apps, err)
	}
	made, err := c.ChangeConfig(ctx, production(), apiclient.ConfigChange{Settings: map[string]string{"A": "1"}, Secrets: map[string]string{"B": "hidden"}, Reason: "test"})
	if err != nil || made.Version != 1 {
		t.Fatalf("config: %+v, %v", made, err)
	}
	read, err := c.Config(ctx, production())
	if err != nil || read.Value.Settings["A"] != "1" || len(read.Value.Secrets) != 1 || read.Value.Secrets[0].Name != "B" || bytes.Contains(read.Raw, []byte("hidden")) {
		t.Fatalf("config: %s, %v", read.Raw, err)
	}
	s.Until(t, "the environment can be frozen", func() bool { return c.Freeze(ctx, production(), "a test") == nil }) // who holds rollouts hears of it by an event
	must(t, c.Unfreeze(ctx, production(), "over"))

	if _, err := c.AddPerson(ctx, "ana", "ana@example.com", false); err != nil {
		t.Fatal(err)
	}
	must(t, c.SetGrant(ctx, "ana", apiclient.Grant{App: "tiny", Role: "viewer"}))
	people, err := c.People(ctx)
	if err != nil || len(people) != 2 {
		t.Fatalf("people: %+v, %v", people, err)
	}
	token, err := c.CreateToken(ctx, "laptop", "ana", time.Time{})
	must(t, err)
	ana := connect(t, s, token.Value.Secret)
	if _, err := ana.App(ctx, "tiny"); err != nil {
		t.Errorf("a viewer cannot look: %v", err)
	}
	if err := ana.Freeze(ctx, production(), "may not"); !apiclient.Is(err, fault.CodeForbidden) {
		t.Errorf("a viewer may freeze: %v", err)
	}
	link, err := c.SignInLink(ctx, "ana")
	if err != nil || !strings.HasPrefix(link, s.URL()+"/login?token=") {
		t.Errorf("link %q, %v", link, err)
	}
	must(t, c.RevokeToken(ctx, token.Value.ID))
	if _, err := ana.Session(ctx); !apiclient.Is(err, fault.CodeUnauthorized) || !strings.Contains(err.Error(), "slipway login") {
		t.Errorf("a revoked token: %v", err)
	}
	must(t, c.RemovePerson(ctx, "ana", "test"))
	join, err := c.CreateJoinToken(ctx, apiclient.JoinToken{Roles: []string{"host"}, Label: "test"})
	if err != nil || !strings.HasPrefix(join.Value.Token, "slj_") || !strings.Contains(join.Value.Command, "slipway agent") {
		t.Errorf("join token: %+v, %v", join.Value, err)
	}
}

const tinyManifest = `app: tiny
test:
  - name: sh
    list: echo one
    run: echo tested {units}
    format: exit
package:
  run: mkdir -p out && echo hello > out/file
  path: out
environments:
  production: {branch: main}
`

// A push is followed by the client from the first event to the end of its build; each field that the client reads must be one that the server gives.
func TestABuildAsTheClientSeesIt(t *testing.T) {
	s := apptest.Start(t)
	c := connect(t, s, apptest.Token)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	working := make(chan error, 1)
	go func() {
		working <- agent.Run(ctx, agent.Options{Server: s.URL(), JoinToken: s.JoinToken(t, "work"), Name: "worker", Roles: []string{"work"}, Dir: t.TempDir(), Tied: true})
	}()
	defer func() {
		cancel()
		if err := <-working; err != nil {
			t.Errorf("worker: %v", err)
		}
	}()
	done := errors.New("done")
	build := ""
	err := c.Stream(ctx, "", apiclient.Now, func(n apiclient.News) error {
		if n.Event == nil && n.Tick == nil { // nothing is missed from here on
			push(t, s.URL())
			return nil
		}
		if n.Event != nil && n.Event.Type == "build.passed" {
			builds, err := c.Builds(ctx, apiclient.Some{App: "tiny", Limit: 5})
			if err != nil || len(builds) != 1 {
				t.Errorf("builds: %+v, %v", builds, err)
				return done
			}
			build = builds[0].Value.ID
			return done
		}
		return nil
	})
	if !errors.Is(err, done) || build == "" {
		t.Fatalf("stream ended with %v, build %q", err, build)
	}
	b, err := c.Build(ctx, "tiny", build)
	must(t, err)
	v := b.Value
	if v.State != "passed" || v.Number != 1 || v.Total != 1 || v.Done != 1 || v.StartedAt == nil || v.EndedAt == nil || v.Head.Subject != "First" || len(v.Units) != 1 || len(v.Leases) < 2 {
		t.Errorf("build: %s", b.Raw)
	}
	var log bytes.Buffer
	for _, l := range v.Leases {
		must(t, c.Log(ctx, "tiny", build, l.ID, true, &log))
	}
	if !strings.Contains(log.String(), "tested one") {
		t.Errorf("log: %q", log.String())
	}
	releases, err := c.Releases(ctx, apiclient.Some{App: "tiny", Env: "production", Limit: 5})
	if err == nil && len(releases) > 0 && (releases[0].Value.Number != 1 || releases[0].Value.Why != "push" || releases[0].Value.Subject != "First") {
		t.Errorf("release: %s", releases[0].Raw)
	}
	must(t, err)
	again, err := c.RetryBuild(ctx, "tiny", build)
	if err == nil {
		if err := c.CancelBuild(ctx, "tiny", again, "test"); err != nil && !apiclient.Is(err, fault.CodeConflict) {
			t.Errorf("cancel: %v", err)
		}
	} else if !apiclient.Is(err, fault.CodeConflict) {
		t.Errorf("retry: %v", err)
	}
	agents, err := c.Agents(ctx, "work")
	if err != nil || len(agents) != 1 || agents[0].Value.Name != "worker" || agents[0].Value.State != "up" {
		t.Errorf("agents: %+v, %v", agents, err)
	}
}

// push makes a repository and pushes it.
func push(t *testing.T, url string) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, ".slipway.yaml"), []byte(tinyManifest), 0o600); err != nil {
		t.Error(err)
	}
	remote := strings.Replace(url, "://", "://admin:"+apptest.Token+"@", 1) + "/git/tiny.git"
	for _, args := range [][]string{{"init", "-q", "-b", "main"}, {"add", "-A"}, {"commit", "-q", "-m", "First"}, {"push", "-q", remote, "main"}} {
		cmd := exec.Command("git", append([]string{"-c", "user.name=Ana", "-c", "user.email=ana@example.com"}, args...)...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GIT_TERMINAL_PROMPT=0", "GIT_CONFIG_GLOBAL=/dev/null")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("git %v: %v\n%s", args, err, out)
			return
		}
	}
}

func TestErrorsSayWhatToDo(t *testing.T) {
	for _, bad := range []string{"", "localhost:7070", "ftp://x", "http://slipway.example.com", "https://u:p@x"} {
		if _, err := apiclient.New(apiclient.Options{URL: bad}); err == nil {
			t.Errorf("%q is taken for the address of a server", bad)
		}
	}
	if _, err := apiclient.New(apiclient.Options{URL: "https://x", Pin: "short"}); err == nil {
		t.Error("a broken pin is taken")
	}
	other := httptest.NewServer(http.NotFoundHandler())
	c, err := apiclient.New(apiclient.Options{URL: other.URL, Token: "slt_x"})
	must(t, err)
	if _, err := c.Session(t.Context()); err == nil || !strings.Contains(err.Error(), "not a Slipway server") {
		t.Errorf("another server: %v", err)
	}
	other.Close()
	if _, err := c.Session(t.Context()); err == nil || !strings.Contains(err.Error(), "slipway serve") {
		t.Errorf("no server: %v", err)
	}
}

// A server with a certificate of its own is trusted by its key, and by nothing else.
func TestPinnedKeys(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"version":"x"}`))
	}))
	defer server.Close()
	pin, known, err := apiclient.Fingerprint(t.Context(), server.URL)
	if err != nil || known || pin == "" {
		t.Fatalf("fingerprint %q, known %v, %v", pin, known, err)
	}
	ask := func(pin string) error {
		c, err := apiclient.New(apiclient.Options{URL: server.URL, Token: "slt_x", Pin: pin})
		must(t, err)
		defer c.Close()
		_, err = c.Session(t.Context())
		return err
	}
	must(t, ask(pin))
	for _, wrong := range []string{"", strings.Repeat("A", 43)} {
		if err := ask(wrong); err == nil || !strings.Contains(err.Error(), "slipway login") {
			t.Errorf("pin %q: %v", wrong, err)
		}
	}
}

// An export that is cut off is an error: a part must not be taken for all.
func TestAnExportThatIsCutOffIsNotAll(t *testing.T) {
	whole := false
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.EscapedPath() != "/v1/apps/shop/events/people/u%2F1/export" {
			t.Errorf("asked for %s", r.URL.EscapedPath())
		}
		_, _ = io.WriteString(w, "{\"user\":\"u/1\"}\n{\"seq\":7}\n")
		if !whole {
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}
	}))
	defer s.Close()
	c, err := apiclient.New(apiclient.Options{URL: s.URL, Token: "t"})
	if err != nil {
		t.Fatal(err)
	}
	for _, whole = range []bool{false, true} {
		lines := 0
		err := c.ExportUser(t.Context(), "shop", "u/1", func([]byte) error { lines++; return nil })
		if (err == nil) != whole || whole && lines != 2 {
			t.Errorf("whole: %v: %d lines, %v", whole, lines, err)
		}
	}
}

// A server that takes too long says so, after up to twice the time of a question; a client that gave up before would not hear it.
func TestAnAnswerIsWaitedFor(t *testing.T) {
	if apiclient.AnswerTime < 2*analytics.MaxTime+10*time.Second {
		t.Errorf("a client waits %s, and a question about events takes %s and as long for its turn", apiclient.AnswerTime, analytics.MaxTime)
	}
	over := make(chan struct{})
	busy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-over }))
	defer busy.Close()
	defer close(over)
	c, err := apiclient.New(apiclient.Options{URL: busy.URL, Answer: 50 * time.Millisecond})
	must(t, err)
	defer c.Close()
	if _, err := c.Ask(t.Context(), "shop", "sql", map[string]any{"sql": "SELECT 1"}); err == nil || !strings.Contains(err.Error(), "gave no answer within 50ms") || strings.Contains(err.Error(), "cannot reach") {
		t.Errorf("a server that does not answer: %v", err)
	}
}
