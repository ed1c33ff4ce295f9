package condition

import (
	"regexp"
	"regexp/syntax"

	"github.com/slipwayhq/slipway/internal/pure/assign/span"
)

const (
	// MaxPattern is how long a regular expression may be, in bytes.
	MaxPattern = 1000
	// MaxSteps is how many steps one may have when its repetitions are written out: time and memory grow with them.
	MaxSteps = 5000
	// MaxAllSteps is how many those of one payload may have together.
	MaxAllSteps = 200_000
)

func (c *Compiler) regex(r *span.Reader, fold bool) (node, bool, error) {
	if r.Kind() != '"' {
		return c.none(r, "this must be a regular expression, a string")
	}
	pattern, err := r.String()
	re := c.Pattern(r, pattern, fold)
	if re == nil {
		return node{op: opFail}, true, err
	}
	return node{op: opRegex, more: &more{regex: re}}, true, err
}

// Pattern compiles a regular expression that was just read, with letters of both cases alike if so asked. Where something is wrong with it, that is a fault, and nil.
func (c *Compiler) Pattern(r *span.Reader, pattern string, fold bool) *regexp.Regexp {
	if len(pattern) > MaxPattern {
		c.faults.At(r, "a regular expression may have 1,000 bytes; use several, or a list ($in)")
		return nil
	}
	if fold {
		pattern = "(?i)" + pattern
	}
	if re := c.regexes[pattern]; re != nil {
		return re
	}
	tree, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		c.faults.At(r, "not a regular expression as RE2 knows them (no look-ahead, no back-references): %v", err)
		return nil
	}
	n := steps(tree)
	switch {
	case n > MaxSteps:
		c.faults.At(r, "the repetitions of this regular expression multiply to more than 5,000 steps; make their numbers smaller")
		return nil
	case c.steps+n > MaxAllSteps:
		c.faults.At(r, "the regular expressions of the payload have more than 200,000 steps together; use fewer, or lists ($in)")
		return nil
	}
	c.steps += n
	re, err := regexp.Compile(pattern)
	if err != nil {
		c.faults.At(r, "not a regular expression: %v", err)
		return nil
	}
	c.regexes[pattern] = re
	return re
}

// steps counts the steps of a regular expression with its repetitions written out.
func steps(re *syntax.Regexp) int {
	n := 0
	for _, sub := range re.Sub {
		n += steps(sub)
	}
	switch re.Op {
	case syntax.OpLiteral:
		n += len(re.Rune)
	case syntax.OpRepeat:
		n *= max(re.Max, re.Min+1)
	default:
		n += 1 + len(re.Rune)/2 // a class has two ends for each of its ranges
	}
	return min(n, MaxSteps+1)
}
