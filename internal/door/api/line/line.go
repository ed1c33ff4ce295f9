// Package line picks what is shown of an environment's way from push to everyone.
package line

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/slipwayhq/slipway/internal/decide/build"
	"github.com/slipwayhq/slipway/internal/decide/rollout"
	"github.com/slipwayhq/slipway/internal/decide/rollout/machine"
	"github.com/slipwayhq/slipway/internal/event"
)

// Card is a piece of work on its way: what was pushed together, where it is, and how it goes.
type Card struct {
	ID          string         `json:"id" doc:"Of the build or the rollout"`
	Stage       string         `json:"stage" enum:"waiting,tests,red,canary,held,returned,live"`
	Commit      event.Commit   `json:"commit"`
	Commits     []event.Commit `json:"commits" nullable:"false"`
	Build       string         `json:"build,omitempty"`
	BuildNumber int            `json:"build_number,omitempty"`
	Rollout     string         `json:"rollout,omitempty"`
	Release     string         `json:"release,omitempty"`
	Number      int            `json:"number,omitempty" doc:"Of the release"`
	Progress    float64        `json:"progress" minimum:"0" maximum:"1"`
	Sentence    string         `json:"sentence"`
	Since       time.Time      `json:"since"`
}

// Cards picks what people look for: all that moves or waits, what serves, and what went wrong since then.
func Cards(builds []build.Build, rollouts []rollout.View) []Card {
	var live time.Time
	out := []Card{}
	for _, v := range rollouts {
		if v.Outcome == "promoted" {
			live = v.CreatedAt
			out = append(out, rolloutCard(v, "live"))
			break
		}
	}
	for _, v := range rollouts {
		switch {
		case v.Outcome == "rolled_back" && v.CreatedAt.After(live):
			out = append(out, rolloutCard(v, "returned"))
		case v.State == machine.Held:
			out = append(out, rolloutCard(v, "held"))
		case v.State == machine.Queued:
			out = append(out, rolloutCard(v, "waiting"))
		case !v.State.Ended():
			out = append(out, rolloutCard(v, "canary"))
		}
	}
	green := false
	for _, b := range builds {
		switch {
		case b.State == build.Queued:
			out = append(out, buildCard(b, "waiting"))
		case b.State.Open():
			out = append(out, buildCard(b, "tests"))
		case b.State == build.Failed && !green:
			out = append(out, buildCard(b, "red"))
		}
		green = green || b.State == build.Passed
	}
	slices.SortStableFunc(out, func(a, b Card) int { return cmp.Compare(b.Since.UnixMicro(), a.Since.UnixMicro()) })
	return out
}

func buildCard(b build.Build, stage string) Card {
	c := Card{
		ID: b.ID, Stage: stage, Commit: b.Head, Commits: b.Commits, Build: b.ID, BuildNumber: b.Number, Since: b.QueuedAt, Sentence: buildSentence(b),
	}
	if b.Total > 0 {
		c.Progress = float64(b.Done) / float64(b.Total)
	}
	return c
}

func buildSentence(b build.Build) string {
	switch {
	case b.Waiting != "":
		return b.Waiting
	case b.State == build.Failed && len(b.Reasons) > 0:
		return b.Reasons[0].Text
	case b.State == build.Listing:
		return "Looks for the tests"
	case b.State == build.Packaging:
		return "All units passed; the artifact is packed"
	case b.Failed > 0:
		return fmt.Sprintf("%d of %d units done, %d failed", b.Done, b.Total, b.Failed)
	}
	return fmt.Sprintf("%d of %d units done", b.Done, b.Total)
}

func rolloutCard(v rollout.View, stage string) Card {
	c := Card{
		ID: v.ID, Stage: stage, Commits: v.Commits, Rollout: v.ID, Release: v.Release.ID, Number: v.Release.Number, Progress: v.Progress, Sentence: v.Sentence,
		Since: v.CreatedAt, Commit: event.Commit{SHA: v.Release.Commit, Subject: v.Release.Subject, Author: v.Release.Author},
	}
	for _, k := range v.Commits {
		if k.SHA == v.Release.Commit {
			c.Commit = k
		}
	}
	if c.Commits == nil {
		c.Commits = []event.Commit{}
	}
	return c
}
