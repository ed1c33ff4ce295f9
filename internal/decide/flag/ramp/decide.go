package ramp

import (
	"fmt"
	"math"
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

// uncounted says what nobody has told of, where nothing was counted by which the values could be compared. No events at all of one that must not become more frequent are good news, if visitors were told of.
func uncounted(r *Ramp, v judge.Verdict) string {
	names := make([]string, 0, len(r.Spec.Vitals))
	visitors := false
	for i, spec := range r.Spec.Vitals {
		if i >= len(v.Vitals) {
			break
		}
		told := v.Vitals[i].AtRiskNew+v.Vitals[i].AtRiskOld > 0
		if told && (v.Vitals[i].New+v.Vitals[i].Old > 0 || spec.Bad == judge.Rise) {
			return ""
		}
		visitors = visitors || told
		names = append(names, spec.Event)
	}
	if visitors {
		return "nothing was counted: no " + strings.Join(names, ", no ") + " of any visitor who was given one of the values"
	}
	return "nothing was counted: nobody told of a visitor who was given one of the values"
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
	if why := uncounted(r, v); why != "" { // to go on would say that somebody had looked
		if r.Spec.Unknown == "wait" {
			stay.reasons = []string{why, "the time of the step is over, and it is watched until there is something to compare"}
			return stay
		}
		return decision{to: Held, step: r.Step, share: r.Share, reasons: []string{why, "the time of the step is over, and nothing was compared: look whether the events come, under this name and with the visitors' ids, and whether clients tell of both values; then resume the ramp, or go on without (next)"}}
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
