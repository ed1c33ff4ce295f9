package manifest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// kind is the type of a value in the file: how it is read, what is said when
// something else stands there, and which keys can be written inside it.
type kind[T any] struct {
	read func(c *cursor, path string, n ast.Node) (T, bool)
	keys func(path string) []string // nil if nothing can be written inside
}

func (k kind[T]) keysAt(path string) []string {
	if k.keys == nil {
		return nil
	}
	return k.keys(path)
}

// parsed is a scalar that parse understands. The error of parse is shown as it
// is, so it says what was found and what to write.
func parsed[T any](parse func(text string) (T, error)) kind[T] {
	return kind[T]{read: func(c *cursor, path string, n ast.Node) (T, bool) {
		var none T
		text, ok := scalarText(n)
		if !ok {
			c.problem(path, "expected a single value, found %s", describe(n))
			return none, false
		}
		if strings.ContainsRune(text, 0) {
			c.problem(path, "contains a NUL character")
			return none, false
		}
		value, err := parse(text)
		if err != nil {
			c.problem(path, "%s", err)
			return none, false
		}
		return value, true
	}}
}

// field is one key of an object of type T.
type field[T any] struct {
	name    string
	example string // of a key that must be given; else empty
	refused bool   // known, but not to be written: no key of the schema
	read    func(c *cursor, path string, n ast.Node, into *T)
	keys    func(path string) []string
}

// key is a field whose value goes to the place that at returns.
func key[T, V any](name string, k kind[V], at func(*T) *V) field[T] {
	return field[T]{
		name: name,
		read: func(c *cursor, path string, n ast.Node, into *T) {
			if value, ok := k.read(c, path, n); ok {
				*at(into) = value
			}
		},
		keys: k.keysAt,
	}
}

// must makes a field required; example is shown when it is missing.
func (f field[T]) must(example string) field[T] {
	f.example = example
	return f
}

// refuse is a key that people will try and that has a better answer than "unknown".
func refuse[T any](name, answer string) field[T] {
	return field[T]{name: name, refused: true, read: func(c *cursor, path string, _ ast.Node, _ *T) {
		c.problem(path, "%s", answer)
	}}
}

// object is a map with known keys. Keys that are left out keep what initial holds.
func object[T any](initial T, fields ...field[T]) kind[T] {
	return kind[T]{
		read: func(c *cursor, path string, n ast.Node) (T, bool) {
			value := initial
			entries, ok := c.entries(path, n)
			if !ok {
				return value, false
			}
			for _, f := range fields {
				if entry, given := entries.get(f.name); given {
					f.read(c, join(path, f.name), entry.Value, &value)
				} else if f.example != "" {
					c.problem(path, "%s is missing; write for example: %s", f.name, f.example)
				}
			}
			c.unknownKeys(path, entries, fieldNames(fields), listed(fields))
			return value, true
		},
		keys: func(path string) []string {
			var all []string
			for _, f := range fields {
				if !f.refused {
					at := join(path, f.name)
					all = append(append(all, at), f.keys(at)...)
				}
			}
			return all
		},
	}
}

func fieldNames[T any](fields []field[T]) []string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.name
	}
	return names
}

// listed returns the names that are offered to somebody who mistyped one.
func listed[T any](fields []field[T]) []string {
	return fieldNames(slices.DeleteFunc(slices.Clone(fields), func(f field[T]) bool { return f.refused }))
}

// listOf is a list of elements.
func listOf[T any](element kind[T]) kind[[]T] {
	return kind[[]T]{
		read: func(c *cursor, path string, n ast.Node) ([]T, bool) {
			list, ok := n.(*ast.SequenceNode)
			if !ok {
				c.problem(path, "expected a list, found %s", describe(n))
				return nil, false
			}
			if len(list.Values) == 0 {
				c.problem(path, "the list is empty; remove the key, or write an entry")
				return nil, false
			}
			values := make([]T, 0, len(list.Values))
			for i, item := range list.Values {
				at := path + "[" + strconv.Itoa(i) + "]"
				c.remember(at, item)
				value, _ := element.read(c, at, item)
				values = append(values, value)
			}
			return values, true
		},
		keys: func(path string) []string { return element.keysAt(path + "[]") },
	}
}

// oneOrMore is a list, or a single element without the list around it.
func oneOrMore[T any](element kind[T]) kind[[]T] {
	list := listOf(element)
	return kind[[]T]{
		read: func(c *cursor, path string, n ast.Node) ([]T, bool) {
			if _, isList := n.(*ast.SequenceNode); isList {
				return list.read(c, path, n)
			}
			value, ok := element.read(c, path, n)
			return []T{value}, ok
		},
		keys: list.keys,
	}
}

// maybe is a value whose absence says something: then there is no pointer to it.
func maybe[T any](value kind[T]) kind[*T] {
	return kind[*T]{
		read: func(c *cursor, path string, n ast.Node) (*T, bool) {
			v, ok := value.read(c, path, n)
			return &v, ok
		},
		keys: value.keys,
	}
}

// mapOf is a map whose keys are names chosen by the user and checked by check.
func mapOf[T any](check func(name string) error, element kind[T]) kind[map[string]T] {
	return kind[map[string]T]{
		read: func(c *cursor, path string, n ast.Node) (map[string]T, bool) {
			entries, ok := c.entries(path, n)
			if !ok {
				return nil, false
			}
			if len(entries) == 0 {
				return nil, true
			}
			values := make(map[string]T, len(entries))
			for _, entry := range entries {
				name := keyText(entry.Key)
				if err := check(name); err != nil {
					c.problemAt(placeOf(entry.Key), path, "%s", err)
				}
				value, _ := element.read(c, join(path, name), entry.Value)
				values[name] = value
			}
			return values, true
		},
		keys: func(path string) []string { return element.keysAt(path + ".*") },
	}
}

// scalarText returns what a scalar says, as it is written.
func scalarText(n ast.Node) (string, bool) {
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

// describe says what stands at a place, for "found …".
func describe(n ast.Node) string {
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a map"
	case *ast.SequenceNode:
		return "a list"
	case nil, *ast.NullNode:
		return "nothing"
	}
	if text, ok := scalarText(n); ok {
		return quote(text)
	}
	return quote(n.GetToken().Value)
}

// quoteMax is how much of a value is repeated in a message, in characters.
const quoteMax = 60

// quote repeats a value in a message, cut if it is long.
func quote(text string) string {
	if chars := []rune(text); len(chars) > quoteMax {
		text = string(chars[:quoteMax]) + "…"
	}
	return strconv.Quote(text)
}

// join appends a key to a path.
func join(path, name string) string {
	plain := strings.IndexFunc(name, func(r rune) bool {
		return r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}) < 0
	if !plain || name == "" {
		name = quote(name)
	}
	if path == "" {
		return name
	}
	return fmt.Sprintf("%s.%s", path, name)
}
