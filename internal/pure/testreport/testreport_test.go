package testreport_test

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/slipwayhq/slipway/internal/pure/testreport"
)

var update = flag.Bool("update", false, "write the golden files anew")

type reader = func(io.Reader, func(testreport.Result)) (string, error)

// readers by the folder of their test data.
func readers() map[string]reader {
	return map[string]reader{"gotest": testreport.ReadGoTest, "junit": testreport.ReadJUnit}
}

// Each file in testdata/<format> is read; what must come out stands beside it.
func TestReports(t *testing.T) {
	for format, read := range readers() {
		paths, err := filepath.Glob(filepath.Join("testdata", format, "*.[jx][sm][ol]*"))
		if err != nil || len(paths) == 0 {
			t.Fatalf("no reports of %s: %v", format, err)
		}
		for _, path := range paths {
			t.Run(format+"/"+filepath.Base(path), func(t *testing.T) {
				report, err := os.Open(path)
				if err != nil {
					t.Fatal(err)
				}
				defer report.Close()
				golden(t, strings.TrimSuffix(path, filepath.Ext(path))+".txt", transcript(read, report))
			})
		}
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

// transcript writes down all that a reader says.
func transcript(read reader, report io.Reader) string {
	var b strings.Builder
	other, err := read(report, func(r testreport.Result) {
		fmt.Fprintf(&b, "%s %q %q %s", r.Status, r.Unit, r.Name, r.Duration)
		if r.Suite != "" || r.File != "" {
			fmt.Fprintf(&b, " suite=%q file=%q", r.Suite, r.File)
		}
		if r.Flaky {
			b.WriteString(" flaky")
		}
		if r.Cached {
			b.WriteString(" cached")
		}
		b.WriteString("\n" + indent(r.Output))
	})
	if other != "" {
		b.WriteString("other:\n" + indent(other))
	}
	if err != nil {
		fmt.Fprintf(&b, "error: %v\n", err)
	}
	return b.String()
}

func indent(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString("    " + strings.TrimRight(line, "\n") + "\n")
	}
	return b.String()
}

// check is what must hold for every result of any input.
func check(t *testing.T, r testreport.Result) {
	t.Helper()
	switch r.Status {
	case testreport.Passed, testreport.Failed, testreport.Skipped, testreport.Error:
	default:
		t.Fatalf("status %q", r.Status)
	}
	if r.Duration < 0 || len(r.Output) > testreport.MaxOutput || !utf8.ValidString(r.Output) {
		t.Fatalf("duration %s, %d bytes of output", r.Duration, len(r.Output))
	}
	if strings.ContainsAny(r.Output, "\x00\x1b\r") {
		t.Fatalf("control characters in %q", r.Output)
	}
}

func FuzzReadGoTest(f *testing.F) { fuzz(f, "gotest") }

func FuzzReadJUnit(f *testing.F) { fuzz(f, "junit") }

func fuzz(f *testing.F, format string) {
	paths, err := filepath.Glob(filepath.Join("testdata", format, "*"))
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	read := readers()[format]
	f.Fuzz(func(t *testing.T, report []byte) {
		other, err := read(strings.NewReader(string(report)), func(r testreport.Result) { check(t, r) })
		if len(other) > testreport.MaxOutput || !utf8.ValidString(other) {
			t.Fatalf("%d bytes of other output", len(other))
		}
		if err != nil && err.Error() == "" {
			t.Fatal("an error without a text")
		}
	})
}
