package testreport

import (
	"strings"
	"unicode/utf8"
)

// Sanitize makes what a program printed safe to store and to show on a
// terminal or a page: invalid UTF-8 and control characters become U+FFFD, ends
// of lines become \n, and escape sequences are removed, except those that set
// colours (ESC [ … m). Sequences and characters must not be split between two
// calls: pass whole lines.
func Sanitize(output string) string { return clean(output, true) }

// Plain is Sanitize without the colours.
func Plain(output string) string { return clean(output, false) }

const escape = 0x1b

func clean(text string, colours bool) string {
	if isClean(text) {
		return text
	}
	var b strings.Builder
	b.Grow(len(text))
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == escape:
			length, colour := sequence(text[i:])
			if colour && colours {
				b.WriteString(text[i : i+length])
			}
			size = length
		case r == '\r':
			if i+1 >= len(text) || text[i+1] != '\n' {
				b.WriteByte('\n')
			}
		case isControl(r):
			b.WriteRune(utf8.RuneError)
		default:
			b.WriteRune(r) // U+FFFD for a byte that is no UTF-8
		}
		i += size
	}
	return b.String()
}

func isControl(r rune) bool {
	return (r < ' ' && r != '\n' && r != '\t') || (r >= 0x7f && r < 0xa0)
}

func isClean(text string) bool {
	return utf8.ValidString(text) && strings.IndexFunc(text, isControl) < 0
}

// sequence returns the length of the escape sequence at the start of text, and
// whether it sets colours. One that is cut off ends where its line ends.
func sequence(text string) (length int, colour bool) {
	if len(text) < 2 {
		return len(text), false
	}
	switch kind := text[1]; {
	case kind == '[':
		end := 2
		for end < len(text) && text[end] >= 0x20 && text[end] <= 0x3f {
			end++
		}
		if end == len(text) || text[end] < 0x40 || text[end] > 0x7e {
			return end, false
		}
		return end + 1, text[end] == 'm' && strings.Trim(text[2:end], "0123456789;:") == ""
	case strings.IndexByte("]PX^_", kind) >= 0: // a string: title, link, device control
		return stringSequence(text), false
	case kind >= 0x20 && kind <= 0x2f && len(text) > 2 && text[2] >= 0x30 && text[2] <= 0x7e:
		return 3, false
	case kind >= 0x20 && kind <= 0x7e:
		return 2, false
	}
	return 1, false
}

// stringSequence returns the length of a sequence that ends with BEL or ESC \.
func stringSequence(text string) int {
	for i := 2; i < len(text); i++ {
		switch {
		case text[i] == 0x07:
			return i + 1
		case text[i] == '\n' || text[i] == '\r':
			return i
		case text[i] == escape && i+1 < len(text) && text[i+1] == '\\':
			return i + 2
		case text[i] == escape:
			return i
		}
	}
	return len(text)
}
