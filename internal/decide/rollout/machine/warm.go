package machine

import (
	"slices"
	"time"

	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
	"github.com/slipwayhq/slipway/internal/pure/stats"
)

// How long a release takes to warm up is seen in its requests by the age of the process that answered: cold ones fail or are slow more often than those of the same release later on.

const (
	warmBin  = 5 * time.Second
	warmBins = 36 // three minutes
	// coldRatio is how much more often cold requests are bad, and coldAlpha the chance to see that of warm ones.
	coldRatio = 1.25
	coldAlpha = 0.01
	// warmEnough is how many requests are needed to know how the warm ones fare.
	warmEnough = 300
	// defaultSettle is taken before anything was learned, leastSettle at least, and keptSettles is how many rollouts are looked back at.
	defaultSettle = 10 * time.Second
	leastSettle   = 5 * time.Second
	keptSettles   = 10
)

// WarmBin counts the new release's requests of one age, and those of them that failed or were beyond the second latency threshold (the p90 of before, as a rule).
type WarmBin struct {
	Requests int64 `json:"n"`
	Bad      int64 `json:"b,omitempty"`
}

// warm counts a second by the age of the processes.
func (m *Rollout) warm(rs event.RouteSecond, second int64) {
	for _, c := range rs.Hosts {
		up, visited := m.UpSince[c.Host], m.VisitorsSince[c.Host]
		if c.Release != m.Release || up.IsZero() || visited.IsZero() {
			continue
		}
		age := time.Unix(second, 0).Sub(latest(up, visited))
		if bin := int(age / warmBin); age >= 0 && bin < warmBins {
			for len(m.Warm) <= bin {
				m.Warm = append(m.Warm, WarmBin{})
			}
			m.Warm[bin].Requests += c.Requests
			m.Warm[bin].Bad += max(c.Errors, c.Slow[1])
		}
	}
}

// Warmed is how long the release took until its requests were as good as they stayed; ok is false where too few are known.
func (m *Rollout) Warmed() (took time.Duration, ok bool) {
	later := m.Warm[len(m.Warm)/2:]
	var after WarmBin
	for _, b := range later {
		after.Requests, after.Bad = after.Requests+b.Requests, after.Bad+b.Bad
	}
	if len(m.Warm) < 4 || after.Requests < warmEnough {
		return 0, false
	}
	cold := func(b WarmBin) bool {
		return b.Requests > 0 && float64(b.Bad)*float64(after.Requests) > coldRatio*float64(after.Bad)*float64(b.Requests) &&
			stats.Surplus(b.Bad, b.Requests, after.Bad, after.Requests) < coldAlpha
	}
	for i := range len(m.Warm) - 1 {
		if !cold(m.Warm[i]) && !cold(m.Warm[i+1]) {
			return time.Duration(i) * warmBin, true
		}
	}
	return time.Duration(len(m.Warm)) * warmBin, true
}

// KeepWarmed puts what a rollout took, in seconds, before what earlier ones did.
func (m *Rollout) KeepWarmed(earlier []float64) []float64 {
	took, ok := m.Warmed()
	if !ok || m.State != Promoted {
		return earlier // a release that came back says little of the next one
	}
	all := append([]float64{took.Seconds()}, earlier...)
	return all[:min(len(all), keptSettles)]
}

// LearnSettle sets the settle time of a policy that asks for what was learned: the longest that earlier rollouts took, but for one of five; and a little more.
func (m *Rollout) LearnSettle(earlier []float64) {
	if m.Policy.Settle.Duration != manifest.Learned {
		return
	}
	if len(earlier) == 0 {
		m.Policy.Settle = manifest.Every(defaultSettle)
		return
	}
	sorted := slices.Sorted(slices.Values(earlier))
	took := time.Duration(sorted[len(sorted)-1-len(sorted)/5] * float64(time.Second))
	m.Policy.Settle = manifest.Every(max(took+warmBin, leastSettle))
}
