package app_test

import (
	"go/ast"
	"go/token"
	"slices"
	"strings"
	"testing"
)

// pureImports is the part of the standard library that has no I/O, no clock and no goroutine. Package time is here for its types; pureCalls minds its functions.
func pureImports() []string {
	return []string{
		"bufio", "bytes", "cmp", "container/heap", "container/list", "crypto/aes", "crypto/cipher", "crypto/sha256", "encoding", "encoding/base64", "encoding/binary", "encoding/hex",
		"encoding/csv", "encoding/json", "encoding/xml", "errors", "fmt", "hash", "hash/fnv", "hash/maphash", "io", "iter", "maps", "math", "math/big", "math/bits",
		"math/rand/v2", "path", "regexp", "regexp/syntax", "slices", "sort", "strconv", "strings", "text/tabwriter", "time", "unicode", "unicode/utf16", "unicode/utf8",
	}
}

// impure are functions of pureImports that depend on more than their arguments, or do more than return.
func impure(pkg, name string) bool {
	switch pkg {
	case "time":
		return slices.Contains([]string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTicker", "NewTimer", "LoadLocation"}, name)
	case "rand": // the package's own functions draw from a global source
		return !strings.HasPrefix(name, "New") && !slices.Contains([]string{"Rand", "Source", "PCG", "ChaCha8", "Zipf"}, name)
	case "fmt":
		return strings.HasPrefix(name, "Print") || strings.HasPrefix(name, "Scan")
	}
	return false
}

// purity checks internal/pure: same input, same output.
func purity(t *tree) []complaint {
	var out []complaint
	for _, f := range t.code() {
		if !under(f.dir, "internal/pure") {
			continue
		}
		for imp, pos := range f.imports() {
			// Each reads bytes, and gives a tree.
			yaml := slices.Contains([]string{"internal/pure/manifest", "internal/pure/flagfile", "internal/pure/envoylimit"}, f.dir) && under(imp, "github.com/goccy/go-yaml")
			json := f.dir == "internal/pure/capture" && imp == "github.com/go-json-experiment/json/jsontext"
			if !slices.Contains(pureImports(), imp) && !under(imp, "gonum.org/v1/gonum") && !strings.HasPrefix(imp, module) && !yaml && !json {
				out = append(out, complaint{t.at(pos), "imports " + imp, "pure has no I/O, no clock, no goroutine, no logger"})
			}
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				out = append(out, complaint{t.at(n.Pos()), "starts a goroutine", "pure has no goroutine"})
			case *ast.SelectorExpr:
				if pkg, ok := n.X.(*ast.Ident); ok && impure(pkg.Name, n.Sel.Name) {
					out = append(out, complaint{t.at(n.Pos()), "uses " + pkg.Name + "." + n.Sel.Name, "the caller passes what time it is and what the dice show"})
				}
			}
			return true
		})
	}
	return sorted(out)
}

// settled are package-level variables that look mutable, each with the reason why it may stay.
func settled() map[string]string {
	return map[string]string{
		"internal/cli.version": "set by the linker (go build -ldflags -X), which can set variables only",
	}
}

// variables checks that no package keeps state: a variable holds an error, an expression, embedded files, or a table that nobody changes.
func variables(t *tree) []complaint {
	var out []complaint
	for _, f := range t.code() {
		for _, d := range f.ast.Decls {
			decl, ok := d.(*ast.GenDecl)
			if !ok || decl.Tok != token.VAR {
				continue
			}
			for _, s := range decl.Specs {
				spec := s.(*ast.ValueSpec)
				for i, name := range spec.Names {
					if name.Name == "_" || embedded(decl, spec) || settled()[f.dir+"."+name.Name] != "" {
						continue
					}
					var value ast.Expr
					if i < len(spec.Values) {
						value = spec.Values[i]
					}
					if !constant(value) {
						out = append(out, complaint{t.at(name.Pos()), "keeps state in " + name.Name, "two instances in one process must not share anything; give it to a struct that New makes"})
					} else if where := changed(t, f.dir, name.Name); where != token.NoPos {
						out = append(out, complaint{t.at(where), "changes the package's " + name.Name, "a table at package level is read by everyone and changed by nobody"})
					}
				}
			}
		}
	}
	return sorted(out)
}

func embedded(decl *ast.GenDecl, spec *ast.ValueSpec) bool {
	for _, doc := range []*ast.CommentGroup{decl.Doc, spec.Doc} {
		if doc != nil && slices.ContainsFunc(doc.List, func(c *ast.Comment) bool { return strings.HasPrefix(c.Text, "//go:embed ") }) {
			return true
		}
	}
	return false
}

// constant tells whether a value, once made, can only change by an assignment.
func constant(value ast.Expr) bool {
	switch v := value.(type) {
	case nil:
		return false
	case *ast.UnaryExpr:
		return v.Op != token.AND
	case *ast.CallExpr:
		if _, table := v.Fun.(*ast.FuncLit); table {
			return true // computed in place, once
		}
		switch name := callee(v); name {
		case "errors.New", "fmt.Errorf", "regexp.MustCompile", "strings.NewReplacer", "template.Must", "sync.OnceValue", "sync.OnceValues", "len",
			"reflect.TypeFor", "netip.MustParsePrefix", "netip.MustParseAddr", "strings.Repeat", "math.Log", "math.Sqrt", "math.Inf", "math.Exp",
			"time.Date", "bytes.Repeat":
			return true
		default: // errors of ours, conversions of constants
			return strings.HasPrefix(name, "fault.") || len(v.Args) == 1 && isLiteral(v.Args[0])
		}
	case *ast.CompositeLit:
		sel, ok := v.Type.(*ast.SelectorExpr)
		pkg := ""
		if ok {
			pkg = sel.X.(*ast.Ident).Name
		}
		return pkg != "sync" && pkg != "atomic"
	}
	return true
}

