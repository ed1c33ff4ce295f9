package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

const (
	// MaxSize is the largest manifest, in bytes.
	MaxSize = 64 << 10
	// MaxDepth is how deep lists and maps can be nested on one line.
	MaxDepth = 16
)

// Parse reads a manifest. It returns the manifest with its defaults filled in,
// or all mistakes of the file, never both.
func Parse(src []byte) (*Manifest, Problems) {
	c, root := open(src, "app: NAME")
	if len(c.problems) > 0 {
		return nil, sorted(c.problems)
	}
	m, ok := schema().read(c, "", root)
	if ok {
		c.check(&m)
	}
	if len(c.problems) > 0 {
		return nil, sorted(c.problems)
	}
	m.Warnings = sorted(c.warnings)
	return &m, nil
}

// open reads the YAML, up to its only document. least is the least that the file must say; where that is nothing, an empty file has no document.
func open(src []byte, least string) (*cursor, ast.Node) {
	src = bytes.TrimPrefix(src, []byte("\ufeff"))
	c := &cursor{at: map[string]place{"": {1, 1}}}
	if len(src) > MaxSize {
		c.problem("", "the file has %d bytes; at most %d are read", len(src), MaxSize)
		return c, nil
	}
	c = newCursor(src)
	if c.checkBytes(src); len(c.problems) > 0 {
		return c, nil
	}
	return c, c.document(src, least)
}

// Keys returns the path of each key that can be written: rollout.steps[].share,
// processes.*.run, and so on, in the order of the schema.
func Keys() []string { return schema().keysAt("") }

// checkBytes reports what is not text: one mistake a line is enough.
func (c *cursor) checkBytes(src []byte) {
	if bytes.HasPrefix(src, []byte("\xff\xfe")) || bytes.HasPrefix(src, []byte("\xfe\xff")) {
		c.problem("", "the file is UTF-16; save it as UTF-8")
		return
	}
	line, column, reported := 1, 1, 0
	for len(src) > 0 {
		r, size := utf8.DecodeRune(src)
		if reported != line {
			if wrong := wrongCharacter(r, size); wrong != "" {
				c.problemAt(place{line, column}, "", "%s", wrong)
				reported = line
			}
		}
		column++
		if r == '\n' || (r == '\r' && !bytes.HasPrefix(src[size:], []byte("\n"))) {
			line, column = line+1, 1
		}
		src = src[size:]
	}
}

// wrongCharacter says what is wrong with a character, "" if it is fine.
func wrongCharacter(r rune, size int) string {
	switch {
	case r == utf8.RuneError && size == 1:
		return "not valid UTF-8; save the file as UTF-8"
	case r == 0:
		return "a NUL character; this is not a text file"
	case r < ' ' && r != '\t' && r != '\n' && r != '\r', r == 0x7f:
		return fmt.Sprintf("a control character (U+%04X); remove it", r)
	}
	return ""
}

// document parses the YAML and returns its only document.
func (c *cursor) document(src []byte, least string) ast.Node {
	tokens := lexer.Tokenize(string(src))
	c.checkTokens(tokens)
	if len(c.problems) > 0 {
		return nil
	}
	file, err := parseTokens(tokens)
	if err != nil {
		c.syntaxError(err)
		return nil
	}
	var roots []ast.Node
	for _, doc := range file.Docs {
		if doc.Body != nil {
			roots = append(roots, doc.Body)
		}
	}
	switch {
	case len(roots) > 0:
	case least == "":
		return nil
	default:
		c.problem("", "the file says nothing; the least it needs is: %s", least)
		return nil
	}
	for _, root := range roots[1:] {
		c.problemAt(placeOf(root), "", "a second document begins here; write one only")
	}
	c.remember("", roots[0])
	return roots[0]
}

// parseTokens parses, and makes a panic of the YAML library an error: the file
// comes from whoever may push.
func parseTokens(tokens token.Tokens) (file *ast.File, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			file, err = nil, fmt.Errorf("the YAML cannot be read (%v)", cause)
		}
	}()
	return parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
}

// checkTokens reports what YAML has and a manifest has not: anchors and aliases
// (a small file could become a large one), tags, directives, keys that are no
// text, and nesting that only an attack needs.
func (c *cursor) checkTokens(tokens token.Tokens) {
	flow, block, line, tooDeep := 0, 0, 0, false
	for _, t := range tokens {
		at := tokenPlace(t)
		if at.line != line {
			block, line = 0, at.line
		}
		switch t.Type {
		case token.AnchorType, token.AliasType, token.MergeKeyType:
			c.problemAt(at, "", "anchors and aliases (& * <<) are not supported; write the value out")
		case token.TagType:
			c.problemAt(at, "", "tags (%s) are not supported; write the value without it, in quotes if need be", quote(t.Value))
		case token.DirectiveType:
			c.problemAt(at, "", "directives (%%) are not supported; remove the line")
		case token.MappingKeyType:
			c.problemAt(at, "", `keys with "?" are not supported; write key: value`)
			block++
		case token.MappingStartType, token.SequenceStartType:
			flow++
		case token.MappingEndType, token.SequenceEndType:
			flow--
		case token.SequenceEntryType:
			block++
		}
		if flow+block > MaxDepth && !tooDeep {
			tooDeep = true
			c.problemAt(at, "", "lists and maps are nested deeper than %d", MaxDepth)
		}
	}
}

// syntaxError reports what the YAML parser stumbled over. Tabs get an answer of
// their own: they are the usual cause, and hard to see.
func (c *cursor) syntaxError(err error) {
	for i, line := range c.lines {
		if indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]; strings.Contains(indent, "\t") {
			c.problemAt(place{i + 1, strings.IndexByte(indent, '\t') + 1}, "", "a tab in the indentation; use spaces")
		}
	}
	if len(c.problems) > 0 {
		return
	}
	var syntax *yaml.SyntaxError
	if errors.As(err, &syntax) {
		c.problemAt(tokenPlace(syntax.Token), "", "not valid YAML: %s", syntax.Message)
		return
	}
	c.problem("", "not valid YAML: %s", err)
}
