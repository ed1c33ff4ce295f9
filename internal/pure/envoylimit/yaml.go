package envoylimit

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

const (
	// MaxSize is the largest file, in bytes.
	MaxSize = 4 << 20
	// maxDepth is how deep lists and maps, and descriptors, can be nested.
	maxDepth = 64
	// maxKeys is how many keys a map can have; only metadata has more than a few.
	maxKeys = 1000
	// maxNodes is how many values are read of a file: aliases could make a large one of a small one.
	maxNodes = 300_000
)

// place is a position in the file, both from 1.
type place struct{ line, column int }

// reader is one reading of one file.
type reader struct {
	problems Problems
	anchors  map[string]ast.Node
	nodes    int
}

// problem tells a mistake.
func (r *reader) problem(at place, path, format string, args ...any) {
	r.problems = append(r.problems, Problem{at.line, at.column, path, fmt.Sprintf(format, args...)})
}

// open reads the YAML, up to its only document; nil when there is none.
func (r *reader) open(text []byte) ast.Node {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	start := place{1, 1}
	switch {
	case len(text) > MaxSize:
		r.problem(start, "", "the file has %d bytes; at most %d are read", len(text), MaxSize)
		return nil
	case !utf8.Valid(text) || bytes.IndexByte(text, 0) >= 0:
		r.problem(lineOf(text), "", "this is not text in UTF-8; save the file as UTF-8")
		return nil
	}
	tokens := lexer.Tokenize(string(text))
	if r.bound(tokens); len(r.problems) > 0 {
		return nil
	}
	file, err := parse(tokens)
	if err != nil {
		r.syntax(err)
		return nil
	}
	var roots []ast.Node
	for _, doc := range file.Docs {
		if doc.Body != nil && doc.Body.Type() != ast.CommentType {
			roots = append(roots, doc.Body)
		}
	}
	if len(roots) == 0 {
		r.problem(start, "", "the file says nothing; the least it needs is: domain: NAME")
		return nil
	}
	for _, root := range roots[1:] {
		r.problem(placeOf(root), "", "a second document begins here; write each domain into a file of its own")
	}
	ast.Walk(r, roots[0])
	return roots[0]
}

// lineOf is where text stops being text.
func lineOf(text []byte) place {
	at := place{1, 1}
	for len(text) > 0 {
		c, size := utf8.DecodeRune(text)
		if c == 0 || c == utf8.RuneError && size == 1 {
			return at
		}
		if at.column++; c == '\n' {
			at = place{at.line + 1, 1}
		}
		text = text[size:]
	}
	return at
}

// Visit remembers what stands at an anchor.
func (r *reader) Visit(n ast.Node) ast.Visitor {
	if a, ok := n.(*ast.AnchorNode); ok && a.Name != nil {
		r.anchors[a.Name.GetToken().Value] = a.Value
	}
	return r
}

// parse makes a panic of the library an error: a file comes from outside.
func parse(tokens token.Tokens) (file *ast.File, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			file, err = nil, fmt.Errorf("the YAML cannot be read (%v)", cause)
		}
	}()
	return parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
}

// bound refuses what only an attack needs: the library takes the square of the time for maps of many keys, and for files of many documents.
func (r *reader) bound(tokens token.Tokens) {
	b := bounds{keys: map[int]int{}}
	for _, t := range tokens {
		if says := b.token(t); says != "" {
			r.problem(tokenPlace(t), "", "%s", says)
			return
		}
	}
}

// bounds is how much there is of each, up to a token.
type bounds struct {
	flow, block, line, documents int
	keys                         map[int]int // of the map that is open at a column; below 0, of those in brackets
}

func (b *bounds) token(t *token.Token) string {
	at := tokenPlace(t)
	indented := 0
	if at.line != b.line {
		b.block, b.line, indented = 0, at.line, at.column
		b.leave(at.column)
	}
	switch t.Type {
	case token.MappingStartType, token.SequenceStartType:
		b.flow++
		b.keys[-b.flow] = 0
	case token.MappingEndType, token.SequenceEndType:
		b.flow--
	case token.SequenceEntryType:
		b.leave(at.column)
		b.block++
	case token.MappingKeyType, token.AnchorType, token.TagType:
		b.block++
	case token.DocumentHeaderType:
		b.documents++
	case token.MappingValueType:
		column := -b.flow
		if b.flow == 0 && t.Prev != nil {
			column = tokenPlace(t.Prev).column
		}
		b.keys[column]++
		if b.keys[column] > maxKeys {
			return fmt.Sprintf("a map has more than %d keys; write less", maxKeys)
		}
	}
	switch {
	case b.flow+b.block > maxDepth || indented > maxDepth*maxDepth:
		return fmt.Sprintf("lists and maps are nested too deep; descriptors go %d levels deep at most", maxDepth)
	case b.documents > maxDepth:
		return "another document begins here; write each domain into a file of its own"
	}
	return ""
}

// leave forgets the maps that ended, now that something begins at a column.
func (b *bounds) leave(column int) {
	for c := range b.keys {
		if c > column {
			delete(b.keys, c)
		}
	}
}

