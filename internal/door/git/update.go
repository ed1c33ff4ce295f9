package git

import (
	"fmt"
	"slices"
	"strings"

	"github.com/slipwayhq/slipway/internal/decide/track"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

const (
	headsPrefix = "refs/heads/"
	tagsPrefix  = "refs/tags/"
	// maxUpdates is how many refs one push may change.
	maxUpdates = 500
)

// update is one ref that a push changes. Old and New are empty where git has its zero.
type update struct {
	ref, old, new string
	// What the check finds out, of a branch that an environment follows:
	manifest *manifest.Manifest
	plan     *track.Plan // of events, which the commit declares
	hotfix   *event.Hotfix
	env      string
}

// branch is the branch's name, empty for a tag.
func (u update) branch() string {
	name, ok := strings.CutPrefix(u.ref, headsPrefix)
	if !ok {
		return ""
	}
	return name
}

// parseUpdates reads what git tells a hook: "<old> <new> <ref>", one a line.
func parseUpdates(text string) ([]update, error) {
	var updates []update
	for line := range strings.Lines(text) {
		parts := strings.SplitN(strings.TrimSuffix(line, "\n"), " ", 3)
		if len(parts) != 3 {
			return nil, fmt.Errorf("git said %q to its hook", line)
		}
		u := update{old: parts[0], new: parts[1], ref: parts[2]}
		if u.old == zero {
			u.old = ""
		}
		if u.new == zero {
			u.new = ""
		}
		if !strings.HasPrefix(u.ref, headsPrefix) && !strings.HasPrefix(u.ref, tagsPrefix) {
			return nil, fault.Invalid("%s cannot be pushed: branches and tags are kept here, nothing else", u.ref)
		}
		updates = append(updates, u)
	}
	if len(updates) > maxUpdates {
		return nil, fault.Invalid("a push changes at most %d branches and tags; this one changes %d", maxUpdates, len(updates))
	}
	slices.SortFunc(updates, func(a, b update) int { return strings.Compare(a.ref, b.ref) })
	return updates, nil
}

// The push options that there are.
const (
	optionSkip   = "slipway.skip"
	optionReason = "slipway.reason"
)

// parseOptions reads "git push -o slipway.skip=tests,watch -o slipway.reason=…". It gives nil when nothing is skipped.
func parseOptions(options []string) (*event.Hotfix, error) {
	var h event.Hotfix
	for _, o := range options {
		name, value, _ := strings.Cut(o, "=")
		switch name {
		case optionSkip:
			for what := range strings.SplitSeq(value, ",") {
				switch strings.TrimSpace(what) {
				case "tests":
					h.SkipTests = true
				case "watch":
					h.SkipWatch = true
				default:
					return nil, fault.Invalid("%s=%s: only \"tests\" and \"watch\" can be skipped, or both: %s=tests,watch", optionSkip, clean(value, 60), optionSkip)
				}
			}
		case optionReason:
			h.Reason = clean(strings.TrimSpace(value), 500)
		default:
			return nil, fault.Invalid("the push option %q is not known; there are %s and %s", clean(name, 60), optionSkip, optionReason)
		}
	}
	skips := h.SkipTests || h.SkipWatch
	switch {
	case skips && h.Reason == "":
		return nil, fault.Invalid("who skips something says why, for the audit: git push -o %s=tests -o %s=\"…\"", optionSkip, optionReason)
	case !skips && h.Reason != "":
		return nil, fault.Invalid("%s is for a push that skips something: add -o %s=tests, or watch, or tests,watch", optionReason, optionSkip)
	case !skips:
		return nil, nil
	}
	return &h, nil
}
