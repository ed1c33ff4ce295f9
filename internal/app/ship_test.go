package app_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/slipwayhq/slipway/internal/agent"
	"github.com/slipwayhq/slipway/internal/agent/proc"
	"github.com/slipwayhq/slipway/internal/apptest"
	"github.com/slipwayhq/slipway/internal/decide/rollout"
	"github.com/slipwayhq/slipway/internal/edge"
	"github.com/slipwayhq/slipway/internal/visitors"
)

func TestMain(m *testing.M) { apptest.Main(m) }

// shipManifest watches errors alone: on a machine that is busy with other tests one process is slower than another for real, and would rightly be taken back.
const shipManifest = `app: tiny
test:
  - name: go
    list: go list ./...
    run: go test -json {units}
    format: gotest
package:
  run: go build -o tiny .
  path: tiny
processes:
  web:
    run: ./tiny
    health: /healthz
environments:
  production: {branch: main}
rollout:
  canary: visitors
  steps: [{share: 50%, watch: 2s}, {share: 100%, watch: 2s, hold_back: 20%}]
  settle: 1s
  alpha: 0.01
  vitals: [errors]
`

const shipProgram = `package main

import (
	"fmt"
	"net/http"
	"os"
	"sync/atomic"
)

const version = %q
const failEvery = %d

func main() {
	var n atomic.Int64
	http.HandleFunc("/healthz", func(w http.ResponseWriter, r *http.Request) {})
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1)%%failEvery == 0 {
			http.Error(w, "broken", 500)
			return
		}
		fmt.Fprintln(w, version, os.Getenv("GREETING"))
	})
	if err := http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil); err != nil {
		panic(err)
	}
}
`

const shipTest = `package main

import "testing"

func TestVersion(t *testing.T) {
	if version == "red" {
		t.Fatal("red on purpose")
	}
}
`

// checkout is a developer's work tree.
type checkout struct {
	t   *testing.T
	dir string
	url string
}

func (c checkout) git(args ...string) (string, error) {
	cmd := exec.Command("git", append([]string{"-c", "user.name=Ana", "-c", "user.email=ana@example.com"}, args...)...)
	cmd.Dir = c.dir
	cmd.Env = append(os.Environ(), "GIT_TERMINAL_PROMPT=0", "GIT_CONFIG_GLOBAL=/dev/null")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (c checkout) must(args ...string) string {
	c.t.Helper()
	out, err := c.git(args...)
	if err != nil {
		c.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return out
}

// ship writes a version, commits and pushes it, and gives what the pusher saw.
func (c checkout) ship(version string, failEvery int) string {
	c.t.Helper()
	files := map[string]string{
		"go.mod": "module example.com/tiny\n\ngo 1.24\n", ".slipway.yaml": shipManifest, ".gitignore": "tiny\n",
		"main.go": fmt.Sprintf(shipProgram, version, failEvery), "main_test.go": shipTest,
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(c.dir, name), []byte(text), 0o600); err != nil {
			c.t.Fatal(err)
		}
	}
	c.must("add", "-A")
	c.must("commit", "-q", "-m", "Version "+version)
	return c.must("push", c.url, "HEAD:main")
}

// startAgents runs hosts and workers of this program against the server until the test ends.
func startAgents(t *testing.T, s *apptest.Server, hosts, workers int) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	t.Cleanup(func() { cancel(); wg.Wait() })
	token := s.JoinToken(t, "host", "work")
	run := func(i int, role string) {
		o := agent.Options{
			Server: s.URL(), JoinToken: token, Name: fmt.Sprintf("%s-%d", role, i+1), Roles: []string{role}, Dir: t.TempDir(), Tied: true,
			Ports: [2]int{21000 + 100*i, 21099 + 100*i}, Statsd: "127.0.0.1:0", Keeper: proc.KeeperProgram(),
			Environ: []string{goCache()},
		}
		wg.Go(func() {
			if err := agent.Run(ctx, o); err != nil {
				t.Errorf("agent %s: %v", o.Name, err)
			}
		})
	}
	for i := range hosts {
		run(i, "host")
	}
	for i := range workers {
		run(i, "work")
	}
}

