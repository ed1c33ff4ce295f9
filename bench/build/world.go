package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/slipwayhq/slipway/internal/agent/client"
	"github.com/slipwayhq/slipway/internal/agent/proc"
	"github.com/slipwayhq/slipway/internal/agent/worker"
	"github.com/slipwayhq/slipway/internal/blob"
	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/decide/build"
	"github.com/slipwayhq/slipway/internal/decide/fleet"
	"github.com/slipwayhq/slipway/internal/door/agents"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/journal"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
	"github.com/slipwayhq/slipway/internal/wire"
)

// world is a server as far as builds need one, with a repository.
type world struct {
	dir, url, token string
	db              *db.DB
	fleet           *fleet.Service
	builds          *build.Service
	pushes          int

	ctx    context.Context
	cancel context.CancelFunc
	group  sync.WaitGroup
	closed []func()
}

func open(ctx context.Context) (*world, error) {
	w := &world{}
	w.ctx, w.cancel = context.WithCancel(ctx)
	if err := w.start(ctx); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

func (w *world) start(ctx context.Context) (err error) {
	if w.dir, err = os.MkdirTemp("", "slipway-bench-"); err != nil {
		return err
	}
	if w.db, err = db.Open(ctx, db.Options{Path: filepath.Join(w.dir, "slipway.db")}); err != nil {
		return err
	}
	w.closed = append(w.closed, func() { _ = w.db.Close() })
	j, err := journal.Open(ctx, journal.Options{Dir: filepath.Join(w.dir, "journal")})
	if err != nil {
		return err
	}
	w.closed = append(w.closed, j.Close)
	blobs, err := blob.Open(filepath.Join(w.dir, "blobs"))
	if err != nil {
		return err
	}
	w.fleet, w.builds = fleet.New(w.db, nil), build.New(w.db, j, blobs, build.Options{})
	w.run("log", j.Run)
	w.run("pump", func(ctx context.Context) error { return w.db.Pump(ctx, j) })
	w.run("builds", w.builds.Run)
	if _, w.token, err = w.fleet.CreateJoin(ctx, "person:bench", fleet.JoinToken{Roles: []string{wire.RoleWork}, Uses: -1}); err != nil {
		return err
	}
	if err := w.listen(blobs); err != nil {
		return err
	}
	if _, err := w.git("init", "--quiet", "--initial-branch=main", w.repo()); err != nil {
		return err
	}
	return nil
}

// run runs a part until close.
func (w *world) run(name string, fn func(context.Context) error) {
	w.group.Go(func() {
		if err := fn(w.ctx); err != nil && w.ctx.Err() == nil {
			fmt.Fprintf(os.Stderr, "bench/build: %s: %v\n", name, err)
			w.cancel()
		}
	})
}

func (w *world) close() {
	w.cancel()
	w.group.Wait()
	for i := range w.closed {
		w.closed[len(w.closed)-1-i]()
	}
	_ = os.RemoveAll(w.dir) // in the temporary folder
}

func (w *world) listen(blobs *blob.Store) error {
	mux := http.NewServeMux()
	agents.Work{Build: w.builds, Blobs: blobs, Agent: func(r *http.Request) (string, []string, error) {
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
		_ = json.NewEncoder(rw).Encode(ans) // the client asks again
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	w.url = "http://" + l.Addr().String()
	w.group.Go(func() { _ = server.Serve(l) }) // ends with Close
	w.run("http", func(ctx context.Context) error {
		<-ctx.Done()
		return server.Close()
	})
	return nil
}

func (w *world) addWorker(ctx context.Context, name string) error {
	dir := filepath.Join(w.dir, name)
	c, err := client.New(client.Options{Server: w.url, Token: w.token, Dir: dir, Version: "bench"})
	if err != nil {
		return err
	}
	w.closed = append(w.closed, c.Close)
	if _, err := c.Join(ctx, wire.JoinRequest{Name: name, Roles: []string{wire.RoleWork}}); err != nil {
		return err
	}
	w.run(name, func(ctx context.Context) error {
		return worker.Run(ctx, worker.Options{Dir: dir, Client: c, Keeper: proc.KeeperProgram(), GitURL: func(string) string { return w.repo() }})
	})
	return nil
}

func (w *world) repo() string { return filepath.Join(w.dir, "repo") }

func (w *world) git(args ...string) (string, error) {
	cmd := exec.Command("git", args...)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_AUTHOR_NAME=Bench", "GIT_AUTHOR_EMAIL=bench@example.com",
		"GIT_COMMITTER_NAME=Bench", "GIT_COMMITTER_EMAIL=bench@example.com")
	if cmd.Dir = w.repo(); args[0] == "init" {
		cmd.Dir = w.dir
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, out)
	}
	return strings.TrimSpace(string(out)), nil
}

// push commits files and has the commit built as a push to the environment of that name. It returns when the push is accepted, and when that was.
func (w *world) push(ctx context.Context, env string, files map[string]string, m manifest.Manifest) (time.Time, error) {
	w.pushes++
	for name, text := range files {
		path := filepath.Join(w.repo(), name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return time.Time{}, err
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return time.Time{}, err
		}
	}
	_, err1 := w.git("add", "--all")
	_, err2 := w.git("commit", "--quiet", "--allow-empty", "-m", fmt.Sprintf("Change %d", w.pushes))
	sha, err3 := w.git("rev-parse", "HEAD")
	tree, err4 := w.git("rev-parse", "HEAD^{tree}")
	m.App = "bench"
	text, err5 := json.Marshal(m)
	if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
		return time.Time{}, err
	}
	err := w.db.Tx(ctx, func(tx *db.Tx) error {
		_, err := tx.Emit(ctx, event.Meta{App: "bench", Env: env, Actor: "person:bench"}, event.GitPushed{Branch: "main", After: sha, Tree: tree,
			Commits: []event.Commit{{SHA: sha, Author: "Bench", Subject: "Change"}}, Manifest: text})
		return err
	})
	return time.Now(), err
}

// ended waits for the end of a build and returns it.
func (w *world) ended(ctx context.Context, env string, number int) (build.Detail, error) {
	tick := time.NewTicker(100 * time.Millisecond) // looking costs, too
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-w.ctx.Done():
			return build.Detail{}, errors.New("stopped")
		}
		id, err := w.builds.Find(ctx, "bench", env, fmt.Sprint(number))
		if err != nil {
			continue // not there yet
		}
		b, err := w.builds.Build(ctx, "bench", id)
		if err != nil {
			return b, err
		}
		if b.State.Open() {
			continue
		}
		if b.State != build.Passed {
			return b, fmt.Errorf("build #%d is %s: %+v", number, b.State, b.Reasons)
		}
		return b, nil
	}
}
