package assign

import (
	"encoding/json"

	"github.com/slipwayhq/slipway/internal/pure/assign/span"
)

// Value is what a flag gives: a piece of the payload's JSON. The zero Value is undefined, which is null.
type Value struct {
	raw string
}

// ValueOf is the value of a JSON text, which the caller knows to be one.
func ValueOf(raw string) Value { return Value{raw} }

// JSON is the value's text.
func (v Value) JSON() string {
	if v.raw == "" {
		return "null"
	}
	return v.raw
}

// MarshalJSON writes the value as it stands in the payload.
func (v Value) MarshalJSON() ([]byte, error) { return []byte(v.JSON()), nil }

// On tells whether the value switches something on: what JavaScript takes for true.
func (v Value) On() bool {
	if v.raw == "" {
		return false
	}
	switch v.raw[0] {
	case 'f', 'n':
		return false
	case '"':
		return len(v.raw) > 2
	case '0', '-':
		f, _ := span.New(v.raw).Number()
		return f != 0
	}
	return true
}

// Any is the value as encoding/json decodes it.
func (v Value) Any() any {
	switch v.raw {
	case "", "null":
		return nil
	case "true":
		return true
	case "false":
		return false
	}
	r := span.New(v.raw)
	switch r.Kind() {
	case '"':
		s, _ := r.String()
		return s
	case '0':
		f, _ := r.Number()
		return f
	}
	var out any
	_ = json.Unmarshal([]byte(v.raw), &out) // the payload was checked when it was compiled
	return out
}

// Text is the value, if it is a string.
func (v Value) Text() (s string, ok bool) {
	if r := span.New(v.raw); r.Kind() == '"' {
		s, err := r.String()
		return s, err == nil
	}
	return "", false
}

// Number is the value, if it is a number.
func (v Value) Number() (f float64, ok bool) {
	if r := span.New(v.raw); r.Kind() == '0' {
		f, err := r.Number()
		return f, err == nil
	}
	return 0, false
}
