package worker_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/agent/client"
	"github.com/slipwayhq/slipway/internal/agent/proc"
	"github.com/slipwayhq/slipway/internal/agent/worker"
	"github.com/slipwayhq/slipway/internal/blob"
	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/db/dbtest"
	"github.com/slipwayhq/slipway/internal/decide/build"
	"github.com/slipwayhq/slipway/internal/decide/fleet"
	"github.com/slipwayhq/slipway/internal/door/agents"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
	"github.com/slipwayhq/slipway/internal/wire"
)

// world is a server with its doors for workers, and a repository.
type world struct {
	t     *testing.T
	db    *db.DB
	blobs *blob.Store
	fleet *fleet.Service
	*build.Service
	url    string
	token  string
	repo   string
	pushes int
	ahead  atomic.Int64 // nanoseconds by which the server's clock is ahead
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, repo: t.TempDir()}
	d := dbtest.SQLite(t, db.Options{Now: func() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) }})
	w.db = d
	j := dbtest.Journal(t, d)
	var err error
	if w.blobs, err = blob.Open(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	w.fleet = fleet.New(d, nil)
	w.Service = build.New(d, j, w.blobs, build.Options{})
	dbtest.Run(t, w.Run)
	w.url = w.serve(new(atomic.Bool))
	if _, w.token, err = w.fleet.CreateJoin(t.Context(), "person:ana", fleet.JoinToken{Roles: []string{wire.RoleWork}, Uses: 100}); err != nil {
		t.Fatal(err)
	}
	w.git("init", "--quiet", "--initial-branch=main")
	return w
}

// serve opens another way to the server. While it is cut, nothing gets through it.
func (w *world) serve(cut *atomic.Bool) (url string) {
	w.t.Helper()
	doors := w.doors()
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if cut.Load() {
			panic(http.ErrAbortHandler)
		}
		doors.ServeHTTP(rw, r)
	}))
	w.t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return server.URL
}

// doors are the server's as far as workers need them.
func (w *world) doors() http.Handler {
	mux := http.NewServeMux()
	agents.Work{Build: w.Service, Blobs: w.blobs, Agent: func(r *http.Request) (string, []string, error) {
		a, err := w.fleet.Authenticate(r.Context(), strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
		return a.ID, a.Roles, err
	}}.Mount(mux)
	mux.HandleFunc("POST /agent/v1/join", func(rw http.ResponseWriter, r *http.Request) {
		var req wire.JoinRequest
		err := json.NewDecoder(r.Body).Decode(&req)
		var ans wire.JoinAnswer
		if err == nil {
			ans, err = w.fleet.Join(r.Context(), req)
		}
		if err != nil {
			http.Error(rw, err.Error(), http.StatusBadRequest)
			return
		}
		_ = json.NewEncoder(rw).Encode(ans)
	})
	mux.Handle("/git/", w.gitDoor())
	return mux
}

// gitDoor serves the repository as shop.git to agents.
func (w *world) gitDoor() http.Handler {
	w.t.Helper()
	programs := w.git("--exec-path")
	backend := &cgi.Handler{Path: filepath.Join(programs, "git-http-backend"), Root: "/git/shop.git",
		Env: []string{"GIT_PROJECT_ROOT=" + filepath.Join(w.repo, ".git"), "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_COUNT=2",
			"GIT_CONFIG_KEY_0=uploadpack.allowAnySHA1InWant", "GIT_CONFIG_VALUE_0=true", "GIT_CONFIG_KEY_1=safe.directory", "GIT_CONFIG_VALUE_1=*"}}
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		_, password, _ := r.BasicAuth()
		if _, err := w.fleet.Authenticate(r.Context(), password); err != nil {
			http.Error(rw, "who are you?", http.StatusUnauthorized)
			return
		}
		backend.ServeHTTP(rw, r)
	})
}

