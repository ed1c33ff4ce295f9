package host

import (
	"slices"

	"github.com/slipwayhq/slipway/internal/wire"
)

// A wish may give a release a start number (wire.DesiredEnv.Starts). A process that was started for another number then makes way for one that is started for this, as an old release does for a
// new one: the heir comes up beside it, is reported, and only then the other is stopped, in three parts. Without a number whatever runs will do.

// wantedOf gives the processes that the wish for an environment asks for, given those there are.
func wantedOf(e wire.DesiredEnv, there map[serviceKey]serviceView) map[serviceKey]bool {
	out := map[serviceKey]bool{}
	for _, held := range e.Hold {
		if !slices.Contains(e.Run, held.Release) {
			continue
		}
		for process := range held.Processes {
			key := serviceKey{releaseKey{envKey{e.App, e.Env}, held.Release}, process, e.Starts[held.Release]}
			if key.Start == 0 {
				key = whatRuns(key, there)
			}
			out[key] = true
		}
	}
	return out
}

// whatRuns is the process that stays where any will do: the most useful one, or else key.
func whatRuns(key serviceKey, there map[serviceKey]serviceView) serviceKey {
	best, most := key, 0
	for k, s := range there {
		if k.releaseKey != key.releaseKey || k.Process != key.Process {
			continue
		}
		if use := s.use(); use > most || use == most && use > 0 && k.Start > best.Start {
			best, most = k, use
		}
	}
	return best
}

// use is how much a process is worth keeping. One that is ending is waited for, a stopped one is none.
func (s serviceView) use() int {
	switch {
	case s.phase == running && s.visible:
		return 5
	case s.phase == draining && s.visible:
		return 4
	case s.phase == running:
		return 3
	case s.phase == draining:
		return 2
	case s.phase == ending:
		return 1
	}
	return 0
}

// heir gives the process that is to take the place of one that is not wanted; ok is false where none is.
func (p *planner) heir(of serviceKey) (heir serviceKey, ok bool) {
	for key := range p.wanted {
		if key.releaseKey == of.releaseKey && key.Process == of.Process && key.Start != of.Start {
			return key, true
		}
	}
	return heir, false
}

// holdsOut tells whether a process that is not wanted still has to serve: visitors are sent to it, and its heir is not up.
func (p *planner) holdsOut(key serviceKey, s serviceView) bool {
	heir, ok := p.heir(key)
	h := p.services[heir]
	return ok && s.visible && (s.phase == running || s.phase == draining) && (h.phase != running || !h.visible)
}
