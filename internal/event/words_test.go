package event_test

import (
	"testing"

	"github.com/slipwayhq/slipway/internal/event"
)

func TestSubjectOfAChangeOfConfiguration(t *testing.T) {
	for want, c := range map[string]event.ConfigDiff{
		"configuration 7: LOG_LEVEL, secret KEY, without TAX_RATE": {Settings: []string{"LOG_LEVEL"}, Secrets: []string{"KEY"}, Removed: []string{"TAX_RATE"}},
		"configuration 7: A, B, C, D":                              {Settings: []string{"A", "B", "C", "D"}},
		"configuration 7: A, B, C, 2 more":                         {Settings: []string{"A", "B", "C", "D"}, Secrets: []string{"E"}},
	} {
		if got := c.Subject(7); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