func isLiteral(e ast.Expr) bool {
	_, ok := e.(*ast.BasicLit)
	return ok
}

func callee(c *ast.CallExpr) string {
	switch fn := c.Fun.(type) {
	case *ast.Ident:
		return fn.Name
	case *ast.SelectorExpr:
		if pkg, ok := fn.X.(*ast.Ident); ok {
			return pkg.Name + "." + fn.Sel.Name
		}
	case *ast.IndexExpr:
		return callee(&ast.CallExpr{Fun: fn.X})
	}
	return ""
}

// changed finds where a package assigns to its variable, to a part of it, or gives away its address.
func changed(t *tree, dir, name string) token.Pos {
	found := token.NoPos
	for _, f := range t.code() {
		if f.dir != dir {
			continue
		}
		for _, d := range f.ast.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || declares(fn, name) {
				continue
			}
			ast.Inspect(fn, func(n ast.Node) bool {
				for _, target := range targets(n) {
					if root(target) == name {
						found = n.Pos()
					}
				}
				return true
			})
		}
	}
	return found
}

// targets are the expressions that a node changes.
func targets(n ast.Node) []ast.Expr {
	switch n := n.(type) {
	case *ast.AssignStmt:
		return n.Lhs
	case *ast.IncDecStmt:
		return []ast.Expr{n.X}
	case *ast.UnaryExpr:
		if n.Op == token.AND {
			return []ast.Expr{n.X}
		}
	case *ast.CallExpr:
		if name := callee(n); (name == "delete" || name == "clear" || name == "copy" || strings.HasPrefix(name, "slices.Sort")) && len(n.Args) > 0 {
			return n.Args[:1]
		}
	}
	return nil
}

// root is the variable that an expression is a part of.
func root(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.IndexExpr:
		return root(e.X)
	case *ast.SelectorExpr:
		return root(e.X)
	case *ast.ParenExpr:
		return root(e.X)
	case *ast.StarExpr:
		return root(e.X)
	case *ast.SliceExpr:
		return root(e.X)
	}
	return ""
}

// declares tells whether a function has a variable of its own by that name, which then hides the package's.
func declares(fn *ast.FuncDecl, name string) bool {
	found := false
	is := func(e ast.Expr) {
		id, ok := e.(*ast.Ident)
		found = found || ok && id.Name == name
	}
	ast.Inspect(fn, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for _, l := range n.Lhs {
				if n.Tok == token.DEFINE {
					is(l)
				}
			}
		case *ast.RangeStmt:
			if n.Tok == token.DEFINE {
				is(n.Key)
				is(n.Value)
			}
		case *ast.Field:
			for _, id := range n.Names {
				is(id)
			}
		case *ast.ValueSpec:
			for _, id := range n.Names {
				is(id)
			}
		}
		return true
	})
	return found
}

// awaited are goroutines that a function starts and leaves running, by "file:function", and who waits for their end.
func awaited() map[string]string {
	return map[string]string{
		"internal/agent/proc/ident.go:Adopt":        "Wait and Stop, by the channel done",
		"internal/agent/proc/keepers.go:start":      "Wait and Stop, by the channel done",
		"internal/agent/proc/process.go:Start":      "Wait and Stop, by the channel done",
		"internal/agent/proc/process.go:copyOutput": "Wait, by the channel copied; the second ends with the first, or a second after the group",
		"internal/agent/worker/list.go:feed":        "drain, by the channel fed",
		"internal/cli/main.go:untilSignal":          "nobody, it has nothing to finish: it ends with the stop that is returned",
		"internal/demo/child.go:start":              "stop, by the channel gone",
		"internal/demo/stage.go:ship":               "follow, which receives how the push went; a push without an end is ended by its context",
		"internal/edge/supervisor.go:start":         "answered and Run, by the channel gone; an edge outlives its supervisor on purpose",
	}
}

// goroutines checks each go statement: the function that starts a goroutine also waits for it (Wait, a receive), or awaited says who does.
func goroutines(t *tree) []complaint {
	var out []complaint
	for _, f := range t.code() {
		if under(f.dir, "examples") || under(f.dir, "bench") {
			continue // programs that end with their main
		}
		for _, d := range f.ast.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Body == nil {
				continue
			}
			starts, waits := threads(fn.Body)
			if waits || awaited()[f.path+":"+fn.Name.Name] != "" {
				continue
			}
			for _, pos := range starts {
				out = append(out, complaint{t.at(pos), fn.Name.Name + " leaves a goroutine behind", "wait for it where it is started, or name in awaited() who waits"})
			}
		}
	}
	return sorted(out)
}

// threads finds the go statements of a body, and whether the body waits for something outside of them.
func threads(body *ast.BlockStmt) (starts []token.Pos, waits bool) {
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			starts = append(starts, n.Pos())
			return false
		case *ast.UnaryExpr:
			waits = waits || n.Op == token.ARROW
		case *ast.CallExpr:
			sel, ok := n.Fun.(*ast.SelectorExpr)
			waits = waits || ok && sel.Sel.Name == "Wait"
		}
		return true
	})
	return starts, waits
}

func TestPureIsPure(t *testing.T)             { check(t, purity) }
func TestPackagesKeepNoState(t *testing.T)    { check(t, variables) }
func TestGoroutinesAreWaitedFor(t *testing.T) { check(t, goroutines) }
func TestPurityCanFail(t *testing.T)          { checkCases(t, "arch/pure", purity) }
func TestStateAndGoroutinesCanFail(t *testing.T) {
	checkCases(t, "arch/state", func(t *tree) []complaint { return slices.Concat(variables(t), goroutines(t)) })
}
