package assign_test

import (
	"hash/fnv"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/slipwayhq/slipway/internal/pure/assign"
)

// Version 2 hashes the digits of a hash: whatever they are, and however many.
func TestHashOfDigits(t *testing.T) {
	sum := func(s string) uint32 {
		h := fnv.New32a()
		_, _ = h.Write([]byte(s))
		return h.Sum32()
	}
	rng := rand.New(rand.NewPCG(3, 4))
	for range 200_000 {
		id := strconv.FormatUint(rng.Uint64(), 36)
		want := float64(sum(strconv.FormatUint(uint64(sum("seed"+id)), 10))%10000) / 10000
		if got, _ := assign.Hash("seed", id, 2); got != want {
			t.Fatalf("%s is at %v, want %v", id, got, want)
		}
	}
}
