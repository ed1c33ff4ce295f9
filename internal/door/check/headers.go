package check

import (
	"strconv"
	"strings"

	"github.com/slipwayhq/slipway/internal/pure/rate"
)

// Headers are the RateLimit-Policy and RateLimit of an answer, as in draft-ietf-httpapi-ratelimit-headers-11: q is the quota, w its window in seconds, r what is left, and t in how many seconds there is more (when
// nothing is left) or everything again.
func Headers(name string, rule *rate.Rule, a rate.Answer, now int64) (policy, state string) {
	quoted := quote(name)
	var b strings.Builder
	b.WriteString(quoted)
	b.WriteString(";q=")
	b.WriteString(strconv.FormatInt(rule.Limit.Amount, 10))
	if w := int64(rule.Window().Seconds()); w > 0 {
		b.WriteString(";w=")
		b.WriteString(strconv.FormatInt(w, 10))
	}
	policy = b.String()
	b.Reset()
	b.WriteString(quoted)
	b.WriteString(";r=")
	b.WriteString(strconv.FormatInt(a.Left, 10))
	at := a.Full
	if a.Over {
		at = a.Next
	}
	if at != rate.Never {
		b.WriteString(";t=")
		b.WriteString(strconv.FormatInt((max(at-now, 0)+999_999_999)/1_000_000_000, 10))
	}
	return policy, b.String()
}

// quote makes a string of structured fields (RFC 9651), which has printable ASCII alone.
func quote(name string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range name {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteByte(byte(r))
		case r < ' ' || r > '~':
			b.WriteByte('?')
		default:
			b.WriteByte(byte(r))
		}
	}
	b.WriteByte('"')
	return b.String()
}
