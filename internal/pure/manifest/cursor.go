package manifest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// place is a position in the file, both from 1.
type place struct{ line, column int }

// cursor is one reading of one file: it knows where each value stands and
// collects what is wrong.
type cursor struct {
	lines    []string
	at       map[string]place // by path
	problems Problems
	warnings Problems
}

func newCursor(src []byte) *cursor {
	return &cursor{lines: sourceLines(src), at: map[string]place{"": {1, 1}}}
}

// remember records where the value of a path stands.
func (c *cursor) remember(path string, n ast.Node) { c.at[path] = placeOf(n) }

// find returns the place of a path, or of the nearest thing around it.
func (c *cursor) find(path string) place {
	for {
		if at, ok := c.at[path]; ok {
			return at
		}
		path = path[:max(0, strings.LastIndexAny(path, ".["))]
	}
}

// problem reports a mistake in the value at path.
func (c *cursor) problem(path, format string, args ...any) {
	c.problemAt(c.find(path), path, format, args...)
}

// problemAt reports a mistake at a place that is not that of a value.
func (c *cursor) problemAt(at place, path, format string, args ...any) {
	c.problems = append(c.problems, c.note(at, path, format, args...))
}

// warn reports what is accepted but does not act.
func (c *cursor) warn(path, format string, args ...any) {
	c.warnings = append(c.warnings, c.note(c.find(path), path, format, args...))
}

func (c *cursor) note(at place, path, format string, args ...any) Problem {
	p := Problem{Line: at.line, Column: at.column, Path: path, Message: fmt.Sprintf(format, args...)}
	if at.line >= 1 && at.line <= len(c.lines) {
		p.Source = c.lines[at.line-1]
	}
	return p
}

// maxProblems is how many mistakes of one file are reported.
const maxProblems = 50

// sorted returns problems in the order of the file, cut at maxProblems with a
// last one that says how many were left out.
func sorted(ps Problems) Problems {
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	if rest := len(ps) - maxProblems; rest > 0 {
		last := ps[maxProblems]
		last.Path, last.Message = "", fmt.Sprintf("and %d more mistakes from here on", rest)
		ps = append(ps[:maxProblems:maxProblems], last)
	}
	return ps
}

// entries are the keys and values of a map.
type entries []*ast.MappingValueNode

func (es entries) get(name string) (*ast.MappingValueNode, bool) {
	for _, e := range es {
		if keyText(e.Key) == name {
			return e, true
		}
	}
	return nil, false
}

// entries returns those of the map at path, each key once, and remembers where their
// values stand. It reports what is no map, and keys that are given twice.
func (c *cursor) entries(path string, n ast.Node) (entries, bool) {
	var values []*ast.MappingValueNode
	switch n := n.(type) {
	case *ast.MappingNode:
		values = n.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{n}
	default:
		c.problem(path, "expected a map (key: value), found %s", describe(n))
		return nil, false
	}
	var once entries
	lines := make(map[string]int, len(values))
	for _, e := range values {
		name, at := keyText(e.Key), placeOf(e.Key)
		if first, twice := lines[name]; twice {
			c.problemAt(at, join(path, name), "the key is already given at line %d", first)
			continue
		}
		lines[name] = at.line
		once = append(once, e)
		c.rememberValue(join(path, name), e)
	}
	return once, true
}

// rememberValue records where the value of an entry stands; that of an empty
// one is where its key stands.
func (c *cursor) rememberValue(path string, e *ast.MappingValueNode) {
	if _, empty := e.Value.(*ast.NullNode); empty {
		c.remember(path, e.Key)
		return
	}
	c.remember(path, e.Value)
}

// unknownKeys reports the entries whose key is not among the known, with the
// one of the offered that was probably meant.
func (c *cursor) unknownKeys(path string, es entries, known, offered []string) {
	for _, e := range es {
		name := keyText(e.Key)
		if slices.Contains(known, name) {
			continue
		}
		hint := "known here: " + strings.Join(offered, ", ")
		if meant, ok := closest(name, offered); ok {
			hint = fmt.Sprintf("did you mean %s?", meant)
		}
		c.problemAt(placeOf(e.Key), path, "unknown key %s; %s", quote(name), hint)
	}
}

// keyText returns the key of an entry as text.
func keyText(key ast.MapKeyNode) string {
	if text, ok := scalarText(key); ok {
		return text
	}
	return key.GetToken().Value
}

// placeOf returns where a node begins: a block map begins at its first key.
func placeOf(n ast.Node) place {
	switch m := n.(type) {
	case *ast.MappingNode:
		if !m.IsFlowStyle && len(m.Values) > 0 {
			return placeOf(m.Values[0].Key)
		}
	case *ast.MappingValueNode:
		return placeOf(m.Key)
	}
	return tokenPlace(n.GetToken())
}

// tokenPlace returns where a token stands; the start of the file if unknown.
func tokenPlace(t *token.Token) place {
	if t == nil || t.Position == nil {
		return place{1, 1}
	}
	return place{max(1, t.Position.Line), max(1, t.Position.Column)}
}
