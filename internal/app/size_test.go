package app_test

import (
	"fmt"
	"go/ast"
	"strconv"
	"testing"
	"testing/fstest"
)

// The limits of size, in lines. Above softFile a file stands in large() with its own limit, at most hardFile; above softFunc a function in long().
const (
	softFile    = 400
	hardFile    = 800
	softFunc    = 60
	hardPackage = 3000 // tests excluded
)

// large are files that may exceed softFile, and how far: raising a number is a visible diff.
func large() map[string]int {
	return map[string]int{}
}

// long are functions that may exceed softFunc, and how far.
func long() map[string]int {
	return map[string]int{
		"internal/app.New": 130, // the only wiring: one straight line, from top to bottom
	}
}

// sizes checks that files, functions and packages stay small enough to be read at one sitting.
func sizes(t *tree) []complaint {
	var out []complaint
	packages := map[string]int{}
	for _, f := range t.files {
		limit := softFile
		if f.test {
			limit = hardFile
		}
		if n, ok := large()[f.path]; ok {
			limit = min(n, hardFile)
		}
		if f.lines > limit {
			out = append(out, complaint{f.path, fmt.Sprintf("has %d lines", f.lines), "the limit is " + strconv.Itoa(limit) + "; split it by noun"})
		}
		if f.test {
			continue
		}
		packages[f.dir] += f.lines
		for _, d := range f.ast.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			limit := max(softFunc, long()[f.dir+"."+fn.Name.Name])
			if n := t.fset.Position(fn.End()).Line - t.fset.Position(fn.Pos()).Line + 1; n > limit {
				out = append(out, complaint{t.at(fn.Pos()), fmt.Sprintf("%s has %d lines", fn.Name.Name, n), "the limit is " + strconv.Itoa(limit)})
			}
		}
	}
	for dir, n := range packages {
		if n > hardPackage {
			out = append(out, complaint{dir, fmt.Sprintf("has %d lines", n), "the limit is " + strconv.Itoa(hardPackage) + " without tests; it is two packages"})
		}
	}
	return sorted(out)
}

func TestSizes(t *testing.T) { check(t, sizes) }

// body repeats a line, to make source of any length.
func body(before, line string, n int, after string) string {
	out := before
	for range n {
		out += line + "\n"
	}
	return out + after
}

func TestSizesCanFail(t *testing.T) {
	for _, c := range []struct {
		name, file, text string
		want             string
	}{
		{"a long file", "a.go", body("package a\n", "// x", 400, ""), "a.go: has 401 lines"},
		{"a file at the limit", "a.go", body("package a\n", "// x", 399, ""), ""},
		{"a test file may be longer", "a_test.go", body("package a\n", "// x", 799, ""), ""},
		{"but not endless", "a_test.go", body("package a\n", "// x", 800, ""), "a_test.go: has 801 lines"},
		{"a long function", "a.go", body("package a\n\nfunc f() {\n", "\tf()", 59, "}\n"), "a.go:3: f has 61 lines"},
		{"a function at the limit", "a.go", body("package a\n\nfunc f() {\n", "\tf()", 58, "}\n"), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			expectSizes(t, fstest.MapFS{c.file: {Data: []byte(c.text)}}, c.want)
		})
	}
	t.Run("a package of many files", func(t *testing.T) {
		files := fstest.MapFS{}
		for i := range 8 {
			files[fmt.Sprintf("p/%d.go", i)] = &fstest.MapFile{Data: []byte(body("package p\n", "// x", 380, ""))}
		}
		expectSizes(t, files, "p: has 3048 lines")
	})
}

func expectSizes(t *testing.T, files fstest.MapFS, want string) {
	t.Helper()
	src, err := parseTree(files)
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, c := range sizes(src) {
		got += c.where + ": " + c.what
	}
	if got != want {
		t.Errorf("complaints %q, want %q", got, want)
	}
}
