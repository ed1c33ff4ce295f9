package ramp

import (
	"testing"

	"github.com/slipwayhq/slipway/internal/pure/judge"
)

// The judge of releases speaks of values here, and of what was counted.
func TestPlain(t *testing.T) {
	for told, wanted := range map[string]string{
		"order placed: 0.92 times the old release's (24 against 26 expected); about 720 more visitors who were given the old value or the new one are needed to rule out a halving": "order placed: 0.92 times the old value's (24 of 100 visitors with the new value, 52 of 200 with the old one); about 720 more visitors are needed to rule out a halving",
		"error shown: none on the new release, 6 on the old one; about 6,000 more visitors who were given the old value or the new one are needed to rule out a doubling":           "error shown: none with the new value, 6 with the old one; about 6,000 more visitors are needed to rule out a doubling",
		"error shown: none on either release in 300 visitors who were given the old value or the new one; about 50 would have to happen to rule out a doubling":                     "error shown: none with either value in 300 visitors; about 50 would have to happen to rule out a doubling",
		"order placed: no visitors who were given the old value or the new one on both releases to compare yet":                                                                     "order placed: nobody to compare with both values yet",
	} {
		e := judge.VitalEvidence{Name: "order", RatioEstimate: 0.92, RateNew: 0.24, RateOld: 0.26, Text: told}
		e.New, e.AtRiskNew, e.Old, e.AtRiskOld = 24, 100, 52, 200
		v := said(judge.Verdict{Vitals: []judge.VitalEvidence{e}, Reasons: []judge.Reason{{Vital: "order", Text: told}}})
		if v.Vitals[0].Text != wanted || v.Reasons[0].Text != wanted {
			t.Errorf("%q, not %q", v.Vitals[0].Text, wanted)
		}
	}
	e := judge.VitalEvidence{RatioEstimate: 0.77, RateNew: 0.21, RateOld: 0.25}
	e.New, e.AtRiskNew, e.Old, e.AtRiskOld = 21, 100, 25, 100
	const wanted = "order: 0.77 times the old value's, reckoned by the shares that were drawn (21 of 100 visitors with the new value, 25 of 100 with the old one); a halving is ruled out (95 % sure)"
	if got := counted("order: 0.77 times the old value's (21 against 27 expected); a halving is ruled out (95 % sure)", &e); got != wanted {
		t.Errorf("%q, not %q", got, wanted)
	}
}