func (w *world) git(args ...string) string {
	w.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = w.repo
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=Ana", "GIT_AUTHOR_EMAIL=ana@example.com", "GIT_COMMITTER_NAME=Ana", "GIT_COMMITTER_EMAIL=ana@example.com")
	out, err := cmd.CombinedOutput()
	if err != nil {
		w.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// write puts files into the repository.
func (w *world) write(files map[string]string) {
	w.t.Helper()
	for name, text := range files {
		path := filepath.Join(w.repo, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			w.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			w.t.Fatal(err)
		}
	}
}

// push commits what is written and pushes it with a manifest.
func (w *world) push(m manifest.Manifest) string {
	w.t.Helper()
	w.pushes++
	w.git("add", "--all")
	w.git("commit", "--quiet", "--allow-empty", "-m", fmt.Sprintf("Change %d", w.pushes))
	sha := w.git("rev-parse", "HEAD")
	w.pushed(sha, m)
	return sha
}

// pushed tells the build of a commit.
func (w *world) pushed(sha string, m manifest.Manifest) {
	w.t.Helper()
	m.App = "shop"
	text, err := json.Marshal(m)
	if err != nil {
		w.t.Fatal(err)
	}
	dbtest.Emit(w.t, w.db, event.Meta{App: "shop", Env: "production", Actor: "person:ana"}, event.GitPushed{Branch: "main", After: sha,
		Tree: w.git("rev-parse", "HEAD^{tree}"), Commits: []event.Commit{{SHA: sha, Author: "Ana", Subject: "Change"}}, Manifest: text})
}

// suite is one that runs units by a shell command.
func suite(list, run string) manifest.Test {
	return manifest.Test{Name: "unit", List: list, Run: run, Format: manifest.FormatExit, Timeout: manifest.Every(time.Minute)}
}

func manifestOf(path string, tests ...manifest.Test) manifest.Manifest {
	m := manifest.Manifest{Tests: tests}
	if path != "" {
		m.Package = manifest.Package{Path: path, Timeout: manifest.Every(time.Minute)}
	}
	return m
}

// options are a worker's with folders as an agent has them.
func options(dir string) worker.Options {
	return worker.Options{Dir: filepath.Join(dir, "work"), Hide: []string{filepath.Join(dir, "identity")}, Keeper: proc.KeeperProgram()}
}

// worker joins and runs a worker until the test ends, or stop is called.
func (w *world) worker(name string, change ...func(*worker.Options)) (stop func()) {
	w.t.Helper()
	dir := w.t.TempDir()
	o := options(dir)
	o.Client, o.GitURL = w.join(name, o.Hide[0], w.url), func(string) string { return w.repo }
	for _, f := range change {
		f(&o)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- worker.Run(ctx, o) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			w.t.Errorf("worker %s: %v", name, err)
		}
	}
	w.t.Cleanup(stop)
	return stop
}

func (w *world) join(name, dir, url string) *client.Client {
	w.t.Helper()
	c, err := client.New(client.Options{Server: url, Token: w.token, Dir: dir, Version: "test"})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(c.Close)
	if _, err := c.Join(w.t.Context(), wire.JoinRequest{Name: name, Roles: []string{wire.RoleWork}}); err != nil {
		w.t.Fatal(err)
	}
	return c
}

func (w *world) wait(what string, ok func() bool) {
	w.t.Helper()
	for end := time.Now().Add(60 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			w.t.Fatalf("waited in vain for %s", what)
		}
	}
}

func (w *world) nth(n int) (build.Detail, bool) {
	w.t.Helper()
	id, err := w.Find(w.t.Context(), "shop", "production", fmt.Sprint(n))
	if err != nil {
		return build.Detail{}, false
	}
	b, err := w.Build(w.t.Context(), "shop", id)
	if err != nil {
		w.t.Fatal(err)
	}
	return b, true
}

// ended waits for the end of a build.
func (w *world) ended(n int) build.Detail {
	w.t.Helper()
	w.wait(fmt.Sprintf("the end of build #%d", n), func() bool {
		b, ok := w.nth(n)
		return ok && !b.State.Open()
	})
	b, _ := w.nth(n)
	return b
}

// passed waits for the end of a build that must be green.
func (w *world) passed(n int) build.Detail {
	w.t.Helper()
	b := w.ended(n)
	if b.State != build.Passed {
		w.t.Fatalf("build #%d is %s: %+v", n, b.State, b.Reasons)
	}
	return b
}

// log reads the whole log of a lease.
func (w *world) log(build, lease string) string {
	w.t.Helper()
	w.wait("the end of the log", func() bool {
		tail, err := w.ReadLog(w.t.Context(), "shop", build, lease, 0, false)
		if err != nil {
			w.t.Fatal(err)
		}
		defer tail.Text.Close()
		return tail.End
	})
	tail, err := w.ReadLog(w.t.Context(), "shop", build, lease, 0, false)
	if err != nil {
		w.t.Fatal(err)
	}
	defer tail.Text.Close()
	text, err := io.ReadAll(tail.Text)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(text)
}

func leaseOf(b build.Detail, kind string) build.Lease {
	for _, l := range b.Leases {
		if l.Kind == kind && l.State == "done" {
			return l
		}
	}
	return build.Lease{}
}
