package judge

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

func regressedText(v VitalSpec, e VitalEvidence) string {
	return fmt.Sprintf("%s: %s; %s", e.Label, comparison(v, e), seldomText(e.Peak))
}

// seldomText says what an e-value, as log10, is worth.
func seldomText(peak float64) string {
	return fmt.Sprintf("a release that changes nothing shows this, however often one looks, in at most 1 of %s rollouts", odds(peak))
}

func excludedText(p Policy, v VitalSpec, e VitalEvidence) string {
	return fmt.Sprintf("%s: %s; %s is ruled out (%s sure)", e.Label, comparison(v, e), harmWords(v, e.RuleOut), percent(1-p.excludeAlpha()))
}

func negligibleText(p Policy, v VitalSpec, e VitalEvidence) string {
	return fmt.Sprintf("%s: %s on the new release in %s requests: fewer than the %s that would matter (%s sure)",
		e.Label, quantity(e.New), Commas(e.AtRiskNew), percent(v.Negligible), percent(1-p.excludeAlpha()))
}

func cannotRiseText(v VitalSpec) string {
	return fmt.Sprintf("%s: %s of all requests already, so that it cannot rise by much", v.label(), percent(v.Base))
}

func unknownText(v VitalSpec, e VitalEvidence) string {
	harm := harmWords(v, e.RuleOut)
	switch {
	case e.AtRiskNew == 0 || e.AtRiskOld == 0:
		return fmt.Sprintf("%s: no %s on both releases to compare yet", e.Label, v.of())
	case e.New+e.Old == 0 && e.Needed.Requests > 0:
		return fmt.Sprintf("%s: none on either release in %s %s; about %s more without any are needed to be sure",
			e.Label, Commas(e.AtRiskNew+e.AtRiskOld), v.of(), roughly(float64(e.Needed.Requests)))
	case e.Needed.Requests > 0:
		return fmt.Sprintf("%s: %s; about %s more %s are needed to rule out %s",
			e.Label, comparison(v, e), roughly(float64(e.Needed.Requests)), v.of(), harm)
	case e.Needed.Events > 0:
		return fmt.Sprintf("%s: none on either release in %s %s; about %s would have to happen to rule out %s",
			e.Label, Commas(e.AtRiskNew+e.AtRiskOld), v.of(), roughly(float64(e.Needed.Events)), harm)
	}
	return fmt.Sprintf("%s: %s; at this share of traffic no number of %s rules out %s", e.Label, comparison(v, e), v.of(), harm)
}

func comparedText(v VitalSpec, e VitalEvidence) string {
	return fmt.Sprintf("%s: %s", e.Label, comparison(v, e))
}

func suspectText(v VitalSpec, e VitalEvidence, host string) string {
	return fmt.Sprintf("%s: %s, but it is the host %s alone that makes the difference; the others on the new release do not show it, so look at that host", e.Label, comparison(v, e), host)
}

func oneHostText(v VitalSpec, e VitalEvidence) string {
	return fmt.Sprintf("%s: %s; one broken host could explain that as well, so that it does not decide yet", e.Label, comparison(v, e))
}

func meanText(p Policy, v VitalSpec, e VitalEvidence, m *Mean) string {
	if m.New == 0 {
		return fmt.Sprintf("%s: not yet measured on two hosts of each release", e.Label)
	}
	text := meanRatioText(e, m)
	switch e.Outcome {
	case Regressed:
		return text + "; " + seldomText(e.Peak)
	case Healthy:
		return text + fmt.Sprintf("; %s is ruled out (%s sure)", harmWords(v, e.RuleOut), percent(1-p.excludeAlpha()))
	}
	return text + fmt.Sprintf("; that is not enough to tell whether %s is ruled out", harmWords(v, e.RuleOut))
}

func meanRatioText(e VitalEvidence, m *Mean) string {
	return fmt.Sprintf("%s: %.2f times the old release's (%d hosts against %d)", e.Label, m.Ratio, m.New, m.Old)
}

// visitorsText: "of 664 visitors with errors 93 are on the new release (66 expected), with 4.1 errors each, against 2.6 on the old one".
func visitorsText(v VitalSpec, m *Visitors) string {
	if m.New+m.Old == 0 {
		return v.label() + ": no visitor with errors was looked at yet"
	}
	return fmt.Sprintf("%s: of %s visitors with errors %s on the new release (%s expected), with %.1f errors each, against %.1f on the old one",
		v.label(), Commas(m.New+m.Old), areOf(m.New), expected(m.Share*float64(m.New+m.Old)), m.ErrorsNew, m.ErrorsOld)
}

// areOf: "93 are", "1 is", "none is".
func areOf(n int64) string {
	if n > 1 {
		return Commas(n) + " are"
	}
	return quantity(n) + " is"
}

func splitText(s SplitEvidence) string {
	return fmt.Sprintf("the split is wrong: the new release gets %s of the requests, and should get %s. What was counted cannot be compared; look at what is in front of the releases",
		percent(s.Share), percent(s.Intended))
}

// comparison: "3.1 times the old release's (41 against 13 expected)".
func comparison(v VitalSpec, e VitalEvidence) string {
	if e.RatioEstimate == 0 {
		return fmt.Sprintf("%s on the new release, %s on the old one", quantity(e.New), quantity(e.Old))
	}
	times := strconv.FormatFloat(e.RatioEstimate, 'f', 1, 64)
	if e.RatioEstimate < 2 || v.Bad == Drop {
		times = strconv.FormatFloat(e.RatioEstimate, 'f', 2, 64)
	}
	return fmt.Sprintf("%s times the old release's (%s against %s expected)", times, Commas(e.New), expected(e.Expected))
}

// expected keeps a decimal below 10.
func expected(x float64) string {
	if x < 9.95 {
		return strconv.FormatFloat(x, 'f', 1, 64)
	}
	return Commas(int64(math.Round(x)))
}

// HarmWords names a ratio of what is harm when it rises: "a doubling".
func HarmWords(ratio float64) string { return harmWords(VitalSpec{}, ratio) }

// harmWords names a ratio of harm: "a doubling", "a rise to 1.8 times", "a halving".
func harmWords(v VitalSpec, ratio float64) string {
	if v.Bad == Drop {
		switch ratio {
		case 2:
			return "a halving"
		default:
			return "a drop to " + percent(1/ratio)
		}
	}
	switch ratio {
	case 2:
		return "a doubling"
	case 3:
		return "a tripling"
	}
	return "a rise to " + strconv.FormatFloat(ratio, 'g', 3, 64) + " times"
}

// odds is 10^log10 as a number of rollouts, to two digits.
func odds(log10 float64) string {
	if log10 >= 9 {
		return "a billion"
	}
	return roughly(math.Pow(10, log10))
}

// roughly rounds to two significant digits: 4,123 is "4,100".
func roughly(x float64) string {
	if x < 1 {
		return "1"
	}
	unit := math.Pow(10, math.Max(0, math.Floor(math.Log10(x))-1))
	return Commas(int64(math.Round(x/unit) * unit))
}

func quantity(n int64) string {
	if n == 0 {
		return "none"
	}
	return Commas(n)
}

// Commas writes 12000 as "12,000". n is not negative.
func Commas(n int64) string {
	digits := strconv.FormatInt(n, 10)
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return b.String()
}

// percent writes a fraction with at most three significant digits: "95 %".
func percent(fraction float64) string {
	return strconv.FormatFloat(fraction*100, 'g', 3, 64) + " %"
}
