package condition

import (
	"cmp"
	"encoding/json"
	"math"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// Number gives an attribute as a number, if it is one.
func Number(v any) (float64, bool) {
	switch n := v.(type) {
	case float64:
		return n, true
	case int:
		return float64(n), true
	case int64:
		return float64(n), true
	case int32:
		return float64(n), true
	case uint64:
		return float64(n), true
	case uint32:
		return float64(n), true
	case float32:
		return float64(n), true
	case json.Number:
		f, err := n.Float64()
		return f, err == nil
	}
	return smallNumber(v)
}

func smallNumber(v any) (float64, bool) {
	switch n := v.(type) {
	case uint:
		return float64(n), true
	case int16:
		return float64(n), true
	case int8:
		return float64(n), true
	case uint16:
		return float64(n), true
	case uint8:
		return float64(n), true
	}
	return 0, false
}

// follow goes a way down from a value. What is not there is null.
func follow(v any, path []string) any {
	for _, key := range path {
		v = step(v, key)
	}
	return v
}

// step goes one level down: to a key of an object, or to an index or the length of a list.
func step(v any, key string) any {
	switch v := v.(type) {
	case map[string]any:
		return v[key]
	case map[string]string:
		if s, ok := v[key]; ok {
			return s
		}
	case *Holder:
		if key == "value" {
			return v.Value
		}
	case []any:
		if i, length := index(key, len(v)); length {
			return len(v)
		} else if i >= 0 {
			return v[i]
		}
	case []string:
		if i, length := index(key, len(v)); length {
			return len(v)
		} else if i >= 0 {
			return v[i]
		}
	}
	return nil
}

// index reads a key of a list of n elements: -1 where it names none.
func index(key string, n int) (i int, length bool) {
	if key == "length" {
		return -1, true
	}
	i, err := strconv.Atoi(key)
	if err != nil || i < 0 || i >= n || strconv.Itoa(i) != key {
		return -1, false
	}
	return i, false
}

// elements counts the elements of a list; at gives one.
func elements(v any) (n int, ok bool) {
	switch v := v.(type) {
	case []any:
		return len(v), true
	case []string:
		return len(v), true
	}
	return 0, false
}

func at(v any, i int) any {
	if l, ok := v.([]any); ok {
		return l[i]
	}
	return v.([]string)[i]
}

// same compares a value with a scalar constant.
func (n *node) same(v any) bool {
	switch n.kind {
	case null:
		return v == nil || kindOf(v) == null
	case boolean:
		b, ok := v.(bool)
		return ok && b == (n.num != 0)
	case number:
		f, ok := Number(v)
		return ok && f == n.num
	}
	s, ok := v.(string)
	return ok && s == n.str
}

// equal compares an attribute with a decoded constant, deeply.
func equal(v, want any) bool {
	switch want := want.(type) {
	case string:
		s, ok := v.(string)
		return ok && s == want
	case bool:
		b, ok := v.(bool)
		return ok && b == want
	case float64:
		f, ok := Number(v)
		return ok && f == want
	case []any:
		n, ok := elements(v)
		if !ok || n != len(want) {
			return false
		}
		for i, w := range want {
			if !equal(at(v, i), w) {
				return false
			}
		}
		return true
	case map[string]any:
		return equalObject(v, want)
	}
	return kindOf(v) == null
}

func equalMembers[V any](m map[string]V, want map[string]any) bool {
	if len(m) != len(want) {
		return false
	}
	for k, w := range want {
		if one, ok := m[k]; !ok || !equal(one, w) {
			return false
		}
	}
	return true
}

func equalObject(v any, want map[string]any) bool {
	switch m := v.(type) {
	case map[string]any:
		return equalMembers(m, want)
	case map[string]string:
		return equalMembers(m, want)
	case *Holder:
		one, ok := want["value"]
		return ok && len(want) == 1 && equal(m.Value, one)
	}
	return false
}

// order compares a value with the constant; only numbers with numbers and strings with strings have an order.
func (n *node) order(v any) (c int, ok bool) {
	if n.kind == text {
		s, ok := v.(string)
		return compareUTF16(s, n.str), ok
	}
	f, ok := Number(v)
	if !ok || n.kind != number || math.IsNaN(f) {
		return 0, false
	}
	return cmp.Compare(f, n.num), true
}

// compareUTF16 orders strings as JavaScript does, by their UTF-16 units: a character beyond U+FFFF comes before U+E000 to U+FFFF.
func compareUTF16(a, b string) int {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	for i > 0 && (i < len(a) && !utf8.RuneStart(a[i]) || i < len(b) && !utf8.RuneStart(b[i])) {
		i--
	}
	ra, _ := utf8.DecodeRuneInString(a[i:])
	rb, _ := utf8.DecodeRuneInString(b[i:])
	if i == len(a) || i == len(b) || (ra < 0x10000) == (rb < 0x10000) {
		return cmp.Compare(a[i:], b[i:])
	}
	return cmp.Compare(unit(ra), unit(rb))
}

func unit(r rune) rune {
	if r >= 0x10000 {
		r, _ = utf16.EncodeRune(r)
	}
	return r
}
