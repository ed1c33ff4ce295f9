package rate

import (
	"math"
	"math/bits"
	"time"
)

// Cell is what has been taken of a limit under one key. The zero Cell is nothing.
type Cell struct {
	// At is until when a rolling limit has been drained, or when the window of a calendar limit ends; in ns since 1970.
	At int64
	// Used is what was taken and has not come back.
	Used int64
}

// Never is the time of what will not come.
const Never = math.MaxInt64

// Answer is what became of a take. Times are in ns since 1970.
type Answer struct {
	// Got is what was given: all that was asked for, a part where a part will do, or 0.
	Got int64
	// Passed says that something was given, or would have been if a look were a take. Of a limit in the shadow everything is given.
	Passed bool
	// Over says that the limit did not have what was asked for; it passes nevertheless in the shadow.
	Over bool
	// Near says that the limit is nearly used up.
	Near bool
	// Left is what more could be had now.
	Left int64
	// Next is when what was refused could be had, and Full when everything could; Never if never, now if now.
	Next, Full int64
	// Ends is when what was taken of a concurrent limit comes back by itself. It names the lease in a return. 0: nothing to return.
	Ends int64
}

// Counted is how much of what was given counts: nothing of what a limit in the shadow gave and does not have.
func (a Answer) Counted() int64 {
	if a.Over {
		return 0
	}
	return a.Got
}

// Take takes want of a limit, or a part of it when that is all there is and partial allows it. A want of 0 looks and takes nothing. It panics on a concurrent limit, whose takes are leases.
func (r *Rule) Take(c *Cell, now, want int64, partial bool) Answer {
	r.settle(c, now)
	a := r.grant(c.Used, want, partial)
	c.Used = sum(c.Used, a.Counted())
	if c.Used > 0 && c.At == 0 { // the first of a limit for ever: the cell is not nothing any more
		c.At = now
	}
	r.outlook(&a, c, now, want)
	return a
}

// Force takes whatever it was that counted: what is read back of takes that passed.
func (r *Rule) Force(c *Cell, now, got int64) {
	r.settle(c, now)
	if c.Used = sum(c.Used, got); c.At == 0 {
		c.At = now
	}
}

// Idle says that a cell may be forgotten: everything that was taken has come back.
func (r *Rule) Idle(c Cell, now int64) bool {
	r.settle(&c, now)
	return c.Used == 0
}

// Used is what is taken of a cell by now.
func (r *Rule) Used(c Cell, now int64) int64 {
	r.settle(&c, now)
	return c.Used
}

// grant decides how much of want is given where used is out.
func (r *Rule) grant(used, want int64, partial bool) (a Answer) {
	free := max(r.capacity-used, 0)
	switch {
	case want <= free:
		a.Got, a.Passed = want, true
	case r.Limit.Shadow: // everything is given, and counts as if it were denied: what is said of who would be is then true
		a.Got, a.Passed, a.Over = want, true, true
	case partial && free > 0:
		a.Got, a.Passed = free, true
	default:
		a.Over = true
	}
	a.Left = max(free-a.Counted(), 0)
	a.Near = !a.Over && used+a.Got >= r.near
	return a
}

// settle brings a cell to now.
func (r *Rule) settle(c *Cell, now int64) {
	switch r.Limit.Kind {
	case Rolling:
		r.drain(c, now)
	case Calendar:
		// An end more than a window away was written by a clock that was wrong: what was taken counts in this window.
		if now >= c.At {
			c.At, c.Used = r.end(now), 0
		} else if c.At-now > 2*r.period {
			c.At = r.end(now)
		}
	case Ever, Concurrent:
	}
}

// drain gives back what came back since. The time of what is not yet a whole unit is kept.
func (r *Rule) drain(c *Cell, now int64) {
	if c.Used == 0 || c.At > now { // later than now was written by a clock that was ahead: nothing comes back for that time
		c.At = now
		return
	}
	back := units(now-c.At, r.amount, r.period)
	if back >= c.Used {
		c.At, c.Used = now, 0
		return
	}
	c.Used -= back
	c.At += span(back, r.amount, r.period)
}

// outlook says when more can be had.
func (r *Rule) outlook(a *Answer, c *Cell, now, want int64) {
	a.Next, a.Full = now, now
	if a.Over {
		a.Next = Never
	}
	switch r.Limit.Kind {
	case Rolling:
		if c.Used > 0 {
			a.Full = later(c.At, span(c.Used, r.amount, r.period))
		}
		if a.Over && want <= r.capacity {
			a.Next = later(c.At, span(c.Used+want-r.capacity, r.amount, r.period))
		}
	case Calendar:
		if c.Used > 0 {
			a.Full = c.At
		}
		if a.Over && want <= r.capacity {
			a.Next = c.At
		}
	case Ever:
		if c.Used > 0 {
			a.Full = Never
		}
	case Concurrent:
		panic("rate: what is taken of a concurrent limit is a lease: Rule.Lease")
	}
}

// end is when the calendar's window around now ends.
func (r *Rule) end(now int64) int64 {
	if r.zone == time.UTC {
		switch r.Limit.Unit {
		case Second, Minute, Hour, Day:
			return now - mod(now, r.period) + r.period
		case Week, Month, Year:
		}
	}
	t := time.Unix(0, now).In(r.zone)
	y, m, d := t.Date()
	switch r.Limit.Unit {
	case Second, Minute: // no zone of today is off by less than a minute
		return now - mod(now, r.period) + r.period
	case Hour:
		into := time.Duration(t.Minute())*time.Minute + time.Duration(t.Second())*time.Second + time.Duration(t.Nanosecond())
		return t.Add(time.Hour - into).UnixNano() // not by the wall clock, which has one hour twice a year
	case Day:
		d++
	case Week:
		d += 7 - (int(t.Weekday())+6)%7
	case Month:
		m, d = m+1, 1
	case Year:
		y, m, d = y+1, 1, 1
	}
	end := begin(y, m, d, r.zone)
	for ; end <= now; d++ { // clocks were put back over midnight: the day that begins has begun before
		end = begin(y, m, d+1, r.zone)
	}
	return end
}

// begin is when a day begins. Some zones put their clocks forward at midnight, and that day begins at one o'clock; time.Date says eleven of the day before, or one.
func begin(y int, m time.Month, d int, zone *time.Location) int64 {
	t := time.Date(y, m, d, 0, 0, 0, 0, zone)
	if _, offset := t.Zone(); t.Unix()+int64(offset) < time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() {
		_, t = t.ZoneBounds()
	}
	return t.UnixNano()
}

func mod(a, b int64) int64 { return (a%b + b) % b }

// units is how many come back in a time: ⌊ns·amount/period⌋.
func units(ns, amount, period int64) int64 {
	hi, lo := bits.Mul64(uint64(ns), uint64(amount))
	if hi >= uint64(period) {
		return math.MaxInt64
	}
	q, _ := bits.Div64(hi, lo, uint64(period))
	return int64(min(q, math.MaxInt64))
}

// span is how long it takes for n to come back: ⌈n·period/amount⌉ ns.
func span(n, amount, period int64) int64 {
	if amount == 0 {
		return Never
	}
	hi, lo := bits.Mul64(uint64(n), uint64(period))
	lo, carry := bits.Add64(lo, uint64(amount-1), 0)
	if hi += carry; hi >= uint64(amount) {
		return Never
	}
	q, _ := bits.Div64(hi, lo, uint64(amount))
	return int64(min(q, Never))
}

func sum(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

// later is a time and a span after it, Never at the end of time.
func later(at, span int64) int64 { return sum(at, span) }
