package rate

import (
	"fmt"
	"math"
	"time"
)

// Kind is how a limit counts.
type Kind string

// The kinds.
const (
	// Rolling gives back steadily: Amount in each Window, Burst at once (the generic cell rate algorithm, ITU-T I.371).
	Rolling Kind = "rolling"
	// Calendar starts anew with each window of the clock in Zone.
	Calendar Kind = "calendar"
	// Ever gives Amount and then no more, for all time.
	Ever Kind = "ever"
	// Concurrent gives Amount at once; what is taken comes back by a return, or by itself after Hold.
	Concurrent Kind = "concurrent"
)

// Unit is the length of a window.
type Unit string

// The units. In rolling windows a month has 30 days and a year 365; calendar windows are those of the calendar, weeks begin on Monday.
const (
	Second Unit = "second"
	Minute Unit = "minute"
	Hour   Unit = "hour"
	Day    Unit = "day"
	Week   Unit = "week"
	Month  Unit = "month"
	Year   Unit = "year"
)

// MaxAmount is the most that a limit may give, and that one take may ask for.
const MaxAmount = 1 << 40

// Limit is how much of something may be had, as people write it.
type Limit struct {
	Kind   Kind  `json:"kind"`
	Amount int64 `json:"amount"`
	// Unit is the window of a rolling or calendar limit; Every makes it so many units long, which is 1 when left out. Calendar windows are of one unit.
	Unit  Unit  `json:"unit,omitempty"`
	Every int64 `json:"every,omitempty"`
	// Burst is how many of a rolling limit may be had at once; 0 is Amount.
	Burst int64 `json:"burst,omitempty"`
	// Zone is the IANA name of the zone of calendar windows; empty is UTC.
	Zone string `json:"zone,omitempty"`
	// HoldSeconds is how long what is taken of a concurrent limit stays out when nobody returns it. With a Unit instead, it comes back as in a rolling limit of Refill a window.
	HoldSeconds int64 `json:"hold_seconds,omitempty"`
	Refill      int64 `json:"refill,omitempty"`
	// Shadow counts, and denies nobody.
	Shadow bool `json:"shadow,omitempty"`
	// Near is the share of Amount from which takes are near the limit; 0 is 0.8.
	Near float64 `json:"near,omitempty"`
	// Exact makes each take wait until it is written down, so that nothing is given twice, whatever breaks. Without it, what a crash can give too much is at most Rule.Slack.
	Exact bool `json:"exact,omitempty"`
}

// Fault is what is wrong with a limit, and where.
type Fault struct{ Field, Text string }

func (f *Fault) Error() string { return f.Field + ": " + f.Text }

func faulty(field, format string, args ...any) error {
	return &Fault{field, fmt.Sprintf(format, args...)}
}

// Rule is a limit ready to be asked. It is never changed.
type Rule struct {
	Limit    Limit
	capacity int64 // the most that may be out at once
	amount   int64 // that come back each period
	period   int64 // ns; 0 where nothing comes back by the clock
	near     int64 // used, from which a take is near the limit
	hold     int64 // ns
	slack    int64
	zone     *time.Location
}

const second = int64(time.Second)

func length(u Unit) int64 {
	switch u {
	case Second:
		return second
	case Minute:
		return 60 * second
	case Hour:
		return 3600 * second
	case Day:
		return 86400 * second
	case Week:
		return 7 * 86400 * second
	case Month:
		return 30 * 86400 * second
	case Year:
		return 365 * 86400 * second
	}
	return 0
}

// Longest is what HoldSeconds may be, in seconds, and a rolling window too: ten years.
const Longest = 10 * 365 * 86400

// Compile checks a limit and makes it ready; zone finds zones by their IANA names. An error is a *Fault.
func Compile(l Limit, zone func(string) (*time.Location, error)) (*Rule, error) {
	if l.Amount < 0 || l.Amount > MaxAmount {
		return nil, faulty("amount", "a limit gives 0 to %d, not %d", int64(MaxAmount), l.Amount)
	}
	if !(l.Near >= 0 && l.Near <= 1) {
		return nil, faulty("near", "the share from which takes are near the limit lies between 0 and 1, not %v", l.Near)
	}
	r := &Rule{Limit: l, capacity: l.Amount, amount: l.Amount}
	if err := r.members(); err != nil {
		return nil, err
	}
	var err error
	switch l.Kind {
	case Rolling:
		err = r.rolling()
	case Calendar:
		err = r.calendar(zone)
	case Ever:
	case Concurrent:
		err = r.concurrent()
	default:
		err = faulty("kind", "a limit is rolling, calendar, ever or concurrent; %q is none of them", l.Kind)
	}
	if err != nil {
		return nil, err
	}
	share := l.Near
	if share == 0 {
		share = 0.8
	}
	r.near = max(int64(math.Ceil(float64(r.capacity)*share)), 1)
	if r.period > 0 && l.Kind != Concurrent && !l.Exact {
		r.slack = max(min(l.Amount, r.capacity)/100, l.Amount/max(r.period/second, 1))
	}
	return r, nil
}

