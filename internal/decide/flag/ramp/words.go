package ramp

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/slipwayhq/slipway/internal/pure/judge"
)

func texts(v judge.Verdict) []string {
	out := make([]string, 0, len(v.Reasons))
	for _, r := range said(v).Reasons {
		out = append(out, r.Text)
	}
	return out
}

// plain is what the judge says, who speaks of releases, said of the values of a flag.
func plain(text string) string {
	return strings.NewReplacer(
		"no visitors who were given the old value or the new one on both releases to compare yet", "nobody to compare with both values yet",
		"visitors who were given the old value or the new one", "visitors",
		"on either release", "with either value",
		"the old release's", "the old value's", "on the old release", "with the old value", "on the new release", "with the new value", "of the old release", "with the old value", "of the new release", "with the new value",
		"on the old one", "with the old one", "a release that changes nothing", "a ramp that changes nothing", "rollouts", "ramps", "releases", "values",
	).Replace(text)
}

// said is a verdict in the words of ramps.
func said(v judge.Verdict) judge.Verdict {
	v.Reasons, v.Vitals = slices.Clone(v.Reasons), slices.Clone(v.Vitals)
	for i := range v.Reasons {
		r := &v.Reasons[i]
		at := slices.IndexFunc(v.Vitals, func(e judge.VitalEvidence) bool { return e.Name == r.Vital })
		if r.Text = plain(r.Text); at >= 0 {
			r.Text = counted(r.Text, &v.Vitals[at])
		}
	}
	for i := range v.Vitals {
		e := &v.Vitals[i]
		e.Text = counted(plain(e.Text), e)
	}
	return v
}

// counted puts what was counted in the place of what the judge expects: that follows from the shares that were drawn, and who was told of need not be divided as they are.
func counted(text string, e *judge.VitalEvidence) string {
	before, rest, found := strings.Cut(text, " (")
	numbers, behind, ends := strings.Cut(rest, " expected)")
	if !found || !ends || !strings.Contains(numbers, " against ") || strings.Contains(numbers, ")") {
		return text
	}
	how := ""
	if e.RateOld > 0 && twoPlaces(e.RateNew/e.RateOld) != twoPlaces(e.RatioEstimate) {
		how = ", reckoned by the shares that were drawn"
	}
	return fmt.Sprintf("%s%s (%s of %s visitors with the new value, %s of %s with the old one)%s",
		before, how, judge.Commas(e.New), judge.Commas(e.AtRiskNew), judge.Commas(e.Old), judge.Commas(e.AtRiskOld), behind)
}

func twoPlaces(ratio float64) string { return strconv.FormatFloat(ratio, 'f', 2, 64) }
