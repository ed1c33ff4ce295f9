package judge

import (
	"fmt"
	"math"

	"github.com/slipwayhq/slipway/internal/pure/stats/repeats"
)

// VisitorErrors is the vital of how often each visitor errs, where visitors are drawn.
const VisitorErrors = "visitor_errors"

// visitorsPart is the part of what errors may spend that goes to them, visitor by visitor.
const visitorsPart = 0.1

// Visitors is the evidence of how often visitors err. The first errors, counted when they come, are evidence that grows with each; where the same visitors stay it runs out, since
// most have erred. So it is looked at, too, at times that were fixed beforehand, how many errors visitors had since their first. The visitors are the units, and mostly the
// same ones at each look, so that the e-values of the looks are added up (stats.Looks).
type Visitors struct {
	Harm Looks `json:"harm"`
	// Step is the step of the rollout that was looked at last, and Look which of its looks that was.
	Step int `json:"step"`
	Look int `json:"look"`
	// Of the last look: the drawn share, the visitors who had erred since the step began, and their errors each, the first included.
	Share     float64 `json:"share"`
	New       int64   `json:"new"`
	Old       int64   `json:"old"`
	ErrorsNew float64 `json:"errors_new"`
	ErrorsOld float64 `json:"errors_old"`
}

// VisitorLook is one look at the visitors who erred for the first time in the rollout within the present step, whose share was drawn for each of them. Those who erred in a step before take no
// part: of their draw something is known.
type VisitorLook struct {
	// Step counts the steps from 0. Look is that of repeats.Looks, as late as is due in the step.
	Step  int            `json:"step"`
	Look  int            `json:"look"`
	Share float64        `json:"share"`
	Cells []repeats.Cell `json:"cells"`
}

// AddVisitors takes a part of the errors' weight for looks at how often each visitor errs, in the given number of steps. It does nothing where it is not visitors that are drawn, and
// for policies without errors. For the alarm alone: it excludes nothing.
func AddVisitors(p *Policy, steps int) {
	if p.Unit != ByVisitor || steps < 1 {
		return
	}
	for i, v := range p.Vitals {
		if v.Name == Errors {
			p.Vitals[i].Weight -= v.Weight * visitorsPart
			p.Vitals = append(p.Vitals, VitalSpec{
				Name: VisitorErrors, Label: "errors, visitor by visitor", Weight: v.Weight * visitorsPart, AlarmOnly: true, VisitorSteps: steps,
			})
			return
		}
	}
}

// LooksAtVisitors is the number of the vital that LookAtVisitors is for, -1 without one.
func (p Policy) LooksAtVisitors() int {
	for i, v := range p.Vitals {
		if v.VisitorSteps > 0 {
			return i
		}
	}
	return -1
}

// LookAtVisitors takes a look. When one looks must be fixed beforehand: as soon as repeats.Due names the next look. Each step may spend the same part of the weight, and each look its
// repeats.Part of that; looks that do not come are not spent, and those in steps beyond the plan say nothing. A policy with a margin tolerates harm, and then this test, which is of "nothing
// changed", says nothing either. An error changes nothing.
func (s *State) LookAtVisitors(p Policy, l VisitorLook) error {
	i := p.LooksAtVisitors()
	if i < 0 {
		return fmt.Errorf("a look at visitors: the policy has no vital for it")
	}
	s.begin(p)
	v, spec := &s.Vitals[i], p.Vitals[i]
	m := v.Visitors
	if m == nil || l.Look < 0 || l.Look >= repeats.Looks() || l.Step < m.Step || l.Step == m.Step && l.Look <= m.Look {
		return fmt.Errorf("vital %q: look %d of step %d is impossible, or was taken", spec.Name, l.Look, l.Step)
	}
	if !(l.Share >= 0 && l.Share <= 1) {
		return fmt.Errorf("vital %q: share %v is not between 0 and 1", spec.Name, l.Share)
	}
	if err := repeats.Validate(l.Cells); err != nil {
		return fmt.Errorf("vital %q: %w", spec.Name, err)
	}
	m.Step, m.Look = l.Step, l.Look
	m.describe(l)
	if l.Step >= spec.VisitorSteps || p.Margin > 0 {
		return nil
	}
	if err := m.Harm.Add(repeats.LogE(l.Cells, l.Share), repeats.Part(l.Look)/float64(spec.VisitorSteps)); err != nil {
		return fmt.Errorf("vital %q: %w", spec.Name, err)
	}
	v.Peak = math.Max(v.Peak, m.Harm.logE())
	return nil
}

// describe keeps what is told of a look.
func (m *Visitors) describe(l VisitorLook) {
	m.Share, m.New, m.Old, m.ErrorsNew, m.ErrorsOld = l.Share, 0, 0, 0, 0
	for _, c := range l.Cells {
		each := 1 + repeats.Value(c.Errors)
		m.New, m.ErrorsNew = m.New+c.New, m.ErrorsNew+float64(c.New)*each
		m.Old, m.ErrorsOld = m.Old+c.Old, m.ErrorsOld+float64(c.Old)*each
	}
	m.ErrorsNew /= math.Max(float64(m.New), 1)
	m.ErrorsOld /= math.Max(float64(m.Old), 1)
}

// weighVisitors is weigh for how often visitors err.
func weighVisitors(v VitalSpec, s *VitalState, e VitalEvidence, regressed bool) VitalEvidence {
	m := s.Visitors
	e.AtRiskNew, e.AtRiskOld, e.RateNew, e.RateOld = m.New, m.Old, m.ErrorsNew, m.ErrorsOld
	e.New, e.Old = int64(math.Round(float64(m.New)*m.ErrorsNew)), int64(math.Round(float64(m.Old)*m.ErrorsOld))
	if m.New > 0 && m.Old > 0 {
		e.RatioEstimate = m.ErrorsNew / m.ErrorsOld
	}
	e.Text = visitorsText(v, m)
	if regressed {
		e.Text += "; " + seldomText(e.Peak)
	}
	if doubtful(v, e) {
		e.Text += "; too much to call the release healthy, and not enough to call it worse"
	}
	return e
}
