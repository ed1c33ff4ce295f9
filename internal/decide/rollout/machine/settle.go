package machine

import (
	"slices"
	"time"

	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

// A host's new process settles for the policy's time, counted from the later of two moments: it was up and healthy, and the split that first sent visitors to it was
// in force. A process that nobody has asked for anything yet is as cold as at its start. The share may grow later on: whoever has settled, has.

// inForce notes that all edges split as was asked last: from at on, visitors reach the hosts that the split sends them to.
func (m *Rollout) inForce(at time.Time) {
	m.InForce, m.SplitSince = true, at
	if m.Phase() != Starting { // else it is the split of before
		m.Controls.InForce(at)
	}
	for _, h := range m.newHosts() {
		if _, ok := m.VisitorsSince[h]; ok {
			continue
		}
		if m.VisitorsSince == nil {
			m.VisitorsSince = map[string]time.Time{}
		}
		m.VisitorsSince[h] = at
	}
}

// forgetVisitors forgets the hosts that the split asked for sends no visitors to any more: a canary that was replaced begins anew if it is drawn again.
func (m *Rollout) forgetVisitors() {
	still := m.newHosts()
	for _, h := range sortedKeys(m.VisitorsSince) {
		if !slices.Contains(still, h) {
			delete(m.VisitorsSince, h)
		}
	}
}

// newHosts lists the hosts where visitors are sent to the new release by the split that was asked for last.
func (m *Rollout) newHosts() []string {
	switch {
	case m.Split.New == m.Release && m.Mode == manifest.CanaryHosts:
		return m.Split.NewHosts
	case m.Split.New == m.Release, m.First() && m.Split.Old == m.Release:
		return m.Hosts
	}
	return nil
}

// settlesAt is when the new release's process on a host has settled; ok is false while it is not up, or no visitor is sent to it.
func (m *Rollout) settlesAt(host string) (at time.Time, ok bool) {
	up, isUp := m.UpSince[host]
	since, visited := m.VisitorsSince[host]
	if !visited && m.InForce && slices.Contains(m.newHosts(), host) {
		since, visited = up, true // an older version stored the rollout, which did not note it
	}
	return latest(up, since).Add(m.settleTime()), isUp && visited
}

func (m *Rollout) settleTime() time.Duration {
	switch {
	case m.Hotfix != nil && m.Hotfix.SkipWatch:
		return 0
	case m.First():
		return max(m.Policy.Settle.Duration, firstWatch)
	}
	return m.Policy.Settle.Duration
}

// settledAt is when every host that runs the new release has settled. It makes sense once the split is in force.
func (m *Rollout) settledAt() time.Time {
	at := m.Since
	for _, h := range m.Hosts[:m.StartedHosts()] {
		if t, ok := m.settlesAt(h); ok {
			at = latest(at, t)
		}
	}
	return at
}

func (m *Rollout) settledReason() event.Reason {
	return Because("settled", map[string]float64{"seconds": m.Policy.Settle.Seconds()}, "the hosts have settled")
}

// Counted gives the cells of an edge's second that are evidence: none of a host whose new process has not settled. Where visitors or requests were drawn, what settles
// is left out by time: nothing counts until every host has settled, then everything does (without one host the rest would no longer be split by the drawn share).
// Where hosts were drawn it is left out by host, unless there is something as cold to compare it with.
func (m *Rollout) Counted(rs event.RouteSecond, second int64) []event.HostCount {
	if m.Mode == manifest.CanaryHosts {
		pair := m.coldPair(second)
		return slices.DeleteFunc(slices.Clone(rs.Hosts), func(c event.HostCount) bool { return !m.counts(c, pair, second) })
	}
	for _, h := range m.Hosts {
		if m.unsettled(h, second) {
			return nil
		}
	}
	if slices.ContainsFunc(rs.Hosts, m.unheard) {
		return nil
	}
	return rs.Hosts
}

// unsettled tells whether a host's new process is up and had not settled at second.
func (m *Rollout) unsettled(host string, second int64) bool {
	if _, up := m.UpSince[host]; !up {
		return false
	}
	at, ok := m.settlesAt(host)
	return !ok || time.Unix(second, 0).Before(at)
}

// unheard tells whether the cell is of a new process that is not known to be up: the edges may learn of it sooner than the rollout does.
func (m *Rollout) unheard(c event.HostCount) bool {
	_, up := m.UpSince[c.Host]
	return c.Release == m.Release && !up
}
