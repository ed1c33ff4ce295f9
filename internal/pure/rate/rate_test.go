package rate_test

import (
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/pure/rate"
)

const never = int64(rate.Never)

// start is a Monday at noon, UTC.
var start = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC).UnixNano()

func compile(t interface {
	Helper()
	Fatalf(string, ...any)
}, l rate.Limit) *rate.Rule {
	t.Helper()
	r, err := rate.Compile(l, time.LoadLocation)
	if err != nil {
		t.Fatalf("compile %+v: %v", l, err)
	}
	return r
}

// at is a time of 2026 in ns since 1970, by the clock of a zone.
func at(t *testing.T, zone, clock string) int64 {
	t.Helper()
	z, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	v, err := time.ParseInLocation("2006-01-02 15:04:05", clock, z)
	if err != nil {
		t.Fatal(err)
	}
	return v.UnixNano()
}

func same(t *testing.T, what string, got, want rate.Answer) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\ngot  %+v\nwant %+v", what, got, want)
	}
}
