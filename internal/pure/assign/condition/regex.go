package condition

import (
	"regexp"
	"regexp/syntax"

	"github.com/slipwayhq/slipway/internal/pure/assign/span"
)

const (
	// MaxPattern is how long a regular expression may be, in bytes.
	MaxPattern = 1000
	// MaxProgram is how many steps it may have when its repetitions are written out: time and memory grow with them.
	MaxProgram = 5000
)

func (c *Compiler) regex(r *span.Reader, fold bool) (node, bool, error) {
	if r.Kind() != '"' {
		return c.none(r, "this must be a regular expression, a string")
	}
	pattern, err := r.String()
	if fold {
		pattern = "(?i)" + pattern
	}
	re := c.regexes[pattern]
	if re == nil {
		var what string
		if re, what = Pattern(pattern); re == nil {
			c.faults.At(r, "%s", what)
			return node{op: opFail}, true, err
		}
		c.regexes[pattern] = re
	}
	return node{op: opRegex, more: &more{regex: re}}, true, err
}

// Pattern compiles a regular expression, or says what is wrong with it.
func Pattern(pattern string) (re *regexp.Regexp, what string) {
	if len(pattern) > MaxPattern {
		return nil, "a regular expression may have 1,000 bytes; use several, or a list ($in)"
	}
	tree, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil, "not a regular expression as RE2 knows them (no look-ahead, no back-references): " + err.Error()
	}
	if steps(tree) > MaxProgram {
		return nil, "the repetitions of this regular expression multiply to more than 5,000 steps; make their numbers smaller"
	}
	if re, err = regexp.Compile(pattern); err != nil {
		return nil, err.Error()
	}
	return re, ""
}

// steps counts the steps of a regular expression with its repetitions written out.
func steps(re *syntax.Regexp) int {
	n := 1 + len(re.Rune)/2
	for _, sub := range re.Sub {
		n += steps(sub)
	}
	if re.Op == syntax.OpRepeat {
		n *= max(re.Max, re.Min+1)
	}
	return min(n, MaxProgram+1)
}
