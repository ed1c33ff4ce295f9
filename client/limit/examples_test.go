package limit_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strings"
	"testing"
)

// The examples are run against a server, and have to print what their last comment says.
func TestExamples(t *testing.T) {
	w := newWorld(t)
	w.limit("searches", perMinute(2, 0))
	w.limit("receipts", map[string]any{"kind": "ever", "amount": 1})
	w.limit("tokens", perMinute(2000, 0))
	w.limit("imports", map[string]any{"kind": "concurrent", "amount": 1, "hold_seconds": 60})
	w.limit("pages", perMinute(1_000_000, 0))
	t.Setenv("SLIPWAY_URL", w.server.URL())
	t.Setenv("SLIPWAY_KEY", w.key)
	want := printed(t)
	for name, example := range map[string]func(){
		"ExampleClient_Check": ExampleClient_Check, "ExampleClient_Check_onceEver": ExampleClient_Check_onceEver, "ExampleClient_Take": ExampleClient_Take,
		"ExampleClient_Return": ExampleClient_Return, "ExampleNewLocal": ExampleNewLocal, "ExampleMiddleware": ExampleMiddleware,
	} {
		if got := output(t, example); got != want[name] || got == "" {
			t.Errorf("%s printed\n%swant\n%s", name, got, want[name])
		}
		delete(want, name)
	}
	if len(want) > 0 {
		t.Errorf("these are not run: %v", want)
	}
}

// printed is what the comments at the ends of examples say.
func printed(t *testing.T) map[string]string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), "example_test.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, d := range f.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok {
			continue
		}
		for _, c := range f.Comments {
			if c.Pos() > fn.Body.Pos() && c.End() < fn.Body.End() {
				out[fn.Name.Name] = strings.TrimSpace(c.Text()) + "\n"
			}
		}
	}
	return out
}

func output(t *testing.T, run func()) string {
	t.Helper()
	r, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout := os.Stdout
	os.Stdout = write
	run()
	os.Stdout = stdout
	if err := write.Close(); err != nil {
		t.Fatal(err)
	}
	return read(t, r)
}