func (r *reader) syntax(err error) {
	var syntax *yaml.SyntaxError
	if errors.As(err, &syntax) {
		r.problem(tokenPlace(syntax.Token), "", "not valid YAML: %s; indent with spaces, and put text with special characters in quotes", syntax.Message)
		return
	}
	r.problem(place{1, 1}, "", "not valid YAML: %s", err)
}

// resolve looks through anchors, aliases and tags; nil is a value that is empty, or of which a mistake was told.
func (r *reader) resolve(path string, n ast.Node) ast.Node {
	for range maxDepth {
		switch v := n.(type) {
		case *ast.AnchorNode:
			n = v.Value
		case *ast.TagNode:
			n = v.Value
		case *ast.AliasNode:
			name := v.Value.GetToken().Value
			at, ok := r.anchors[name]
			if !ok {
				r.problem(placeOf(v), path, "*%s stands for nothing; write &%s before the value that it should repeat", name, name)
				return nil
			}
			n = at
		case *ast.NullNode:
			return nil
		default:
			if r.nodes++; r.nodes == maxNodes {
				r.problem(placeOf(n), path, "aliases make more than %d values of this file; write less", maxNodes)
			}
			if r.nodes >= maxNodes {
				return nil
			}
			return n
		}
	}
	r.problem(placeOf(n), path, "an alias stands for itself; write the value out")
	return nil
}

// field is a key that a map may have, and what reads its value. A value that is empty is nil.
type field struct {
	name string
	read func(path string, at place, v ast.Node)
}

// fields reads a map. Keys that are not known, or given twice, are mistakes; elsewhere says where else a key belongs.
func (r *reader) fields(path string, at place, n ast.Node, what string, known []field) {
	values, ok := pairs(n)
	if !ok {
		r.problem(at, path, "%s is a map (key: value), and this is %s", what, describe(n))
		return
	}
	given := map[string]int{}
	for _, e := range values {
		r.field(path, e, what, known, given)
	}
	for _, e := range values { // what is merged in counts where it is not given
		if e.Key.Type() != ast.MergeKeyType {
			continue
		}
		merged := r.resolve(path, e.Value)
		more, ok := pairs(merged)
		if !ok {
			r.problem(placeOf(e.Key), path, "<< takes a map, and this is %s", describe(merged))
		}
		for _, m := range more {
			if _, ok := given[keyOf(m)]; !ok {
				r.field(path, m, what, known, given)
			}
		}
	}
}

func (r *reader) field(path string, e *ast.MappingValueNode, what string, known []field, given map[string]int) {
	name, at := keyOf(e), placeOf(e.Key)
	if e.Key.Type() == ast.MergeKeyType {
		return
	}
	if line, twice := given[name]; twice {
		r.problem(at, path, "%s is given at line %d already; keep one of the two", quote(name), line)
		return
	}
	given[name] = at.line
	i := slices.IndexFunc(known, func(f field) bool { return f.name == name })
	if i < 0 {
		r.problem(at, path, "%s has no key %s; %s", what, quote(name), instead(name, known))
		return
	}
	below := name
	if path != "" {
		below = path + "." + name
	}
	value := r.resolve(below, e.Value)
	if value != nil {
		at = placeOf(value)
	}
	known[i].read(below, at, value)
}

// instead says what to write in the place of a key that is not known.
func instead(name string, known []field) string {
	homes := map[string]string{
		"domain": "it belongs at the top of the file", "response_headers": "it belongs at the top of the file",
	}
	for _, of := range []string{"key", "value", "rate_limit", "shadow_mode", "quota_mode", "detailed_metric", "value_to_metric", "share_threshold", "metadata"} {
		homes[of] = "it belongs into a descriptor, beside its key"
	}
	for _, of := range []string{"unit", "requests_per_unit", "unlimited", "replaces", "rolling", "burst", "unit_multiplier", "near_limit"} {
		homes[of] = "it belongs into rate_limit"
	}
	if home, ok := homes[name]; ok {
		return home
	}
	names := make([]string, len(known))
	for i, f := range known {
		names[i] = f.name
	}
	return "known here: " + strings.Join(names, ", ")
}

func pairs(n ast.Node) ([]*ast.MappingValueNode, bool) {
	switch n := n.(type) {
	case *ast.MappingNode:
		return n.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}, true
	}
	return nil, false
}

func keyOf(e *ast.MappingValueNode) string {
	if text, ok := scalar(e.Key); ok {
		return text
	}
	return e.Key.GetToken().Value
}

// scalar is a value as the file has it.
func scalar(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value, true
	}
	return "", false
}

// describe says what stands at a place.
func describe(n ast.Node) string {
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a map"
	case *ast.SequenceNode:
		return "a list"
	case nil:
		return "empty"
	}
	if text, ok := scalar(n); ok {
		return quote(text)
	}
	return quote(n.GetToken().Value)
}

// placeOf is where a node begins: a map begins at its first key.
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

func tokenPlace(t *token.Token) place {
	if t == nil || t.Position == nil {
		return place{1, 1}
	}
	return place{max(1, t.Position.Line), max(1, t.Position.Column)}
}
