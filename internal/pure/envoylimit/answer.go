package envoylimit

import (
	"strings"
	"time"

	"github.com/slipwayhq/slipway/internal/pure/rate"
)

// sfString writes text as a string of structured fields (RFC 9651), which has ASCII alone.
func sfString(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r > '~':
			b.WriteByte('?')
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// Reset is in how many seconds, rounded up, the window of a limit ends, or, of a rolling one, what was refused can be had, or everything can be had again.
func Reset(rule *rate.Rule, a rate.Answer, now int64) int64 {
	const second = int64(time.Second)
	if rule.Limit.Kind == rate.Calendar {
		return (end(rule, now) - now + second - 1) / second
	}
	at := a.Full
	if a.Over && a.Next != rate.Never {
		at = a.Next
	}
	left := at - now
	return max(left/second+min(left%second, 1), 0)
}

// end is when the calendar's window around now ends, in UTC.
func end(rule *rate.Rule, now int64) int64 {
	switch rule.Limit.Unit {
	case rate.Second, rate.Minute, rate.Hour, rate.Day:
		window := int64(rule.Window())
		return now - (now%window+window)%window + window
	case rate.Week, rate.Month, rate.Year:
	}
	y, m, d := time.Unix(0, now).UTC().Date()
	switch rule.Limit.Unit {
	case rate.Week:
		const days = 7
		return time.Date(y, m, d+days-(int(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Weekday())+days-1)%days, 0, 0, 0, 0, time.UTC).UnixNano()
	case rate.Month:
		return time.Date(y, m+1, 1, 0, 0, 0, 0, time.UTC).UnixNano()
	case rate.Second, rate.Minute, rate.Hour, rate.Day, rate.Year:
	}
	return time.Date(y+1, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano()
}
