package agent

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/slipwayhq/slipway/internal/agent/client"
	"github.com/slipwayhq/slipway/internal/wire"
)

func TestRunJoinsAndReportsUntilItIsTold(t *testing.T) {
	reported := make(chan wire.Report, 100)
	var join wire.JoinRequest
	var mu sync.Mutex
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		switch r.URL.Path {
		case "/agent/v1/join":
			if err := json.NewDecoder(r.Body).Decode(&join); err != nil {
				t.Error(err)
			}
			_ = json.NewEncoder(w).Encode(wire.JoinAnswer{Agent: "agt_1", Credential: "c"})
		case "/agent/v1/host/report":
			var report wire.Report
			if err := json.NewDecoder(r.Body).Decode(&report); err != nil {
				t.Error(err)
			}
			reported <- report
			w.WriteHeader(http.StatusNoContent)
		default:
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- Run(ctx, Options{Server: server.URL, JoinToken: "slj_x", Name: "box", Roles: []string{wire.RoleHost}, Labels: map[string]string{"disk": "fast"},
			Dir: t.TempDir(), Addr: "10.0.0.7", Version: "1.2"})
	}()
	report := <-reported
	if s := report.Sample; s == nil || s.MemTotal == 0 || s.DiskFree == 0 || s.MemUsed > s.MemTotal || s.CPU < 0 || s.CPU > 1 {
		t.Errorf("the first report's sample is %+v", s)
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Run = %v", err)
	}
	if join.Name != "box" || join.Addr != "10.0.0.7" || join.CPUs < 1 || join.Labels["disk"] != "fast" || join.Version != "1.2" {
		t.Errorf("joined as %+v", join)
	}
}

func TestRunRefuses(t *testing.T) {
	for want, o := range map[string]Options{
		"is no role":        {Server: "http://127.0.0.1:1", JoinToken: "slj_x", Roles: []string{"captain"}},
		"which server":      {JoinToken: "slj_x"},
		"give a join token": {Server: "http://127.0.0.1:1"},
		"in the clear":      {Server: "http://10.1.2.3", JoinToken: "slj_x"},
		"is not a range":    {Server: "http://127.0.0.1:1", JoinToken: "slj_x", Ports: [2]int{9, 3}},
	} {
		o.Dir = t.TempDir()
		if err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Run = %v, want %q", err, want)
		}
	}
}

func TestOneAgentAFolder(t *testing.T) {
	dir := t.TempDir()
	unlock, err := lockFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Server: "http://127.0.0.1:1", JoinToken: "slj_x", Dir: dir}
	if err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), "another agent uses the data folder "+dir) {
		t.Errorf("Run = %v", err)
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Run(ended, o); err != nil {
		t.Errorf("with the folder free, Run = %v", err)
	}
}

// An agent of an earlier version is the same agent after the upgrade, and its credential is where commands cannot see it.
func TestIdentityMoves(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, client.IdentityFile), []byte(`{"key":"k","agent":"agt_1","credential":"c","server":"http://127.0.0.1:1"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 2 {
		if err := Run(ctx, Options{Dir: dir, Name: "box", Roles: []string{wire.RoleWork}}); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(filepath.Join(dir, identityDir, client.IdentityFile))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the identity: %v, %v", info, err)
		}
		if _, err := os.Stat(filepath.Join(dir, client.IdentityFile)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the old place: %v", err)
		}
	}
}
