package capture

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// broken is what makes an item no event.
type broken struct {
	reason  Reason
	message string
}

func (b broken) Error() string { return b.message }

func breaks(r Reason, format string, args ...any) error {
	return broken{r, fmt.Sprintf(format, args...)}
}

// text is a name or an id: a string, or a number as it is written (user ids are numbers in many databases). Blanks around it and NUL bytes are taken away.
func text(field string, raw json.RawMessage) (string, error) {
	if empty(raw) {
		return "", nil
	}
	var s string
	switch c := raw[0]; {
	case c == '"':
		s = unquoted(raw)
	case c == '-' || c >= '0' && c <= '9':
		s = string(raw)
	default:
		return "", breaks(WrongType, "%s is %s; send a string", field, nameOf(raw))
	}
	s = strings.TrimSpace(strings.ReplaceAll(s, "\x00", ""))
	if len(s) > MaxName {
		return "", breaks(TooLarge, "%s has %d bytes; at most %d", field, len(s), MaxName)
	}
	return s, nil
}

// nameOf is what a JSON value is, in words.
func nameOf(raw json.RawMessage) string {
	switch raw[0] {
	case '{':
		return "an object"
	case '[':
		return "a list"
	case 't', 'f':
		return "true or false"
	case '"':
		return "a string"
	}
	return "a number"
}

// object checks a JSON object that is kept as it is: its depth and its number of members. What comes back is compact, with no NUL in any string, since no database keeps one. Nothing for an empty object, or none.
func object(field string, raw json.RawMessage) (json.RawMessage, error) {
	if empty(raw) {
		return nil, nil
	}
	if raw[0] != '{' {
		return nil, breaks(WrongType, "%s is %s; send an object", field, nameOf(raw))
	}
	out, depth, members := compact(raw)
	switch {
	case depth > MaxDepth:
		return nil, breaks(TooDeep, "%s is nested deeper than %d", field, MaxDepth)
	case members > MaxProperties:
		return nil, breaks(TooMany, "%s has %d members; at most %d", field, members, MaxProperties)
	}
	if out = storable(out); len(out) == 2 {
		return nil, nil
	}
	if !utf8.Valid(out) {
		out = bytes.ToValidUTF8(out, []byte("\uFFFD"))
	}
	return out, nil
}

// compact takes the blanks out of valid JSON (which stays as it is where there are none), and counts how deep it is and the members on its first level.
func compact(raw []byte) (out []byte, depth, members int) {
	level, from := 0, 0
	for i := 0; i < len(raw); i++ {
		switch raw[i] {
		case '"':
			i = textEnd(raw, i) - 1
		case '{', '[':
			level++
			depth = max(depth, level)
		case '}', ']':
			level--
		case ':':
			if level == 1 {
				members++
			}
		case ' ', '\t', '\n', '\r':
			if out == nil {
				out = make([]byte, 0, len(raw))
			}
			out, from = append(out, raw[from:i]...), i+1
		}
	}
	if out == nil {
		return raw, depth, members
	}
	return append(out, raw[from:]...), depth, members
}

// storable puts U+FFFD in the place of what databases refuse in strings of valid JSON: \u0000, and halves of surrogate pairs.
func storable(raw []byte) []byte {
	if !bytes.Contains(raw, []byte(`\u0000`)) && !bytes.Contains(raw, []byte(`\ud`)) && !bytes.Contains(raw, []byte(`\uD`)) {
		return raw
	}
	out := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); {
		unit, escaped := unicodeEscape(raw[i:])
		second, paired := rune(0), false
		if escaped {
			second, paired = unicodeEscape(raw[i+6:])
		}
		n := 1
		switch {
		case escaped && paired && utf16.DecodeRune(unit, second) != unicode.ReplacementChar:
			n = 12
		case escaped && (unit == 0 || utf16.IsSurrogate(unit)):
			out, i = append(out, `\ufffd`...), i+6
			continue
		case escaped:
			n = 6
		case raw[i] == '\\':
			n = 2 // an escape, perhaps that of a backslash
		}
		out, i = append(out, raw[i:i+n]...), i+n
	}
	return out
}

// unicodeEscape reads the \uXXXX that a text begins with.
func unicodeEscape(raw []byte) (unit rune, ok bool) {
	if len(raw) < 6 || raw[0] != '\\' || raw[1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(raw[2:6]), 16, 16)
	return rune(n), err == nil
}
