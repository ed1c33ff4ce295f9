package host

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/slipwayhq/slipway/internal/agent/client"
	"github.com/slipwayhq/slipway/internal/agent/proc"
	"github.com/slipwayhq/slipway/internal/wire"
)

func gone(path string) bool { _, err := os.Lstat(path); return os.IsNotExist(err) }

// eventually polls for what no report tells.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("never happened: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// endStrays ends, after a test that may have failed, the processes that outlived its agents.
func endStrays(t testing.TB, dir string) {
	t.Cleanup(func() {
		paths, _ := filepath.Glob(filepath.Join(dir, "run", "*.json"))
		for _, path := range paths {
			if r, err := readRecord(path); err == nil && r.Ident.Alive() {
				_ = syscall.Kill(-r.Ident.Group, syscall.SIGKILL)
			}
		}
	})
}

func (s *server) client(dir string) *client.Client {
	s.t.Helper()
	c, err := client.New(client.Options{Server: s.http.URL, Token: "slj_x", Dir: dir})
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := c.Join(s.t.Context(), wire.JoinRequest{Name: "h", Roles: []string{wire.RoleHost}}); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(c.Close)
	return c
}

// fails runs one release and gives it once it is reported as failed.
func fails(t *testing.T, way string, change func(*wire.HeldRelease), o func(*Options)) wire.ReportRelease {
	t.Helper()
	s := newServer(t)
	s.hostIn(t.TempDir(), o)
	bad := s.release("rel_1", way)
	if change != nil {
		change(&bad)
	}
	s.wish(wire.DesiredEnv{Hold: []wire.HeldRelease{bad}, Run: []string{"rel_1"}})
	report := s.until("failed", func(r wire.Report) bool { return findRelease(r, "rel_1").State == wire.ReleaseFailed })
	if report.Environments[0].Converged {
		t.Error("converged although it failed")
	}
	return findRelease(report, "rel_1")
}

func TestNeverHealthy(t *testing.T) {
	got := fails(t, "sick", func(r *wire.HeldRelease) {
		spec := r.Processes["web"]
		spec.StartTimeout = 3 * time.Second
		r.Processes["web"] = spec
	}, nil)
	if got.Code != "unhealthy" || !strings.Contains(got.Text, "not healthy within 3s") || !strings.Contains(got.Text, "app begins") {
		t.Errorf("%+v", got)
	}
}

func TestListensWhereNobodyLooks(t *testing.T) {
	got := fails(t, "well", func(r *wire.HeldRelease) {
		spec := r.Processes["web"]
		spec.StartTimeout = 3 * time.Second
		r.Processes["web"] = spec
	}, func(o *Options) { o.Addr = "127.0.0.2" })
	if got.Code != "unhealthy" || !strings.Contains(got.Text, "let it listen on 0.0.0.0") {
		t.Errorf("%+v", got)
	}
}

