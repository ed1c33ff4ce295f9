package envoylimit_test

import (
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/pure/envoylimit"
	"github.com/slipwayhq/slipway/internal/pure/rate"
)

func TestWhenAWindowEnds(t *testing.T) {
	at := time.Date(2026, 11, 29, 23, 59, 58, 500_000_000, time.UTC) // a Sunday
	for unit, want := range map[rate.Unit]int64{
		rate.Second: 1, rate.Minute: 2, rate.Hour: 2, rate.Day: 2, rate.Week: 2, rate.Month: 86400 + 2, rate.Year: 32*86400 + 2,
	} {
		rule, err := rate.Compile(rate.Limit{Kind: rate.Calendar, Amount: 10, Unit: unit}, nil)
		if err != nil {
			t.Fatal(err)
		}
		now := at.UnixNano()
		var cell rate.Cell
		a := rule.Take(&cell, now, 1, false)
		if got := envoylimit.Reset(rule, a, now); got != want {
			t.Errorf("%s: %d, not %d", unit, got, want)
		}
		// The window that is told is the one that counts.
		later := now + want*int64(time.Second)
		if rule.Used(cell, later) != 0 || rule.Used(cell, later-int64(time.Second)-1) == 0 {
			t.Errorf("%s: the window of the limit ends at another time", unit)
		}
		if got := envoylimit.Reset(rule, rate.Answer{}, at.Truncate(24*time.Hour).UnixNano()); unit == rate.Day && got != 86400 {
			t.Errorf("at its beginning a day has %d seconds", got)
		}
	}
}

func TestWhenARollingLimitComesBack(t *testing.T) {
	rule, err := rate.Compile(rate.Limit{Kind: rate.Rolling, Amount: 6, Unit: rate.Minute}, nil)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC).UnixNano()
	var cell rate.Cell
	for _, want := range []int64{10, 20, 30, 40, 50, 60, 10} { // the last is refused, and can be had in ten seconds
		if got := envoylimit.Reset(rule, rule.Take(&cell, now, 1, false), now); got != want {
			t.Errorf("%d, not %d", got, want)
		}
	}
	if got := envoylimit.Reset(rule, rule.Take(&cell, now, 7, false), now); got != 60 {
		t.Errorf("what can never be had comes in %d seconds; everything does in 60", got)
	}
}
