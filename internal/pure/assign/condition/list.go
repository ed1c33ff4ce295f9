package condition

import "strings"

// few is up to how many strings a list is walked instead of looked up.
const few = 8

// list is what $in looks into: the scalars of a list by their types. Lists and objects are equal to nothing.
type list struct {
	strings []string
	set     map[string]struct{} // the strings instead, where they are many
	lower   map[string]struct{} // the strings in lower case beside them, for $ini, where they are many and all ASCII
	numbers map[float64]struct{}
	null    bool
	yes, no bool
}

func (l *list) has(v any) bool {
	switch v := v.(type) {
	case string:
		if l.set != nil {
			_, ok := l.set[v]
			return ok
		}
		for _, s := range l.strings {
			if s == v {
				return true
			}
		}
		return false
	case bool:
		return v && l.yes || !v && l.no
	}
	if f, ok := Number(v); ok {
		_, ok = l.numbers[f]
		return ok
	}
	return l.null && kindOf(v) == null
}

// hasFold is has, with letters of both cases alike.
func (l *list) hasFold(v any) bool {
	s, ok := v.(string)
	if !ok {
		return l.has(v)
	}
	if l.lower != nil {
		var buf [64]byte
		if low, ascii := appendLower(buf[:0], s); ascii {
			_, ok = l.lower[string(low)]
			return ok
		}
	}
	for _, one := range l.strings {
		if strings.EqualFold(one, s) {
			return true
		}
	}
	return false
}

func appendLower(dst []byte, s string) (out []byte, ascii bool) {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 0x80 {
			return nil, false
		}
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst, true
}

// any tells whether a value, or an element of it where it is a list, is in the list.
func (l *list) any(v any, fold bool) bool {
	n, ok := elements(v)
	if !ok {
		if fold {
			return l.hasFold(v)
		}
		return l.has(v)
	}
	for i := range n {
		if fold && l.hasFold(at(v, i)) || !fold && l.has(at(v, i)) {
			return true
		}
	}
	return false
}

// finish makes the sets of a list whose strings are known.
func (l *list) finish(fold bool) {
	if len(l.strings) <= few {
		return
	}
	if !fold {
		l.set = make(map[string]struct{}, len(l.strings))
		for _, s := range l.strings {
			l.set[s] = struct{}{}
		}
		l.strings = nil
		return
	}
	l.lower = make(map[string]struct{}, len(l.strings))
	for _, s := range l.strings {
		low, ascii := appendLower(nil, s)
		if !ascii {
			l.lower = nil
			return
		}
		l.lower[string(low)] = struct{}{}
	}
}
