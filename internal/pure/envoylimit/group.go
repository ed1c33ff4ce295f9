package envoylimit

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"unicode/utf8"
)

// LongestGroup is the length of a group in bytes, at most.
const LongestGroup = 1024

// separator is between a domain and what is counted. Groups of other limits never have two colons in a row, so that none of them is taken for one of Envoy's.
const separator = "::"

// DomainOf is the domain of a group, or of a limit's name; false: it is none of Envoy's.
func DomainOf(group string) (string, bool) {
	written, _, ok := strings.Cut(group, separator)
	if !ok {
		return "", false
	}
	var domain strings.Builder
	for i := 0; i < len(written); i++ {
		if b := written[i]; b != '%' {
			domain.WriteByte(b)
			continue
		}
		n, err := hex.DecodeString(written[i+1 : min(i+3, len(written))])
		if err != nil || len(n) != 1 {
			return "", false
		}
		domain.Write(n)
		i += 2
	}
	return domain.String(), true
}

// appendPart writes a part of a group, so that no two lists of entries are one group: what separates parts is written as %2C and the like.
func appendPart(to []byte, part string, key bool) []byte {
	const hexes = "0123456789ABCDEF"
	for i := range len(part) {
		switch b := part[i]; {
		case b == '%', b == ',', b < ' ', b == 0x7f, key && (b == '=' || b == ':' || b == '@'):
			to = append(to, '%', hexes[b>>4], hexes[b&15])
		default:
			to = append(to, b)
		}
	}
	return to
}

// appendEntry writes an entry behind what is there.
func appendEntry(to []byte, i int, key, value string, valued bool) []byte {
	if i > 0 {
		to = append(to, ',')
	}
	to = appendPart(to, key, true)
	if valued {
		to = appendPart(append(to, '='), value, false)
	}
	return to
}

// grouped makes a group of what was written. Of one that is too long the end is left out, and what it was is told by a hash of all of it.
func grouped(g []byte) string {
	if len(g) <= LongestGroup {
		return string(g)
	}
	sum := sha256.Sum256(g)
	end := LongestGroup - len("…") - 2*len(sum)
	for end > 0 && !utf8.RuneStart(g[end]) {
		end--
	}
	return string(g[:end]) + "…" + hex.EncodeToString(sum[:])
}
