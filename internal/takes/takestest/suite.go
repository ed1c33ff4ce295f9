package takestest

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/pure/rate"
	"github.com/slipwayhq/slipway/internal/takes"
)

// Clock is a clock that is set by hand.
type Clock struct{ ns atomic.Int64 }

// Now is the time by it.
func (c *Clock) Now() time.Time { return time.Unix(0, c.ns.Load()).UTC() }

// Add puts it forward, or back.
func (c *Clock) Add(d time.Duration) { c.ns.Add(int64(d)) }

// Set puts it to a time.
func (c *Clock) Set(t time.Time) { c.ns.Store(t.UnixNano()) }

// Run runs the suite. Each call of open makes an empty store that lives by the clock, and ends it with the test.
func Run(t *testing.T, open func(t *testing.T, clock *Clock) takes.Store) {
	t.Helper()
	for name, test := range map[string]func(*world){
		"RollsAndRefills": rollsAndRefills, "FollowsTheCalendar": followsTheCalendar, "GivesOnceEver": givesOnceEver, "LendsAndTakesBack": lendsAndTakesBack, "LendsWhatRefills": lendsWhatRefills,
		"KnowsNoOtherReturns": knowsNoOtherReturns, "TakesAllOrNothing": takesAllOrNothing, "LooksAndTakesNothing": looksAndTakesNothing, "GivesAPart": givesAPart, "CountsInTheShadow": countsInTheShadow,
		"SaysNear": saysNear, "FollowsOverridesAtOnce": followsOverridesAtOnce, "FollowsAChangedLimit": followsAChangedLimit, "Forgets": forgets, "RefusesBadInput": refusesBadInput, "KeepsGroupsApart": keepsGroupsApart,
		"GivesNothingForAClockThatGoesBack": givesNothingForAClockThatGoesBack, "CountsTheLargest": countsTheLargest, "CountsACrowd": countsACrowd, "LetsNobodyWaitForOneAnother": letsNobodyWaitForOneAnother,
		"IsAsArithmeticSays": isAsArithmeticSays,
	} {
		t.Run(name, func(t *testing.T) {
			clock := &Clock{}
			clock.Set(time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)) // a Monday
			test(&world{T: t, clock: clock, store: open(t, clock)})
		})
	}
}

// world is a store, and the limits that a test has made.
type world struct {
	*testing.T
	clock  *Clock
	store  takes.Store
	limits uint64
}

func (w *world) rule(l rate.Limit) *rate.Rule {
	w.Helper()
	r, err := rate.Compile(l, time.LoadLocation)
	if err != nil {
		w.Fatalf("compile %+v: %v", l, err)
	}
	return r
}

// limit makes a limit that counts in a series of its own.
func (w *world) limit(l rate.Limit) *rate.Defined {
	w.Helper()
	w.limits++
	return &rate.Defined{App: "shop", Env: "production", Group: fmt.Sprintf("limit%d", w.limits), Series: w.limits, Rule: w.rule(l)}
}

// like is a limit as it is after a change: it counts where the old one did.
func (w *world) like(d *rate.Defined, l rate.Limit) *rate.Defined {
	w.Helper()
	changed := *d
	changed.Rule = w.rule(l)
	return &changed
}

func ask(d *rate.Defined, amount int64) takes.Ask {
	return takes.Ask{Limit: d, Group: d.Group + ":ana", Amount: amount}
}

func part(d *rate.Defined, amount int64) takes.Ask {
	a := ask(d, amount)
	a.Partial = true
	return a
}

func (w *world) take(asks ...takes.Ask) []rate.Answer {
	w.Helper()
	answers := make([]rate.Answer, len(asks))
	if err := w.store.Take(w.Context(), asks, answers); err != nil {
		w.Fatalf("take %+v: %v", asks, err)
	}
	return answers
}

// takes checks the whole answer to one ask.
func (w *world) takes(what string, a takes.Ask, want rate.Answer) {
	w.Helper()
	if got := w.take(a)[0]; got != want {
		w.Errorf("%s:\ngot  %+v\nwant %+v", what, got, want)
	}
}

// gets checks how much is given.
func (w *world) gets(what string, a takes.Ask, want int64) rate.Answer {
	w.Helper()
	got := w.take(a)[0]
	if got.Got != want || got.Passed != (want > 0) {
		w.Errorf("%s: %+v, want %d", what, got, want)
	}
	return got
}

// left checks what more could be had.
func (w *world) left(what string, d *rate.Defined, want int64) {
	w.Helper()
	if got := w.take(ask(d, 0))[0]; got.Left != want || got.Got != 0 || !got.Passed {
		w.Errorf("%s: a look says %+v, want %d left", what, got, want)
	}
}

func (w *world) returns(what string, a takes.Ask, ends int64, want bool) {
	w.Helper()
	ok, err := w.store.Return(w.Context(), a, ends)
	if err != nil || ok != want {
		w.Errorf("%s: a return of %d: %v, %v; want %v", what, a.Amount, ok, err, want)
	}
}

// in is a time from now in ns since 1970.
func (w *world) in(d time.Duration) int64 { return w.clock.Now().Add(d).UnixNano() }