func TestDamagedWishTouchesNothing(t *testing.T) {
	s := newServer(t)
	dir := t.TempDir()
	endStrays(t, dir)
	loose := func(o *Options) { o.Tied = false }
	stop := s.hostIn(dir, loose)
	one := s.release("rel_1", "well")
	s.wish(wire.DesiredEnv{Hold: []wire.HeldRelease{one}, Run: []string{"rel_1"}})
	up := web(s.until("up", converged(1)), "rel_1")
	stop()
	if err := os.WriteFile(filepath.Join(dir, desiredFile), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	keep := s.desired
	s.change(func() { s.desired, s.report = wire.Desired{}, wire.Report{} }) // the server has nothing to say yet
	s.hostIn(dir, loose)
	s.until("a report", func(r wire.Report) bool { return r.Environments != nil })
	get(t, up.Addr, "/healthz")
	s.change(func() { s.desired = keep })
	if again := web(s.until("up", converged(1)), "rel_1"); again.PID != up.PID {
		t.Errorf("again %+v, before %+v", again, up)
	}
	s.change(func() { s.desired = wire.Desired{Generation: 2} })
	eventually(t, "all is stopped", func() bool { return gone(filepath.Join(dir, "releases/shop")) })
}

func TestRunLeavesNothingBehind(t *testing.T) {
	before := goleak.IgnoreCurrent()
	for _, tied := range []bool{true, false} {
		s := newServer(t)
		dir := t.TempDir()
		endStrays(t, dir)
		one := s.release("rel_1", "well")
		s.wish(wire.DesiredEnv{Hold: []wire.HeldRelease{one}, Run: []string{"rel_1"}})
		var pid int
		for range 5 {
			// Stopped at any moment: at once, while it fetches, starts, serves.
			stop := s.hostIn(dir, func(o *Options) { o.Tied = tied; statsdOn(o) })
			stop()
		}
		stop := s.hostIn(dir, func(o *Options) { o.Tied = tied; statsdOn(o) })
		pid = web(s.until("up", converged(1)), "rel_1").PID
		stop()
		if alive := syscall.Kill(pid, 0) == nil; alive == tied {
			t.Errorf("tied %v: after the agent its process lives: %v", tied, alive)
		}
		if !tied {
			_ = syscall.Kill(-pid, syscall.SIGKILL)
		}
		s.http.Close()
	}
	http.DefaultClient.CloseIdleConnections()
	goleak.VerifyNone(t, before)
}

func TestEndsAtItsStart(t *testing.T) {
	got := fails(t, "dies", nil, nil)
	if got.Code != "start" || !strings.Contains(got.Text, "exit status 3\napp begins") || !strings.Contains(got.Text, "cannot find the database") {
		t.Errorf("%+v", got)
	}
	if p := got.Processes[0]; p.State == wire.ProcessUp || p.Restarts < 1 {
		t.Errorf("process %+v", p)
	}
}

func TestWrongHash(t *testing.T) {
	s := newServer(t)
	dir := t.TempDir()
	s.hostIn(dir, nil)
	one, two := s.release("rel_1", "well"), s.release("rel_2", "well")
	s.change(func() { s.blobs[one.Artifact], one.Size = s.blobs[two.Artifact], two.Size })
	s.wish(wire.DesiredEnv{Hold: []wire.HeldRelease{one, two}})
	report := s.until("failed", func(r wire.Report) bool {
		return findRelease(r, "rel_1").State == wire.ReleaseFailed && findRelease(r, "rel_2").State == wire.ReleaseStaged
	})
	if got := findRelease(report, "rel_1"); got.Code != "hash" || !strings.Contains(got.Text, "hash to "+two.Artifact) {
		t.Errorf("%+v", got)
	}
	if blobs, err := os.ReadDir(filepath.Join(dir, "blobs")); err != nil || len(blobs) != 1 {
		t.Errorf("the store holds %v, %v", blobs, err)
	}
}

func TestMissingArtifact(t *testing.T) {
	got := fails(t, "well", func(r *wire.HeldRelease) { r.Artifact = strings.Repeat("0", 64) }, nil)
	if got.Code != "fetch" {
		t.Errorf("%+v", got)
	}
}

func TestNoPortLeft(t *testing.T) {
	port := listen(t)
	got := fails(t, "well", nil, func(o *Options) { o.Ports = [2]int{port, port} })
	if got.Code != "port" || !strings.Contains(got.Text, "widen") {
		t.Errorf("%+v", got)
	}
}

// Whoever takes the port between our look and the process's own listening is evaded, and that counts as no restart.
func TestPortTakenMeanwhile(t *testing.T) {
	s := newServer(t)
	s.hostIn(t.TempDir(), nil)
	one := s.release("rel_1", "squatted")
	squatter := filepath.Join(t.TempDir(), "squatter")
	one.Environ = append(one.Environ, "HOST_TEST_SQUATTER="+squatter)
	t.Cleanup(func() {
		line, err := os.ReadFile(squatter)
		if err != nil {
			t.Fatal(err)
		}
		pid, err := strconv.Atoi(string(line))
		if err != nil {
			t.Fatal(err)
		}
		_ = syscall.Kill(pid, syscall.SIGKILL)
	})
	s.wish(wire.DesiredEnv{Hold: []wire.HeldRelease{one}, Run: []string{"rel_1"}})
	if up := web(s.until("up", converged(1)), "rel_1"); up.Restarts != 0 {
		t.Errorf("up %+v", up)
	}
}

// TestNoPortCanBeKept: where somebody else takes port after port, the host is to blame, and not the release: no death counts against it.
func TestNoPortCanBeKept(t *testing.T) {
	taken := make(chan struct{}, 100)
	robber := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		l, err := net.Listen("tcp", "127.0.0.1:"+r.URL.Query().Get("port"))
		if err != nil {
			t.Error(err)
			return
		}
		t.Cleanup(func() { _ = l.Close() })
		select {
		case taken <- struct{}{}:
		default:
		}
	}))
	t.Cleanup(robber.Close)
	s := newServer(t)
	s.hostIn(t.TempDir(), nil)
	one := s.release("rel_1", "robbed")
	one.Environ = append(one.Environ, "HOST_TEST_SQUATTER="+robber.URL)
	s.wish(wire.DesiredEnv{Hold: []wire.HeldRelease{one}, Run: []string{"rel_1"}})
	for range 2 * portTries { // two rounds
		<-taken
	}
	report := s.until("failed", func(r wire.Report) bool { return findRelease(r, "rel_1").State == wire.ReleaseFailed })
	if got := findRelease(report, "rel_1"); got.Code != "port" || !strings.Contains(got.Text, "5 ports in a row") || web(report, "rel_1").Restarts != 0 {
		t.Errorf("%+v", got)
	}
}

