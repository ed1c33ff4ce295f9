package condition

import (
	"strings"

	"github.com/slipwayhq/slipway/internal/pure/assign/span"
)

// How versions are compared: the constant's text is already padded.
const (
	versionEqual = iota
	versionLess
	versionAtMost
	versionMore
	versionAtLeast
)

// version compares the value, as a version, with the constant. Both are strings, or both are numbers; a version of another type is merely not equal.
func (n *node) version(v any) bool {
	var digits [32]byte
	var padded [96]byte
	var out []byte
	if s, ok := v.(string); ok && n.kind == text {
		out = appendVersion(padded[:0], s)
	} else if f, ok := Number(v); ok && n.kind == number {
		out = appendVersion(padded[:0], string(span.AppendNumber(digits[:0], f)))
	} else {
		return false
	}
	c := 0
	switch want := n.str; {
	case string(out) < want:
		c = -1
	case string(out) > want:
		c = 1
	}
	switch int(n.num) {
	case versionLess:
		return c < 0
	case versionAtMost:
		return c <= 0
	case versionMore:
		return c > 0
	case versionAtLeast:
		return c >= 0
	}
	return c == 0
}

// appendVersion writes a version so that its text has its order: without a leading v and without what follows a +, each number padded to five places, and with
// ~ behind a release, which comes after its pre-releases.
func appendVersion(dst []byte, v string) []byte {
	if v == "" {
		v = "0"
	}
	v = strings.TrimPrefix(v, "v")
	last := strings.LastIndexByte(v, '\n') + 1 // a build does not begin before the last line
	if i := strings.IndexByte(v[last:], '+'); i >= 0 {
		v = v[:last+i]
	}
	parts := 1
	for start := 0; ; parts++ {
		end := strings.IndexAny(v[start:], "-.")
		if end < 0 {
			dst = appendPart(dst, v[start:])
			break
		}
		dst = append(appendPart(dst, v[start:start+end]), '-')
		start += end + 1
	}
	if parts == 3 {
		dst = append(dst, "-~"...)
	}
	return dst
}

func appendPart(dst []byte, part string) []byte {
	for i := 0; i < len(part); i++ {
		if part[i] < '0' || part[i] > '9' {
			return append(dst, part...)
		}
	}
	if part != "" {
		dst = append(dst, "     "[min(len(part), 5):]...)
	}
	return append(dst, part...)
}
