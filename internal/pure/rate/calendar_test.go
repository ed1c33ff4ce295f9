package rate_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/slipwayhq/slipway/internal/pure/rate"
)

func TestWindowsOfTheCalendar(t *testing.T) {
	for _, c := range []struct {
		zone      string
		unit      rate.Unit
		now, ends string
	}{
		{"UTC", rate.Second, "2026-03-02 12:00:00", "2026-03-02 12:00:01"},
		{"Asia/Kathmandu", rate.Minute, "2026-03-02 12:00:59", "2026-03-02 12:01:00"},
		{"Asia/Kathmandu", rate.Hour, "2026-03-02 12:59:59", "2026-03-02 13:00:00"},
		{"Asia/Kathmandu", rate.Day, "2026-03-02 23:59:59", "2026-03-03 00:00:00"},
		{"UTC", rate.Day, "2026-03-02 00:00:00", "2026-03-03 00:00:00"},
		{"UTC", rate.Week, "2026-03-02 00:00:00", "2026-03-09 00:00:00"},           // a Monday
		{"UTC", rate.Week, "2026-03-08 23:59:59", "2026-03-09 00:00:00"},           // a Sunday
		{"Europe/Vienna", rate.Day, "2026-03-29 01:30:00", "2026-03-30 00:00:00"},  // 23 hours
		{"Europe/Vienna", rate.Day, "2026-10-25 00:00:00", "2026-10-26 00:00:00"},  // 25 hours
		{"Europe/Vienna", rate.Week, "2026-03-23 00:00:00", "2026-03-30 00:00:00"}, // an hour is missing
		{"Europe/Vienna", rate.Month, "2026-01-31 23:00:00", "2026-02-01 00:00:00"},
		{"Europe/Vienna", rate.Month, "2028-02-29 12:00:00", "2028-03-01 00:00:00"},
		{"Europe/Vienna", rate.Month, "2026-12-31 23:59:59", "2027-01-01 00:00:00"},
		{"America/New_York", rate.Year, "2026-12-31 23:59:59", "2027-01-01 00:00:00"},
		{"America/New_York", rate.Year, "2026-01-01 00:00:00", "2027-01-01 00:00:00"},
		{"Africa/Cairo", rate.Day, "2026-04-23 23:30:00", "2026-04-24 01:00:00"}, // no midnight: the clocks are put forward at it
		{"Asia/Beirut", rate.Week, "2025-03-28 23:30:00", "2025-03-31 00:00:00"}, // Sunday had none
		{"America/Sao_Paulo", rate.Day, "2018-11-03 23:30:00", "2018-11-04 01:00:00"},
		{"Pacific/Apia", rate.Day, "2011-12-29 12:00:00", "2011-12-31 00:00:00"}, // a day was left out
		{"Pacific/Apia", rate.Month, "2011-12-29 12:00:00", "2012-01-01 00:00:00"},
	} {
		r := compile(t, rate.Limit{Kind: rate.Calendar, Amount: 3, Unit: c.unit, Zone: c.zone})
		now, ends := at(t, c.zone, c.now), at(t, c.zone, c.ends)
		var cell rate.Cell
		same(t, c.zone+" "+c.now+", all", r.Take(&cell, now, 3, false), rate.Answer{Got: 3, Passed: true, Near: true, Next: now, Full: ends})
		same(t, c.zone+" "+c.now+", too much", r.Take(&cell, now, 1, false), rate.Answer{Over: true, Next: ends, Full: ends})
		same(t, c.zone+" "+c.now+", just before it ends", r.Take(&cell, ends-1, 1, false), rate.Answer{Over: true, Next: ends, Full: ends})
		if a := r.Take(&cell, ends, 3, false); !a.Passed || a.Full <= ends {
			t.Errorf("%s %s: the next window: %+v", c.zone, c.now, a)
		}
	}
}

func TestAnHourThatComesTwiceIsTwoWindows(t *testing.T) {
	r := compile(t, rate.Limit{Kind: rate.Calendar, Amount: 1, Unit: rate.Hour, Zone: "Europe/Vienna"})
	first := time.Date(2026, 10, 25, 0, 30, 0, 0, time.UTC).UnixNano() // 02:30, in summer time
	var c rate.Cell
	if a := r.Take(&c, first, 1, false); a.Full != first+1800*second {
		t.Errorf("the first ends at %v", time.Unix(0, a.Full).UTC())
	}
	if a := r.Take(&c, first+3600*second, 1, false); !a.Passed || a.Full != first+(3600+1800)*second {
		t.Errorf("the second: %+v", a)
	}
}

