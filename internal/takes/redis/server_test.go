package redis_test

import (
	"context"
	"net"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/slipwayhq/slipway/internal/pure/rate"
	"github.com/slipwayhq/slipway/internal/takes"
	"github.com/slipwayhq/slipway/internal/takes/redis"
)

// server is a Redis on a port of loopback, which writes down each take before it answers.
type server struct {
	program, dir string
	port         int
	cmd          *exec.Cmd
}

// newServer makes a server that does not run yet, and ends with the test.
func newServer(t *testing.T) *server {
	t.Helper()
	s := &server{dir: t.TempDir()}
	for _, program := range []string{"redis-server", "valkey-server"} {
		if path, err := exec.LookPath(program); err == nil && s.program == "" {
			s.program = path
		}
	}
	if s.program == "" {
		if os.Getenv("SLIPWAY_REQUIRE") != "" {
			t.Fatal("no redis-server here; scripts/needs.sh test installs it")
		}
		t.Skip("no redis-server here")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.port = l.Addr().(*net.TCPAddr).Port
	l.Close()
	t.Cleanup(s.kill)
	return s
}

func (s *server) url(db int) string {
	return "redis://127.0.0.1:" + strconv.Itoa(s.port) + "/" + strconv.Itoa(db)
}

func (s *server) start(t *testing.T) {
	t.Helper()
	s.cmd = exec.Command(s.program, "--port", strconv.Itoa(s.port), "--bind", "127.0.0.1", "--dir", s.dir, "--save", "", "--appendonly", "yes", "--appendfsync", "always", "--databases", "100",
		"--logfile", "log")
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := s.client(t, 0)
	defer c.Close()
}

func (s *server) kill() {
	if s.cmd != nil {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
		s.cmd = nil
	}
}

// client waits until the server answers.
func (s *server) client(t *testing.T, db int) rueidis.Client {
	t.Helper()
	option := rueidis.MustParseURL(s.url(db))
	option.ForceSingleClient, option.DisableCache = true, true
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		c, err := rueidis.NewClient(option)
		if err == nil {
			if err = c.Do(t.Context(), c.B().Ping().Build()).Error(); err == nil { // it may be reading its log still
				return c
			}
			c.Close()
		}
		if time.Now().After(end) {
			t.Fatalf("Redis does not answer: %v", err)
		}
	}
}

// open opens a store that runs until the test ends. It waits long, for the machine may be busy.
func open(t *testing.T, o redis.Options) *redis.Store {
	t.Helper()
	if o.Timeout == 0 {
		o.Timeout = time.Minute
	}
	s, err := redis.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	return s
}

func limit(t *testing.T, series uint64, l rate.Limit) *rate.Defined {
	t.Helper()
	r, err := rate.Compile(l, time.LoadLocation)
	if err != nil {
		t.Fatal(err)
	}
	return &rate.Defined{App: "shop", Env: "production", Group: "api", Series: series, Rule: r}
}

func take(ctx context.Context, s takes.Store, d *rate.Defined, amount int64) (rate.Answer, error) {
	answers := make([]rate.Answer, 1)
	err := s.Take(ctx, []takes.Ask{{Limit: d, Group: d.Group + ":ana", Amount: amount}}, answers)
	return answers[0], err
}
