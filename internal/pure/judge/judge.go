package judge

import (
	"math"

	"github.com/slipwayhq/slipway/internal/pure/stats"
)

// Judge says what the evidence means. It looks at the largest e-value so far, so that the answer does not depend on how often, or
// after which ticks, one asks. The state must have been made for this policy.
func Judge(p Policy, s State) Verdict {
	s.begin(p)
	v := Verdict{Vitals: make([]VitalEvidence, len(p.Vitals))}
	for i, spec := range p.Vitals {
		v.Vitals[i] = weigh(p, spec, &s.Vitals[i], s.regressed(p, i))
	}
	v.Outcome, v.Split = outcome(p, &s, v.Vitals), s.Split.weigh()
	if v.Outcome == WrongSplit {
		v.Reasons = []Reason{{About: WrongSplit, Text: splitText(*v.Split)}}
	}
	for i, e := range v.Vitals {
		if e.Outcome == v.Outcome && (e.Outcome == Regressed || !p.Vitals[i].AlarmOnly || doubtful(p.Vitals[i], e)) {
			v.Reasons = append(v.Reasons, Reason{Vital: e.Name, About: e.Outcome, Text: e.Text})
		}
	}
	if v.Outcome == Regressed {
		v.Reasons = append(v.Reasons, moved(p, &s, v.Vitals)...)
	}
	return v
}

// moved names what else is worse, once harm is shown: the vitals that e-BH names (stats.EBH) beside those that decided. Of all that are named one in twenty is wrong at most, on average.
// It decides nothing. Evidence is that of now, not the largest so far, and never more than what a broken host leaves of it.
func moved(p Policy, s *State, vitals []VitalEvidence) (also []Reason) {
	evidence := make([]float64, len(vitals))
	for i := range evidence {
		now := &s.Vitals[i]
		evidence[i] = math.Min(now.LogE(), now.Peak)
	}
	named, err := stats.EBH(evidence, p.excludeAlpha())
	if err != nil {
		return nil // there is no evidence to name anything by
	}
	for _, i := range named {
		e, mean := vitals[i], s.Vitals[i].Mean
		if e.Outcome == Regressed {
			continue
		}
		text := comparedText(p.Vitals[i], e)
		switch {
		case mean != nil:
			text = meanRatioText(e, mean)
		case s.Vitals[i].Visitors != nil:
			text = e.Text
		}
		also = append(also, Reason{Vital: e.Name, About: Also, Text: "also worse: " + text})
	}
	return also
}

// HasRegressed is Judge's answer to the urgent question alone, without words and allocations: is any vital beyond its threshold?
func HasRegressed(p Policy, s *State) bool {
	for i := range s.Vitals {
		if s.regressed(p, i) {
			return true
		}
	}
	return false
}

// Says is Judge's outcome alone, without words and all that is only shown.
func Says(p Policy, s *State) Outcome {
	s.begin(p)
	vitals := make([]VitalEvidence, len(p.Vitals))
	for i, v := range p.Vitals {
		vitals[i], _ = decide(p, v, &s.Vitals[i], s.regressed(p, i))
	}
	return outcome(p, s, vitals)
}

// outcome is what all vitals and the split say together.
func outcome(p Policy, s *State, vitals []VitalEvidence) Outcome {
	if s.Split.wrong() && !HasRegressed(p, s) {
		return WrongSplit
	}
	return overall(p, vitals)
}

// regressed: the vital is beyond its threshold. With a split that is wrong this means something only if the harm shows against the traffic that each release got, too.
func (s *State) regressed(p Policy, i int) bool {
	v, vital := p.Vitals[i], &s.Vitals[i]
	if !(vital.Peak >= p.Threshold(v)) {
		return false
	}
	if !s.Split.wrong() || vital.Units != nil || vital.Mean != nil {
		return true
	}
	if vital.Seen == nil {
		return false
	}
	if v.Bad == Drop {
		high, ok := vital.Seen.Upper(p.Alpha * v.Weight)
		return ok && high < 1/(1+p.Margin)
	}
	low, ok := vital.Seen.Lower(p.Alpha * v.Weight)
	return ok && low > 1+p.Margin
}

