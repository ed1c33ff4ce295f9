package crash

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/db/dbtest"
)

const (
	adminToken = "slt_crash_0123456789abcdef0123456789abcdef"
	hostCount  = 3
	patience   = 3 * time.Minute // for a machine that does ten other things
)

const manifestText = `app: tiny
test:
  - name: units
    list: printf 'one\ntwo\nthree\n'
    run: sleep 0.1 && echo {units}
    format: exit
package:
  path: release.json
processes:
  web:
    run: exec %s app %s %d
    health: /healthz
environments:
  production: {branch: main}
rollout:
  canary: visitors
  steps: [{share: 50%%, watch: 2s}, {share: 100%%, watch: 2s, hold_back: 20%%}]
  settle: 500ms
  alpha: 0.001
  vitals: [errors]
`

// world is a whole installation of processes.
type world struct {
	t      *testing.T
	rng    *rand.Rand
	dir    string
	exe    string
	base   string
	alive  string
	server *process
	hosts  []*process
	worker *process
	feed   *feed
	crowd  *crowd
	kills  int
	began  time.Time
	rested time.Time // when the last rollout had ended
}

// newWorld builds the program and starts the server, the hosts and the worker.
func newWorld(t *testing.T, seed uint64) *world {
	t.Helper()
	w := &world{t: t, rng: rand.New(rand.NewPCG(seed, 1)), dir: t.TempDir(), began: time.Now()}
	w.exe, w.alive = os.Getenv("SLIPWAY_EXE"), filepath.Join(w.dir, "alive")
	if w.exe == "" {
		w.exe = filepath.Join(w.dir, "slipway")
		if out, err := exec.Command("go", "build", "-ldflags=-s -w", "-o", w.exe, "../../cmd/slipway").CombinedOutput(); err != nil {
			t.Fatalf("build: %v\n%s", err, out)
		}
	}
	if err := os.WriteFile(w.alive, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	from := 10000 + os.Getpid()%45*200 // a block of its own, as far as can be
	port := freePort(t, from)
	front := freePort(t, port+1)
	w.base = fmt.Sprintf("http://127.0.0.1:%d", port)
	w.feed = &feed{base: w.base}
	w.crowd = &crowd{front: fmt.Sprintf("http://127.0.0.1:%d", front)}
	w.server = w.process("server", nil, "serve", "--data", w.path("data"), "--listen", fmt.Sprintf("127.0.0.1:%d", port),
		"--edge-listen", fmt.Sprintf("127.0.0.1:%d", front), "--admin-token", adminToken)
	if os.Getenv("SLIPWAY_CRASH_STORE") == "postgres" {
		w.server.args = append(w.server.args, "--database", dbtest.PostgresURL(t))
	}
	t.Cleanup(w.end)
	w.server.start(t)
	w.ready()
	w.feed.follow(t)
	var join struct{ Token string }
	w.call("POST", "/v1/join-tokens", map[string]any{"roles": []string{"host", "work"}}, &join)
	for i := range hostCount {
		ports := fmt.Sprintf("%d-%d", from+30+50*i, from+79+50*i)
		h := w.process(fmt.Sprintf("host-%d", i+1), []string{"SLIPWAY_JOIN=" + join.Token}, "agent", "--roles", "host", "--name", fmt.Sprintf("host-%d", i+1),
			"--server", w.base, "--data", w.path(fmt.Sprintf("host-%d", i+1)), "--ports", ports, "--drain", "500ms")
		w.hosts = append(w.hosts, h)
		h.start(t)
	}
	w.worker = w.process("worker", []string{"SLIPWAY_JOIN=" + join.Token}, "agent", "--roles", "work", "--name", "worker-1", "--server", w.base, "--data", w.path("worker-1"))
	w.worker.start(t)
	return w
}

func (w *world) path(parts ...string) string {
	return filepath.Join(append([]string{w.dir}, parts...)...)
}

func (w *world) process(name string, env []string, args ...string) *process {
	return &process{name: name, args: append([]string{w.exe}, args...), env: env, log: w.path(name + ".log")}
}

// end stops everything, hosts' processes and edge included, whatever state the test left them in.
func (w *world) end() {
	if w.t.Failed() {
		w.t.Logf("the server said:\n%s", w.server.tail())
	}
	_ = os.Remove(w.alive)
	for _, p := range append(w.hosts, w.worker, w.server) {
		if p != nil {
			p.end(w.t, syscall.SIGKILL)
		}
	}
	if out, err := exec.Command(w.exe, "edge", "stop", "--data", w.path("data")).CombinedOutput(); err != nil {
		w.t.Logf("the edge was not stopped: %v\n%s", err, out)
	}
}

// ready waits until the server answers.
func (w *world) ready() {
	w.t.Helper()
	w.until("the server is ready", func() bool {
		resp, err := http.Get(w.base + "/readyz")
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

// until waits for a condition and fails the test when it does not come.
func (w *world) until(what string, ok func() bool) {
	w.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if ok() {
			return
		}
		select {
		case <-w.server.gone:
			w.t.Fatalf("the server ended by itself:\n%s", w.server.tail())
		default:
		}
	}
	w.t.Fatalf("not within %s: %s", patience, what)
}

// try calls the API; false when the server does not answer as it should.
func (w *world) try(method, path string, body, out any) (string, bool) {
	var payload io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return err.Error(), false
		}
		payload = bytes.NewReader(data)
	}
	req, err := http.NewRequest(method, w.base+path, payload)
	if err != nil {
		return err.Error(), false
	}
	req.Header.Set("Authorization", "Bearer "+adminToken)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err.Error(), false
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode/100 != 2 {
		return fmt.Sprintf("%s: %s (%v)", resp.Status, data, err), false
	}
	if out != nil {
		err = json.Unmarshal(data, out)
	}
	return string(data), err == nil
}

func (w *world) call(method, path string, body, out any) {
	w.t.Helper()
	if problem, ok := w.try(method, path, body, out); !ok {
		w.t.Fatalf("%s %s: %s", method, path, problem)
	}
}

// commit is one version that was pushed.
type commit struct {
	sha string
	release
}

func (c commit) bad() bool { return c.Fail > 0 }

// repo is the developer's work tree.
type repo struct {
	w   *world
	dir string
	n   int

	mu     sync.Mutex
	pushed map[string]commit
}

func (w *world) newRepo() *repo {
	r := &repo{w: w, dir: w.path("repo"), pushed: map[string]commit{}}
	if err := os.Mkdir(r.dir, 0o700); err != nil {
		w.t.Fatal(err)
	}
	text := fmt.Sprintf(manifestText, os.Args[0], w.alive, os.Getpid())
	if err := os.WriteFile(filepath.Join(r.dir, ".slipway.yaml"), []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
	r.must("init", "-q", "-b", "main")
	return r
}

func (r *repo) git(args ...string) (string, error) {
	cmd := exec.Command("git", append([]string{"-c", "user.name=Ana", "-c", "user.email=ana@example.com", "-c", "gc.auto=0"}, args...)...)
	cmd.Dir = r.dir
	cmd.Env = append(os.Environ(), "GIT_TERMINAL_PROMPT=0", "GIT_CONFIG_GLOBAL=/dev/null")
	out, err := cmd.CombinedOutput()
	return string(bytes.TrimSpace(out)), err
}

func (r *repo) must(args ...string) string {
	r.w.t.Helper()
	out, err := r.git(args...)
	if err != nil {
		r.w.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return out
}

// commit makes the next version.
func (r *repo) commit(bad bool) commit {
	r.w.t.Helper()
	r.n++
	c := commit{release: release{Version: fmt.Sprintf("v%d", r.n)}}
	if bad {
		c.Fail = 30
	}
	text, err := json.Marshal(c.release)
	if err == nil {
		err = os.WriteFile(filepath.Join(r.dir, "release.json"), text, 0o600)
	}
	if err != nil {
		r.w.t.Fatal(err)
	}
	r.must("add", "-A")
	r.must("commit", "-q", "-m", fmt.Sprintf("Version %s, %d %% bad", c.Version, c.Fail))
	c.sha = r.must("rev-parse", "HEAD")
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pushed[c.sha] = c
	return c
}

// push tries until the server has it: a developer whose push broke off does the same.
func (r *repo) push() (done <-chan struct{}) {
	url := fmt.Sprintf("http://admin:%s@%s/git/tiny.git", adminToken, r.w.base[len("http://"):])
	over := make(chan struct{})
	go func() { // received by the caller
		defer close(over)
		for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
			if _, err := r.git("push", "-q", url, "HEAD:main"); err == nil {
				return
			}
		}
	}()
	return over
}