func TestFullDiskIsNotTheReleasesFault(t *testing.T) {
	for want, err := range map[string]error{
		"disk": fmt.Errorf("note the process: %w", &os.PathError{Op: "write", Path: "run/x.json", Err: syscall.ENOSPC}),
		"port": fmt.Errorf("start it: %w", errNoPort), "start": errors.New("fork: no"),
	} {
		if got := failureCode(err); got != want {
			t.Errorf("%v: %s", err, got)
		}
	}
}

func TestHangs(t *testing.T) {
	s := newServer(t)
	s.hostIn(t.TempDir(), nil)
	one := s.release("rel_1", "well")
	s.wish(wire.DesiredEnv{Hold: []wire.HeldRelease{one}, Run: []string{"rel_1"}})
	up := web(s.until("up", converged(1)), "rel_1")
	get(t, up.Addr, "/hang")
	got := web(s.until("unhealthy", isState("rel_1", wire.ProcessUnhealthy)), "rel_1")
	if got.PID != up.PID || !strings.Contains(got.Text, "3 health checks failed in a row") {
		t.Errorf("%+v", got)
	}
}

func TestExitsAfterAWhileAndIsStartedAgain(t *testing.T) {
	s := newServer(t)
	s.hostIn(t.TempDir(), nil)
	one := s.release("rel_1", "well")
	s.wish(wire.DesiredEnv{Hold: []wire.HeldRelease{one}, Run: []string{"rel_1"}})
	up := web(s.until("up", converged(1)), "rel_1")
	if response, err := s.http.Client().Get("http://" + up.Addr + "/exit"); err == nil {
		_ = response.Body.Close()
	}
	crashed := web(s.until("crashed", isState("rel_1", wire.ProcessCrashed)), "rel_1")
	if !strings.Contains(crashed.Text, "ended by itself: exit status 4") || crashed.PID != 0 || crashed.Addr != "" {
		t.Errorf("crashed %+v", crashed)
	}
	again := web(s.until("up again", isState("rel_1", wire.ProcessUp)), "rel_1")
	if again.Restarts != 1 || again.PID == up.PID || again.Addr != up.Addr {
		t.Errorf("again %+v", again)
	}
}