// Each window ends when the date by the zone's clock is another for the first time, wherever summer time begins.
func TestWindowsEndWithTheirDate(t *testing.T) {
	zones := []string{"UTC", "Europe/Vienna", "America/New_York", "Africa/Cairo", "Asia/Beirut", "America/Sao_Paulo", "America/Santiago", "America/Havana", "America/Nuuk", "Asia/Kathmandu", "Australia/Lord_Howe"}
	name := map[rate.Unit]func(time.Time) [3]int{
		rate.Day:   func(t time.Time) [3]int { return [3]int{t.Year(), int(t.Month()), t.Day()} },
		rate.Week:  func(t time.Time) [3]int { y, w := t.ISOWeek(); return [3]int{y, w} },
		rate.Month: func(t time.Time) [3]int { return [3]int{t.Year(), int(t.Month())} },
		rate.Year:  func(t time.Time) [3]int { return [3]int{t.Year()} },
	}
	rapid.Check(t, func(t *rapid.T) {
		zone, err := time.LoadLocation(rapid.SampledFrom(zones).Draw(t, "zone"))
		if err != nil {
			t.Fatal(err)
		}
		unit := rapid.SampledFrom([]rate.Unit{rate.Hour, rate.Day, rate.Week, rate.Month, rate.Year}).Draw(t, "unit")
		now := rapid.Int64Range(946684800, 2208988800).Draw(t, "now")
		if rapid.Bool().Draw(t, "near a change of the clocks") {
			_, end := time.Unix(now, 0).In(zone).ZoneBounds()
			if end.IsZero() {
				return
			}
			now = end.Unix() + rapid.Int64Range(-7200, 7200).Draw(t, "off by")
		}
		r := compile(t, rate.Limit{Kind: rate.Calendar, Amount: 1, Unit: unit, Zone: zone.String()})
		var c rate.Cell
		ends := r.Take(&c, now*second, 1, false).Full
		before, after := time.Unix(0, ends-1).In(zone), time.Unix(0, ends).In(zone)
		if unit == rate.Hour {
			if ends <= now*second || ends > (now+3600)*second || after.Minute()%30 != 0 || after.Second() != 0 {
				t.Fatalf("an hour at %v ends at %v", time.Unix(now, 0).In(zone), after)
			}
			return
		}
		is := name[unit]
		if is(time.Unix(now, 0).In(zone)) != is(before) || is(before) == is(after) {
			t.Fatalf("the %s of %v ends at %v", unit, time.Unix(now, 0).In(zone), after)
		}
	})
}

// St. John's put its clocks back at one minute past midnight: the day begins twice. It must not begin with each nanosecond.
func TestADayThatBeginsTwice(t *testing.T) {
	r := compile(t, rate.Limit{Kind: rate.Calendar, Amount: 1, Unit: rate.Day, Zone: "America/St_Johns"})
	day := time.Date(2010, 11, 7, 2, 0, 0, 0, time.UTC)
	for m := range 180 {
		now := day.Add(time.Duration(m) * time.Minute).UnixNano()
		var c rate.Cell
		if a := r.Take(&c, now, 1, false); a.Full < now+60*second-1 {
			t.Fatalf("at %v the day ends at %v", time.Unix(0, now).In(time.UTC), time.Unix(0, a.Full).UTC())
		}
	}
}

func TestEverGivesOnce(t *testing.T) {
	r := compile(t, rate.Limit{Kind: rate.Ever, Amount: 1})
	var c rate.Cell
	if a := r.Take(&c, start, 1, false); !a.Passed || a.Full != never {
		t.Errorf("the first: %+v", a)
	}
	for _, later := range []int64{0, 1, 100 * 365 * 86400 * second, -start} {
		same(t, "again", r.Take(&c, start+later, 1, true), rate.Answer{Over: true, Next: never, Full: never})
	}
	if r.Idle(c, never) {
		t.Error("it may be forgotten")
	}
}
