package examples

import (
	"embed"
	"fmt"
	"strconv"
	"strings"
)

//go:embed changes
var changeFiles embed.FS

const (
	drills    = 3
	drillFile = "web/drill.go"
	drillMark = "@DRILL@"
)

// GoodChange improves the shop, visibly and with tests, and returns the commit's message.
func GoodChange(dir string) (message string, err error) { return apply(dir, "good") }

// BadChange plants a regression that the shop's tests do not catch, and returns the commit's message. On an
// otherwise faultless shop about 4 % of all requests fail, and a tenth of the pages wait ten times the median.
func BadChange(dir string) (message string, err error) { return apply(dir, "bad") }

// RedChange breaks one test of package price, and returns the commit's message.
func RedChange(dir string) (message string, err error) { return apply(dir, "red") }

// FixChange undoes every change but the good one that it finds in the work tree, and returns the commit's message.
// A work tree without one is an error.
func FixChange(dir string) (message string, err error) {
	names, err := takeOut(dir, "red")
	if err != nil {
		return "", err
	}
	if len(names) == 0 {
		return "", fmt.Errorf("fix the shop in %s: it has none of the planted changes", dir)
	}
	return "Take back: " + strings.Join(names, ", ") + "\n", nil
}

// DrillChange plants fault number n, at least 1, and returns the commit's message. Errors, slow pages and failing
// forms take turns, and no two numbers give the same files. A fault that is still in the work tree, of a drill
// or of BadChange, is taken out in the same step.
func DrillChange(dir string, n int) (message string, err error) {
	c, err := drill(n)
	if err != nil {
		return "", err
	}
	if _, err := takeOut(dir); err != nil {
		return "", err
	}
	return c.Message, c.Apply(dir)
}

func apply(dir, name string) (message string, err error) {
	c, err := change(name)
	if err != nil {
		return "", err
	}
	return c.Message, c.Apply(dir)
}

func change(name string) (Change, error) {
	text, err := changeFiles.ReadFile("changes/" + name + ".txtar")
	if err != nil {
		return Change{}, fmt.Errorf("no change is called %q: %w", name, err)
	}
	return parse(name, text)
}

func drill(n int) (Change, error) {
	if n < 1 {
		return Change{}, fmt.Errorf("drill %d: want a number from 1", n)
	}
	text, err := changeFiles.ReadFile(fmt.Sprintf("changes/drill%d.txtar", (n-1)%drills+1))
	if err != nil {
		return Change{}, fmt.Errorf("drill %d: %w", n, err)
	}
	number := strconv.Itoa(n)
	return parse("drill "+number, []byte(strings.ReplaceAll(string(text), drillMark, number)))
}

// takeOut undoes the faults that are in the work tree, those of BadChange and of a drill and the named ones, and
// returns the subjects of their commits.
func takeOut(dir string, also ...string) (subjects []string, err error) {
	var planted []Change
	for _, name := range append(also, "bad") {
		c, err := change(name)
		if err != nil {
			return nil, err
		}
		planted = append(planted, c)
	}
	if n := drillIn(dir); n > 0 {
		c, err := drill(n)
		if err != nil {
			return nil, err
		}
		planted = append(planted, c)
	}
	for _, c := range planted {
		if !c.In(dir) {
			continue
		}
		if err := c.Undo(dir); err != nil {
			return nil, err
		}
		subject, _, _ := strings.Cut(c.Message, "\n")
		subjects = append(subjects, subject)
	}
	return subjects, nil
}

// drillIn is the number of the drill in the work tree, or 0.
func drillIn(dir string) int {
	text, err := read(dir, drillFile)
	if err != nil {
		return 0
	}
	var n int
	if _, err := fmt.Sscanf(text, "// Drill %d:", &n); err != nil {
		return 0
	}
	return n
}
