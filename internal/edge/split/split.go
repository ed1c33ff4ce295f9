package split

import (
	"slices"

	"github.com/slipwayhq/slipway/internal/event"
)

// Modes of event.Split.
const (
	Visitors = "visitors"
	Hosts    = "hosts"
	Requests = "requests"
)

// FNV-1a's constants for 64 bits (draft-eastlake-fnv, section 5).
const (
	fnvOffset = 14695981039346656037
	fnvPrime  = 1099511628211
)

// Hash is FNV-1a over salt, a zero byte and id, followed by the finishing mix of MurmurHash3: FNV alone leaves the high bits, which the share is
// compared with, too regular for short inputs. It allocates nothing. It is no secret and withstands nobody who chooses ids on purpose.
func Hash(salt, id string) uint64 {
	h := uint64(fnvOffset)
	for i := range len(salt) {
		h = (h ^ uint64(salt[i])) * fnvPrime
	}
	h *= fnvPrime
	for i := range len(id) {
		h = (h ^ uint64(id[i])) * fnvPrime
	}
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}

// Below reports whether a hash falls into the given share (0 to 1): true for share of all hashes, for every one at 1, for none at 0.
func Below(hash uint64, share float64) bool {
	return float64(hash>>11)/(1<<53) < share
}

// Bucket is the visitor's bucket, from a hash that knows no rollout, so that a visitor keeps it and that it says nothing about the release.
func Bucket(visitor uint64) int { return int(visitor >> 58) } // 2^6 = event.Buckets

// Share is the part of the draws that go to the new release, 0 to 1. In mode hosts it is the fraction of the environment's hosts that serve it,
// whatever the step asked for, because hosts come whole.
func Share(s event.Split, hosts []string) float64 {
	if s.New == "" {
		return 0
	}
	if s.Mode != Hosts {
		return s.Share
	}
	fresh, all := 0, 0
	for i, h := range hosts {
		if slices.Contains(hosts[:i], h) {
			continue
		}
		all++
		if slices.Contains(s.NewHosts, h) {
			fresh++
		}
	}
	if all == 0 {
		return 0
	}
	return float64(fresh) / float64(all)
}

// Serves reports whether a backend with this release on this host belongs to the given arm of the split.
func Serves(s event.Split, fresh bool, release, host string) bool {
	if fresh {
		return s.New != "" && release == s.New && (s.Mode != Hosts || slices.Contains(s.NewHosts, host))
	}
	return release == s.Old && (s.New == "" || s.Mode != Hosts || !slices.Contains(s.NewHosts, host))
}
