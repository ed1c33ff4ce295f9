package edge_test

import (
	"context"
	"crypto/x509"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/edge"
	"github.com/slipwayhq/slipway/internal/edge/certs"
)

// TestMain is an edge when the supervisor's tests start this program again.
func TestMain(m *testing.M) {
	spec := os.Getenv("EDGE_TEST")
	if spec == "" {
		os.Exit(m.Run())
	}
	part := strings.Split(spec, "|")
	o := edge.Options{ID: "agt_edge", Credential: "secret", Dir: part[0], Listen: part[1], Server: part[2], Version: part[3],
		Logger: slog.New(slog.NewTextHandler(os.Stderr, nil))}
	if len(part) > 4 {
		roots := x509.NewCertPool()
		pem, _ := os.ReadFile(part[6]) // without it the authority is not believed
		roots.AppendCertsFromPEM(pem)
		o.TLSListen, o.ACME = part[4], &certs.ACME{Directory: part[5], Roots: roots}
	}
	e, err := edge.New(o)
	if err == nil {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		err = e.Run(ctx)
		stop()
	}
	if err != nil {
		slog.Error("the edge ended", "error", err)
		os.Exit(1)
	}
}

// supervise runs a supervisor; the function ends it.
func supervise(t *testing.T, p *plane, dir, listen, version string, stopAtEnd bool, args ...string) (up <-chan edge.Status, end func()) {
	t.Helper()
	statuses := make(chan edge.Status, 100)
	s := &edge.Supervisor{
		Dir: dir, Version: version, Exe: os.Args[0], Args: args, Env: []string{"EDGE_TEST=" + strings.Join([]string{dir, listen, p.URL, version}, "|")},
		StopAtEnd: stopAtEnd, Logger: slog.New(slog.NewTextHandler(t.Output(), nil)), Up: func(s edge.Status) { statuses <- s },
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	end = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the supervisor ended with %v", err)
		}
	})
	t.Cleanup(end)
	return statuses, end
}

func next(t *testing.T, up <-chan edge.Status) edge.Status {
	t.Helper()
	select {
	case s := <-up:
		return s
	case <-time.After(30 * time.Second):
		t.Fatal("no edge came up")
		return edge.Status{}
	}
}

