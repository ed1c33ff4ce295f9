// Package warmth learns how long a release takes to warm up, from its requests by the age of the process that answered: cold ones fail or are slow more often than those of the same release later on.
//
// Pure: it works on what machine counted. It reads no log and emits nothing.
package warmth

import (
	"slices"
	"time"

	"github.com/slipwayhq/slipway/internal/pure/stats"
)

const (
	width = 5 * time.Second
	most  = 36 // three minutes
	// coldRatio is how much more often cold requests are bad, and coldAlpha the chance to see that of warm ones.
	coldRatio = 1.25
	coldAlpha = 0.01
	// enough is how many requests are needed to know how the warm ones fare.
	enough = 300
	// untaught is taken before anything was learned, least at least, and kept is how many rollouts are looked back at.
	untaught = 10 * time.Second
	least    = 5 * time.Second
	kept     = 10
)

// Bins are a release's requests by age.
type Bins []Bin

// Bin counts the requests of one age, and those of them that failed or were beyond the second latency threshold (the p90 of before, as a rule).
type Bin struct {
	Requests int64 `json:"n"`
	Bad      int64 `json:"b,omitempty"`
}

// Add counts requests that a process of this age answered.
func (b *Bins) Add(age time.Duration, requests, bad int64) {
	bin := int(age / width)
	if age < 0 || bin >= most {
		return
	}
	for len(*b) <= bin {
		*b = append(*b, Bin{})
	}
	(*b)[bin].Requests += requests
	(*b)[bin].Bad += bad
}

// Took is how long the release took until its requests were as good as they stayed; ok is false where too few are known.
func (b Bins) Took() (took time.Duration, ok bool) {
	var after Bin
	for _, later := range b[len(b)/2:] {
		after.Requests, after.Bad = after.Requests+later.Requests, after.Bad+later.Bad
	}
	if len(b) < 4 || after.Requests < enough {
		return 0, false
	}
	cold := func(b Bin) bool {
		return b.Requests > 0 && float64(b.Bad)*float64(after.Requests) > coldRatio*float64(after.Bad)*float64(b.Requests) &&
			stats.Surplus(b.Bad, b.Requests, after.Bad, after.Requests) < coldAlpha
	}
	for i := range len(b) - 1 {
		if !cold(b[i]) && !cold(b[i+1]) {
			return time.Duration(i) * width, true
		}
	}
	return time.Duration(len(b)) * width, true
}

// Keep puts what a rollout took, in seconds, before what earlier ones did.
func Keep(took time.Duration, earlier []float64) []float64 {
	all := append([]float64{took.Seconds()}, earlier...)
	return all[:min(len(all), kept)]
}

// Settle is the settle time after what earlier rollouts took: the longest, but for one of five; and a little more.
func Settle(earlier []float64) time.Duration {
	if len(earlier) == 0 {
		return untaught
	}
	sorted := slices.Sorted(slices.Values(earlier))
	took := time.Duration(sorted[len(sorted)-1-len(sorted)/5] * float64(time.Second))
	return max(took+width, least)
}
