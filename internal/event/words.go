package event

import (
	"fmt"
	"strings"
)

// Subject is the change in one line, as a commit has one: "configuration 7: LOG_LEVEL, secret PAYMENT_KEY, without TAX_RATE".
func (c ConfigDiff) Subject(version int) string {
	parts := append([]string{}, c.Settings...)
	for _, s := range c.Secrets {
		parts = append(parts, "secret "+s)
	}
	for _, r := range c.Removed {
		parts = append(parts, "without "+r)
	}
	const most = 4
	if n := len(parts); n > most {
		parts = append(parts[:most-1], fmt.Sprintf("%d more", n-most+1))
	}
	return fmt.Sprintf("configuration %d: %s", version, strings.Join(parts, ", "))
}
