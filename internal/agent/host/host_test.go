package host

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/agent/client"
	"github.com/slipwayhq/slipway/internal/artifact"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/wire"
)

// TestMain lets the test binary be the app that is served, and an agent that gets killed.
func TestMain(m *testing.M) {
	switch {
	case os.Getenv("HOST_TEST_APP") != "":
		os.Exit(app(os.Getenv("HOST_TEST_APP")))
	case os.Getenv("HOST_TEST_AGENT") != "":
		os.Exit(agent(os.Getenv("HOST_TEST_AGENT"), os.Getenv("HOST_TEST_DIR")))
	default:
		os.Exit(m.Run())
	}
}

// app serves on PORT. Its ways: well, late (to listen), sick, deaf (to SIGTERM), hangs and exits (both once it is told to).
func app(way string) int {
	fmt.Println("app begins, way", way)
	switch way {
	case "dies":
		fmt.Println("cannot find the database")
		return 3
	case "squatted":
		if squatter := os.Getenv("HOST_TEST_SQUATTER"); missing(squatter) {
			return squat(squatter)
		}
	case "robbed":
		return robbed(os.Getenv("HOST_TEST_SQUATTER"))
	case "late":
		time.Sleep(600 * time.Millisecond)
	case "deaf":
		signal.Ignore(syscall.SIGTERM)
	}
	hang := make(chan struct{})
	var once sync.Once
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-hang:
			<-r.Context().Done()
		default:
		}
		if way == "sick" {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	mux.HandleFunc("/hang", func(http.ResponseWriter, *http.Request) { once.Do(func() { close(hang) }) })
	mux.HandleFunc("/statsd", sender())
	mux.HandleFunc("/slow", func(http.ResponseWriter, *http.Request) { time.Sleep(100 * time.Millisecond) })
	mux.HandleFunc("/exit", func(http.ResponseWriter, *http.Request) { os.Exit(4) })
	mux.HandleFunc("/env", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, strings.Join(os.Environ(), "\n")) })
	err := http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), mux)
	fmt.Println(err)
	return 1
}

func missing(path string) bool { _, err := os.Stat(path); return err != nil }

// squat leaves somebody else on the port, who is never well, and notes who.
func squat(note string) int {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "HOST_TEST_APP=sick")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return 1
	}
	for {
		conn, err := net.Dial("tcp", "127.0.0.1:"+os.Getenv("PORT"))
		if err == nil {
			_ = conn.Close()
			break
		}
	}
	if err := os.WriteFile(note, []byte(strconv.Itoa(cmd.Process.Pid)), 0o600); err != nil {
		return 1
	}
	return 1
}

// robbed lets whoever answers at url take the port, and ends.
func robbed(url string) int {
	response, err := http.Get(url + "?port=" + os.Getenv("PORT"))
	if err != nil {
		return 2
	}
	_ = response.Body.Close()
	return 1
}

// agent is a host that runs until it is killed.
func agent(server, dir string) int {
	c, err := client.New(client.Options{Server: server, Token: "slj_x", Dir: dir})
	if err == nil {
		_, err = c.Join(context.Background(), wire.JoinRequest{Name: "h", Roles: []string{wire.RoleHost}})
	}
	var h *Host
	if err == nil {
		h, err = New(Options{Dir: dir, Client: c, Drain: 10 * time.Millisecond, HealthEvery: 20 * time.Millisecond})
	}
	if err == nil {
		err = h.Run(context.Background())
	}
	fmt.Fprintln(os.Stderr, err)
	return 1
}

// server speaks the host's part of the wire: one wish, the last report, blobs.
type server struct {
	t    testing.TB
	http *httptest.Server

	mu      sync.Mutex
	changed chan struct{} // closed at each change
	desired wire.Desired
	report  wire.Report
	reports int
	blobs   map[string][]byte
	down    bool
	mute    bool // reports are not taken
	status  int  // of every answer, where not 0
	gets    int
	ranged  string // the Range of the last fetch
	seconds []event.HostSecond
	refuse  int // the status with which seconds are refused, where not 0
}

func newServer(t testing.TB) *server {
	s := &server{t: t, changed: make(chan struct{}), blobs: map[string][]byte{}}
	s.http = httptest.NewServer(http.HandlerFunc(s.answer))
	t.Cleanup(s.http.Close)
	return s
}

