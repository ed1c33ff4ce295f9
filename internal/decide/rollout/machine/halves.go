package machine

import (
	"slices"

	"github.com/slipwayhq/slipway/internal/decide/rollout/before"
	"github.com/slipwayhq/slipway/internal/pure/judge"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

// An edge before all hosts tells of both releases in each second. The front of one host tells of the one that this host runs. Folded one after the other, such halves would let the evidence
// swing far out and back again, and the judge acts on the farthest it ever was. So halves wait until their ten seconds are over, and are folded together.

// halfGrace is for how many seconds more the halves of a slot may come in.
const halfGrace = 5

// mostWait is how many seconds one side waits for the other. Then it is a gap: there is nothing to compare it with.
const mostWait = 60

// Half are the seconds of a slot that told of one release only.
type Half struct {
	Slot int64      `json:"slot"`
	Tick judge.Tick `json:"tick"`
}

// pair gives what is to be folded now: the second where it has both sides, and what has waited for long enough, or compared other groups than those from now on.
func (m *Rollout) pair(s Second) (ready []Second) {
	if m.Mode != manifest.CanaryHosts || !s.Counted() {
		if s.Counted() {
			ready = append(ready, s)
		}
		return ready
	}
	due := func(h Half) bool { return s.Layout != nil || s.Tick.Second >= (h.Slot+1)*before.SlotSeconds+halfGrace }
	var waiting []Half
	for _, h := range m.Halves {
		old := Second{Tick: h.Tick}
		switch {
		case !due(h):
			waiting = append(waiting, h)
		case m.whole(old):
			ready = append(ready, old)
		case s.Layout == nil && s.Tick.Second-h.Tick.Second < mostWait:
			h.Slot++ // the other side is late
			waiting = append(waiting, h)
		}
	}
	m.Halves = waiting
	if m.whole(s) {
		return append(ready, s)
	}
	if s.Layout != nil {
		ready = append(ready, Second{Tick: judge.Tick{Second: s.Tick.Second, Share: s.Tick.Share, Counts: map[string]judge.Count{}}, Layout: s.Layout})
	}
	m.wait(s.Tick)
	return ready
}

// whole tells whether a second has requests of both releases, of any vital.
func (m *Rollout) whole(s Second) bool {
	var fresh, old int64
	for _, c := range s.Tick.Counts {
		fresh, old = fresh+c.AtRiskNew, old+c.AtRiskOld
	}
	l := s.Layout
	if l == nil {
		l = m.lastLayout()
	}
	for _, hosts := range s.Tick.Hosts {
		if l == nil {
			return true
		}
		for i, h := range hosts {
			if slices.Contains(l.New, i) {
				fresh += h.Requests
			} else {
				old += h.Requests
			}
		}
	}
	return fresh > 0 && old > 0
}

// wait adds a half to those of its slot. One that comes after its slot was folded waits with the next.
func (m *Rollout) wait(t judge.Tick) {
	slot := t.Second / before.SlotSeconds
	at := slices.IndexFunc(m.Halves, func(h Half) bool { return h.Slot == slot && h.Tick.Share == t.Share })
	if at < 0 {
		m.Halves = append(m.Halves, Half{Slot: slot, Tick: t})
		return
	}
	sum := &m.Halves[at].Tick
	for vital, c := range t.Counts {
		k := sum.Counts[vital]
		k.New, k.Old, k.AtRiskNew, k.AtRiskOld = k.New+c.New, k.Old+c.Old, k.AtRiskNew+c.AtRiskNew, k.AtRiskOld+c.AtRiskOld
		sum.Counts[vital] = k
	}
	for vital, hosts := range t.Hosts {
		for i, h := range hosts {
			sum.Hosts[vital][i].Events += h.Events
			sum.Hosts[vital][i].Requests += h.Requests
		}
	}
}
