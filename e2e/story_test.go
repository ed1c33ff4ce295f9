package e2e

import (
	"encoding/json"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/slipwayhq/slipway/internal/visitors"
)

// TestStory runs what people do in a terminal, one script a story.
func TestStory(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/story",
		RequireExplicitExec: true,
		Setup:               setup,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"server":   server,
			"machines": machines,
			"visitors": sendVisitors,
			"regulars": regulars,
			"until":    until,
			"leave":    leave,
			"page":     page,
			"append":   appendFile,
			"silent":   silent,
			"fields":   fields,
		},
	})
}

// world is what a script has started.
type world struct {
	*site
	crowd *crowd
	env   []string
}

type worldKey struct{}

// setup gives a script a site of its own, where nothing runs yet, and the shop's repository with its changes.
func setup(env *testscript.Env) error {
	s, err := newSite(env.WorkDir)
	if err != nil {
		return err
	}
	if err := os.CopyFS(env.WorkDir, os.DirFS("testdata/shop")); err != nil {
		return err
	}
	// What the guide about flags has people run.
	if err := os.CopyFS(env.WorkDir, os.DirFS("../examples/flags")); err != nil {
		return err
	}
	for _, pair := range s.env() {
		name, value, _ := strings.Cut(pair, "=")
		env.Setenv(name, value)
	}
	env.Setenv("LISTEN", s.listen)
	env.Setenv("EDGE", "http://"+s.edge)
	env.Setenv("DATA", s.data())
	env.Setenv("GIT_URL", "http://ana:"+adminToken+"@"+s.listen+"/git")
	env.Values[worldKey{}] = &world{site: s, env: env.Vars}
	return nil
}

func worldOf(ts *testscript.TestScript) *world { return ts.Value(worldKey{}).(*world) }

// server start | term: starts the server and its edge; sends it SIGTERM and waits, with what it printed as stdout.
func server(ts *testscript.TestScript, _ bool, args []string) {
	w := worldOf(ts)
	switch args[0] {
	case "start":
		if len(w.printed) == 0 {
			ts.Defer(func() {
				err := w.stop()
				ts.Logf("%s", w.log())
				ts.Check(err)
			})
		}
		ts.Check(w.serve())
	case "term":
		old := w.server
		w.server = nil
		ts.Check(old.end(syscall.SIGTERM))
		_, err := ts.Stdout().Write([]byte(old.out.String()))
		ts.Check(err)
	default:
		ts.Fatalf("server start, or server term")
	}
}

// machines host 3 work 2 starts agents that join the server.
func machines(ts *testscript.TestScript, _ bool, args []string) {
	for i := 0; i+1 < len(args); i += 2 {
		n, err := strconv.Atoi(args[i+1])
		ts.Check(err)
		ts.Check(worldOf(ts).join(args[i], n))
	}
}

// visitors start RPS COUNT sends that traffic to the edge; visitors stop ends it and fails if a request was lost.
func sendVisitors(ts *testscript.TestScript, _ bool, args []string) {
	w := worldOf(ts)
	switch args[0] {
	case "start":
		rps, err := strconv.ParseFloat(args[1], 64)
		ts.Check(err)
		n, err := strconv.Atoi(args[2])
		ts.Check(err)
		crowd, err := send(visitors.Options{Target: "http://" + w.edge, RPS: rps, Visitors: n, Seed: 1})
		ts.Check(err)
		ts.Defer(func() { ts.Check(crowd.stop()) })
		w.crowd = crowd
	case "stop":
		ts.Check(w.crowd.stop())
		s := w.crowd.Stats()
		total := s.Total()
		ts.Logf("visitors: %+v, by release %+v", total, s.Releases)
		if total.Requests == 0 || total.Lost+total.Cut > 0 {
			ts.Fatalf("of %d requests %d were lost and %d cut: %v", total.Requests, total.Lost, total.Cut, s.Losses)
		}
	default:
		ts.Fatalf("visitors start RPS COUNT, or visitors stop")
	}
}

