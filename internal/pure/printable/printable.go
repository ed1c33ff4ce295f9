// Package printable keeps out of a terminal what would command it: text that strangers send may move the cursor, hide what stands there, or turn its order around.
package printable

import (
	"fmt"
	"strings"
)

// Line is a text of one line: line ends become spaces, and what commands a terminal, or is no UTF-8, becomes U+FFFD. Tabs stay.
func Line(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\r':
			return ' '
		case commands(r):
			return '\ufffd'
		}
		return r
	}, s)
}

// Text is like Line, but line ends stay.
func Text(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && r != '\r' && commands(r) {
			return '\ufffd'
		}
		return r
	}, s)
}

// JSON is the same JSON: what commands a terminal is escaped, as it can stand in strings alone.
func JSON(data []byte) []byte {
	var out strings.Builder
	for _, r := range string(data) {
		if r != '\n' && r != '\r' && commands(r) {
			_, _ = fmt.Fprintf(&out, `\u%04x`, r)
			continue
		}
		out.WriteRune(r)
	}
	return []byte(out.String())
}

// commands tells what a terminal does not show, but obeys: control characters (C0 but for the tab, DEL, C1), and those that change the direction of text.
func commands(r rune) bool {
	return r < ' ' && r != '\t' || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}
