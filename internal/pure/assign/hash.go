package assign

import (
	"math"
	"unicode/utf16"

	"github.com/slipwayhq/slipway/internal/pure/assign/condition"
	"github.com/slipwayhq/slipway/internal/pure/assign/span"
)

const (
	fnvStart uint32 = 0x811c9dc5
	fnvPrime uint32 = 0x01000193
)

// fnv carries a 32-bit FNV-1a hash on over the UTF-16 units of a string, which is how JavaScript sees it.
func fnv(h uint32, s string) uint32 {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return fnvWide(h, s[i:])
		}
		h = (h ^ uint32(s[i])) * fnvPrime
	}
	return h
}

func fnvWide(h uint32, s string) uint32 {
	for _, r := range s {
		if r >= 0x10000 {
			var high rune
			high, r = utf16.EncodeRune(r)
			h = (h ^ uint32(high)) * fnvPrime
		}
		h = (h ^ uint32(r)) * fnvPrime
	}
	return h
}

// Hash places a value between 0 and 1. Seeds are the salt: each flag and each experiment has its own, so that being early in one says nothing about another.
// Version 1 has a thousand places, version 2 ten thousand, and a better spread; others are not ok.
func Hash(seed, value string, version int) (n float64, ok bool) {
	switch version {
	case 0, 1:
		return hashOne(value, seed), true
	case 2:
		return hashTwo(fnv(fnvStart, seed), value), true
	}
	return 0, false
}

func hashOne(value, seed string) float64 {
	return float64(fnv(fnv(fnvStart, value), seed)%1000) / 1000
}

// hashTwo goes on from the hash of the seed, which is known beforehand. What is hashed then is the hash, in decimal digits.
func hashTwo(seed uint32, value string) float64 {
	x := fnv(seed, value)
	h, begun := fnvStart, false
	// The two halves of five digits each, as fractions of their first digit's place: each digit is what comes before the point, times ten what comes behind it.
	for _, half := range [2]uint32{x / 100_000, x % 100_000} {
		rest := uint64(half) * (1<<32/10_000 + 1)
		for range 5 {
			digit := uint32(rest >> 32)
			if begun = begun || digit > 0; begun {
				h = (h ^ ('0' + digit)) * fnvPrime
			}
			rest = (rest & (1<<32 - 1)) * 10
		}
	}
	if !begun {
		h = (h ^ '0') * fnvPrime
	}
	return float64(h%10000) / 10000
}

// InNamespace tells whether a value falls into a part of a namespace, which experiments that must not meet share out among themselves.
func InNamespace(value, id string, from, to float64) bool {
	n := float64(fnv(fnv(fnv(fnvStart, value), "__"), id)%1000) / 1000
	return n >= from && n < to
}

// Range is a part of the way from 0 to 1, without its end.
type Range struct {
	From, To float64
}

// has tells whether a place is in the range.
func (r Range) has(n float64) bool { return n >= r.From && n < r.To }

// Choose gives the first range that a place is in, or -1.
func Choose(n float64, ranges []Range) int {
	for i := range ranges {
		if ranges[i].has(n) {
			return i
		}
	}
	return -1
}

// EqualWeights are n weights alike.
func EqualWeights(n int) []float64 {
	weights := make([]float64, max(n, 0))
	for i := range weights {
		weights[i] = 1 / float64(n)
	}
	return weights
}

// goodWeights tells whether weights are those of n variations: none below zero, and about one in all.
func goodWeights(weights []float64, n int) bool {
	sum := 0.0
	for _, w := range weights {
		if !(w >= 0) || math.IsInf(w, 0) {
			return false
		}
		sum += w
	}
	return len(weights) == n && sum >= 0.99 && sum <= 1.01
}

// Ranges shares the way out among n variations, by weights, and alike where these are none. Of each range only the part that coverage says is taken.
func Ranges(n int, coverage float64, weights []float64) []Range {
	if !goodWeights(weights, n) {
		weights = EqualWeights(n)
	}
	coverage = min(max(coverage, 0), 1)
	out := make([]Range, len(weights))
	start := 0.0
	for i, w := range weights {
		// In a variable of its own: some processors would multiply and add in one step, and round otherwise.
		width := coverage * w
		out[i] = Range{start, start + float64(width)}
		start += w
	}
	return out
}

// hashable gives the text that an attribute is hashed as: "" unless it is a string, or a number other than 0.
func hashable(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	f, ok := condition.Number(v)
	if !ok || f == 0 || math.IsNaN(f) || math.IsInf(f, 0) {
		return ""
	}
	var digits [32]byte
	return string(span.AppendNumber(digits[:0], f))
}

// hashing says by what a visitor is placed.
type hashing struct {
	attribute string
	fallback  string // the attribute that is taken where the first is missing, if assignments are kept
	seed      string
	state     uint32 // the hash of the seed, for version 2
	version   int
	fleeting  bool // assignments are not kept
}

// place is where a value stands between 0 and 1.
func (h *hashing) place(value string) (n float64, ok bool) {
	if h.version == 2 {
		return hashTwo(h.state, value), true
	}
	return Hash(h.seed, value, h.version)
}
