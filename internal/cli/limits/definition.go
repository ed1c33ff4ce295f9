package limits

import (
	"time"

	"github.com/slipwayhq/slipway/internal/apiclient"
	"github.com/slipwayhq/slipway/internal/fault"
)

// definition is how much a limit gives, as it is named on the command line. What is not named stays as it is.
type definition struct {
	PerSecond *int64 `xor:"amount" placeholder:"N" help:"N a second." group:"How much"`
	PerMinute *int64 `xor:"amount" placeholder:"N" help:"N a minute." group:"How much"`
	PerHour   *int64 `xor:"amount" placeholder:"N" help:"N an hour." group:"How much"`
	PerDay    *int64 `xor:"amount" placeholder:"N" help:"N a day." group:"How much"`
	Amount    *int64 `xor:"amount" placeholder:"N" help:"N in each --unit, ever, or at once." group:"How much"`
	Unit      string `enum:",second,minute,hour,day,week,month,year" default:"" help:"second, minute, hour, day, week, month or year." group:"How much"`
	Every     *int64 `placeholder:"N" help:"The window of a rolling limit is N units long." group:"How much"`
	Kind      string `enum:",rolling,calendar,ever,concurrent" default:"" help:"rolling: it comes back steadily (where nothing is named); calendar: all of it with each new minute, day, …; ever: never; concurrent: as it is returned." group:"How much"`

	Burst  *int64         `placeholder:"N" help:"How many of a rolling limit at once; 0: as many as the limit." group:"More"`
	Zone   *string        `placeholder:"ZONE" help:"Where the windows of a calendar limit begin, such as Europe/Berlin." group:"More"`
	Hold   *time.Duration `placeholder:"30s" help:"After that, what is taken of a concurrent limit comes back by itself." group:"More"`
	Refill *int64         `placeholder:"N" help:"Or it comes back as N in each --unit." group:"More"`
	Near   *float64       `placeholder:"0.8" help:"The share from which a key is near the limit." group:"More"`
	Shadow *bool          `negatable:"" help:"Only count, and deny nobody." group:"More"`
	Exact  *bool          `negatable:"" help:"Write each take down before it is answered, so that not even a crash gives too much." group:"More"`
}

// of is a definition with what is named in the place of what was; an empty one is made.
func (d *definition) of(l apiclient.LimitDefinition) (apiclient.LimitDefinition, error) {
	fresh := l.Kind == ""
	if kind := d.kind(l.Kind); kind != l.Kind {
		l = another(l, kind)
	}
	amount, err := d.amount(&l)
	if err != nil {
		return l, err
	}
	if fresh && !amount {
		return l, fault.Invalid("a new limit needs to know how much: --per-minute 100, or --amount 100 with --unit week, --kind ever, or --kind concurrent --hold 30s")
	}
	if d.Every != nil {
		l.Every = *d.Every
	}
	if d.Burst != nil {
		l.Burst = *d.Burst
	}
	if d.Zone != nil {
		l.Zone = *d.Zone
	}
	if d.Hold != nil && d.Refill != nil {
		return l, fault.Invalid("what is out comes back by itself after --hold, or as it refills by --refill: give one of the two")
	}
	if d.Hold != nil {
		if *d.Hold%time.Second != 0 {
			return l, fault.Invalid("--hold is in whole seconds; %s is not", *d.Hold)
		}
		l.HoldSeconds, l.Refill, l.Unit = int64(*d.Hold/time.Second), 0, ""
	}
	if d.Refill != nil {
		l.Refill, l.HoldSeconds = *d.Refill, 0
	}
	if d.Near != nil {
		l.Near = *d.Near
	}
	if d.Shadow != nil {
		l.Shadow = *d.Shadow
	}
	if d.Exact != nil {
		l.Exact = *d.Exact
	}
	return l, nil
}

// kind is what was named, or what it is.
func (d *definition) kind(was string) string {
	switch {
	case d.Kind != "":
		return d.Kind
	case was != "":
		return was
	}
	return "rolling"
}

// another keeps of a definition what other kinds have as well.
func another(l apiclient.LimitDefinition, kind string) apiclient.LimitDefinition {
	out := apiclient.LimitDefinition{Kind: kind, Amount: l.Amount, Shadow: l.Shadow, Near: l.Near, Exact: l.Exact}
	if kind == "rolling" || kind == "calendar" {
		out.Unit = l.Unit
	}
	return out
}

// amount sets how much, and in which window; it tells whether that was named.
func (d *definition) amount(l *apiclient.LimitDefinition) (named bool, err error) {
	for _, per := range []struct {
		n    *int64
		unit string
	}{{d.PerSecond, "second"}, {d.PerMinute, "minute"}, {d.PerHour, "hour"}, {d.PerDay, "day"}} {
		if per.n == nil {
			continue
		}
		if d.Unit != "" {
			return false, fault.Invalid("--per-%s says the unit; leave --unit out", per.unit)
		}
		if l.Kind == "ever" || l.Kind == "concurrent" {
			return false, fault.Invalid("what a limit of kind %s gives has no window; say it by --amount %d", l.Kind, *per.n)
		}
		l.Amount, l.Unit, l.Every, named = *per.n, per.unit, 0, true
	}
	if d.Amount != nil {
		l.Amount, named = *d.Amount, true
	}
	if d.Unit != "" {
		l.Unit, l.Every = d.Unit, 0
	}
	return named, nil
}
