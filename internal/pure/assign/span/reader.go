package span

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// MaxDepth is how deep JSON may be nested.
const MaxDepth = 500

// Error says where the text stops being JSON.
type Error struct {
	Byte int
	Path string
	What string
}

func (e *Error) Error() string {
	if e.Path == "" {
		return fmt.Sprintf("byte %d: %s", e.Byte, e.What)
	}
	return fmt.Sprintf("%s (byte %d): %s", e.Path, e.Byte, e.What)
}

// Reader stands somewhere in a JSON text.
type Reader struct {
	text  string
	at    int
	depth int
	path  []step
}

// step is one level of the way to where a reader stands: a key of an object, or an index of a list.
type step struct {
	key   string
	index int // isKey for a key, before its first key or element none
}

const (
	isKey  = -1
	isNone = -2
)

// New returns a reader at the start of a text, whose path begins with the given keys.
func New(text string, under ...string) *Reader {
	r := &Reader{text: text}
	for _, k := range under {
		r.path = append(r.path, step{k, isKey})
	}
	return r
}

// Clean returns the bytes as text in UTF-8, with U+FFFD where they are none, and whether they were.
func Clean(data []byte) (text string, clean bool) {
	text = string(data)
	if utf8.ValidString(text) {
		return text, true
	}
	return strings.ToValidUTF8(text, "\ufffd"), false
}

// Path says where the reader stands, as features.checkout.rules[2].
func (r *Reader) Path() string {
	var b strings.Builder
	for _, s := range r.path {
		switch {
		case s.index == isNone:
		case s.index >= 0:
			fmt.Fprintf(&b, "[%d]", s.index)
		case plain(s.key):
			if b.Len() > 0 {
				b.WriteByte('.')
			}
			b.WriteString(s.key)
		default:
			fmt.Fprintf(&b, "[%q]", Short(s.key))
		}
	}
	return b.String()
}

// plain tells whether a key can stand in a path as it is.
func plain(key string) bool {
	if key == "" || len(key) > maxShort {
		return false
	}
	for _, c := range key {
		if c < '0' && c != '$' && c != '-' || c > 0x7e || strings.ContainsRune(`:;<=>?@[\]^{|}`+"`", c) {
			return false
		}
	}
	return true
}

const maxShort = 60

// Short cuts a text that is told to people.
func Short(s string) string {
	if len(s) <= maxShort {
		return s
	}
	cut := maxShort
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}

// Fail is an error at the place where the reader stands.
func (r *Reader) Fail(what string) error { return &Error{Byte: r.at, Path: r.Path(), What: what} }

// Kind looks at what comes next: one of { [ " t f n, 0 for a number, and the zero byte where there is no value.
func (r *Reader) Kind() byte {
	r.space()
	if r.at >= len(r.text) {
		return 0
	}
	switch c := r.text[r.at]; {
	case c == '-' || c >= '0' && c <= '9':
		return '0'
	case c == '{' || c == '[' || c == '"' || c == 't' || c == 'f' || c == 'n':
		return c
	}
	return 0
}

// space steps over what may stand between values; mostly nothing does.
func (r *Reader) space() {
	if r.at < len(r.text) && r.text[r.at] <= ' ' {
		r.spaces()
	}
}

func (r *Reader) spaces() {
	for r.at < len(r.text) {
		switch r.text[r.at] {
		case ' ', '\t', '\n', '\r':
			r.at++
		default:
			return
		}
	}
}

// End checks that nothing follows.
func (r *Reader) End() error {
	r.space()
	if r.at < len(r.text) {
		return r.Fail("something follows after the end")
	}
	return nil
}

