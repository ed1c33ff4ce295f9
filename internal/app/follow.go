package app

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/slipwayhq/slipway/internal/decide/build"
	"github.com/slipwayhq/slipway/internal/decide/rollout"
	"github.com/slipwayhq/slipway/internal/decide/rollout/machine"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/journal"
)

// follower tells a pusher what becomes of a commit, line by line, until its build has ended.
type follower struct {
	builds   *build.Service
	rollouts *rollout.Service
	log      *journal.Journal
	url      string
}

// maxShown bounds what a terminal is shown of a red build: units, and lines of output of each.
const (
	maxShownUnits = 5
	maxShownLines = 20
)

// errFollowed ends the reading of the log.
var errFollowed = fmt.Errorf("followed to its end")

// follow implements door/git's Follow. It looks again at every event of the app, so that it says what is, not what it missed.
func (f follower) follow(ctx context.Context, app, env, commit string, line func(string)) error {
	at, err := f.log.LastPosition(ctx)
	if err != nil {
		return err
	}
	told := told{line: line}
	look := func() error {
		b, ok, err := f.find(ctx, app, env, commit)
		if err != nil || !ok {
			return err
		}
		told.state(b)
		if b.State.Open() {
			return nil
		}
		if err := f.end(ctx, b, line); err != nil {
			return err
		}
		return errFollowed
	}
	if err := look(); err != nil {
		return ignoreFollowed(err)
	}
	return ignoreFollowed(f.log.ReadState(ctx, at, func(ev event.Event) error {
		if ev.App != app || ev.Env != env {
			return nil
		}
		return look()
	}))
}

func ignoreFollowed(err error) error {
	if err == errFollowed { //nolint:errorlint // it is ours, and never wrapped
		return nil
	}
	return err
}

// find looks for the newest build that holds the commit.
func (f follower) find(ctx context.Context, app, env, commit string) (build.Build, bool, error) {
	list, _, err := f.builds.Builds(ctx, app, env, "", 20)
	if err != nil {
		return build.Build{}, false, err
	}
	for _, b := range list {
		if slices.ContainsFunc(b.Commits, func(c event.Commit) bool { return c.SHA == commit }) {
			return b, true, nil
		}
	}
	return build.Build{}, false, nil
}

// told remembers what was said.
type told struct {
	line    func(string)
	last    build.State
	waiting string
	done    int
}

// state says what is new about an open build.
func (t *told) state(b build.Build) {
	if t.last == build.Testing {
		t.progress(b)
	}
	if b.State != t.last {
		switch b.State {
		case build.Queued:
			t.line(fmt.Sprintf("-----> Build #%d of %s", b.Number, counted(len(b.Commits), "commit")))
		case build.Listing:
			t.line(fmt.Sprintf("-----> Build #%d: looking for the tests", b.Number))
		case build.Testing:
			t.line("-----> Testing " + counted(b.Total, "unit"))
		case build.Packaging:
			t.line("-----> Packaging")
		}
		t.last = b.State
	}
	if b.Waiting != "" && b.Waiting != t.waiting {
		t.line("       " + b.Waiting)
		t.waiting = b.Waiting
	}
	t.progress(b)
}

// progress says how many units are done, where more are than before.
func (t *told) progress(b build.Build) {
	if b.Done > t.done {
		t.done = b.Done
		text := fmt.Sprintf("       %d of %d done", b.Done, b.Total)
		if b.Failed > 0 {
			text += fmt.Sprintf(", %d failed", b.Failed)
		}
		t.line(text)
	}
}

func counted(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}

// end says how the build ended: a red one with its failures first.
func (f follower) end(ctx context.Context, b build.Build, line func(string)) error {
	page := fmt.Sprintf("%s/apps/%s/builds/%s", f.url, b.App, b.ID)
	took := ""
	if b.StartedAt != nil && b.EndedAt != nil {
		took = fmt.Sprintf(" in %.1f s", b.EndedAt.Sub(*b.StartedAt).Seconds())
	}
	switch b.State {
	case build.Passed:
		line(fmt.Sprintf("-----> Green: %s passed%s", counted(b.Total, "unit"), took))
		next, err := f.next(ctx, b)
		if err != nil {
			return err
		}
		line("       " + next)
		return nil
	case build.Cancelled:
		line("-----> Cancelled: " + reasonsText(b.Reasons))
	default:
		line(fmt.Sprintf("-----> Red%s: %s", took, reasonsText(b.Reasons)))
		d, err := f.builds.Build(ctx, b.App, b.ID)
		if err != nil {
			return err
		}
		showFailed(d.Units, line)
	}
	line("       " + page)
	return nil
}

// next says what happens to a green build. The link to the page follows.
func (f follower) next(ctx context.Context, b build.Build) (string, error) {
	const now = "It goes out now; slipway watch follows it here, and this page there:"
	if b.Artifact == "" {
		return "It is not shipped: the manifest has no package.", nil
	}
	e, err := f.rollouts.Env(ctx, b.App, b.Environment)
	if fault.Is(err, fault.CodeNotFound) { // the environment is as new as the commit
		return now, nil
	}
	if err != nil {
		return "", err
	}
	if e.FrozenBy != "" {
		return fmt.Sprintf("It waits: %s is frozen by %s (%s).", b.Environment, e.FrozenBy, e.FrozenWhy), nil
	}
	if e.Current == "" {
		return now, nil
	}
	r, err := f.rollouts.Get(ctx, e.Current)
	if err != nil {
		return "", err
	}
	switch {
	case r.Release.Commit == b.Head.SHA:
		return now, nil
	case b.Hotfix != nil && !r.Back && r.State != machine.Promoting:
		return fmt.Sprintf("It goes out now, in the place of rollout #%d, which goes back first. What that one brought and is on this branch ships with it.", r.Number), nil
	}
	return fmt.Sprintf("It goes out after rollout #%d, which is under way.", r.Number), nil
}

func reasonsText(reasons []event.Reason) string {
	var texts []string
	for _, r := range reasons {
		texts = append(texts, r.Text)
	}
	return strings.Join(texts, "; ")
}

func showFailed(units []build.Unit, line func(string)) {
	shown := 0
	for _, u := range units {
		if u.Status != "failed" && u.Status != "error" {
			continue
		}
		if shown++; shown > maxShownUnits {
			line("       … and more; the page has all of them")
			return
		}
		line("       " + u.Unit + ": " + strings.Join(u.FailedTests, ", "))
		lines := strings.Split(strings.TrimRight(u.Output, "\n"), "\n")
		if len(lines) > maxShownLines {
			lines = lines[len(lines)-maxShownLines:]
		}
		for _, l := range lines {
			line("         " + l)
		}
	}
}
