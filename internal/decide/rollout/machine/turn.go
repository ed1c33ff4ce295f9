package machine

import (
	"slices"

	"github.com/slipwayhq/slipway/internal/event"
)

// Next picks, of the rollouts of an environment that wait, oldest first, the one whose turn is next: the newest hotfix, or else the newest. Those before it are
// superseded by it; those that came after a hotfix wait on, and so does everything while somebody goes back. next is nil where none waits.
func Next(waiting []*Rollout) (next *Rollout, superseded []*Rollout) {
	if len(waiting) == 0 {
		return nil, nil
	}
	at := len(waiting) - 1
	for i, m := range waiting {
		if m.Hotfix != nil {
			at = i
		}
	}
	if next = waiting[at]; next.Back {
		return next, nil
	}
	return next, slices.Clone(waiting[:at])
}

// GoAlong gives the commits that go out with the last of a row of rollouts, oldest first: its own, and those of the ones before it as far back as its code holds
// theirs. from is the first rollout of the row whose code it holds.
func GoAlong(row []*Rollout) (commits []event.Commit, from int) {
	for i, m := range row {
		if m.Diverged {
			from = i
		}
	}
	for _, m := range row[from:] {
		for _, c := range m.Commits {
			if !slices.ContainsFunc(commits, func(o event.Commit) bool { return o.SHA == c.SHA }) {
				commits = append(commits, c)
			}
		}
	}
	return commits, from
}

// Supersede is the end of a rollout before its turn, for a newer one that holds its code, or not.
func (m *Rollout) Supersede(by *Rollout, holds bool) Move {
	if holds {
		return m.To(Superseded, Because("superseded", nil, "a newer release came before its turn; its commits are in rollout #%d", by.Number))
	}
	return m.To(Superseded, Because("superseded", nil, "a newer release came before its turn; the branch was rewritten since, so what is not in rollout #%d has to be pushed again", by.Number))
}

// MakeWay is the move by which the rollout under way makes way for a hotfix of somebody; holds tells whether the hotfix's code holds its own. ok is false where it does
// not: what is decided already (promoting, returning) is over in a moment, and so is a way back, which nobody wants to see undone.
func (m *Rollout) MakeWay(hotfix *Rollout, who string, holds bool) (mv Move, ok bool) {
	switch {
	case hotfix.Hotfix == nil || hotfix.Back || m.Back || hotfix.Number < m.Number:
		return mv, false
	case m.State == Queued || m.State == Promoting || m.State == Returning || m.State.Ended():
		return mv, false
	}
	if who != "" {
		who = " by " + who
	}
	if m.First() && m.Split.Old == m.Release {
		// There is nothing to go back to, and everyone is on it already.
		return m.To(Promoting, Because("hotfix", nil, "a hotfix%s comes next (rollout #%d: %s); everyone is on this first release already, and there is none to go back to",
			who, hotfix.Number, hotfix.Hotfix.Reason)), true
	}
	return m.To(Returning,
		Because("hotfix", nil, "a hotfix%s takes its place (rollout #%d): %s", who, hotfix.Number, hotfix.Hotfix.Reason),
		m.fate(hotfix, holds)), true
}

// fate says what becomes of the commits of a rollout whose place a hotfix takes.
func (m *Rollout) fate(hotfix *Rollout, holds bool) event.Reason {
	n := len(m.Commits)
	numbers := map[string]float64{"commits": float64(n)}
	switch {
	case holds && n == 0:
		return Because("goes_along", numbers, "what it brought is part of the hotfix and ships with it")
	case holds && n == 1:
		return Because("goes_along", numbers, "its commit is part of the hotfix and ships with it")
	case holds:
		return Because("goes_along", numbers, "its %d commits are part of the hotfix and ship with it", n)
	}
	return Because("left_out", numbers, "the branch was rewritten since: what is not in rollout #%d has to be pushed again", hotfix.Number)
}
