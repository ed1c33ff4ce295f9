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
		if err := json.Unmarshal(raw, &s); err != nil {
			return "", breaks(Malformed, "%s cannot be read", field)
		}
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
	if err := shape(field, raw); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.Grow(len(raw))
	if err := json.Compact(&b, raw); err != nil {
		return nil, breaks(Malformed, "%s cannot be read", field)
	}
	out := storable(b.Bytes())
	if len(out) == 2 {
		return nil, nil
	}
	if !utf8.Valid(out) {
		out = bytes.ToValidUTF8(out, []byte("\uFFFD"))
	}
	return out, nil
}

// shape counts depth and first members of valid JSON.
func shape(field string, raw json.RawMessage) error {
	depth, members := 0, 0
	for i := 0; i < len(raw); i++ {
		switch raw[i] {
		case '"':
			for i++; raw[i] != '"'; i++ {
				if raw[i] == '\\' {
					i++
				}
			}
		case '{', '[':
			if depth++; depth > MaxDepth {
				return breaks(TooDeep, "%s is nested deeper than %d", field, MaxDepth)
			}
		case '}', ']':
			depth--
		case ':':
			if depth == 1 {
				members++
			}
		}
	}
	if members > MaxProperties {
		return breaks(TooMany, "%s has %d members; at most %d", field, members, MaxProperties)
	}
	return nil
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

// fields are the members of an object that are looked at, each as it came.
type fields map[string]json.RawMessage

// take gives a member, by the first of its names that is there, and forgets it.
func (f fields) take(names ...string) json.RawMessage {
	var found json.RawMessage
	for _, name := range names {
		if raw, ok := f[name]; ok {
			delete(f, name)
			if empty(found) {
				found = raw
			}
		}
	}
	return found
}

// texts reads several texts, name by name; where one is for the same place as another before it, the first that says something counts. The first mistake ends it.
func (f fields) texts(into ...place) error {
	for _, p := range into {
		s, err := text(p.name, f[p.name])
		if err != nil {
			return err
		}
		if *p.to == "" {
			*p.to = s
		}
	}
	return nil
}

// place is where a text goes.
type place struct {
	name string
	to   *string
}

// rest is what is left of the members, as an object.
func (f fields) rest(field string) (json.RawMessage, error) {
	if len(f) == 0 {
		return nil, nil
	}
	raw, err := json.Marshal(f)
	if err != nil {
		return nil, breaks(Malformed, "%s cannot be read", field)
	}
	return object(field, raw)
}

// members reads an object; ok is false for what is none.
func members(raw json.RawMessage) (f fields, ok bool) {
	if empty(raw) {
		return fields{}, true
	}
	return f, json.Unmarshal(raw, &f) == nil && f != nil
}

// quoted is a text as JSON.
func quoted(s string) json.RawMessage {
	raw, err := json.Marshal(s)
	if err != nil {
		return json.RawMessage(strconv.Quote(s))
	}
	return raw
}
