package flags

import (
	"testing"

	"github.com/slipwayhq/slipway/internal/fault"
)

// TestPathOf: whoever edits a state is told at which of its members the fault is, and not that of another flag.
func TestPathOf(t *testing.T) {
	for _, one := range []struct {
		err  error
		want string
	}{
		{fault.Invalid("features.new-checkout.rules[1].condition.country.$im: $im is no operator").At("body"), "rules[1].condition.country.$im"},
		{fault.Invalid("features.new-checkout.rules[0]: the coverage is 3").At("body"), "rules[0]"},
		{fault.Invalid("features.new-checkout.defaultValue: is none").At("body"), "default"},
		{fault.Invalid("features.other.rules[0].condition: leads back to itself").At("body"), ""},
		{fault.Invalid("the value of rule 1 must be a boolean").At("body.rules[0].force"), "rules[0].force"},
		{fault.Invalid("default must be a boolean").At("body.default"), "default"},
		{fault.Conflict("it is out of use"), ""},
	} {
		if got := pathOf(one.err, "new-checkout"); got != one.want {
			t.Errorf("%v is at %q, not %q", one.err, got, one.want)
		}
	}
}
