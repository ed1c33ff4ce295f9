package machine

import (
	"time"

	"github.com/slipwayhq/slipway/internal/decide/rollout/warmth"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

// warm counts a second by the age of the processes.
func (m *Rollout) warm(rs event.RouteSecond, second int64) {
	for _, c := range rs.Hosts {
		up, visited := m.UpSince[c.Host], m.VisitorsSince[c.Host]
		if c.Release == m.Release && !up.IsZero() && !visited.IsZero() {
			m.Warm.Add(time.Unix(second, 0).Sub(latest(up, visited)), c.Requests, max(c.Errors, c.Slow[1]))
		}
	}
}

// KeepWarmed puts what the rollout took to warm up, in seconds, before what earlier ones did.
func (m *Rollout) KeepWarmed(earlier []float64) []float64 {
	took, ok := m.Warm.Took()
	if !ok || m.State != Promoted {
		return earlier // a release that came back says little of the next one
	}
	return warmth.Keep(took, earlier)
}

// LearnSettle sets the settle time of a policy that asks for what was learned.
func (m *Rollout) LearnSettle(earlier []float64) {
	if m.Policy.Settle.Duration == manifest.Learned {
		m.Policy.Settle = manifest.Every(warmth.Settle(earlier))
	}
}
