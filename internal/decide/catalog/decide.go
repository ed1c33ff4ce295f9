package catalog

import (
	"fmt"
	"slices"
)

// Kept is how many good releases of each environment can be rolled back to, unless told otherwise.
const Kept = 10

// ended is the state of a release whose rollout ended.
func ended(outcome string) (State, error) {
	switch outcome {
	case "promoted":
		return IsLive, nil
	case "rolled_back":
		return Bad, nil
	case "superseded":
		return Superseded, nil
	default:
		return "", fmt.Errorf("a rollout ended with the unknown outcome %q", outcome)
	}
}

// replaced is the state of the live release when another one is promoted. Who goes back to an older one says that the newer one is bad.
func replaced(live, promoted int) State {
	if promoted < live {
		return Bad
	}
	return Good
}

// base chooses the release whose artifact a new configuration is shipped with, from the newest to the oldest of an environment: the newest code that is not known to be
// bad; else the last that was good; else the newest at all, since what it lacked may be this very configuration. Never older code than what serves or is under way: that
// would silently take commits back.
func base(newestFirst []Release) (Release, bool) {
	stored := slices.DeleteFunc(slices.Clone(newestFirst), func(r Release) bool { return !r.Stored })
	for _, wanted := range [][]State{{IsLive, Rolling, Waiting}, {Good}, {Bad, Superseded}} {
		for _, r := range stored {
			if slices.Contains(wanted, r.State) {
				return r, true
			}
		}
	}
	return Release{}, false
}

// Decision says what becomes of a release's artifact, and why.
type Decision struct {
	Release Release
	Keep    bool
	Reason  string
}

// Keep decides which releases of one environment keep their artifact: the one that is live, those that wait or roll, and the last n good ones, since those can be
// rolled back to. It gives a Decision for each release that is stored, newest first. An artifact can be shared: it is dropped only when no release anywhere keeps it.
func Keep(releases []Release, n int) []Decision {
	releases = slices.Clone(releases)
	slices.SortFunc(releases, func(a, b Release) int { return b.Number - a.Number })
	good := 0
	var out []Decision
	for i, r := range releases {
		if !r.Stored {
			continue
		}
		d := Decision{Release: r, Keep: true}
		switch {
		case r.State == IsLive:
			d.Reason = "it is live"
		case r.State == Waiting || r.State == Rolling:
			d.Reason = "it is on its way"
		case i == 0:
			d.Reason = "it is the newest: a change of configuration may need it"
		case r.State == Good && good < n:
			good++
			d.Reason = fmt.Sprintf("it was good, number %d of the last %d that can be rolled back to", good, n)
		case r.State == Good:
			d.Keep, d.Reason = false, fmt.Sprintf("it was good, but %d newer ones were too", n)
		default:
			d.Keep, d.Reason = false, fmt.Sprintf("it is %s, and nothing goes back to it", r.State)
		}
		out = append(out, d)
	}
	return out
}