// goCache lets workers compile into the user's own cache, which holds the standard library already.
func goCache() string {
	if dir := os.Getenv("GOCACHE"); filepath.IsAbs(dir) {
		return "GOCACHE=" + dir
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return "GOCACHE=" + filepath.Join(dir, "go-build")
}

// startEdge runs an edge of this program and gives its URL.
func startEdge(t *testing.T, s *apptest.Server) string {
	t.Helper()
	return startFront(t, s, "edge", "")
}

// startFront is startEdge for the front of one host.
func startFront(t *testing.T, s *apptest.Server, name, host string) string {
	t.Helper()
	credential := "sla_" + name + "_of_the_test_0123456789abcdef"
	id, err := s.Fleet.Own(context.Background(), name, []string{"edge"}, credential)
	if err != nil {
		t.Fatal(err)
	}
	e, err := edge.New(edge.Options{ID: id, Host: host, Listen: "127.0.0.1:0", Server: s.URL(), Credential: credential, Dir: t.TempDir(), Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the edge ended with: %v", err)
		}
	})
	<-e.Ready()
	return "http://" + e.Addr()
}

// newest gives the newest rollout of the app.
func newest(t *testing.T, s *apptest.Server) (v rollout.View, ok bool) {
	t.Helper()
	var list struct{ Items []rollout.View }
	if status, _ := s.Call(t, "GET", "/v1/apps/tiny/rollouts?limit=1", nil, &list); status != http.StatusOK || len(list.Items) == 0 {
		return v, false
	}
	return list.Items[0], true
}

// ended waits for the rollout of this number to end.
func ended(t *testing.T, s *apptest.Server, number int) rollout.View {
	t.Helper()
	var v rollout.View
	s.Until(t, fmt.Sprintf("rollout #%d ends", number), func() bool {
		got, ok := newest(t, s)
		v = got
		return ok && v.Number == number && v.State.Ended()
	})
	return v
}

func TestPushReachesEveryoneOrComesBack(t *testing.T) {
	s := apptest.Start(t)
	startAgents(t, s, 3, 2)
	front := startEdge(t, s)
	c := checkout{t: t, dir: t.TempDir(), url: s.GitURL("tiny")}
	c.must("init", "-q", "-b", "main")

	seen := c.ship("one", 50)
	if !strings.Contains(seen, "Green") {
		t.Errorf("the pusher saw no verdict:\n%s", seen)
	}
	if v := ended(t, s, 1); v.Outcome != "promoted" {
		t.Fatalf("the first release ended %s: %v", v.Outcome, v.Reasons)
	}
	crowd, stop := startVisitors(t, front)

	c.ship("two", 50)
	if v := ended(t, s, 2); v.Outcome != "promoted" {
		t.Errorf("the good release ended %s: %v", v.Outcome, v.Reasons)
	}
	c.ship("three", 4)
	if v := ended(t, s, 3); v.Outcome != "rolled_back" || v.Verdict != "regressed" || v.Vital != "errors" {
		t.Errorf("the bad release ended %s, %s on %s: %v", v.Outcome, v.Verdict, v.Vital, v.Reasons)
	}
	if out, err := c.git("commit", "-q", "--allow-empty", "-m", "x"); err != nil {
		t.Fatal(out)
	}
	stop()
	if st := crowd.Stats().Total(); st.Lost != 0 || st.Requests == 0 {
		t.Errorf("of %d requests %d were lost: %v", st.Requests, st.Lost, crowd.Stats().Losses)
	}

	seen = c.ship("red", 50)
	if !strings.Contains(seen, "Red") || !strings.Contains(seen, "red on purpose") {
		t.Errorf("the pusher of a red build saw:\n%s", seen)
	}
	if v, ok := newest(t, s); !ok || v.Number != 3 {
		t.Errorf("a red build went out as rollout #%d", v.Number)
	}
}

func startVisitors(t *testing.T, front string) (*visitors.Crowd, func()) {
	t.Helper()
	crowd, err := visitors.New(visitors.Options{Target: front, RPS: 300, Visitors: 2000, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- crowd.Run(ctx) }()
	stop := sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the visitors ended with: %v", err)
		}
	})
	t.Cleanup(stop)
	return crowd, stop
}
