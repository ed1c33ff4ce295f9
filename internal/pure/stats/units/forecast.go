package units

import (
	"math"
	"slices"
)

// EventsNeeded forecasts how many more events, both groups together, bring a test's evidence to goal (a natural logarithm) at the given
// share, if the ratio of the rates is truth and the units are as they are expected to be. 0 when reached, +Inf when no number of them is
// enough: with few units, what they differ by may hide an effect for ever.
func (t *Test) EventsNeeded(truth, share, goal float64, evidence func(*Test) float64) float64 {
	if len(t.Phases) == 0 || share <= 0 || share >= 1 {
		return math.Inf(1)
	}
	after := func(events float64) float64 { return evidence(t.after(events, truth, share)) }
	if after(0) >= goal {
		return 0
	}
	const most = 1 << 30
	enough := 1.0
	for after(enough) < goal {
		if enough *= 4; enough > most {
			return math.Inf(1)
		}
	}
	few := enough / 4
	for enough > few*1.05+1 {
		if middle := math.Sqrt(few * enough); after(middle) >= goal {
			enough = middle
		} else {
			few = middle
		}
	}
	return math.Ceil(enough)
}

// after is the test after so many more events, which fall as is expected of them.
func (t *Test) after(events, truth, share float64) *Test {
	more := *t
	more.Phases = slices.Clone(t.Phases)
	last := &more.Phases[len(more.Phases)-1]
	last.Blocks = slices.Clone(last.Blocks)
	ratio := truth * math.Exp(t.expected())
	more.Fold(math.Round(events*share*ratio/(share*ratio+1-share)), events, share)
	return &more
}

// expected is the difference of the groups' log rates that the window before makes expect in the present phase.
func (t *Test) expected() float64 {
	var mean, total float64
	for _, m := range t.Models {
		w := math.Exp(m.LogWeight)
		mean, total = mean+w*m.Mean[len(m.Mean)-1], total+w
	}
	return mean / total
}