// doubtful: the visitors who err again give half the evidence, counted in powers of ten, that harm takes. Errors counted at each visitor's first one may then be ruled out and the release is not healthy for that.
func doubtful(v VitalSpec, e VitalEvidence) bool {
	return v.VisitorSteps > 0 && e.Outcome == Unknown && e.Threshold > 0 && e.Peak >= e.Threshold/2
}

// overall: one regressed vital is enough, all but those that are there for the alarm alone must be healthy. A vital that a suspect host keeps from being judged, or that is doubtful, leaves it
// open whatever it is there for.
func overall(p Policy, vitals []VitalEvidence) Outcome {
	outcome := Healthy
	for i, e := range vitals {
		if e.Outcome == Regressed {
			return Regressed
		}
		if e.Outcome == Unknown && (!p.Vitals[i].AlarmOnly || e.Suspect != "" || doubtful(p.Vitals[i], e)) {
			outcome = Unknown
		}
	}
	return outcome
}

// ground is why a vital says what it says.
type ground int

const (
	nothingShown ground = iota
	harmShown
	brokenHost
	cannotRise
	harmExcluded
	rateNegligible
)

// decide is what one vital says, and why, with the numbers that it is decided by and no others.
func decide(p Policy, v VitalSpec, s *VitalState, regressed bool) (e VitalEvidence, why ground) {
	goal, excluded := -math.Log(p.excludeAlpha()), s.excludeLogE()
	e = VitalEvidence{Outcome: Healthy, Peak: log10(s.Peak), Threshold: log10(p.Threshold(v)), Excluded: log10(excluded), ExcludeThreshold: log10(goal)}
	counted := s.Mean == nil && s.Visitors == nil
	switch {
	case regressed:
		e.Outcome = Regressed
		return e, harmShown
	case counted && s.Suspect != "":
		e.Outcome, e.Suspect = Unknown, s.Suspect
		return e, brokenHost
	case counted && !canRise(p, v):
		return e, cannotRise
	case s.Visitors == nil && excluded >= goal:
		return e, harmExcluded
	case counted && v.Negligible > 0 && stats.RateBelow(s.Total.New, s.Total.AtRiskNew, v.Negligible) >= goal:
		return e, rateNegligible
	}
	e.Outcome = Unknown
	return e, nothingShown
}

// weigh puts one vital's evidence in numbers and words.
func weigh(p Policy, v VitalSpec, s *VitalState, regressed bool) VitalEvidence {
	e, why := decide(p, v, s, regressed)
	e.Name, e.Label, e.EValue, e.RuleOut, e.Count = v.Name, v.label(), log10(s.LogE()), p.RuleOutFor(v), s.Total
	e.RateNew, e.RateOld = rate(s.Total.New, s.Total.AtRiskNew), rate(s.Total.Old, s.Total.AtRiskOld)
	if s.Mean != nil {
		return weighMean(p, v, s, e)
	}
	if s.Visitors != nil {
		return weighVisitors(v, s, e, regressed)
	}
	e.ratios(p, v, s)
	switch {
	case why == harmShown:
		e.Text = regressedText(v, e)
	case why == brokenHost:
		e.Text = suspectText(v, e, s.Suspect)
	case why == cannotRise:
		e.Text = cannotRiseText(v)
	case why == harmExcluded:
		e.Text = excludedText(p, v, e)
	case why == rateNegligible:
		e.Text = negligibleText(p, v, e)
	case v.AlarmOnly:
		e.Text = comparedText(v, e)
	default:
		e.Needed, e.ToDetect = needed(p, v, s), toDetect(p, v, s)
		e.Text = unknownText(v, e)
	}
	if why == nothingShown && s.LogE() >= p.Threshold(v) { // enough, but for what robust takes off
		e.Text = oneHostText(v, e)
	}
	return e
}