// Object calls each for every key, with the reader before its value, which each must read.
func (r *Reader) Object(each func(key string) error) error {
	if err := r.open('{', "an object"); err != nil {
		return err
	}
	level := len(r.path)
	r.path = append(r.path, step{index: isNone})
	for first := true; ; first = false {
		done, err := r.next('}', first)
		if err != nil || done {
			r.path, r.depth = r.path[:level], r.depth-1
			return err
		}
		if r.space(); r.at >= len(r.text) || r.text[r.at] != '"' {
			return r.Fail("a key in quotes should stand here")
		}
		key, err := r.String()
		if err != nil {
			return err
		}
		if r.space(); r.at >= len(r.text) || r.text[r.at] != ':' {
			return r.Fail("a colon should stand here")
		}
		r.at++
		r.path[level] = step{key, isKey}
		if err := each(key); err != nil {
			return err
		}
	}
}

// Array calls each for every element, with the reader before it.
func (r *Reader) Array(each func(i int) error) error {
	if err := r.open('[', "a list"); err != nil {
		return err
	}
	level := len(r.path)
	r.path = append(r.path, step{index: isNone})
	for i := 0; ; i++ {
		done, err := r.next(']', i == 0)
		if err != nil || done {
			r.path, r.depth = r.path[:level], r.depth-1
			return err
		}
		r.path[level].index = i
		if err := each(i); err != nil {
			return err
		}
	}
}

func (r *Reader) open(bracket byte, what string) error {
	if r.space(); r.at >= len(r.text) || r.text[r.at] != bracket {
		return r.Fail(what + " should stand here")
	}
	if r.depth++; r.depth > MaxDepth {
		return r.Fail(fmt.Sprintf("nested deeper than %d levels", MaxDepth))
	}
	r.at++
	return nil
}

// next steps over the comma before an element, or over the closing bracket.
func (r *Reader) next(closing byte, first bool) (done bool, err error) {
	if r.space(); r.at >= len(r.text) {
		return false, r.Fail("the text ends too early")
	}
	switch c := r.text[r.at]; {
	case c == closing:
		r.at++
		return true, nil
	case first:
		return false, nil
	case c == ',':
		r.at++
		if r.space(); r.at < len(r.text) && r.text[r.at] == closing {
			return false, r.Fail("a comma with nothing behind it")
		}
		return false, nil
	}
	return false, r.Fail("a comma should stand here")
}

// String reads a string: a piece of the text where it has no escapes.
func (r *Reader) String() (string, error) {
	raw, escaped, err := r.quoted()
	if err != nil || !escaped {
		return raw, err
	}
	var s string
	if json.Unmarshal([]byte(`"`+raw+`"`), &s) != nil {
		return "", r.Fail("the string has an escape that is none")
	}
	return s, nil
}

// quoted steps over a string and gives what stands between its quotes.
func (r *Reader) quoted() (raw string, escaped bool, err error) {
	start := r.at + 1
	for i := start; i < len(r.text); i++ {
		switch c := r.text[i]; {
		case c == '"':
			r.at = i + 1
			return r.text[start:i], escaped, nil
		case c == '\\':
			escaped = true
			n := escapeLen(r.text[i:])
			if n == 0 {
				r.at = i
				return "", false, r.Fail("an escape that is none")
			}
			i += n - 1
		case c < ' ':
			r.at = i
			return "", false, r.Fail("a control character in a string")
		}
	}
	return "", false, r.Fail("a string that does not end")
}

// escapeLen is the length of the escape at the start of s, 0 if it is none.
func escapeLen(s string) int {
	switch {
	case len(s) < 2:
		return 0
	case strings.IndexByte(`"\/bfnrt`, s[1]) >= 0:
		return 2
	case s[1] == 'u' && len(s) >= 6:
		for _, c := range []byte(s[2:6]) {
			if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'f') {
				return 0
			}
		}
		return 6
	}
	return 0
}

// Number reads a number; one that is too large is infinite, as in JavaScript.
func (r *Reader) Number() (float64, error) {
	raw, err := r.Skip()
	if err != nil {
		return 0, err
	}
	f, _ := strconv.ParseFloat(raw, 64)
	return f, nil
}

// Fork is a second reader at the same place.
func (r *Reader) Fork() *Reader {
	other := *r
	other.path = append([]step(nil), r.path...)
	return &other
}

// Rest is the text from where the reader stands.
func (r *Reader) Rest() string { return r.text[r.at:] }
