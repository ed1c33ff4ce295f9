package relational

import (
	"bytes"
	"strconv"
	"strings"
)

// unknown is what stands in the place of what no database keeps in a text.
const unknown = "\ufffd"

// text is what databases take of a text: letters that are whole, and no NUL. The doors let nothing else in; what is in a log, or in an archive, may be older than that.
func text(s string) string {
	if strings.IndexByte(s, 0) >= 0 {
		s = strings.ReplaceAll(s, "\x00", unknown)
	}
	return strings.ToValidUTF8(s, unknown)
}

// jsonText is text, of JSON: there, escapes may write what is no text.
func jsonText(raw []byte) string {
	s := text(string(raw))
	if !bytes.Contains(raw, []byte(`\u0000`)) && !bytes.Contains(raw, []byte(`\ud`)) && !bytes.Contains(raw, []byte(`\uD`)) {
		return s
	}
	var b strings.Builder
	for {
		at := strings.IndexByte(s, '\\')
		if at < 0 || at+1 == len(s) {
			return b.String() + s
		}
		b.WriteString(s[:at])
		s = s[at:]
		n, end := escaped(s), 6
		switch {
		case n < 0: // of another letter
			end = 2
			b.WriteString(s[:end])
		case n >= 0xd800 && n < 0xdc00 && escaped(s[6:]) >= 0xdc00 && escaped(s[6:]) < 0xe000:
			end = 12
			b.WriteString(s[:end])
		case n == 0 || n >= 0xd800 && n < 0xe000:
			b.WriteString(unknown)
		default:
			b.WriteString(s[:end])
		}
		s = s[end:]
	}
}

// escaped is the number of an escape like \u0041 at the beginning of a text; -1 when there is none.
func escaped(s string) int {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return -1
	}
	n, err := strconv.ParseUint(s[2:6], 16, 16)
	if err != nil {
		return -1
	}
	return int(n)
}
