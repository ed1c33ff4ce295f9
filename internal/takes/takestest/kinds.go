package takestest

import (
	"time"

	"github.com/slipwayhq/slipway/internal/pure/rate"
)

func rollsAndRefills(w *world) {
	d := w.limit(rate.Limit{Kind: rate.Rolling, Amount: 60, Unit: rate.Minute, Burst: 10})
	w.takes("a part of the burst", ask(d, 7), rate.Answer{Got: 7, Passed: true, Left: 3, Next: w.in(0), Full: w.in(7 * time.Second)})
	w.takes("the rest, one by one", ask(d, 1), rate.Answer{Got: 1, Passed: true, Near: true, Left: 2, Next: w.in(0), Full: w.in(8 * time.Second)})
	w.takes("too much", ask(d, 3), rate.Answer{Over: true, Left: 2, Next: w.in(time.Second), Full: w.in(8 * time.Second)})
	w.takes("the rest", ask(d, 2), rate.Answer{Got: 2, Passed: true, Near: true, Next: w.in(0), Full: w.in(10 * time.Second)})
	w.takes("one too many", ask(d, 1), rate.Answer{Over: true, Next: w.in(time.Second), Full: w.in(10 * time.Second)})
	w.clock.Add(time.Second - 1)
	w.gets("a ns too early", ask(d, 1), 0)
	w.clock.Add(1)
	w.gets("as soon as it was said", ask(d, 1), 1)
	w.gets("and no more", ask(d, 1), 0)
	w.clock.Add(4 * time.Second)
	w.takes("what came back at once", ask(d, 4), rate.Answer{Got: 4, Passed: true, Near: true, Next: w.in(0), Full: w.in(10 * time.Second)})
	w.clock.Add(time.Hour)
	w.takes("no more than the burst comes back", ask(d, 11), rate.Answer{Over: true, Left: 10, Next: rate.Never, Full: w.in(0)})
	w.gets("the burst", ask(d, 10), 10)

	slow := w.limit(rate.Limit{Kind: rate.Rolling, Amount: 3, Unit: rate.Year})
	w.gets("all of a year", ask(slow, 3), 3)
	w.clock.Add(365*24*time.Hour/3 - 1)
	w.gets("a ns before a third of it", ask(slow, 1), 0)
	w.clock.Add(1)
	w.gets("after a third of it", ask(slow, 2), 0)
	w.gets("after a third of it", ask(slow, 1), 1)
}

func followsTheCalendar(w *world) {
	vienna, err := time.LoadLocation("Europe/Vienna")
	if err != nil {
		w.Fatal(err)
	}
	for _, c := range []struct {
		unit     rate.Unit
		from, to string
	}{
		{rate.Second, "2026-03-02 12:00:00", "2026-03-02 12:00:01"},
		{rate.Minute, "2026-03-02 12:00:30", "2026-03-02 12:01:00"},
		{rate.Hour, "2026-03-02 12:00:30", "2026-03-02 13:00:00"},
		{rate.Hour, "2026-03-29 01:30:00", "2026-03-29 03:00:00"}, // half an hour later
		{rate.Day, "2026-03-29 00:00:00", "2026-03-30 00:00:00"},  // 23 hours
		{rate.Day, "2026-10-25 00:00:00", "2026-10-26 00:00:00"},  // 25 hours
		{rate.Week, "2026-03-23 00:00:00", "2026-03-30 00:00:00"},
		{rate.Month, "2028-02-01 00:00:00", "2028-03-01 00:00:00"},
		{rate.Month, "2028-12-31 23:59:59", "2029-01-01 00:00:00"},
		{rate.Year, "2028-12-31 23:59:59", "2029-01-01 00:00:00"},
	} {
		from, err1 := time.ParseInLocation(time.DateTime, c.from, vienna)
		to, err2 := time.ParseInLocation(time.DateTime, c.to, vienna)
		if err1 != nil || err2 != nil {
			w.Fatal(err1, err2)
		}
		d := w.limit(rate.Limit{Kind: rate.Calendar, Amount: 5, Unit: c.unit, Zone: "Europe/Vienna"})
		ends, what := to.UnixNano(), string(c.unit)+" from "+c.from
		w.clock.Set(from)
		w.takes(what, ask(d, 3), rate.Answer{Got: 3, Passed: true, Left: 2, Next: w.in(0), Full: ends})
		w.takes(what+", too much", ask(d, 3), rate.Answer{Over: true, Left: 2, Next: ends, Full: ends})
		w.gets(what+", a part", part(d, 3), 2)
		w.clock.Set(to.Add(-1))
		w.takes(what+", before it ends", ask(d, 1), rate.Answer{Over: true, Next: ends, Full: ends})
		w.clock.Set(to)
		w.gets(what+", the next", ask(d, 5), 5)
		w.gets(what+", too much of the next", ask(d, 1), 0)
		w.takes(what+", more than there ever is", ask(d, 6), rate.Answer{Over: true, Next: rate.Never, Full: w.take(ask(d, 0))[0].Full})
	}
}

