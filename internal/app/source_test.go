package app_test

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"golang.org/x/tools/txtar"
)

// module is the import path that our own packages begin with.
const module = "github.com/slipwayhq/slipway/"

// tree is the source of a module, parsed: the real one, or a small one from testdata that breaks a rule on purpose.
type tree struct {
	fset  *token.FileSet
	files []*source
}

// source is one Go file.
type source struct {
	path  string // slash-separated, from the root of the module
	dir   string
	test  bool
	lines int
	ast   *ast.File
}

// complaint is a rule that a file breaks.
type complaint struct {
	where, what, why string
}

func (c complaint) String() string { return c.where + ": " + c.what + ": " + c.why }

func (t *tree) at(p token.Pos) string {
	pos := t.fset.Position(p)
	return pos.Filename + ":" + strconv.Itoa(pos.Line)
}

// code gives the files that are not tests.
func (t *tree) code() []*source {
	return slices.DeleteFunc(slices.Clone(t.files), func(f *source) bool { return f.test })
}

// imports gives the paths that the file imports; our own without the module's prefix.
func (f *source) imports() map[string]token.Pos {
	out := map[string]token.Pos{}
	for _, spec := range f.ast.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err == nil {
			out[p] = spec.Pos()
		}
	}
	return out
}

// skipped are folders without source of the module.
func skipped(name string) bool {
	return name == "testdata" || name == "node_modules" || name == "bin" || name == "tools" || (strings.HasPrefix(name, ".") && name != ".")
}

// parseTree reads all Go files of a module.
func parseTree(fsys fs.FS) (*tree, error) {
	t := &tree{fset: token.NewFileSet()}
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if skipped(d.Name()) {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		data, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(t.fset, name, data, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		t.files = append(t.files, &source{
			path: name, dir: path.Dir(name), test: strings.HasSuffix(name, "_test.go"), lines: strings.Count(string(data), "\n"), ast: file,
		})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the module's source: %w", err)
	}
	return t, nil
}

// ours parses this module, once.
var ours = sync.OnceValues(func() (*tree, error) {
	return parseTree(os.DirFS(filepath.Join("..", "..")))
})

// check runs a rule over this module and reports each complaint.
func check(t *testing.T, rule func(*tree) []complaint) {
	t.Helper()
	src, err := ours()
	if err != nil {
		t.Fatal(err)
	}
	if len(src.code()) < 100 {
		t.Fatalf("found %d files only: the test looks at the wrong folder", len(src.code()))
	}
	for _, c := range rule(src) {
		t.Error(c)
	}
}

// checkCases runs a rule over the small modules in testdata/<dir>, each a txtar archive whose comment names the complaints it must bring, one a line
// ("#" begins a remark), and no others. So we know that the rule can fail.
func checkCases(t *testing.T, dir string, rule func(*tree) []complaint) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", dir, "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases in testdata/%s (%v)", dir, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			fsys, err := txtar.FS(archive)
			if err != nil {
				t.Fatal(err)
			}
			src, err := parseTree(fsys)
			if err != nil {
				t.Fatal(err)
			}
			var want, got []string
			for line := range strings.Lines(string(archive.Comment)) {
				if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
					want = append(want, line)
				}
			}
			for _, c := range rule(src) {
				got = append(got, c.where+": "+c.what)
			}
			slices.Sort(want)
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("complaints:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		})
	}
}

// under tells whether a path is the folder or below it.
func under(p, folder string) bool {
	return p == folder || strings.HasPrefix(p, folder+"/")
}

// sorted puts complaints in the order of files.
func sorted(c []complaint) []complaint {
	slices.SortFunc(c, func(a, b complaint) int { return cmp.Or(cmp.Compare(a.where, b.where), cmp.Compare(a.what, b.what)) })
	return c
}
