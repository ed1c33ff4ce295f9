package scaffold_test

import (
	"flag"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/slipwayhq/slipway/internal/pure/manifest"
	"github.com/slipwayhq/slipway/internal/scaffold"
)

var update = flag.Bool("update", false, "write the golden files anew")

// Each testdata/<name>.txtar is a repository; <name>.yaml is its draft, and
// <name>.findings says what was found.
func TestDrafts(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatal("no repositories", err)
	}
	for _, path := range paths {
		base := strings.TrimSuffix(path, ".txtar")
		t.Run(filepath.Base(base), func(t *testing.T) {
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			repo := fstest.MapFS{}
			for _, file := range archive.Files {
				repo[file.Name] = &fstest.MapFile{Data: file.Data}
			}
			draft, err := scaffold.Look(repo, "shop")
			if err != nil {
				t.Fatal(err)
			}
			var findings strings.Builder
			for _, f := range draft.Findings {
				findings.WriteString(f.String() + "\n")
			}
			golden(t, base+".yaml", draft.Manifest)
			golden(t, base+".findings", findings.String())
			checkDraft(t, draft)
		})
	}
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("differs from %s (-want +got):\n%s", path, diff)
	}
}

// checkDraft is what must hold for any repository: the draft parses, what it
// writes out as defaults are the defaults, and a guess in it is among the findings.
func checkDraft(t *testing.T, draft *scaffold.Draft) {
	t.Helper()
	m, problems := manifest.Parse([]byte(draft.Manifest))
	if problems != nil {
		t.Fatalf("%s\n%s", problems.Text(), draft.Manifest)
	}
	if diff := cmp.Diff(manifest.DefaultRollout(), m.Rollout); diff != "" {
		t.Errorf("the defaults that are written are not the defaults:\n%s", diff)
	}
	guessed := false
	for _, f := range draft.Findings {
		guessed = guessed || f.Guess
	}
	if strings.Contains(draft.Manifest, "a guess:") && !guessed {
		t.Errorf("a guess is not among the findings %v", draft.Findings)
	}
}

func TestNames(t *testing.T) {
	for name, want := range map[string]string{
		"shop": "shop", "My Shop!": "my-shop", "42": "app", "--x--": "x", "": "app", "été": "t",
		strings.Repeat("long", 20): strings.Repeat("long", 10), "a.b_c": "a-b-c",
	} {
		draft, err := scaffold.Look(fstest.MapFS{}, name)
		if err != nil {
			t.Fatal(err)
		}
		m, _ := manifest.Parse([]byte(draft.Manifest))
		if m == nil || m.App != want {
			t.Errorf("%q: want %s, got %+v", name, want, m)
		}
	}
}

// A directory that cannot be read is an error, not an empty draft.
func TestUnreadable(t *testing.T) {
	if _, err := scaffold.Look(failing{fstest.MapFS{"package.json": {Data: []byte("{}")}}}, "shop"); err == nil {
		t.Error("no error")
	}
}

// failing lists its files and fails to open them.
type failing struct{ fstest.MapFS }

func (f failing) Open(name string) (fs.File, error) {
	if name == "package.json" {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return f.MapFS.Open(name)
}

func FuzzLook(f *testing.F) {
	f.Add("shop", "web: ./x -p $PORT\n", `{"scripts": {"start": "a: b # c", "test": "x"}}`, "test:\ndist:\n", "package main\n")
	f.Add("\x00", "web: \"\n", `{"scripts": {"start": "\u0000", "build": "\u2028"}}`, "dist : x", "//go:build ignore\npackage main")
	f.Fuzz(func(t *testing.T, name, procfile, node, makefile, source string) {
		for _, module := range []string{"", "go.mod"} {
			repo := fstest.MapFS{
				"Procfile":     {Data: []byte(procfile)},
				"package.json": {Data: []byte(node)},
				"Makefile":     {Data: []byte(makefile)},
				"main.go":      {Data: []byte(source)},
				"Dockerfile":   {Data: []byte(procfile)},
			}
			if module != "" {
				repo[module] = &fstest.MapFile{Data: []byte("module example.org/x\n")}
			}
			draft, err := scaffold.Look(repo, name)
			if err != nil {
				t.Fatal(err)
			}
			checkDraft(t, draft)
		}
	})
}

// What is proposed for a Go program really builds it.
func TestGoDraftBuilds(t *testing.T) {
	archive, err := txtar.ParseFile("testdata/go.txtar")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, file := range archive.Files {
		name := filepath.Join(dir, file.Name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, file.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	draft, err := scaffold.Look(os.DirFS(dir), "shop")
	if err != nil {
		t.Fatal(err)
	}
	m, problems := manifest.Parse([]byte(draft.Manifest))
	if problems != nil {
		t.Fatal(problems)
	}
	build := exec.Command("sh", "-c", m.Package.Run)
	build.Dir = dir
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", m.Package.Run, err, output)
	}
	for _, made := range []string{"shop", "templates/index.html"} {
		if _, err := os.Stat(filepath.Join(dir, m.Package.Path, made)); err != nil {
			t.Error(err)
		}
	}
}