func givesOnceEver(w *world) {
	d := w.limit(rate.Limit{Kind: rate.Ever, Amount: 1})
	w.takes("the first", ask(d, 1), rate.Answer{Got: 1, Passed: true, Near: true, Next: w.in(0), Full: rate.Never})
	for range 3 {
		w.takes("another", ask(d, 1), rate.Answer{Over: true, Next: rate.Never, Full: rate.Never})
		w.clock.Add(30 * 365 * 24 * time.Hour)
	}
	five := w.limit(rate.Limit{Kind: rate.Ever, Amount: 5})
	w.gets("some", ask(five, 3), 3)
	w.gets("too many", ask(five, 3), 0)
	w.gets("a part", part(five, 3), 2)
	w.gets("a part of nothing", part(five, 3), 0)
}

func lendsAndTakesBack(w *world) {
	d := w.limit(rate.Limit{Kind: rate.Concurrent, Amount: 3, HoldSeconds: 60})
	first := w.gets("the first", ask(d, 2), 2)
	if first.Ends != w.in(time.Minute) || first.Left != 1 || first.Full != first.Ends {
		w.Errorf("the first: %+v", first)
	}
	w.clock.Add(time.Second)
	second := w.gets("the second", ask(d, 1), 1)
	w.takes("too many", ask(d, 1), rate.Answer{Over: true, Next: first.Ends, Full: second.Ends})
	w.returns("a part of the first", ask(d, 1), first.Ends, true)
	third := w.gets("what came back", ask(d, 1), 1)
	if third.Ends == second.Ends || third.Ends%int64(time.Millisecond) != 0 {
		w.Errorf("two leases end at %d, %d", second.Ends, third.Ends)
	}
	w.returns("the rest of the first", ask(d, 0), first.Ends, true)
	w.left("one was returned", d, 1)
	w.clock.Set(time.Unix(0, second.Ends))
	w.left("the second has ended", d, 2)
	w.returns("what has ended", ask(d, 1), second.Ends, false)
	w.clock.Set(time.Unix(0, third.Ends))
	w.left("all have ended", d, 3)

	w.gets("a part", part(d, 5), 3)
	w.gets("a part of nothing", part(d, 5), 0)
	names := map[int64]bool{}
	many := w.limit(rate.Limit{Kind: rate.Concurrent, Amount: 100, HoldSeconds: 60})
	for range 100 {
		names[w.gets("one of many", ask(many, 1), 1).Ends] = true
	}
	if len(names) != 100 {
		w.Errorf("100 leases have %d names", len(names))
	}
	w.gets("too many", ask(many, 1), 0)
	for ends := range names {
		w.returns("each", ask(many, 1), ends, true)
	}
	w.left("all were returned", many, 100)
}

func lendsWhatRefills(w *world) { // 86,400 a day: one a second
	d := w.limit(rate.Limit{Kind: rate.Concurrent, Amount: 5, Refill: 86400, Unit: rate.Day})
	a := w.gets("two", ask(d, 2), 2)
	b := w.gets("three more", ask(d, 3), 3)
	if a.Ends != w.in(2*time.Second) || b.Ends != w.in(5*time.Second) {
		w.Errorf("they end at %d and %d", a.Ends, b.Ends)
	}
	w.clock.Add(2 * time.Second)
	w.left("two refilled", d, 2)
	w.returns("what refilled", ask(d, 2), a.Ends, false)
	w.returns("what did not", ask(d, 2), b.Ends, true)
	w.left("two were returned", d, 4)
	w.clock.Add(3 * time.Second)
	w.left("all refilled", d, 5)
}

func knowsNoOtherReturns(w *world) {
	d := w.limit(rate.Limit{Kind: rate.Concurrent, Amount: 2, HoldSeconds: 60})
	w.returns("before anything was taken", ask(d, 1), w.in(time.Minute), false)
	a := w.gets("one", ask(d, 1), 1)
	for _, ends := range []int64{0, -1, a.Ends + 1, a.Ends - 1, a.Ends + int64(time.Millisecond), rate.Never} {
		w.returns("of another name", ask(d, 1), ends, false)
	}
	w.returns("too much", ask(d, 2), a.Ends, false)
	other := ask(d, 1)
	other.Group += "other"
	w.returns("by another group", other, a.Ends, false)
	w.returns("of another limit", ask(w.limit(d.Rule.Limit), 1), a.Ends, false)
	w.left("none of them counted", d, 1)
	w.returns("its own", ask(d, 1), a.Ends, true)
	w.returns("the same again", ask(d, 1), a.Ends, false)
	b := w.gets("another takes it", ask(d, 2), 2)
	w.returns("and again", ask(d, 1), a.Ends, false)
	w.returns("and again, all", ask(d, 0), a.Ends, false)
	w.left("what another took is out", d, 0)
	w.returns("the other", ask(d, 2), b.Ends, true)
	rolling := w.limit(rate.Limit{Kind: rate.Rolling, Amount: 1, Unit: rate.Day})
	w.gets("of a limit that lends nothing", ask(rolling, 1), 1)
	w.returns("of a limit that lends nothing", ask(rolling, 1), 0, false)
	w.returns("of a limit that lends nothing", ask(rolling, 1), w.in(0), false)
	w.left("nothing came back", rolling, 0)
}