func TestGoesOnWithoutServer(t *testing.T) {
	s := newServer(t)
	dir := t.TempDir()
	endStrays(t, dir)
	loose := func(o *Options) { o.Tied = false }
	stop := s.hostIn(dir, loose)
	one := s.release("rel_1", "well")
	s.wish(wire.DesiredEnv{Hold: []wire.HeldRelease{one}, Run: []string{"rel_1"}})
	up := web(s.until("up", converged(1)), "rel_1")
	s.change(func() { s.down = true })
	stop()
	get(t, up.Addr, "/healthz")
	if err := syscall.Kill(-up.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	// A new agent, no server: it starts what died, from the wish on disk.
	s.hostIn(dir, loose)
	eventually(t, "it serves again", func() bool {
		response, err := s.http.Client().Get("http://" + up.Addr + "/healthz")
		if err != nil {
			paths, _ := filepath.Glob(filepath.Join(dir, "run", "*.json"))
			return len(paths) == 1 && otherUp(paths[0])
		}
		return response.Body.Close() == nil
	})
	s.change(func() { s.down = false })
	back := web(s.until("up again", func(r wire.Report) bool { p := web(r, "rel_1"); return p.State == wire.ProcessUp && p.PID != up.PID }), "rel_1")
	if back.Restarts != 1 {
		t.Errorf("back with %+v", back)
	}
	s.change(func() { s.desired = wire.Desired{Generation: 2} })
	eventually(t, "all is stopped", func() bool { return gone(filepath.Join(dir, "releases/shop")) })
}

func otherUp(path string) bool {
	r, err := readRecord(path)
	return err == nil && r.State == wire.ProcessUp
}

func TestKilledMidSwitchAndStartedAgain(t *testing.T) {
	s := newServer(t)
	dir := t.TempDir()
	endStrays(t, dir)
	start := func() *exec.Cmd {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(proc.Environ(), "HOST_TEST_AGENT="+s.http.URL, "HOST_TEST_DIR="+dir)
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd
	}
	kill := func(cmd *exec.Cmd) { _ = cmd.Process.Kill(); _ = cmd.Wait() }
	one, two := s.release("rel_1", "well"), s.release("rel_2", "well")
	cmd := start()
	s.wish(wire.DesiredEnv{Hold: []wire.HeldRelease{one}, Run: []string{"rel_1"}, Current: "rel_1"})
	old := web(s.until("rel_1 is up", converged(1)), "rel_1")

	// Killed at moments all over the switch; each agent goes on where the one before was.
	s.wish(wire.DesiredEnv{Hold: []wire.HeldRelease{one, two}, Run: []string{"rel_1", "rel_2"}, Current: "rel_2"})
	for i := range 12 {
		time.Sleep(time.Duration(i) * 4 * time.Millisecond) // not a wait: the moment of the kill
		kill(cmd)
		get(t, old.Addr, "/healthz")
		cmd = start()
	}
	report := s.until("both are up", converged(2))
	if web(report, "rel_1").PID != old.PID || web(report, "rel_1").Restarts != 0 {
		t.Errorf("rel_1 was not adopted: %+v, before %+v", web(report, "rel_1"), old)
	}
	kill(cmd)
	if n := apps(t); n != 2 {
		t.Errorf("%d apps run after the kills, want 2", n)
	}
	cmd = start()
	s.change(func() { s.desired = wire.Desired{Generation: 3} })
	eventually(t, "all is stopped and removed", func() bool { return gone(filepath.Join(dir, "releases/shop")) })
	if n := apps(t); n != 0 {
		t.Errorf("%d apps run after the end", n)
	}
	kill(cmd)
}

// apps counts the processes of this test binary that play an app and are our own or orphans.
func apps(t *testing.T) int {
	t.Helper()
	count := 0
	paths, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	self, _ := os.Readlink("/proc/self/exe")
	for _, path := range paths {
		exe, _ := os.Readlink(filepath.Join(path, "exe"))
		environ, _ := os.ReadFile(filepath.Join(path, "environ"))
		if exe == self && strings.Contains(string(environ), "HOST_TEST_APP=") {
			count++
		}
	}
	return count
}
