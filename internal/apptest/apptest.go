// Package apptest starts a whole server in a test: on port 0, in a folder of its own, with real parts.
package apptest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/agent/proc"
	"github.com/slipwayhq/slipway/internal/app"
	"github.com/slipwayhq/slipway/internal/door/git"
)

// Token is the admin's in every server of this package.
const Token = "slt_test_0123456789abcdef0123456789abcdef"

// Main runs a package's tests. The test binary stands in for the program where the server starts itself again: as git's hook, and as a worker's keeper.
func Main(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == proc.KeeperCommand {
		os.Exit(proc.KeeperMain())
	}
	if len(os.Args) > 2 && os.Args[1] == git.HookCommand {
		os.Exit(git.HookMain(os.Args[2], os.Stdin, os.Stdout))
	}
	os.Exit(m.Run())
}

// Server is a running server.
type Server struct {
	*app.App
	Dir string
	// Stop ends it and waits; it fails the test when that goes wrong.
	Stop func()
}

// Start starts a server without an edge and stops it with the test. change edits its options.
func Start(t testing.TB, change ...func(*app.Options)) *Server {
	t.Helper()
	o := app.Options{Dir: t.TempDir(), Listen: "127.0.0.1:0", EdgeListen: "none", AdminToken: Token, Version: "test", Logger: logger(t)}
	for _, f := range change {
		f(&o)
	}
	ctx, cancel := context.WithCancel(context.Background())
	a, err := app.New(ctx, o)
	if err != nil {
		cancel()
		t.Fatalf("open the server: %v", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	s := &Server{App: a, Dir: o.Dir}
	s.Stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the server ended with: %v", err)
		}
	})
	t.Cleanup(s.Stop)
	s.Until(t, "the server is ready", func() bool {
		resp, err := http.Get(a.URL() + "/readyz")
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	return s
}

// logger writes to the test's log when it is verbose, so that a failure can be understood.
func logger(t testing.TB) *slog.Logger {
	if !testing.Verbose() {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(t.Output(), nil))
}

// patience is how long Until waits: long enough for a machine that does ten other things.
const patience = 60 * time.Second

// Until waits for a condition and fails the test when it does not come.
func (s *Server) Until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("not within %s: %s", patience, what)
}

// Call calls the API as the admin and decodes the answer into out, if there is one. It gives the status, and the body of an error.
func (s *Server) Call(t testing.TB, method, path string, body, out any) (status int, problem string) {
	t.Helper()
	var payload io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		payload = bytes.NewReader(data)
	}
	req, err := http.NewRequest(method, s.URL()+path, payload)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+Token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	if resp.StatusCode/100 != 2 {
		return resp.StatusCode, string(data)
	}
	if out != nil {
		if err := json.Unmarshal(data, out); err != nil {
			t.Fatalf("%s %s: %v in %s", method, path, err, data)
		}
	}
	return resp.StatusCode, ""
}

// Must is Call for what must work.
func (s *Server) Must(t testing.TB, method, path string, body, out any) {
	t.Helper()
	if status, problem := s.Call(t, method, path, body, out); status/100 != 2 {
		t.Fatalf("%s %s: %d %s", method, path, status, problem)
	}
}

// JoinToken makes a token for the roles.
func (s *Server) JoinToken(t testing.TB, roles ...string) string {
	t.Helper()
	var out struct{ Token string }
	s.Must(t, "POST", "/v1/join-tokens", map[string]any{"roles": roles}, &out)
	return out.Token
}

// GitURL is where an app is pushed to, with the admin's token.
func (s *Server) GitURL(name string) string {
	return fmt.Sprintf("http://admin:%s@%s/git/%s.git", Token, s.Addr(), name)
}

// Path is a path in the server's data folder.
func (s *Server) Path(parts ...string) string {
	return filepath.Join(append([]string{s.Dir}, parts...)...)
}
