// Package ratelimit decides feature flags as RateLim.it's clients do: its own, which ask for all flags and decide for themselves, and the service, which they may ask for one.
package ratelimit

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// Feature is on for a share of the keys that it is asked for, and for all that are named.
type Feature struct {
	Name        string   `json:"feature"`
	Pct         float64  `json:"pct"` // 0 to 1
	Whitelisted []string `json:"whitelisted"`
}

// On tells whether the feature is on for a key, such as a user's id, with attributes. Named keys and attributes have it whatever the share. Without a key the draw, from 0 to 1, decides. placed tells that a hash did.
func (f *Feature) On(account, key string, attributes []string, draw float64) (on, placed bool) {
	switch {
	case key != "" && slices.Contains(f.Whitelisted, key), slices.ContainsFunc(attributes, func(a string) bool { return slices.Contains(f.Whitelisted, a) }):
		return true, false
	case key == "":
		return draw < f.Pct, false
	}
	return Place(account, f.Name, key) < f.Pct, true
}

// Place is where a key stands for a feature, from 0 to a little above 1: the divisor is the clients' own.
func Place(account, feature, key string) float64 {
	const most = 4294967294.0
	return float64(Murmur(account+feature+key)) / most
}

// Murmur is MurmurHash3 of 32 bits, with the seed 0.
func Murmur(text string) uint32 {
	const one, two = 0xcc9e2d51, 0x1b873593
	scramble := func(k uint32) uint32 { return bits.RotateLeft32(k*one, 15) * two }
	h, left := uint32(0), []byte(text)
	for ; len(left) >= 4; left = left[4:] {
		h ^= scramble(binary.LittleEndian.Uint32(left))
		h = bits.RotateLeft32(h, 13)*5 + 0xe6546b64
	}
	var tail uint32
	for i, b := range left {
		tail |= uint32(b) << (8 * i)
	}
	h ^= scramble(tail) // of nothing it is 0
	h ^= uint32(len(text))
	h = (h ^ h>>16) * 0x85ebca6b
	h = (h ^ h>>13) * 0xc2b2ae35
	return h ^ h>>16
}
