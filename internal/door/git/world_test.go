package git

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/db/dbtest"
	"github.com/slipwayhq/slipway/internal/event"
)

// TestMain lets the test program be what git calls as its hooks.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == HookCommand {
		os.Exit(HookMain(os.Args[2], os.Stdin, os.Stdout))
	}
	if len(os.Args) == 3 && os.Args[1] == serveCommand {
		serveUntilKilled(os.Args[2])
	}
	os.Exit(m.Run())
}

const adminToken = "test-admin-token-0123456789"

// world is a door that serves, and its store.
type world struct {
	t    testing.TB
	db   *db.DB
	opts Options
	door *Door
	http *httptest.Server
	stop func()
}

// open makes a world whose door runs. change alters the options before.
func open(t testing.TB, change func(*Options)) *world {
	t.Helper()
	return openOn(t, dbtest.SQLite(t, db.Options{}), change)
}

// openOn is open on a store of the test's choice.
func openOn(t testing.TB, d *db.DB, change func(*Options)) *world {
	t.Helper()
	people := access.New(d, slog.New(slog.DiscardHandler))
	if _, err := people.Bootstrap(t.Context(), adminToken); err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, db: d, opts: Options{DB: d, Access: people, Dir: filepath.Join(t.TempDir(), "git"), URL: "http://slipway.test", Logger: testLogger(t)}}
	if change != nil {
		change(&w.opts)
	}
	w.start()
	t.Cleanup(func() { w.stop() })
	return w
}

// start runs a door on the world's store and folder; stop ends it.
func (w *world) start() {
	w.t.Helper()
	door, err := New(w.opts)
	if err != nil {
		w.t.Fatal(err)
	}
	w.door, w.http = door, httptest.NewServer(door)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := door.Run(ctx); err != nil {
			w.t.Errorf("run: %v", err)
		}
	})
	w.stop = sync.OnceFunc(func() {
		cancel()
		w.http.CloseClientConnections()
		w.http.Close()
		wg.Wait()
	})
}

func testLogger(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

type testWriter struct{ t testing.TB }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(p)))
	return len(p), nil
}

// url of an app's repository with a token in it.
func (w *world) url(app, token string) string {
	u, err := url.Parse(w.http.URL)
	if err != nil {
		w.t.Fatal(err)
	}
	u.User, u.Path = url.UserPassword("git", token), "/git/"+app+".git"
	return u.String()
}

// pushed gives the git.pushed events so far, oldest first.
func (w *world) pushed() []event.Event {
	w.t.Helper()
	events, err := db.Events(w.t.Context(), w.db, `SELECT seq, body FROM events WHERE type = 'git.pushed' ORDER BY seq`)
	if err != nil {
		w.t.Fatal(err)
	}
	return events
}

func (w *world) lastPush() (event.Event, event.GitPushed) {
	w.t.Helper()
	all := w.pushed()
	if len(all) == 0 {
		w.t.Fatal("nothing was told of a push")
	}
	ev := all[len(all)-1]
	p, err := event.Decode[event.GitPushed](ev)
	if err != nil {
		w.t.Fatal(err)
	}
	return ev, p
}

// person makes a person with a role in an app ("shop", or "shop/staging" for one environment) and gives their token.
func (w *world) person(name, app string, role access.Role) string {
	w.t.Helper()
	ctx := w.t.Context()
	if _, err := w.opts.Access.AddPerson(ctx, "test", name, "", false); err != nil {
		w.t.Fatal(err)
	}
	if role != "" {
		app, env, _ := strings.Cut(app, "/")
		if err := w.opts.Access.Grant(ctx, "test", name, access.Grant{App: app, Env: cmp.Or(env, access.AllEnvironments), Role: role}); err != nil {
			w.t.Fatal(err)
		}
	}
	_, token, err := w.opts.Access.NewToken(ctx, "test", name, "test", time.Time{})
	if err != nil {
		w.t.Fatal(err)
	}
	return token
}

// clone is a working copy.
type clone struct {
	t   testing.TB
	dir string
}

func newClone(t testing.TB) *clone {
	t.Helper()
	c := &clone{t, t.TempDir()}
	c.must("init", "--quiet", "-b", "main")
	return c
}

func (c *clone) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = c.dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_TERMINAL_PROMPT=0", "LC_ALL=C",
		"GIT_AUTHOR_NAME=Ana", "GIT_AUTHOR_EMAIL=ana@example.com", "GIT_COMMITTER_NAME=Ana", "GIT_COMMITTER_EMAIL=ana@example.com")
	return cmd
}

func (c *clone) run(args ...string) (string, error) {
	out, err := c.command(context.Background(), args...).CombinedOutput()
	return string(out), err
}

func (c *clone) must(args ...string) string {
	c.t.Helper()
	out, err := c.run(args...)
	if err != nil {
		c.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(out)
}

// commit writes files (name, text, …) and commits them; it gives the commit.
func (c *clone) commit(subject string, files ...string) string {
	c.t.Helper()
	for i := 0; i < len(files); i += 2 {
		path := filepath.Join(c.dir, files[i])
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			c.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(files[i+1]), 0o644); err != nil {
			c.t.Fatal(err)
		}
	}
	c.must("add", "-A")
	c.must("commit", "--quiet", "--allow-empty", "-m", subject)
	return c.must("rev-parse", "HEAD")
}

// refused pushes and expects to be refused with the text.
func (c *clone) refused(want string, args ...string) {
	c.t.Helper()
	out, err := c.run(append([]string{"push"}, args...)...)
	if err == nil {
		c.t.Fatalf("the push was accepted:\n%s", out)
	}
	if !strings.Contains(out, want) {
		c.t.Fatalf("the push was refused without %q:\n%s", want, out)
	}
}

// good is a manifest with nothing to say about environments.
func good(app string) string {
	return fmt.Sprintf("app: %s\ntest:\n  - name: go\n    run: go test ./...\n    format: exit\npackage:\n  path: .\nprocesses:\n  web:\n    run: ./web\n", app)
}

// status asks the door without git.
func (w *world) status(method, path, token, contentType string) int {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.http.URL+path, strings.NewReader("0000"))
	if err != nil {
		w.t.Fatal(err)
	}
	if token != "" {
		req.SetBasicAuth("x", token)
	}
	req.Header.Set("Content-Type", contentType)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	return res.StatusCode
}

// lastMapped gives the last push of a branch with a manifest, and the manifest.
func (w *world) lastMapped() (event.Event, string) {
	w.t.Helper()
	all := w.pushed()
	for i := len(all) - 1; i >= 0; i-- {
		p, err := event.Decode[event.GitPushed](all[i])
		if err != nil {
			w.t.Fatal(err)
		}
		if len(p.Manifest) > 0 {
			return all[i], string(p.Manifest)
		}
	}
	w.t.Fatal("no push with a manifest")
	return event.Event{}, ""
}

// waitSettled returns when the door has looked at every repository: a push is only served behind that.
func (w *world) waitSettled() {
	w.t.Helper()
	c := newClone(w.t)
	c.commit("x", "x", "x")
	c.must("push", "--quiet", "--force", w.url("shop", adminToken), "main:refs/tags/settled")
}