func TestTheEdgeOutlivesItsSupervisorAndIsReplacedWithoutLoss(t *testing.T) {
	t.Parallel()
	p := newPlane(t)
	o, _ := backend(t, "old", "h1", echo)
	p.set(route(0, o))
	dir := t.TempDir()
	up, end := supervise(t, p, dir, "127.0.0.1:0", "1", false)
	first := next(t, up)
	t.Cleanup(func() { // whatever fails above, nothing stays behind
		if s, err := edge.Alive(dir); err == nil {
			_ = syscall.Kill(s.PID, syscall.SIGKILL)
		}
	})
	p.await("the snapshot", func() bool { return p.applied >= 1 })
	l := startLoad(t, "http://"+first.Listen+"/", 4)
	end() // as if serve were restarted

	up, end = supervise(t, p, dir, first.Listen, "1", false)
	if s := next(t, up); s.PID != first.PID || s.Boot != first.Boot {
		t.Fatalf("instead of adopting process %d, process %d was started", first.PID, s.PID)
	}
	end()

	up, end = supervise(t, p, dir, first.Listen, "2", false) // as if serve were upgraded
	second := next(t, up)
	if second.PID == first.PID || second.Version != "2" || second.Listen != first.Listen {
		t.Fatalf("not replaced: %+v", second)
	}
	sent := l.sent.Load()
	p.await("traffic through the new one", func() bool { return l.sent.Load() > sent+50 })
	l.stop()
	l.check(t)

	if err := syscall.Kill(second.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	third := next(t, up) // it died, and is started again
	if third.PID == second.PID {
		t.Fatal("the dead one was adopted")
	}
	if _, body := post(t, "http://"+third.Listen+"/", visitorID(1)); body != "content" {
		t.Errorf("the third serves %q", body)
	}
	end()

	up, end = supervise(t, p, dir, first.Listen, "2", true)
	if s := next(t, up); s.PID != third.PID {
		t.Fatalf("process %d was not adopted", third.PID)
	}
	end() // as if a person pressed ctrl-C
	if s, err := edge.Alive(dir); err == nil {
		t.Errorf("process %d is left running", s.PID)
	}
}

func TestAnEdgeThatWasStartedWithOtherArgumentsIsReplaced(t *testing.T) {
	p := newPlane(t)
	dir := t.TempDir()
	t.Cleanup(func() { // whatever fails below, nothing stays behind
		if s, err := edge.Alive(dir); err == nil {
			_ = syscall.Kill(s.PID, syscall.SIGKILL)
		}
	})
	up, end := supervise(t, p, dir, "127.0.0.1:0", "1", false)
	first := next(t, up)
	end()
	for _, c := range []struct {
		args []string
		same bool
	}{{nil, true}, {[]string{"--tls-listen", ":443"}, false}, {[]string{"--tls-listen", ":443"}, true}} {
		up, end = supervise(t, p, dir, first.Listen, "1", false, c.args...)
		s := next(t, up)
		if (s.PID == first.PID) != c.same || s.Listen != first.Listen {
			t.Errorf("with %q: process %d at %s after %d", c.args, s.PID, s.Listen, first.PID)
		}
		first = s
		end()
	}
	up, end = supervise(t, p, dir, first.Listen, "1", true, "--tls-listen", ":443")
	next(t, up)
	end()
}

func TestAnEdgeThatDoesNotStartIsTriedAgain(t *testing.T) {
	p := newPlane(t)
	dir := t.TempDir()
	var mu sync.Mutex
	tries := 0
	s := &edge.Supervisor{Dir: dir, Exe: "/bin/false", StopAtEnd: true, Logger: slog.New(slog.NewTextHandler(counter(func() {
		mu.Lock()
		defer mu.Unlock()
		tries++
	}), nil))}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	p.await("three tries", func() bool { mu.Lock(); defer mu.Unlock(); return tries >= 3 })
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// counter is a writer that tells of each line.
type counter func()

func (c counter) Write(p []byte) (int, error) { c(); return len(p), nil }

// TestTheEdgeGetsNoSecretsOfItsServer starts a program that says what is in its environment.
func TestTheEdgeGetsNoSecretsOfItsServer(t *testing.T) {
	t.Setenv("SLIPWAY_ADMIN_TOKEN", "correct-horse-battery")
	t.Setenv("SLIPWAY_SECRET_KEY", "correct-horse-key")
	t.Setenv("SLIPWAY_DATABASE", "postgres://u:correct-horse-password@h/d")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "correct-horse-cloud")
	t.Setenv("SLIPWAY_TRUSTED_PROXIES", "10.0.0.0/8")
	dir := t.TempDir()
	failed := make(chan struct{})
	once := sync.OnceFunc(func() { close(failed) })
	s := &edge.Supervisor{
		Dir: dir, Version: "v1", Exe: "/usr/bin/env", Env: []string{"SLIPWAY_EDGE_CREDENTIAL=its-own"},
		Logger: slog.New(slog.NewTextHandler(counter(once), nil)),
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	<-failed // it printed all and ended
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	said, err := os.ReadFile(filepath.Join(dir, "edge.log"))
	if err != nil {
		t.Fatal(err)
	}
	if text := string(said); strings.Contains(text, "correct-horse") || !strings.Contains(text, "SLIPWAY_EDGE_CREDENTIAL=its-own") ||
		!strings.Contains(text, "SLIPWAY_TRUSTED_PROXIES=10.0.0.0/8") || !strings.Contains(text, "PATH=") {
		t.Errorf("the edge is given\n%s", text)
	}
}
