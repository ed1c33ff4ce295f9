// Package route says under which pattern a path is counted, at the edge and wherever else paths are counted: the same path gives the same pattern.
package route

import "strings"

// Limits of a pattern.
const (
	patternSegments = 8
	patternBytes    = 120
)

// Append appends the path with its ids folded: "/product/81723/reviews" becomes "/product/:id/reviews". A segment is an id when it holds
// three digits or more, is at least eight hex digits and dashes with a digit among them, is longer than 40 bytes, or holds bytes that no route is
// written with. Behind eight segments or 120 bytes the pattern ends in "/…". What lies below one of the assets prefixes is one pattern.
func Append(dst []byte, path string, assets []string) []byte {
	if prefix := Under(path, assets); prefix != "" {
		return append(append(dst, prefix...), '*')
	}
	start := len(dst)
	for n := 0; len(path) > 0; n++ {
		if path[0] == '/' {
			path = path[1:]
		}
		end := 0
		for end < len(path) && path[end] != '/' {
			end++
		}
		segment := path[:end]
		path = path[end:]
		if n == patternSegments || len(dst)-start+len(segment) > patternBytes {
			return append(dst, "/…"...)
		}
		dst = append(dst, '/')
		if isID(segment) {
			dst = append(dst, ":id"...)
		} else {
			dst = append(dst, segment...)
		}
	}
	if len(dst) == start {
		return append(dst, '/')
	}
	return dst
}

// Under gives the first of the prefixes that the path begins with, "" for none.
func Under(path string, prefixes []string) string {
	for _, p := range prefixes {
		if strings.HasPrefix(path, p) {
			return p
		}
	}
	return ""
}

// isID tells an id from a word of a route.
func isID(segment string) bool {
	if len(segment) > 40 {
		return true
	}
	digits, hex := 0, 0
	for i := range len(segment) {
		c := segment[i]
		switch {
		case c >= '0' && c <= '9':
			digits++
			hex++
		case c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F' || c == '-':
			hex++
		case c <= ' ' || c >= 0x7f || c == '%' || c == '"' || c == '<':
			return true
		}
	}
	whole := digits > 0 && digits == len(segment)
	return whole || digits >= 3 || len(segment) >= 8 && hex == len(segment) && digits > 0
}
