package e2e

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/examples"
	"github.com/slipwayhq/slipway/internal/demo"
	"github.com/slipwayhq/slipway/internal/visitors"
)

// drillRollout is how the shop is shipped here: a watch that is long enough for any machine, and that a fault ends early.
const drillRollout = `rollout:
  canary: visitors
  steps:
    - {share: 50%, watch: 3m}
    - {share: 100%, watch: 1m, hold_back: 20%}
  settle: 2s
  alpha: 0.001
  unknown: hold
  vitals:
    - errors

`

// TestDrill drills on a server with hosts, workers, an edge and visitors: the fault is planted, passes the tests, is found by the visitors' requests and undone, and then
// everything is as it was before, but for the commit.
func TestDrill(t *testing.T) {
	w := newDrillGround(t)
	if out, err := w.drill(); err == nil || !strings.Contains(out, "no demo is running") {
		t.Errorf("a drill without a demo: %v\n%s", err, out)
	}
	w.record(t)

	// What somebody is about to write is not taken along, and nothing happens.
	note := filepath.Join(w.shop, "note.txt")
	if err := os.WriteFile(note, []byte("unfinished"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := w.drill(); err == nil || !strings.Contains(out, "not committed") {
		t.Errorf("a drill over unfinished work: %v\n%s", err, out)
	}
	if err := os.Remove(note); err != nil {
		t.Fatal(err)
	}
	before, head := w.settled(t), w.git(t, "rev-parse", "HEAD")

	crowd, err := send(visitors.Options{Target: "http://" + w.edge, RPS: 200, Visitors: 2000, Seed: 1, Timeout: patience})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = crowd.stop() }() // after a failure
	out, err := w.drill()
	t.Logf("the drill told:\n%s", out)
	if err != nil {
		t.Fatalf("the drill: %v\n%s", err, w.log())
	}
	checkDrillTold(t, out)
	if err := crowd.stop(); err != nil {
		t.Fatal(err)
	}
	s := crowd.Stats()
	if total := s.Total(); total.Requests == 0 || total.Lost+total.Cut > 0 {
		t.Errorf("of %d requests %d were lost and %d cut: %v", total.Requests, total.Lost, total.Cut, s.Losses)
	}
	if len(s.Releases) < 2 {
		t.Errorf("visitors met only %v", s.Releases)
	}

	// The one thing that is left is the commit, on top of what was there.
	if subject := w.git(t, "log", "-1", "--format=%s by %an"); !strings.HasPrefix(subject, "Drill 1: ") || !strings.HasSuffix(subject, " by Ben") {
		t.Errorf("the newest commit is %q", subject)
	}
	if parent, left := w.git(t, "rev-parse", "HEAD^"), w.git(t, "status", "--porcelain"); parent != head || left != "" {
		t.Errorf("the drill is on top of %s, was %s; it left %q", parent, head, left)
	}
	if remote, at := w.git(t, "ls-remote", "slipway", "refs/heads/main"), w.git(t, "rev-parse", "HEAD"); !strings.HasPrefix(remote, at) {
		t.Errorf("the server has %q, the drill made %s", remote, at)
	}
	if now := w.settled(t); !reflect.DeepEqual(now, before) {
		t.Errorf("the shop stands so: %+v, it stood so: %+v", now, before)
	}
}

// drillGround is a site with the example shop live, and a developer's clone of it.
type drillGround struct {
	*site
	shop, folder string // the repository, and where a demo says that it runs
}

func newDrillGround(t *testing.T) *drillGround {
	t.Helper()
	s, err := newSite(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w := &drillGround{site: s, shop: filepath.Join(s.dir, "shop"), folder: filepath.Join(s.dir, "demo")}
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	})
	if err := s.serve(); err != nil {
		t.Fatal(err)
	}
	for role, n := range map[string]int{"host": 2, "work": 2} {
		if err := s.join(role, n); err != nil {
			t.Fatal(err)
		}
	}
	if err := examples.WriteShop(w.shop); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(w.shop, ".slipway.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	begin, rest, _ := strings.Cut(string(text), "rollout:\n")
	_, end, _ := strings.Cut(rest, "\n\n")
	if err := os.WriteFile(path, []byte(begin+drillRollout+end), 0o600); err != nil {
		t.Fatal(err)
	}
	w.git(t, "init", "-q", "-b", "main")
	w.git(t, "remote", "add", "slipway", "http://ana:"+adminToken+"@"+s.listen+"/git/shop.git")
	w.git(t, "add", "-A")
	w.git(t, "commit", "-q", "-m", "A small shop")
	w.git(t, "push", "-q", "slipway", "main")
	return w
}

// record is what a running demo leaves for a drill.
func (w *drillGround) record(t *testing.T) {
	t.Helper()
	text, err := json.Marshal(demo.Record{URL: w.url(), Token: adminToken, Worktree: w.shop, PID: os.Getpid()})
	if err == nil {
		err = os.MkdirAll(w.folder, 0o700)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(w.folder, "demo.json"), text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (w *drillGround) drill() (string, error) {
	cmd := exec.Command("slipway", "drill", "--json", "--data", w.folder)
	cmd.Env = append(os.Environ(), w.env()...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// checkDrillTold looks whether the drill told its story: planted, tested, with visitors, undone.
func checkDrillTold(t *testing.T, out string) {
	t.Helper()
	type told struct{ Type, State, Verdict, Text string }
	var last told
	seen := map[string]bool{}
	for line := range bytes.Lines([]byte(strings.TrimSpace(out))) {
		last = told{}
		if err := json.Unmarshal(line, &last); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		seen[last.Type+" "+last.State] = true
	}
	for _, want := range []string{"drill ", "push accepted", "build passed", "rollout shifting", "verdict regressed", "rollout returning", "rollout rolled_back"} {
		if !seen[want] {
			t.Errorf("it did not tell of %q: %v", want, seen)
		}
	}
	if last.Type != "drill" || last.State != "rolled_back" || last.Verdict != "regressed" || !strings.Contains(last.Text, "Undone: errors") {
		t.Errorf("its last word is %+v", last)
	}
}

// things is how the shop stands.
type things struct {
	Live     string
	Hosts    map[string][]string // the releases that each runs
	Answered map[string]bool     // the releases that answer visitors
}

func (w *drillGround) things(t *testing.T) things {
	t.Helper()
	out := things{Hosts: map[string][]string{}, Answered: map[string]bool{}}
	var releases []struct{ ID, State string }
	w.ask(t, &releases, "releases", "--app", "shop")
	for _, r := range releases {
		if r.State == "live" {
			out.Live = r.ID
		}
	}
	var hosts []struct {
		Name     string
		Releases []struct {
			Release string
			State   string `json:"process_state"`
		}
	}
	w.ask(t, &hosts, "hosts")
	for _, h := range hosts {
		for _, r := range h.Releases {
			out.Hosts[h.Name] = append(out.Hosts[h.Name], r.Release+" "+r.State)
		}
	}
	for range 40 { // each without a cookie: a visitor of its own
		resp, err := http.Get("http://" + w.edge + "/")
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		out.Answered[resp.Header.Get("Slipway-Release")] = true
	}
	return out
}

// settled waits until one release is live, and alone on all hosts and for all visitors.
func (w *drillGround) settled(t *testing.T) things {
	t.Helper()
	var now things
	w.until(t, "one release is live and alone", func() bool {
		now = w.things(t)
		alone := now.Live != "" && len(now.Hosts) == 2 && len(now.Answered) == 1 && now.Answered[now.Live]
		for _, run := range now.Hosts {
			alone = alone && len(run) == 1 && run[0] == now.Live+" up"
		}
		return alone
	})
	return now
}

// ask runs a verb that prints JSON.
func (w *drillGround) ask(t *testing.T, into any, args ...string) {
	t.Helper()
	cmd := exec.Command("slipway", append(args, "--json")...)
	cmd.Env = append(os.Environ(), w.env()...)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("slipway %v: %v\n%s", args, err, out)
	}
	if err := json.Unmarshal(out, into); err != nil {
		t.Fatalf("slipway %v: %v\n%s", args, err, out)
	}
}

func (w *drillGround) until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(200 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s\n%s", what, w.log())
		}
	}
}

func (w *drillGround) git(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Env = w.shop, append(os.Environ(), w.env()...)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("git %v: %v\n%s%s", args, err, out, &said)
	}
	return strings.TrimSpace(string(out))
}
