package worker_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/agent/worker"
	"github.com/slipwayhq/slipway/internal/artifact"
	"github.com/slipwayhq/slipway/internal/decide/build"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
	"github.com/slipwayhq/slipway/internal/wire"
)

func TestFromPushToArtifact(t *testing.T) {
	w := newWorld(t)
	w.worker("w1")
	w.worker("w2")
	w.write(map[string]string{"hello.txt": "hello", ".gitignore": "cache\ndist\n"})
	m := manifestOf("dist", suite("echo a; echo noise >&2; echo 'b c'; echo a", "echo running {units}; test -f hello.txt"))
	m.Package.Run = "mkdir -p dist && cp hello.txt dist/"
	w.push(m)
	b := w.passed(1)
	if b.Total != 2 || b.Done != 2 || b.Artifact == "" {
		t.Fatalf("build: %+v", b)
	}
	stored, _, err := w.blobs.Open(b.Artifact)
	if err != nil {
		t.Fatal(err)
	}
	defer stored.Close()
	dst := filepath.Join(t.TempDir(), "release")
	if err := artifact.Unpack(stored, b.Artifact, dst, artifact.Limits{}); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(dst, "hello.txt")); err != nil || string(text) != "hello" {
		t.Errorf("artifact holds %q, %v", text, err)
	}
	if got := w.log(b.ID, leaseOf(b, wire.LeaseList).ID); !strings.Contains(got, "noise") || !strings.Contains(got, "b c") {
		t.Errorf("log of the list: %q", got)
	}
	if got := w.log(b.ID, leaseOf(b, wire.LeaseTest).ID); !strings.HasPrefix(got, "$ echo running ") || !strings.Contains(got, "\nrunning ") {
		t.Errorf("log of a test: %q", got)
	}
	if l := leaseOf(b, wire.LeaseTest); l.LogSize == 0 || l.StartedAt == nil {
		t.Errorf("lease: %+v", l)
	}
}

// Of units that were never seen the server knows at least how large their tests are, and takes the largest first.
func TestALargeTestThatWasNeverSeenGoesFirst(t *testing.T) {
	w := newWorld(t)
	w.worker("w1")
	w.write(map[string]string{
		"a/a_test.go": strings.Repeat("x", 100), "b/b_test.go": strings.Repeat("x", 9000), "b/b.go": "", "c/c.go": strings.Repeat("x", 20_000),
		"other/d é/d_test.go": strings.Repeat("x", 500),
	})
	if err := os.Symlink("b/b_test.go", filepath.Join(w.repo, "a", "link_test.go")); err != nil {
		t.Fatal(err)
	}
	w.push(manifestOf("", suite("echo example.com/shop/a; echo example.com/shop/b; echo ./c; echo 'other/d é'", "echo got {units}")))
	b := w.passed(1)
	var order []string
	for _, l := range b.Leases {
		if _, got, ok := strings.Cut(w.log(b.ID, l.ID), "\ngot "); ok {
			order = append(order, strings.TrimSpace(got))
		}
	}
	if got := strings.Join(order, ", "); got != "example.com/shop/b, other/d é, example.com/shop/a, ./c" {
		t.Errorf("they ran in the order %s", got)
	}
}

func TestGoTestsInWords(t *testing.T) {
	w := newWorld(t)
	cache, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	w.worker("w1", func(o *worker.Options) { o.Environ = []string{"GOCACHE=" + strings.TrimSpace(string(cache))} })
	w.write(map[string]string{
		"go.mod":            "module example.com/m\n\ngo 1.21\n",
		"good/good_test.go": "package good\n\nimport \"testing\"\n\nfunc TestGood(t *testing.T) { t.Log(\"fine\") }\n",
		"bad/bad_test.go":   "package bad\n\nimport \"testing\"\n\nfunc TestBad(t *testing.T) { t.Fatal(\"the planted failure\") }\n",
		"bad/ok_test.go":    "package bad\n\nimport \"testing\"\n\nfunc TestOK(t *testing.T) {}\n",
	})
	w.push(manifestOf("", manifest.Test{Name: "go", List: "go list ./...", Run: "go test -vet=off -json {units}", Format: manifest.FormatGoTest, Timeout: manifest.Every(5 * time.Minute)}))
	b := w.ended(1)
	if b.State != build.Failed || b.Total != 2 || b.Failed != 1 {
		t.Fatalf("build: %+v", b)
	}
	bad := b.Units[0]
	if bad.Unit != "example.com/m/bad" || bad.Status != "failed" || strings.Join(bad.FailedTests, " ") != "TestBad" || !strings.Contains(bad.Output, "the planted failure") {
		t.Errorf("failed unit: %+v", bad)
	}
	if text := w.log(b.ID, bad.Lease); strings.Contains(text, `"Action"`) || !strings.Contains(text, "bad_test.go:5: the planted failure") {
		t.Errorf("the log should be in words: %q", text)
	}
}

