package split_test

import (
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/slipwayhq/slipway/internal/edge/split"
	"github.com/slipwayhq/slipway/internal/event"
)

func TestALargerShareOnlyAddsVisitors(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hash := split.Hash(rapid.String().Draw(t, "salt"), rapid.String().Draw(t, "visitor"))
		small := rapid.Float64Range(0, 1).Draw(t, "small")
		large := rapid.Float64Range(small, 1).Draw(t, "large")
		if split.Below(hash, small) && !split.Below(hash, large) {
			t.Fatalf("hash %x is on the new release at %v and not at %v", hash, small, large)
		}
		if split.Below(hash, 0) || !split.Below(hash, 1) {
			t.Fatalf("hash %x: share 0 must take nobody, share 1 everybody", hash)
		}
	})
}

// The draws of two rollouts must be independent, and each must hit its share, also for ids that differ little.
func TestSharesAreHitAndRolloutsDrawAnew(t *testing.T) {
	const n, share = 200_000, 0.1
	var first, second, both int
	buckets := [event.Buckets]int{}
	for i := range n {
		id := fmt.Sprintf("%032x", i)
		a, b := split.Below(split.Hash("rol_1", id), share), split.Below(split.Hash("rol_2", id), share)
		if a {
			first++
			buckets[split.Bucket(split.Hash("visitor", id))]++
		}
		if b {
			second++
		}
		if a && b {
			both++
		}
	}
	near := func(name string, got int, p float64) {
		t.Helper()
		if sd := math.Sqrt(n * p * (1 - p)); math.Abs(float64(got)-n*p) > 5*sd {
			t.Errorf("%s: %d of %d, expected %.0f ± %.0f", name, got, n, n*p, sd)
		}
	}
	near("first rollout", first, share)
	near("second rollout", second, share)
	near("both", both, share*share)
	for i, got := range buckets {
		near(fmt.Sprintf("bucket %d within the first", i), got, share/event.Buckets)
	}
}

func TestInModeHostsTheFractionOfHostsIsTheShare(t *testing.T) {
	s := event.Split{Mode: split.Hosts, Old: "a", New: "b", Share: 0.01, NewHosts: []string{"h2"}, LeftOut: []string{"h4"}}
	hosts := []string{"h1", "h2", "h2", "h3", "h4"}
	if got := split.Share(s, hosts); got != 0.25 {
		t.Errorf("share %v, expected 0.25", got)
	}
	for _, c := range []struct {
		fresh         bool
		release, host string
		want          bool
	}{
		{true, "b", "h2", true}, {true, "b", "h1", false}, {true, "a", "h2", false},
		{false, "a", "h1", true}, {false, "a", "h2", false}, {false, "a", "h4", true}, {false, "b", "h1", false},
	} {
		if got := split.Serves(s, c.fresh, c.release, c.host); got != c.want {
			t.Errorf("Serves(new=%v, %s on %s) = %v", c.fresh, c.release, c.host, got)
		}
	}
	s.New = ""
	if !split.Serves(s, false, "a", "h2") || split.Share(s, hosts) != 0 {
		t.Error("without a new release every host serves the old one")
	}
}

func TestHotPathAllocatesNothing(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() {
		_ = split.Below(split.Hash("rol_1", "0123456789abcdef"), 0.5)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
