package capture

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"
)

// Clock tells when something happened by the server's clock: received − (sent − original), the rule of the Segment specification, which takes out by how much the client's clock is
// wrong. Without a time of sending the client's word is taken, and without a time it happened when it was received. What would lie more than a day ahead, or before the year 2000, is a clock that cannot be
// corrected: then, too, it happened when it was received. (Event.Original keeps what the client said.)
func Clock(received, sent, original time.Time) time.Time {
	if at := told(received, sent, original); possibly(at, received) {
		return at
	}
	return received
}

// Misdated tells that an event's own time cannot be, and that it is kept with the time at which it was received.
func (e *Event) Misdated() bool { return !possibly(told(e.Received, e.Sent, e.Original), e.Received) }

// told is when something happened, by what its client says.
func told(received, sent, original time.Time) time.Time {
	switch {
	case original.IsZero():
		return received
	case sent.IsZero():
		return original
	case sent.Before(original): // it was told before it happened: the two clocks are not one
		return received
	}
	return received.Add(-sent.Sub(original))
}

func possibly(at, received time.Time) bool {
	return !at.After(received.Add(24*time.Hour)) && at.Year() >= 2000
}

// moment is a time as clients write it: RFC 3339, nearly so, or a number of seconds or milliseconds since 1970. Zero where there is none; ok is false for what is no time.
func moment(raw json.RawMessage) (t time.Time, ok bool) {
	if empty(raw) {
		return time.Time{}, true
	}
	if seconds, ok := number(raw); ok {
		return unix(seconds)
	}
	if raw[0] != '"' {
		return time.Time{}, false
	}
	text := strings.TrimSpace(unquoted(raw))
	if text == "" {
		return time.Time{}, true
	}
	for _, form := range [...]string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999", "2006-01-02"} {
		if t, err := time.Parse(form, text); err == nil {
			return possible(t)
		}
	}
	return time.Time{}, false
}

// number reads a JSON number.
func number(raw json.RawMessage) (float64, bool) {
	if empty(raw) || raw[0] != '-' && (raw[0] < '0' || raw[0] > '9') {
		return 0, false
	}
	n, err := strconv.ParseFloat(string(raw), 64)
	return n, err == nil
}

// unix reads seconds, or milliseconds where seconds would be after the year 5138.
func unix(number float64) (time.Time, bool) {
	if math.Abs(number) < 1e11 {
		number *= 1000
	}
	if !(math.Abs(number) < 1e15) {
		return time.Time{}, false
	}
	return possible(time.UnixMicro(int64(math.Round(number * 1000))))
}

// possible refuses what JSON cannot write: years beyond 9999.
func possible(t time.Time) (time.Time, bool) {
	t = t.UTC().Truncate(time.Microsecond)
	if y := t.Year(); y < 1 || y > 9999 {
		return time.Time{}, false
	}
	return t, true
}

// empty: no value, or null.
func empty(raw json.RawMessage) bool { return len(raw) == 0 || string(raw) == "null" }
