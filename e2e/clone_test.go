package e2e

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestFreshClone does what the README says first, in a clone of the last commit: make run, which is make build and slipway demo.
func TestFreshClone(t *testing.T) {
	if _, err := os.Stat("../.git"); err != nil {
		t.Skip("these sources are not a git repository: there is nothing to clone")
	}
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"make run ", "make test "} {
		if !strings.Contains(string(readme), "\n"+command) {
			t.Errorf("the README does not say %q", command)
		}
	}
	clone := filepath.Join(t.TempDir(), "slipway")
	run(t, "..", "git", "clone", "-q", ".", clone)
	if plan := run(t, clone, "make", "-n", "run"); !strings.HasSuffix(strings.TrimSpace(plan), "bin/slipway demo") {
		t.Errorf("make run does:\n%s", plan)
	}
	run(t, clone, "make", "build")
	seeDemo(t, filepath.Join(clone, "bin", "slipway"))
	if changed := run(t, clone, "git", "status", "--porcelain"); changed != "" {
		t.Errorf("building changed what is in the repository:\n%s", changed)
	}
}

// seeDemo starts the demo that stays up, follows the link that it prints, and presses ctrl-C.
func seeDemo(t *testing.T, program string) {
	t.Helper()
	s, err := newSite(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	demo, err := start(os.Environ(), program, "demo", "--listen", s.listen, "--edge-listen", s.edge, "--rps", "20", "--data", filepath.Join(s.dir, "demo"))
	if err != nil {
		t.Fatal(err)
	}
	link := ""
	for end := time.Now().Add(patience); link == "" && time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		link = regexp.MustCompile(`http://\S+/login\?token=\S+`).FindString(demo.out.String())
	}
	if status, page, err := fetch(link); err != nil || status != http.StatusOK || !strings.Contains(page, `<script type="module"`) {
		t.Errorf("%q answers %d (%v): %s", link, status, err, page)
	}
	if err := demo.interrupt(); err != nil {
		t.Error(err)
	}
	for _, url := range []string{s.url(), "http://" + s.edge} {
		if _, _, err := fetch(url); err == nil {
			t.Errorf("%s still answers after the demo has ended", url)
		}
	}
	if t.Failed() {
		t.Logf("the demo told:\n%s", &demo.out)
	}
}

// run runs a command to its end and gives what it printed.
func run(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	cmd.Env = slices.DeleteFunc(os.Environ(), ofMake)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// ofMake tells what an outer make leaves for inner ones: this test is run by make test, and its own make is to behave as a newcomer's.
func ofMake(variable string) bool {
	name, _, _ := strings.Cut(variable, "=")
	return name == "MAKELEVEL" || name == "MAKEFLAGS" || name == "MFLAGS"
}
