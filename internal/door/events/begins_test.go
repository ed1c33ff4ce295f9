package events

import (
	"testing"
	"time"
)

func TestBegins(t *testing.T) {
	for _, c := range []struct{ shown, zone, want string }{
		{"2026-11-30T00:00:00Z", "Europe/Berlin", "2026-11-30T00:00:00+01:00"},
		{"2026-07-01T00:00:00Z", "Europe/Berlin", "2026-07-01T00:00:00+02:00"},
		{"2026-03-29T02:00:00Z", "Europe/Berlin", "2026-03-29T03:00:00+02:00"},     // there is no such hour
		{"2018-11-04T00:00:00Z", "America/Sao_Paulo", "2018-11-04T01:00:00-02:00"}, // nor such a midnight
		{"2026-03-29T00:00:00Z", "Asia/Beirut", "2026-03-29T01:00:00+03:00"},
	} {
		location, err := time.LoadLocation(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		shown, err := time.Parse(time.RFC3339, c.shown)
		if err != nil {
			t.Fatal(err)
		}
		if got := begins(shown, location).Format(time.RFC3339); got != c.want {
			t.Errorf("%s in %s begins at %s, not %s", c.shown, c.zone, got, c.want)
		}
	}
}
