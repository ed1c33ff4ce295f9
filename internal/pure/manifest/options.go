package manifest

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// Shape is what the value of an [Option] looks like.
type Shape int

// The shapes.
const (
	Text   Shape = iota // a single value
	Switch              // true or false
	Count               // a whole number
	Span                // a duration
	Words               // a list, or a single value
	Pairs               // a map of names and values
)

// Option is one key of a file of options.
type Option struct {
	Name  string
	Shape Shape
	// Choices are all values there are; none: any text.
	Choices []string
}

// Given is what a file says of one option.
type Given struct {
	// Value is a string, for Words a []string, for Pairs a map[string]string.
	Value        any
	Line, Column int
}

// Options are what a file gives, by name.
type Options map[string]Given

// ParseOptions reads a file of options: a program's own configuration, a map without anything nested, in the same YAML and with the same answers to mistakes
// as a manifest. file is its name in those answers. What is right is returned beside the mistakes, so that its meaning can be checked at the same time.
func ParseOptions(file string, src []byte, known []Option) (Options, Problems) {
	given := Options{}
	c, root := open(src, "")
	if root != nil {
		c.options(given, root, known)
	}
	problems := sorted(c.problems)
	for i := range problems {
		problems[i].File = file
	}
	return given, problems
}

func (c *cursor) options(into Options, root ast.Node, known []Option) {
	entries, ok := c.entries("", root)
	if !ok {
		return
	}
	names := make([]string, len(known))
	for i, o := range known {
		names[i] = o.Name
		entry, written := entries.get(o.Name)
		if !written {
			continue
		}
		if value, right := o.kind().read(c, o.Name, entry.Value); right {
			at := c.find(o.Name)
			into[o.Name] = Given{Value: value, Line: at.line, Column: at.column}
		}
	}
	c.unknownKeys("", entries, names, names)
}

// kind is how an option's value is read.
func (o Option) kind() kind[any] {
	switch o.Shape {
	case Switch:
		return textual(boolean(), strconv.FormatBool)
	case Count:
		return textual(wholeNumber(), strconv.Itoa)
	case Span:
		return textual(duration(0, 10*365*24*time.Hour), func(d Duration) string { return d.String() })
	case Words:
		return textual(oneOrMore(plainText()), func(words []string) any { return words })
	case Pairs:
		return textual(mapOf(labelName, plainText()), func(pairs map[string]string) any { return pairs })
	case Text:
	}
	if len(o.Choices) > 1 {
		return textual(choice(o.Choices...), func(text string) any { return text })
	}
	return textual(plainText(), func(text string) any { return text })
}

// textual is a kind whose value is passed on in another form.
func textual[T, V any](k kind[T], form func(T) V) kind[any] {
	return kind[any]{read: func(c *cursor, path string, n ast.Node) (any, bool) {
		before := len(c.problems)
		value, ok := k.read(c, path, n)
		if !ok || len(c.problems) > before { // a list tells of its elements' mistakes and goes on
			return nil, false
		}
		return form(value), true
	}}
}

func wholeNumber() kind[int] {
	return parsed(func(text string) (int, error) {
		value, err := strconv.Atoi(text)
		switch {
		case errors.Is(err, strconv.ErrRange):
			return 0, fmt.Errorf("%s is too large", quote(text))
		case err != nil:
			return 0, fmt.Errorf("%s is not a whole number", quote(text))
		}
		return value, nil
	})
}

// Locate gives the place of an option for a message, such as slipway.yaml:3:9; ok is false where the file does not give it.
func (os Options) Locate(file, name string) (at string, ok bool) {
	g, ok := os[name]
	return strings.Join([]string{file, strconv.Itoa(g.Line), strconv.Itoa(g.Column)}, ":"), ok
}
