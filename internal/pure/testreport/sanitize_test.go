package testreport_test

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/slipwayhq/slipway/internal/pure/testreport"
)

func TestSanitize(t *testing.T) {
	for name, tt := range map[string]struct{ in, colours, plain string }{
		"plain":                {"a\tb\nü", "a\tb\nü", "a\tb\nü"},
		"colours":              {"\x1b[1;31mred\x1b[0m", "\x1b[1;31mred\x1b[0m", "red"},
		"cursor":               {"a\x1b[2Jb\x1b[10;5Hc\x1b[?25l", "abc", "abc"},
		"title with BEL":       {"\x1b]0;owned\x07a", "a", "a"},
		"link":                 {"\x1b]8;;http://x\x1b\\text\x1b]8;;\x1b\\", "text", "text"},
		"string without end":   {"\x1b]0;title\nnext", "\nnext", "\nnext"},
		"sequence without end": {"a\x1b[31", "a", "a"},
		"reset":                {"a\x1bcb\x1b(Bc", "abc", "abc"},
		"lone escape":          {"a\x1b", "a", "a"},
		"invalid UTF-8":        {"a\xffb\xc3(", "a\ufffdb\ufffd(", "a\ufffdb\ufffd("},
		"NUL, BEL, DEL":        {"a\x00b\x07c\x7f", "a\ufffdb\ufffdc\ufffd", "a\ufffdb\ufffdc\ufffd"},
		"C1":                   {"a\u009b31mb", "a\ufffd31mb", "a\ufffd31mb"},
		"ends of lines":        {"a\r\nb\rc\r", "a\nb\nc\n", "a\nb\nc\n"},
		"colour with a trick":  {"\x1b[>4mx", "x", "x"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := testreport.Sanitize(tt.in); got != tt.colours {
				t.Errorf("Sanitize gives %q, want %q", got, tt.colours)
			}
			if got := testreport.Plain(tt.in); got != tt.plain {
				t.Errorf("Plain gives %q, want %q", got, tt.plain)
			}
		})
	}
}

func FuzzSanitize(f *testing.F) {
	f.Add("a\x1b[31mb\xff\r\n\x1b]0;x\x07")
	f.Fuzz(func(t *testing.T, in string) {
		once := testreport.Sanitize(in)
		if !utf8.ValidString(once) {
			t.Fatalf("not UTF-8: %q", once)
		}
		if twice := testreport.Sanitize(once); twice != once {
			t.Fatalf("%q becomes %q, and then %q", in, once, twice)
		}
		if plain := testreport.Plain(in); strings.ContainsAny(plain, "\x00\x1b\r") || plain != testreport.Plain(once) {
			t.Fatalf("%q is plain as %q, but %q after Sanitize", in, plain, testreport.Plain(once))
		}
	})
}

// FuzzScanner holds our scanner against encoding/xml: what that reads as one
// document, ours must read too, with as many test cases.
func FuzzScanner(f *testing.F) {
	paths, err := filepath.Glob("testdata/junit/*.xml")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Fuzz(func(t *testing.T, report string) {
		want, ok := countByStandardLibrary(report)
		if !ok {
			return
		}
		got := 0
		_, err := testreport.ReadJUnit(strings.NewReader(report), func(r testreport.Result) {
			if r.Name != "" {
				got++
			}
		})
		if err != nil || got != want {
			t.Fatalf("%d cases, want %d (%v) in %q", got, want, err, report)
		}
	})
}

// countByStandardLibrary counts the test cases of a document; ok is false if
// encoding/xml refuses it or if it uses what we refuse on purpose.
func countByStandardLibrary(report string) (cases int, ok bool) {
	if !strings.HasPrefix(report, "<testsuite") || len(report) > 10_000 {
		return 0, false
	}
	decoder, depth, roots := xml.NewDecoder(strings.NewReader(report)), 0, 0
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return cases, roots == 1
		}
		if err != nil {
			return 0, false
		}
		switch token := token.(type) {
		case xml.StartElement:
			if depth++; depth > 50 || (depth == 1 && !strings.HasPrefix(token.Name.Local+" ", "testsuite ") && token.Name.Local != "testsuites") {
				return 0, false
			}
			if depth == 1 {
				roots++
			}
			if token.Name.Local == "testcase" {
				cases++
			}
			if len(token.Name.Local) > 100 {
				return 0, false
			}
		case xml.EndElement:
			depth--
		case xml.Directive:
			return 0, false
		case xml.CharData:
			if depth == 0 && strings.TrimSpace(string(token)) != "" {
				return 0, false
			}
		}
	}
}

func TestScannerAgreesWithStandardLibrary(t *testing.T) {
	for _, file := range []string{"pytest.xml", "surefire.xml"} {
		text, err := os.ReadFile(filepath.Join("testdata/junit", file))
		if err != nil {
			t.Fatal(err)
		}
		report := string(text[strings.Index(string(text), "<testsuite"):])
		want, ok := countByStandardLibrary(report)
		if !ok || want == 0 {
			t.Fatalf("%s: encoding/xml reads %d cases", file, want)
		}
		got := 0
		if _, err := testreport.ReadJUnit(strings.NewReader(report), func(testreport.Result) { got++ }); err != nil || got != want {
			t.Errorf("%s: %d cases, want %d (%v)", file, got, want, err)
		}
	}
}
