package ramp

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/slipwayhq/slipway/internal/pure/judge"
)

// decision is what a ramp does next, and why. Stay is a decision, too.
type decision struct {
	to      State
	step    int
	share   float64
	reasons []string
}

// oneSided is how improbable it must be that all visitors were given the same value before that is taken for a fault.
const oneSided = 1e-6

// missing says that nobody is told of who was given one of the two values. The judge's check of the split needs some of both.
func missing(share float64, s *judge.SplitState) string {
	switch {
	case s == nil:
	case s.Old == 0 && math.Pow(share, float64(s.New)) < oneSided:
		return fmt.Sprintf("%d visitors were given the new value, and none is told of who was given the old one", s.New)
	case s.New == 0 && math.Exp(-s.Expected) < oneSided:
		return fmt.Sprintf("%d visitors were given the old value, and none is told of who was given the new one", s.Old)
	}
	return ""
}

// decide is pure: the ramp, what the evidence says and the time. A ramp that is paused or held goes nowhere by itself but back.
func decide(r *Ramp, v judge.Verdict, split *judge.SplitState, now time.Time) decision {
	stay := decision{to: r.State, step: r.Step, share: r.Share, reasons: texts(v)}
	switch {
	case r.State.Over():
		return stay
	case missing(r.Share, split) != "": // of one arm alone nothing can be judged
		if r.State != Watching {
			return stay
		}
		return decision{to: Held, step: r.Step, share: r.Share, reasons: []string{missing(r.Share, split), tellBoth}}
	case v.Outcome == judge.Regressed:
		return decision{to: Returned, step: r.Step, reasons: texts(v)}
	case r.State != Watching:
		return stay
	case v.Outcome == judge.WrongSplit: // visitors of one arm are told of and those of the other are not: by them nothing can be judged
		return decision{to: Held, step: r.Step, share: r.Share, reasons: append(texts(v), tellBoth)}
	}
	left := r.StepAt.Add(time.Duration(r.Spec.Steps[r.Step].Watch) * time.Second).Sub(now)
	if left > 0 {
		stay.reasons = append(stay.reasons, fmt.Sprintf("step %d is watched for %s more", r.Step+1, left.Round(time.Second)))
		return stay
	}
	next := r.next()
	next.reasons = texts(v)
	if v.Outcome == judge.Healthy {
		return next
	}
	switch r.Spec.Unknown {
	case "wait":
		stay.reasons = append(stay.reasons, "the time of the step is over, and it is watched until it can be told")
		return stay
	case "hold":
		return decision{to: Held, step: r.Step, share: r.Share, reasons: append(texts(v), "the time of the step is over, and it cannot be told: somebody has to decide")}
	}
	next.reasons = append(next.reasons, "the time of the step is over, and no harm was seen; that it went on without an answer was said at the start")
	return next
}

const tellBoth = "look whether all clients tell of both values, with the experiment's key and the variation"

// next is one step further, or all.
func (r *Ramp) next() decision {
	if r.Step+1 < len(r.Spec.Steps) {
		return decision{to: Watching, step: r.Step + 1, share: r.Spec.Steps[r.Step+1].Share}
	}
	return decision{to: Promoted, step: r.Step, share: 1}
}

func texts(v judge.Verdict) []string {
	out := make([]string, 0, len(v.Reasons))
	for _, r := range v.Reasons {
		out = append(out, plain(r.Text))
	}
	return out
}

// plain is what the judge says, who speaks of releases, said of the values of a flag.
func plain(text string) string {
	return strings.NewReplacer(
		"no visitors who were given the old value or the new one on both releases to compare yet", "nobody to compare with both values yet",
		"visitors who were given the old value or the new one", "visitors",
		"the old release's", "the old value's", "on the old release", "with the old value", "on the new release", "with the new value", "of the old release", "with the old value", "of the new release", "with the new value",
		"on the old one", "with the old one", "a release that changes nothing", "a ramp that changes nothing", "rollouts", "ramps", "releases", "values",
	).Replace(text)
}

// said is a verdict in the words of ramps.
func said(v judge.Verdict) judge.Verdict {
	v.Reasons, v.Vitals = slices.Clone(v.Reasons), slices.Clone(v.Vitals)
	for i := range v.Reasons {
		v.Reasons[i].Text = plain(v.Reasons[i].Text)
	}
	for i := range v.Vitals {
		v.Vitals[i].Text = plain(v.Vitals[i].Text)
	}
	return v
}
