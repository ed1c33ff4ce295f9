package machine

import (
	"math"
	"slices"

	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

// hostWish is what one host should hold and run.
type hostWish struct {
	hold, run []string
	current   string
	starts    map[string]int64
}

// wishHosts is what each host should hold and run in the machine's state: a pure function of it, so that a restart finds the same.
func (m *Rollout) wishHosts() map[string]hostWish {
	both, old, next := Compact(m.From, m.Release), Compact(m.From), Compact(m.Release)
	out := map[string]hostWish{}
	started := m.StartedHosts()
	for i, h := range m.Hosts {
		w := hostWish{hold: both, run: old, current: m.From}
		switch {
		case m.State == Promoted:
			w = hostWish{hold: both, run: next, current: m.Release}
		case m.State == RolledBack:
			w = hostWish{hold: old, run: old, current: m.From}
		case i < started:
			w.run = both
		}
		if n := m.Controls.Start(h); n != 0 && !m.State.Ended() {
			w.starts = map[string]int64{m.From: n}
		}
		out[h] = w
	}
	for _, h := range m.LeftOut {
		w := hostWish{hold: old, run: old, current: m.From}
		if m.State == Promoted {
			w = hostWish{hold: both, run: next, current: m.Release}
		}
		out[h] = w
	}
	return out
}

// StartedHosts is how many of the drawn hosts run the new release beside the old one.
func (m *Rollout) StartedHosts() int {
	phase := m.Phase()
	if phase == Queued || phase == Staging {
		return 0
	}
	if m.Mode != manifest.CanaryHosts || m.First() || phase == Promoting {
		return len(m.Hosts)
	}
	return m.canaries()
}

// Phase is the state, seen through a pause.
func (m *Rollout) Phase() State {
	if m.State == Paused {
		return m.Before
	}
	return m.State
}

// canaries is the share of hosts, rounded up. A hold-back keeps at least one on the old release, and so does any share short of everyone: with nobody there nothing is compared.
func (m *Rollout) canaries() int {
	n := len(m.Hosts)
	s := m.Current()
	k := int(math.Ceil(s.Share*float64(n) - 1e-9))
	if s.Share < 1 {
		k = min(k, n-1)
	}
	if s.HoldBack > 0 {
		k = min(k, n-max(1, int(math.Ceil(s.HoldBack*float64(n)-1e-9))))
	}
	return min(max(k, 1), n)
}

// WishSplit is how the edges should split in the machine's state.
func (m *Rollout) WishSplit() event.Split {
	switch m.Phase() {
	case Queued, Staging, Starting:
		if m.Step == 0 {
			return event.Split{Old: m.From}
		}
		return m.splitBefore()
	case Promoting:
		if !m.Everyone {
			return m.splitBefore()
		}
		return event.Split{Old: m.Release}
	case Promoted:
		return event.Split{Old: m.Release}
	case Returning, RolledBack, Superseded:
		return event.Split{Old: m.From}
	default:
		return m.stepSplit()
	}
}

// splitBefore is the split that was in force so far, which stays so until the hosts that come next are up; without canaries that are not to run the new release any more.
func (m *Rollout) splitBefore() event.Split {
	s := m.Split
	if s.New == "" || m.Mode != manifest.CanaryHosts {
		return s
	}
	still := m.Hosts[:m.StartedHosts()]
	s.NewHosts = slices.DeleteFunc(slices.Clone(s.NewHosts), func(h string) bool { return !slices.Contains(still, h) })
	if len(s.NewHosts) == 0 {
		return event.Split{Old: m.From}
	}
	s.Share = float64(len(s.NewHosts)) / float64(len(m.Hosts))
	return s
}

// stepSplit is the split of the present step.
func (m *Rollout) stepSplit() event.Split {
	if m.First() {
		return event.Split{Old: m.Release}
	}
	if len(m.Hosts) == 0 {
		return event.Split{Old: m.From} // somebody holds a rollout that has lost its hosts
	}
	s := event.Split{Mode: string(m.Mode), Old: m.From, New: m.Release, Share: m.Reach(), Salt: m.ID, LeftOut: slices.Clone(m.LeftOut)}
	for _, t := range m.Thresholds {
		s.Slow = append(s.Slow, t.Ms)
	}
	if m.Mode == manifest.CanaryHosts {
		s.NewHosts = slices.Clone(m.Hosts[:m.canaries()])
		s.Share = float64(len(s.NewHosts)) / float64(len(m.Hosts))
	}
	return s
}

// ShareOn is the part that a split sends to the new release: of visitors, hosts or requests, as the mode says. Once it is promoted, or is a first release, nothing is
// split any more and everyone is on it; once it came back, nobody is.
func (m *Rollout) ShareOn(s event.Split) float64 {
	switch m.Release {
	case s.New:
		return s.Share
	case s.Old:
		return 1
	}
	return 0
}

// Compact drops empty names.
func Compact(releases ...string) []string {
	out := []string{}
	for _, r := range releases {
		if r != "" && !slices.Contains(out, r) {
			out = append(out, r)
		}
	}
	return out
}
