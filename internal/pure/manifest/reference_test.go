package manifest_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

func reference(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../../docs/reference/manifest.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// rows returns the tables' rows: key, type, default, example.
func rows(t *testing.T) [][]string {
	t.Helper()
	var all [][]string
	row := regexp.MustCompile("^\\| `([^`]+)` \\|(.+)\\|(.+)\\|(.+)\\|$")
	for line := range strings.Lines(reference(t)) {
		if cells := row.FindStringSubmatch(strings.TrimSpace(line)); cells != nil {
			for i := range cells {
				cells[i] = strings.TrimSpace(cells[i])
			}
			all = append(all, cells[1:])
		}
	}
	return all
}

// The reference has a row for each key the parser knows, and no other.
func TestReferenceHasEveryKey(t *testing.T) {
	var documented []string
	for _, row := range rows(t) {
		documented = append(documented, row[0])
		if row[1] == "" || row[2] == "" || row[3] == "" {
			t.Errorf("%s has no type, default or example", row[0])
		}
	}
	known := manifest.Keys()
	slices.Sort(documented)
	slices.Sort(known)
	if diff := cmp.Diff(known, documented); diff != "" {
		t.Errorf("parser (-) and reference (+) differ:\n%s", diff)
	}
}

func TestReferenceExamplesAreValid(t *testing.T) {
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(reference(t), -1)
	if len(blocks) < 2 {
		t.Fatalf("%d examples", len(blocks))
	}
	for _, block := range blocks {
		if _, problems := manifest.Parse([]byte(block[1])); problems != nil {
			t.Errorf("%s\n%s", problems.Text(), block[1])
		}
	}
}

// A default that is written in the reference as a value is what the parser takes.
func TestReferenceDefaultsAreTrue(t *testing.T) {
	base := "app: shop\ntest:\n  - name: a\n    run: b%s\npackage:\n  path: c%s\nprocesses:\n  web:\n    run: d%s\n" +
		"environments:\n  production:\n    branch: main%s\nrollout:\n  unknown: promote%s\n"
	sections := []string{"test[].", "package.", "processes.*.", "environments.*.", "rollout."}
	indents := []string{"\n    ", "\n  ", "\n    ", "\n    ", "\n  "}
	plain, problems := manifest.Parse([]byte(strings.ReplaceAll(base, "%s", "")))
	if problems != nil {
		t.Fatal(problems.Text())
	}
	checked := 0
	value := regexp.MustCompile("^`([^`]+)`")
	for _, row := range rows(t) {
		for i, section := range sections {
			key, inside := strings.CutPrefix(row[0], section)
			match := value.FindStringSubmatch(row[2])
			if !inside || match == nil || strings.ContainsAny(key, "[.") || key == "unknown" {
				continue
			}
			text, line := base, indents[i]+key+": "+match[1]
			for j := range sections {
				insert := ""
				if i == j {
					insert = line
				}
				text = strings.Replace(text, "%s", insert, 1)
			}
			written, problems := manifest.Parse([]byte(text))
			if problems != nil {
				t.Fatalf("%s\n%s", problems.Text(), text)
			}
			if diff := cmp.Diff(plain, written); diff != "" {
				t.Errorf("the default of %s is not %s:\n%s", row[0], match[1], diff)
			}
			checked++
		}
	}
	if checked < 10 {
		t.Errorf("only %d defaults were found to check", checked)
	}
}