// until REGEXP COMMAND… runs a command again and again until it succeeds and prints what matches.
func until(ts *testscript.TestScript, _ bool, args []string) {
	want := regexp.MustCompile("(?m)" + args[0])
	var out []byte
	var err error
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		cmd := exec.Command(args[1], args[2:]...)
		cmd.Dir, cmd.Env = ts.MkAbs("."), worldOf(ts).env
		out, err = cmd.CombinedOutput()
		if err == nil && want.Match(out) {
			_, err = ts.Stdout().Write(out)
			ts.Check(err)
			return
		}
	}
	ts.Fatalf("not within %s: %s in what %v prints; last: %v\n%s", patience, args[0], args[1:], err, out)
}

// leave REGEXP COMMAND… runs a command until it prints what matches, and then presses ctrl-C.
func leave(ts *testscript.TestScript, _ bool, args []string) {
	want := regexp.MustCompile(args[0])
	p, err := start(append(slices.Clone(worldOf(ts).env), "PWD="+ts.MkAbs(".")), "env", append([]string{"-C", ts.MkAbs(".")}, args[1:]...)...)
	ts.Check(err)
	seen := false
	for end := time.Now().Add(patience); !seen && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		seen = want.MatchString(p.out.String())
	}
	ts.Check(p.interrupt())
	if !seen {
		ts.Fatalf("not within %s: %s in what %v prints: %s", patience, args[0], args[1:], &p.out)
	}
}

// page URL REGEXP waits until the page answers 200 with what matches.
func page(ts *testscript.TestScript, _ bool, args []string) {
	want := regexp.MustCompile(args[1])
	seen := ""
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		status, body, err := fetch(args[0])
		if err == nil && status == http.StatusOK && want.MatchString(body) {
			_, err = ts.Stdout().Write([]byte(body))
			ts.Check(err)
			return
		}
		seen = body
	}
	ts.Fatalf("%s does not answer with %s within %s; last: %q", args[0], args[1], patience, seen)
}

// append FILE SOURCE adds one file to the end of another.
func appendFile(ts *testscript.TestScript, _ bool, args []string) {
	text := ts.ReadFile(args[0]) + ts.ReadFile(args[1])
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
}

// silent TEXT DIR… fails where a file below the folders, or anything that was printed, says the text: secrets are never said.
func silent(ts *testscript.TestScript, _ bool, args []string) {
	text, read := args[0], 0
	for _, dir := range args[1:] {
		ts.Check(filepath.WalkDir(ts.MkAbs(dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			content, err := os.ReadFile(path)
			if strings.Contains(string(content), text) {
				ts.Fatalf("%s says %q", path, text)
			}
			read++
			return err
		}))
	}
	for _, p := range worldOf(ts).printed {
		if strings.Contains(p.String(), text) {
			ts.Fatalf("a program printed %q", text)
		}
	}
	if read == 0 {
		ts.Fatalf("there is nothing to look into")
	}
}

// fields NAME checks that what `slipway NAME --json` printed last has all the fields that the reference promises: scripts lean on them.
func fields(ts *testscript.TestScript, _ bool, args []string) {
	reference, err := os.ReadFile("../docs/reference/cli.md")
	ts.Check(err)
	row := regexp.MustCompile("(?m)^\\| `" + args[0] + "` \\| `([^`]+)`").FindStringSubmatch(string(reference))
	if row == nil {
		ts.Fatalf("the reference has no fields of slipway %s", args[0])
	}
	var items []map[string]any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &items))
	for _, name := range strings.Fields(regexp.MustCompile(`\[\]|\{[^}]*\}`).ReplaceAllString(row[1], "")) {
		if !slices.ContainsFunc(items, func(item map[string]any) bool { _, ok := item[name]; return ok }) {
			ts.Fatalf("slipway %s --json gives no %s, which the reference promises", args[0], name)
		}
	}
}
