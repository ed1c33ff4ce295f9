package past

import (
	"slices"

	"github.com/slipwayhq/slipway/internal/decide/rollout/machine"
	"github.com/slipwayhq/slipway/internal/event"
)

// Life is the end of a rollout in its environment's history: its release became live, or was taken back.
type Life struct {
	Release  string
	Number   int  // of the release
	Promoted bool // or else it was rolled back
}

// LastGood chooses the release that a rollback without a name goes to, from the environment's history, newest first, in which live is the release that serves: the one
// that was live before it, leaving out those that were
//
//   - left behind: an older release became live after them, so somebody went back past them, to what was good before;
//   - rolled back since they were live.
//
// Releases are older or newer by their numbers. ok is false where none is left. The reasons name those that were passed over, newest first.
func LastGood(newestFirst []Life, live string) (release string, passed []event.Reason, ok bool) {
	at := slices.IndexFunc(newestFirst, func(l Life) bool { return l.Promoted && l.Release == live })
	if at < 0 {
		return "", nil, false
	}
	oldest := newestFirst[at] // of those that were live since
	takenBack := map[string]bool{}
	for i, l := range newestFirst {
		switch {
		case !l.Promoted:
			takenBack[l.Release] = true
		case i <= at || l.Number == oldest.Number:
			// It serves, or it is an earlier life of one that was looked at.
		case l.Number > oldest.Number:
			passed = addReason(passed, machine.Because("left_behind", nil, "release #%d was left behind when #%d became live again", l.Number, oldest.Number))
		case takenBack[l.Release]:
			passed = addReason(passed, machine.Because("taken_back", nil, "release #%d was rolled back after it had been live", l.Number))
			oldest = l
		default:
			return l.Release, passed, true
		}
	}
	return "", passed, false
}

// addReason adds a reason that is not there yet: a release can have lived more than once.
func addReason(list []event.Reason, r event.Reason) []event.Reason {
	if slices.ContainsFunc(list, func(o event.Reason) bool { return o.Text == r.Text }) {
		return list
	}
	return append(list, r)
}