func (s *server) change(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *server) answer(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	down, mute, status := s.down, s.mute, s.status
	s.mu.Unlock()
	switch {
	case down:
		panic(http.ErrAbortHandler)
	case status != 0:
		w.WriteHeader(status)
	case r.URL.Path == "/agent/v1/join":
		_ = json.NewEncoder(w).Encode(wire.JoinAnswer{Agent: "agt_h", Credential: "cred"})
	case r.URL.Path == "/agent/v1/host/desired":
		s.poll(w, r)
	case r.URL.Path == "/agent/v1/host/report" && mute:
		w.WriteHeader(http.StatusServiceUnavailable)
	case r.URL.Path == "/agent/v1/host/report":
		var report wire.Report
		if err := json.NewDecoder(r.Body).Decode(&report); err != nil {
			s.t.Error(err)
		}
		s.change(func() { s.report = report; s.reports++ })
		w.WriteHeader(http.StatusNoContent)
	case r.URL.Path == "/agent/v1/host/seconds":
		s.takeSeconds(w, r)
	case strings.HasPrefix(r.URL.Path, "/agent/v1/blobs/"):
		s.mu.Lock()
		s.gets++
		s.ranged = r.Header.Get("Range")
		blob, ok := s.blobs[filepath.Base(r.URL.Path)]
		s.mu.Unlock()
		if !ok {
			http.NotFound(w, r)
			return
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(blob))
	}
}

func (s *server) poll(w http.ResponseWriter, r *http.Request) {
	for {
		s.mu.Lock()
		d, changed, down := s.desired, s.changed, s.down
		s.mu.Unlock()
		if down {
			panic(http.ErrAbortHandler)
		}
		if d.Generation != 0 && r.URL.Query().Get("after") != fmt.Sprint(d.Generation) {
			_ = json.NewEncoder(w).Encode(d)
			return
		}
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		}
	}
}

// wish sets what the host should be, in production of shop.
func (s *server) wish(env wire.DesiredEnv) {
	env.App, env.Env = "shop", "production"
	s.change(func() {
		s.desired = wire.Desired{Generation: s.desired.Generation + 1, Environments: []wire.DesiredEnv{env}}
	})
}

// until waits for a report that satisfies ok; the deadline only ends a test that has failed.
func (s *server) until(what string, ok func(wire.Report) bool) wire.Report {
	s.t.Helper()
	deadline := time.After(30 * time.Second)
	for {
		s.mu.Lock()
		report, changed := s.report, s.changed
		s.mu.Unlock()
		if ok(report) {
			return report
		}
		select {
		case <-changed:
		case <-deadline:
			s.t.Fatalf("never reported: %s; the last report is %+v", what, report)
		}
	}
}

// release stores an artifact and gives a release of it whose web process is the test binary.
func (s *server) release(id, way string) wire.HeldRelease {
	s.t.Helper()
	return s.releaseOf(id, way, 100)
}

// releaseOf adds a file of so many bytes that no compressor makes smaller.
func (s *server) releaseOf(id, way string, size int) wire.HeldRelease {
	s.t.Helper()
	root := s.t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "who"), []byte(id), 0o600); err != nil {
		s.t.Fatal(err)
	}
	noise := make([]byte, size)
	_, _ = rand.Read(noise)
	if err := os.WriteFile(filepath.Join(root, "ballast"), noise, 0o600); err != nil {
		s.t.Fatal(err)
	}
	var blob bytes.Buffer
	sha, packed, err := artifact.Pack(&blob, root, ".")
	if err != nil {
		s.t.Fatal(err)
	}
	s.change(func() { s.blobs[sha] = blob.Bytes() })
	self, err := filepath.Abs(os.Args[0])
	if err != nil {
		s.t.Fatal(err)
	}
	return wire.HeldRelease{Release: id, Artifact: sha, Size: packed, Environ: []string{"HOST_TEST_APP=" + way, "SECRET=" + id + "-swordfish"},
		Processes: map[string]wire.ProcessSpec{"web": {Run: self, Health: "/healthz", StopTimeout: 5 * time.Second}}}
}

// hostIn starts a host that dies with the test; stop ends it and waits.
func (s *server) hostIn(dir string, change func(*Options)) (stop func()) {
	s.t.Helper()
	o := Options{Dir: dir, Client: s.client(dir), Drain: 10 * time.Millisecond, HealthEvery: 20 * time.Millisecond, Tied: true}
	if change != nil {
		change(&o)
	}
	h, err := New(o)
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				s.t.Errorf("Run = %v", err)
			}
		})
	}
	s.t.Cleanup(stop)
	return stop
}

func findRelease(r wire.Report, release string) wire.ReportRelease {
	for _, e := range r.Environments {
		for _, got := range e.Releases {
			if got.Release == release {
				return got
			}
		}
	}
	return wire.ReportRelease{}
}

func web(r wire.Report, release string) wire.ReportProcess {
	for _, p := range findRelease(r, release).Processes {
		return p
	}
	return wire.ReportProcess{}
}

func isState(release, state string) func(wire.Report) bool {
	return func(r wire.Report) bool { return web(r, release).State == state }
}

func converged(generation int64) func(wire.Report) bool {
	return func(r wire.Report) bool {
		for _, e := range r.Environments {
			if !e.Converged {
				return false
			}
		}
		return r.Generation == generation && len(r.Environments) > 0
	}
}

// get asks a process.
func get(t *testing.T, addr, path string) string {
	t.Helper()
	response, err := http.Get("http://" + addr + path)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(response.Body); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// listen takes a port as somebody else would.
func listen(t *testing.T) (port int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().(*net.TCPAddr).Port
}