// weighMean is weigh for a mean of hosts.
func weighMean(p Policy, v VitalSpec, s *VitalState, e VitalEvidence) VitalEvidence {
	e.RatioEstimate, e.RatioLow, e.RatioHigh = s.Mean.Ratio, s.Mean.Low, s.Mean.High
	e.RateNew, e.RateOld, e.AtRiskNew, e.AtRiskOld = s.Mean.NowNew, s.Mean.NowOld, int64(s.Mean.New), int64(s.Mean.Old)
	e.Text = meanText(p, v, e, s.Mean)
	return e
}

// log10 turns a natural logarithm into a decimal one, without the rounding noise around 0.
func log10(ln float64) float64 {
	if math.Abs(ln) < 1e-9 {
		return 0
	}
	return ln / math.Ln10
}

// canRise: an event that nearly every request already is cannot become much more frequent; there is nothing to rule out.
func canRise(p Policy, v VitalSpec) bool { return p.RuleOutFor(v) > 1+p.Margin }

// ratios fills in the estimate and its bounds as new over old, whichever direction is harm.
func (e *VitalEvidence) ratios(p Policy, v VitalSpec, s *VitalState) {
	b := s.bounds()
	estimate, _ := b.Estimate()
	low, _ := b.Lower(p.excludeAlpha())
	high, _ := b.Upper(p.excludeAlpha())
	if v.Bad == Drop {
		estimate, low, high = inverse(estimate), inverse(high), inverse(low)
	}
	e.RatioEstimate, e.RatioLow, e.RatioHigh = estimate, low, high
	if estimate > 0 {
		e.Expected = float64(s.Total.New) / estimate
	}
}

// inverse of a ratio, where 0 stands for "not known".
func inverse(ratio float64) float64 {
	if ratio == 0 {
		return 0
	}
	return 1 / ratio
}

func rate(events, requests int64) float64 {
	if requests == 0 {
		return 0
	}
	return float64(events) / float64(requests)
}

// needed is the cheaper of the two ways to health: excluding the ratio, or showing that the rate is negligible.
func needed(p Policy, v VitalSpec, s *VitalState) Needed {
	alpha, share, pooled := p.excludeAlpha(), s.harmShare(), s.pooledRate()
	events, requests := s.excludeNeeds(share, alpha), math.Inf(1)
	if pooled > 0 {
		requests = events / pooled
	}
	if v.Negligible > 0 && share > 0 {
		onNew := stats.RequestsForRateBelow(s.Total.New, s.Total.AtRiskNew, v.Negligible, pooled, alpha)
		if both := onNew / share; both < requests {
			events, requests = both*pooled, both
		}
	}
	return Needed{Events: count(events), Requests: count(requests)}
}

// toDetect forecasts when a harm of RuleOut that begins now would be called regressed.
func toDetect(p Policy, v VitalSpec, s *VitalState) Needed {
	ratio, share := p.RuleOutFor(v), s.harmShare()
	events, requests := s.harmNeeds(ratio, share, p.Alpha*v.Weight), math.Inf(1)
	if pooled := s.pooledRate(); pooled > 0 {
		requests = events / (pooled * (share*ratio + 1 - share))
	}
	return Needed{Events: count(events), Requests: count(requests)}
}

// harmShare is the present share of the arm in which harm shows as more events.
func (s *VitalState) harmShare() float64 {
	if s.Share == 0 {
		return s.atRiskShare(s.RecentShare)
	}
	return s.Share
}

func (s *VitalState) pooledRate() float64 {
	return rate(s.Total.New+s.Total.Old, s.Total.AtRiskNew+s.Total.AtRiskOld)
}

// count is x as a whole number; what is beyond all reason counts as not known: 0.
func count(x float64) int64 {
	if !(x < 1e15) {
		return 0
	}
	return int64(math.Ceil(x))
}
