package app_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipwayhq/slipway/internal/apptest"
)

// planned is what the API shows of a tracking plan.
type planned struct {
	Mode   string
	Events []struct{ Name string }
	From   *struct {
		Folder string
		Number int
	}
}

func (p planned) String() string {
	text := p.Mode
	for _, e := range p.Events {
		text += " " + e.Name
	}
	if p.From != nil {
		text += fmt.Sprintf(" of %s in release %d", p.From.Folder, p.From.Number)
	}
	return text
}

// A plan is pushed, counts once its release is live, goes back with it, and is the page's again when the repository has none.
func TestAPlanIsPushedAndGoesBack(t *testing.T) {
	s := apptest.Start(t)
	startAgents(t, s, 1, 1)
	c := checkout{t: t, dir: t.TempDir(), url: s.GitURL("tiny")}
	c.must("init", "-q", "-b", "main")
	head, rest, _ := strings.Cut(shipManifest, "test:\n")
	_, rest, _ = strings.Cut(rest, "package:\n")
	base := head + "package:\n" + strings.Replace(rest, "vitals: [errors]", "vitals: [errors, {event: bought, bad: drop}]", 1)
	push := func(version, section string, files ...string) string {
		t.Helper()
		write := map[string]string{"go.mod": "module example.com/tiny\n\ngo 1.24\n", ".slipway.yaml": base + section, ".gitignore": "tiny\n", "main.go": fmt.Sprintf(shipProgram, version, 50)}
		for i := 0; i < len(files); i += 2 {
			write[files[i]] = files[i+1]
		}
		for name, text := range write {
			path := filepath.Join(c.dir, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		c.must("add", "-A")
		c.must("commit", "-q", "-m", "Version "+version)
		return c.must("push", c.url, "HEAD:main")
	}
	const plan, reject = "/v1/apps/tiny/events/plan", "events:\n  plan: events\n  mode: reject\n"
	is := func(want string) {
		t.Helper()
		s.Until(t, "the plan is "+want, func() bool {
			var p planned
			status, _ := s.Call(t, http.MethodGet, plan, nil, &p)
			return status == http.StatusOK && p.String() == want
		})
	}

	if seen := push("one", reject, "events/bought.json", `{"type": "object"}`, "events/looked.json", "true"); strings.Contains(seen, "Warning") {
		t.Errorf("there is nothing to warn of:\n%s", seen)
	}
	if v := ended(t, s, 1); v.Outcome != "promoted" {
		t.Fatalf("the first release ended %s: %v", v.Outcome, v.Reasons)
	}
	is("reject bought looked of events in release 1")

	c.must("rm", "-q", "events/bought.json")
	seen := push("two", reject)
	for _, want := range []string{"the vital bought (this commit) counts bought, which the plan would not have", "the vital bought (release 1, live in production) counts bought"} {
		if !strings.Contains(seen, want) {
			t.Errorf("the push does not say %q:\n%s", want, seen)
		}
	}
	if v := ended(t, s, 2); v.Outcome != "promoted" {
		t.Fatalf("the second release ended %s: %v", v.Outcome, v.Reasons)
	}
	is("reject looked of events in release 2")

	s.Must(t, http.MethodPost, "/v1/apps/tiny/environments/production/rollback", map[string]string{"reason": "the old plan"}, nil)
	is("reject bought looked of events in release 1")

	push("three", "")
	is("observe")
}
