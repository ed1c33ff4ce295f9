package examples

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/format"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

func shop(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := WriteShop(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// golang runs the go command in a shop of its own module, apart from this one, and returns what it printed.
func golang(t *testing.T, dir string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-trimpath", "GOWORK=off", "GOPROXY=off")
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	return out.String() + errs.String(), err
}

func must(t *testing.T, message string, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	subject, _, _ := strings.Cut(message, "\n")
	if subject == "" || len(subject) > 72 {
		t.Errorf("subject of the commit: %q", subject)
	}
}

// files returns all files of a shop by name.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := make(map[string]string)
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(filepath.Join(dir, name))
		all[name] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func same(t *testing.T, got, want map[string]string) {
	t.Helper()
	for name := range got {
		if got[name] != want[name] {
			t.Errorf("%s differs", name)
		}
	}
	for name := range want {
		if _, ok := got[name]; !ok {
			t.Errorf("%s is missing", name)
		}
	}
}

// harm is what a few thousand requests met.
type harm struct {
	Requests, Failed int
	Slow             int // by a drill, which marks them
}

// within says whether a number is from low to high percent of the requests.
func (h harm) within(n, low, high int) bool {
	return n*100 >= low*h.Requests && n*100 <= high*h.Requests
}

// drive sends requests to the shop in this folder.
func drive(t *testing.T, dir string) harm {
	t.Helper()
	program, err := os.ReadFile("testdata/drive.go.txt")
	if err != nil {
		t.Fatal(err)
	}
	if err := create(dir, "drive/main.go", program); err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(filepath.Join(dir, "drive"))
	out, err := golang(t, dir, "run", "./drive")
	if err != nil {
		t.Fatalf("drive: %v\n%s", err, out)
	}
	var met harm
	if err := json.Unmarshal([]byte(out), &met); err != nil {
		t.Fatalf("drive printed %q: %v", out, err)
	}
	return met
}

// One shop goes through the demo's story; each commit must compile and do to the tests what it says.
func TestStory(t *testing.T) {
	dir := shop(t)
	passes := func(packages ...string) {
		t.Helper()
		if out, err := golang(t, dir, append([]string{"test"}, packages...)...); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	message, err := GoodChange(dir)
	must(t, message, err)
	passes("./...")
	if met := drive(t, dir); met.Failed != 0 || met.Requests == 0 {
		t.Errorf("the good shop: %+v", met)
	}

	message, err = RedChange(dir)
	must(t, message, err)
	if out, err := golang(t, dir, "test", "./price", "./order", "./web"); err == nil || strings.Count(out, "FAIL\tgithub.com") != 1 {
		t.Errorf("the red change: want one package to fail, got %v\n%s", err, out)
	}
	message, err = FixChange(dir)
	must(t, message, err)

	message, err = BadChange(dir)
	must(t, message, err)
	passes("./...")
	if met := drive(t, dir); !met.within(met.Failed, 2, 6) {
		t.Errorf("the bad shop: %+v, want 2 to 6 in a hundred to fail", met)
	}

	for n := 1; n <= drills; n++ {
		message, err = DrillChange(dir, n)
		must(t, message, err)
		passes("./web")
		met := drive(t, dir)
		if n == 2 && !met.within(met.Slow, 10, 15) || n != 2 && !met.within(met.Failed, 4, 10) {
			t.Errorf("drill %d: %+v", n, met)
		}
	}
}

func TestWrittenFilesAreFormatted(t *testing.T) {
	dir := shop(t)
	check := func(after string) {
		t.Helper()
		for name, text := range files(t, dir) {
			if filepath.Ext(name) != ".go" {
				continue
			}
			want, err := format.Source([]byte(text))
			if err != nil || string(want) != text {
				t.Errorf("%s after %s is not formatted: %v", name, after, err)
			}
		}
	}
	for _, change := range []func(string) (string, error){GoodChange, BadChange, RedChange} {
		message, err := change(dir)
		must(t, message, err)
		check(message)
	}
	for n := 1; n <= drills; n++ {
		message, err := DrillChange(dir, n)
		must(t, message, err)
		check(message)
	}
}

func TestChangesCanBeUndoneInAnyOrder(t *testing.T) {
	dir := shop(t)
	before := files(t, dir)
	names := []string{"good", "bad", "red"}
	for _, name := range names {
		message, err := apply(dir, name)
		must(t, message, err)
	}
	for _, name := range names {
		c, err := change(name)
		if err != nil {
			t.Fatal(err)
		}
		if !c.In(dir) {
			t.Errorf("change %s is not found", name)
		}
		if err := c.Undo(dir); err != nil {
			t.Fatal(err)
		}
	}
	same(t, files(t, dir), before)
}

func TestDrillsAreAllDifferentAndLeaveNoFaultBehind(t *testing.T) {
	dir := shop(t)
	made := func(message string, err error) { t.Helper(); must(t, message, err) }
	made(GoodChange(dir))
	clean := files(t, dir)
	made(BadChange(dir))
	earlier := make(map[string]int)
	for n := 1; n <= 2*drills; n++ {
		made(DrillChange(dir, n))
		text := files(t, dir)[drillFile]
		if m, ok := earlier[text]; ok {
			t.Errorf("drills %d and %d are alike", m, n)
		}
		earlier[text] = n
	}
	made(FixChange(dir))
	same(t, files(t, dir), clean)
}

func TestAChangedFileIsLeftAlone(t *testing.T) {
	dir := shop(t)
	path := filepath.Join(dir, "web", "shop.go")
	if err := os.WriteFile(path, []byte("package web\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	before := files(t, dir)
	for name, change := range map[string]func(string) (string, error){
		"good": GoodChange, "bad": BadChange,
		"drill": func(dir string) (string, error) { return DrillChange(dir, 1) },
	} {
		if _, err := change(dir); !errors.Is(err, ErrNotApplicable) || !strings.Contains(err.Error(), "web/shop.go") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	same(t, files(t, dir), before)
}

func TestChangesAreMadeOnce(t *testing.T) {
	dir := shop(t)
	if _, err := FixChange(dir); err == nil {
		t.Error("fixed a shop without a fault")
	}
	if _, err := DrillChange(dir, 0); err == nil {
		t.Error("drill 0")
	}
	message, err := BadChange(dir)
	must(t, message, err)
	if _, err := BadChange(dir); !errors.Is(err, ErrNotApplicable) {
		t.Errorf("twice: got %v", err)
	}
}

func TestManifestOfTheShop(t *testing.T) {
	m, err := manifest.Parse([]byte(files(t, shop(t))[manifest.Filename]))
	if err != nil {
		t.Fatal(err)
	}
	if m.App != "shop" || len(m.Tests) != 1 || m.Processes[manifest.WebProcess].Health != "/healthz" || len(m.Rollout.Steps) != 3 {
		t.Errorf("got %+v", m)
	}
	for _, w := range m.Warnings {
		t.Errorf("warning: %v", w)
	}
}

func TestWriteShopOverwritesNothing(t *testing.T) {
	dir := shop(t)
	if err := WriteShop(dir); !errors.Is(err, fs.ErrExist) {
		t.Errorf("got %v", err)
	}
}

func TestAChangeThatIsCutOff(t *testing.T) {
	if _, err := parse("x", []byte("Subject\n-- a.go: replace --\nold\n")); err == nil {
		t.Error("took a change that replaces a passage with nothing")
	}
}