// members refuses what another kind has: a limit says no more than it means.
func (r *Rule) members() error {
	l := r.Limit
	windows := l.Kind == Rolling || l.Kind == Calendar
	for _, m := range []struct {
		field string
		set   bool
		of    string
		ok    bool
	}{
		{"unit", l.Unit != "", "rolling and calendar limits, and of concurrent ones that refill", windows || l.Kind == Concurrent && l.Refill != 0},
		{"every", l.Every != 0, "rolling limits, and of concurrent ones that refill", l.Kind == Rolling || l.Kind == Concurrent && l.Refill != 0},
		{"burst", l.Burst != 0, "rolling limits", l.Kind == Rolling},
		{"zone", l.Zone != "", "calendar limits", l.Kind == Calendar},
		{"hold_seconds", l.HoldSeconds != 0, "concurrent limits", l.Kind == Concurrent},
		{"refill", l.Refill != 0, "concurrent limits", l.Kind == Concurrent},
	} {
		if m.set && !m.ok && l.Kind != "" {
			return faulty(m.field, "%s is for %s; leave it out", m.field, m.of)
		}
	}
	return nil
}

func (r *Rule) window() error {
	l := r.Limit
	unit := length(l.Unit)
	if unit == 0 {
		return faulty("unit", "the unit of a window is second, minute, hour, day, week, month or year; %q is none of them", l.Unit)
	}
	every := max(l.Every, 1)
	if l.Every < 0 || every > Longest*second/unit {
		return faulty("every", "a window is one unit to ten years long, not %d units of a %s", l.Every, l.Unit)
	}
	r.period = every * unit
	return nil
}

func (r *Rule) rolling() error {
	if r.Limit.Burst < 0 || r.Limit.Burst > MaxAmount {
		return faulty("burst", "a burst is 0 (the limit itself) to %d, not %d", int64(MaxAmount), r.Limit.Burst)
	}
	if r.Limit.Burst > 0 && r.Limit.Amount > 0 {
		r.capacity = r.Limit.Burst
	}
	return r.window()
}

func (r *Rule) calendar(zone func(string) (*time.Location, error)) error {
	r.zone = time.UTC
	if name := r.Limit.Zone; name != "" {
		z, err := zone(name)
		if err != nil {
			return faulty("zone", "there is no zone %q; write it as Europe/Vienna or UTC", name)
		}
		r.zone = z
	}
	return r.window()
}

func (r *Rule) concurrent() error {
	l := r.Limit
	switch {
	case l.Refill < 0 || l.Refill > MaxAmount:
		return faulty("refill", "what comes back in a window is 1 to %d, not %d", int64(MaxAmount), l.Refill)
	case l.Refill > 0 && l.HoldSeconds != 0:
		return faulty("hold_seconds", "what is taken comes back by itself after a time, or as it refills: give one of the two")
	case l.Refill > 0:
		r.amount = l.Refill
		return r.window()
	case l.HoldSeconds < 1 || l.HoldSeconds > Longest:
		return faulty("hold_seconds", "what nobody returns comes back by itself after 1 to %d seconds, or as it refills; without that, a client that dies holds it for ever", Longest)
	}
	r.hold = l.HoldSeconds * second
	return nil
}

// Capacity is the most that may be out at once.
func (r *Rule) Capacity() int64 { return r.capacity }

// Window is how long a window is; for calendar windows of months and years about that. 0: it has none.
func (r *Rule) Window() time.Duration { return time.Duration(r.period) }

// Slack is how much a crash may give too much: a hundredth of the limit or what it gives in a second, whichever is larger, and nothing where takes are written down first.
func (r *Rule) Slack() int64 { return r.slack }