func TestJUnitReports(t *testing.T) {
	w := newWorld(t)
	w.worker("w1")
	const run = `test ! -e out/c.xml || exit 9; mkdir -p out; status=0; for u in {units}; do
		case $u in
		c) echo "<testsuite><testcase classname='c' name='breaks'><failure message='no'>&#0;because</failure></testcase></testsuite>"; status=1;;
		*) echo "<testsuite><testcase classname='$u' name='works' time='0.1'/></testsuite>";;
		esac > out/$u.xml; done; exit $status`
	w.write(map[string]string{".gitignore": "out\n"})
	w.push(manifestOf("", manifest.Test{Name: "unit", List: "echo a; echo c", Run: run, Format: manifest.FormatJUnit, Report: "out/*.xml", Timeout: manifest.Every(time.Minute)}))
	b := w.ended(1)
	status := map[string]string{}
	for _, u := range b.Units {
		status[u.Unit] = u.Status
	}
	if len(status) != 2 || status["a"] != "passed" || status["c"] != "failed" {
		t.Errorf("units: %+v", b.Units)
	}
}

// Ignored files stay from build to build, everything else is the commit's.
func TestCheckoutIsTheCommitButForCaches(t *testing.T) {
	w := newWorld(t)
	w.worker("w1")
	w.write(map[string]string{".gitignore": "cache/\n", "tracked.txt": "one"})
	dirty := suite("", `mkdir -p cache nested/deep && echo warm > cache/x && echo left > nested/deep/y && git init -q nested/repo && echo changed > tracked.txt`)
	w.push(manifestOf("", dirty))
	w.passed(1)
	w.write(map[string]string{"more.txt": "two"})
	w.push(manifestOf("", suite("", `test "$(cat cache/x)" = warm && test ! -e nested && test "$(cat tracked.txt)" = one && test -f more.txt`)))
	w.passed(2)
}

func TestBrokenMirrorAndCheckoutAreMadeAnew(t *testing.T) {
	w := newWorld(t)
	dir := ""
	w.worker("w1", func(o *worker.Options) { dir = o.Dir })
	ok := manifestOf("", suite("", "test -f file"))
	w.write(map[string]string{"file": "1"})
	w.push(ok)
	w.passed(1)
	if err := os.WriteFile(filepath.Join(dir, "mirrors", "shop.git", "worktrees", "shop-0", "HEAD"), []byte("broken\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.write(map[string]string{"file": "2"})
	w.push(ok)
	w.passed(2)
	if err := os.RemoveAll(filepath.Join(dir, "mirrors", "shop.git", "objects")); err != nil {
		t.Fatal(err)
	}
	w.write(map[string]string{"file": "3"})
	w.push(ok)
	w.passed(3)
}

func TestPackageOfTheCheckoutItself(t *testing.T) {
	w := newWorld(t)
	w.worker("w1")
	w.write(map[string]string{"site/index.html": "hi"})
	w.push(manifestOf("."))
	b := w.passed(1)
	stored, _, err := w.blobs.Open(b.Artifact)
	if err != nil {
		t.Fatal(err)
	}
	defer stored.Close()
	dst := filepath.Join(t.TempDir(), "release")
	if err := artifact.Unpack(stored, b.Artifact, dst, artifact.Limits{}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(filepath.Join(dst, ".git")); !os.IsNotExist(err) {
		t.Errorf("the artifact holds .git: %v", err)
	}
	if _, err := os.Lstat(filepath.Join(dst, "site", "index.html")); err != nil {
		t.Error(err)
	}
	// What tests leave is no part of it.
	w.push(manifestOf(".", suite("", "git status && echo left > left.txt && echo changed > site/index.html")))
	if again := w.passed(2); again.Artifact != b.Artifact {
		t.Error("the same files gave another artifact")
	}
}

func TestPackageThatLeavesNothing(t *testing.T) {
	w := newWorld(t)
	w.worker("w1")
	w.push(manifestOf("dist/shop"))
	b := w.ended(1)
	if b.State != build.Failed || !strings.Contains(b.Reasons[0].Text, `there is nothing at "dist/shop"`) {
		t.Errorf("build: %s, %+v", b.State, b.Reasons)
	}
}
