package picture

import (
	"strings"
	"testing"

	"github.com/slipwayhq/slipway/internal/apiclient"
)

// watch is read by people: no powers of ten, no names of vitals as machines have them.
func TestEvidenceIsWrittenInWords(t *testing.T) {
	for x, want := range map[float64]string{-.5: "none", 0: "1", 1.9: "79", 3.6: "4,000", 5: "100,000", 8.3: "200,000,000", 40: "over a billion"} {
		if got := odds(x); got != want {
			t.Errorf("10^%g is %q, want %q", x, got, want)
		}
	}
	line := vitalLine(apiclient.Vital{Name: "latency_p99", Label: "requests slower than 108 ms", Log10E: 5, Log10Threshold: 3.6, Ratio: 125.4, RatioLow: 31, RatioHigh: 5e6, State: "regressed"}, Ink{})
	if !strings.Contains(line, "125 times (31 to over a million), evidence 100,000 to 1, acts at 4,000  regressed") || strings.Contains(line, "latency_p99") || strings.Contains(line, "^") {
		t.Errorf("it says %q", line)
	}
	for unit, want := range map[string]string{"errors": "new 15.1 each, old 1.0 each, 15 times, evidence", "cores": "new 15.1, old 1, 15 times, evidence", "share": "new 3 (1.51e+03%), old 2 (100%), 15 times, evidence"} {
		line := vitalLine(apiclient.Vital{Name: "v", Unit: unit, Ratio: 15.1, New: apiclient.Arm{Events: 3, Rate: 15.1}, Old: apiclient.Arm{Events: 2, Rate: 1}}, Ink{})
		if !strings.Contains(line, want) {
			t.Errorf("in %s it says %q, want %q", unit, line, want)
		}
	}
}
