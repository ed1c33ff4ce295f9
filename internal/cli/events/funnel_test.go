package events

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/slipwayhq/slipway/internal/apiclient"
)

// A funnel is read by people: names beside the numbers, times in their units.
func TestAFunnelSaysWhichStepsAndHowLong(t *testing.T) {
	question := json.RawMessage(`{"steps":[{"event":"seen","where":[{"property":"plan","is":"not_equal","value":"pro"},{"property":"price","is":"more","value":"10"}]},{"kind":"page"},{"where":[{"property":"path","is":"not_set"}]}]}`)
	var out bytes.Buffer
	a := apiclient.Answer{Rows: [][]any{{1.0, 12.0, nil}, {2.0, 7.0, 0.1737}, {3.0, 1.0, 190.0}}}
	if err := printFunnel(&out, question, a); err != nil {
		t.Fatal(err)
	}
	want := "STEP EVENT VISITORS MEDIAN-TIME 1 seen?plan!=pro&price>10 12 2 page 7 0.2 s 3 (any)?path not set 1 3.2 min"
	if got := strings.Join(strings.Fields(out.String()), " "); got != want {
		t.Errorf("it prints\n%s\nnot\n%s", got, want)
	}
}

// Each time has the unit that people would use for it.
func TestTimesAreInTheirUnits(t *testing.T) {
	for seconds, want := range map[float64]string{
		0: "< 0.1 s", 0.04: "< 0.1 s", 0.173702: "0.2 s", 2: "2 s", 9.97: "10 s", 59.4: "59 s", 59.6: "1 min", 180: "3 min", 3569: "59 min", 3590: "1 h", 90 * 60: "1.5 h", 47 * 3600: "47 h", 48 * 3600: "2 days", 30 * 86400: "30 days",
	} {
		if got := span(seconds); got != want {
			t.Errorf("%g s are %q, not %q", seconds, got, want)
		}
	}
}
