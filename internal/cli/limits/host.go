package limits

import (
	"strconv"
	"strings"
	"time"

	"github.com/slipwayhq/slipway/internal/cli/host"
	"github.com/slipwayhq/slipway/internal/fault"
)

// Host is what the commands run in.
type Host struct{ host.Host }

// span reads a length of time: 90m, 24h, 7d.
func span(text string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.ParseInt(days, 10, 64); err == nil && n > 0 && n <= 36500 {
			return time.Duration(n) * 24 * time.Hour, nil
		}
	}
	if d, err := time.ParseDuration(text); err == nil && d > 0 {
		return d, nil
	}
	return 0, fault.Invalid("%q is no length of time; write it like 90m, 24h or 7d", text)
}

// ago is the time so long before now.
func ago(text string) (time.Time, error) {
	d, err := span(text)
	return time.Now().Add(-d), err
}

// whole is the whole group that a key means: people may leave out what the limit says already.
func whole(group, key string) string {
	if key == group || strings.HasPrefix(key, group+":") {
		return key
	}
	return group + ":" + key
}

// number writes thousands apart.
func number(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && n >= 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func who(actor string) string { return strings.TrimPrefix(actor, "person:") }

func at(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Local().Format("2006-01-02 15:04:05")
}
