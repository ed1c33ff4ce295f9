package ramp

import "testing"

// The judge of releases speaks of values here.
func TestPlain(t *testing.T) {
	for told, wanted := range map[string]string{
		"order placed: 0.92 times the old release's (24 against 26 expected); about 720 more visitors who were given the old value or the new one are needed to rule out a halving": "order placed: 0.92 times the old value's (24 against 26 expected); about 720 more visitors are needed to rule out a halving",
		"error shown: none on the new release, 6 on the old one; about 6,000 more visitors who were given the old value or the new one are needed to rule out a doubling":           "error shown: none with the new value, 6 with the old one; about 6,000 more visitors are needed to rule out a doubling",
		"order placed: no visitors who were given the old value or the new one on both releases to compare yet":                                                                     "order placed: nobody to compare with both values yet",
		"a: 0.45 times the old release's (133 against 298 expected); a release that changes nothing shows this, however often one looks, in at most 1 of a billion rollouts":        "a: 0.45 times the old value's (133 against 298 expected); a ramp that changes nothing shows this, however often one looks, in at most 1 of a billion ramps",
	} {
		if got := plain(told); got != wanted {
			t.Errorf("%q, not %q", got, wanted)
		}
	}
}
