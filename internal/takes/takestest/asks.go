package takestest

import (
	"strings"
	"time"

	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/pure/rate"
	"github.com/slipwayhq/slipway/internal/takes"
)

func (w *world) ofEachKind(amount int64) []*rate.Defined {
	return []*rate.Defined{
		w.limit(rate.Limit{Kind: rate.Rolling, Amount: amount, Unit: rate.Day}), w.limit(rate.Limit{Kind: rate.Calendar, Amount: amount, Unit: rate.Day}),
		w.limit(rate.Limit{Kind: rate.Ever, Amount: amount}), w.limit(rate.Limit{Kind: rate.Concurrent, Amount: amount, HoldSeconds: 60}),
	}
}

func takesAllOrNothing(w *world) {
	limits := w.ofEachKind(10)
	var asks []takes.Ask
	for _, d := range limits {
		asks = append(asks, ask(d, 4))
	}
	for i, a := range w.take(asks...) {
		if a.Got != 4 || !a.Passed || a.Left != 6 || (a.Ends != 0) != (limits[i].Rule.Limit.Kind == rate.Concurrent) {
			w.Errorf("%s: %+v", limits[i].Rule.Limit.Kind, a)
		}
	}
	for refuses := range limits { // each in turn does not have it
		asks[refuses].Amount = 7
		for i, a := range w.take(asks...) {
			passes := i != refuses
			if a.Got != 0 || a.Ends != 0 || a.Left != 6 || a.Passed != passes || a.Over == passes {
				w.Errorf("%s, when %s refuses: %+v", limits[i].Rule.Limit.Kind, limits[refuses].Rule.Limit.Kind, a)
			}
		}
		asks[refuses].Amount = 4
		for _, d := range limits {
			w.left("nothing was taken", d, 6)
		}
	}
	shadow, near := limits[0], limits[1]
	shadow = w.like(shadow, rate.Limit{Kind: rate.Rolling, Amount: 10, Unit: rate.Day, Shadow: true})
	for i, a := range w.take(ask(shadow, 8), part(near, 8)) {
		if a.Got != []int64{8, 6}[i] || !a.Passed || a.Left != []int64{6, 0}[i] {
			w.Errorf("the shadow, and a part: %+v", a)
		}
	}
	for i, a := range w.take(ask(shadow, 8), ask(near, 8)) {
		if a.Got != 0 || a.Left != []int64{6, 0}[i] || a.Passed != (i == 0) {
			w.Errorf("the shadow, and a refusal: %+v", a)
		}
	}
	if shadow = w.like(shadow, rate.Limit{Kind: rate.Rolling, Amount: 20, Unit: rate.Day}); w.take(ask(shadow, 0))[0].Left != 16 {
		w.Error("the shadow counted what it does not have")
	}
	all := make([]takes.Ask, takes.Most)
	for i := range all {
		all[i] = ask(w.limit(rate.Limit{Kind: rate.Rolling, Amount: 1, Unit: rate.Day}), 1)
	}
	for _, a := range w.take(all...) {
		if !a.Passed {
			w.Errorf("one of the most that can be asked: %+v", a)
		}
	}
}

func looksAndTakesNothing(w *world) {
	for _, d := range w.ofEachKind(10) {
		kind := string(d.Rule.Limit.Kind)
		w.takes(kind, ask(d, 0), rate.Answer{Passed: true, Left: 10, Next: w.in(0), Full: w.in(0)})
		w.gets(kind, ask(d, 10), 10)
		for range 3 {
			w.left(kind, d, 0)
		}
		none := w.take(ask(w.limit(rate.Limit{Kind: rate.Ever}), 0), ask(d, 0))
		if !none[0].Passed || none[0].Left != 0 || !none[1].Passed {
			w.Errorf("a look at several: %+v", none)
		}
	}
}

func givesAPart(w *world) {
	for _, d := range w.ofEachKind(10) {
		kind := string(d.Rule.Limit.Kind)
		w.gets(kind, part(d, 7), 7)
		if a := w.gets(kind, part(d, 7), 3); a.Over || a.Left != 0 {
			w.Errorf("%s: a part: %+v", kind, a)
		}
		if a := w.gets(kind, part(d, 7), 0); !a.Over || a.Ends != 0 {
			w.Errorf("%s: a part of nothing: %+v", kind, a)
		}
	}
}

func countsInTheShadow(w *world) {
	for _, d := range w.ofEachKind(10) {
		l := d.Rule.Limit
		l.Shadow = true
		shadow := w.like(d, l)
		w.gets("some", ask(shadow, 8), 8)
		for _, a := range []takes.Ask{ask(shadow, 5), part(shadow, 5)} {
			if got := w.gets(string(l.Kind), a, 5); !got.Over || got.Left != 2 {
				w.Errorf("%s in the shadow: %+v", l.Kind, got)
			}
		}
		l.Amount, l.Shadow = 20, false
		w.left(string(l.Kind)+": what the shadow gave and had counts, and nothing else", w.like(d, l), 12)
	}
}

func saysNear(w *world) {
	for _, d := range w.ofEachKind(10) {
		for i := range int64(11) {
			if a := w.take(ask(d, 1))[0]; a.Near != (i >= 7 && i < 10) || a.Over != (i == 10) {
				w.Errorf("%s: take %d: %+v", d.Rule.Limit.Kind, i+1, a)
			}
		}
		l := d.Rule.Limit
		l.Near, l.Amount = 0.5, 20
		if a := w.take(ask(w.like(d, l), 0))[0]; !a.Near {
			w.Errorf("%s: a look at a half: %+v", l.Kind, a)
		}
	}
}

func followsOverridesAtOnce(w *world) {
	for _, d := range w.ofEachKind(10) {
		kind := string(d.Rule.Limit.Kind)
		other := ask(d, 10)
		other.Group = d.Group + ":bea"
		w.gets(kind, ask(d, 10), 10)
		w.gets(kind, ask(d, 1), 0)
		l := d.Rule.Limit
		raised, lowered := l, l
		raised.Amount, lowered.Amount = 15, 5
		changed := *d
		changed.Overrides = map[string]*rate.Rule{d.Group + ":ana": w.rule(raised)}
		w.left(kind+", raised", &changed, 5)
		w.gets(kind+", raised", ask(&changed, 5), 5)
		w.gets(kind+", raised", ask(&changed, 1), 0)
		other.Limit = &changed
		w.gets(kind+", another group", other, 10)
		w.gets(kind+", another group", other, 0)
		changed = *d
		changed.Overrides = map[string]*rate.Rule{d.Group + ":ana": w.rule(lowered)}
		w.left(kind+", lowered", &changed, 0)
		w.gets(kind+", lowered", part(&changed, 1), 0)
		w.gets(kind+", without it", ask(d, 1), 0)
	}
	d := w.limit(rate.Limit{Kind: rate.Rolling, Amount: 60, Unit: rate.Minute})
	w.gets("all", ask(d, 60), 60)
	changed := *d
	changed.Overrides = map[string]*rate.Rule{d.Group + ":ana": w.rule(rate.Limit{Kind: rate.Rolling, Amount: 6, Unit: rate.Minute})}
	w.gets("lowered", ask(&changed, 1), 0)
	w.clock.Add(9 * time.Minute)
	w.gets("what is out comes back as slowly as it says now", ask(&changed, 1), 0)
	w.clock.Add(time.Minute)
	w.gets("ten minutes later", ask(&changed, 6), 6)
}

func followsAChangedLimit(w *world) {
	for _, d := range w.ofEachKind(10) {
		w.gets("some", ask(d, 8), 8)
		l := d.Rule.Limit
		l.Amount = 12
		w.left("raised", w.like(d, l), 4)
		l.Amount = 3
		w.left("lowered", w.like(d, l), 0)
		w.gets("lowered", ask(w.like(d, l), 1), 0)
		anew := w.like(d, l)
		anew.Series += 1000
		w.left("another series begins at nothing", anew, 3)
	}
}

func forgets(w *world) {
	for _, d := range w.ofEachKind(10) {
		kind := string(d.Rule.Limit.Kind)
		other := ask(d, 10)
		other.Group = d.Group + ":bea"
		a := w.gets(kind, ask(d, 10), 10)
		w.gets(kind, other, 10)
		for range 2 {
			if err := w.store.Forget(w.Context(), d, d.Group+":ana"); err != nil {
				w.Fatal(err)
			}
		}
		w.returns(kind+", forgotten", ask(d, 1), a.Ends, false)
		w.takes(kind+", forgotten", ask(d, 0), rate.Answer{Passed: true, Left: 10, Next: w.in(0), Full: w.in(0)})
		w.gets(kind+", another group", other, 0)
		w.gets(kind+", anew", ask(d, 10), 10)
		w.gets(kind+", anew", ask(d, 1), 0)
	}
	d := w.limit(rate.Limit{Kind: rate.Ever, Amount: 1})
	for _, group := range []string{"", strings.Repeat("x", takes.Longest+1)} {
		if err := w.store.Forget(w.Context(), d, group); !fault.Is(err, fault.CodeInvalid) {
			w.Errorf("forget a group of %d bytes: %v", len(group), err)
		}
	}
}

func refusesBadInput(w *world) {
	d := w.limit(rate.Limit{Kind: rate.Ever, Amount: rate.MaxAmount})
	c := w.limit(rate.Limit{Kind: rate.Concurrent, Amount: 10, HoldSeconds: 60})
	group := func(name string) takes.Ask { return takes.Ask{Limit: d, Group: name, Amount: 1} }
	many := make([]takes.Ask, takes.Most+1)
	for i := range many {
		many[i] = group(strings.Repeat("x", i+1))
	}
	for what, asks := range map[string][]takes.Ask{
		"nothing": {}, "too many": many, "no group": {group("")}, "a long group": {group(strings.Repeat("x", takes.Longest+1))}, "a group of 100 kB": {group(strings.Repeat("x", 100_000))},
		"below nothing": {ask(d, -1)}, "a part below nothing": {part(d, -1)}, "too much": {ask(d, rate.MaxAmount+1)}, "far too much": {ask(d, rate.Never)}, "far below nothing": {ask(d, -rate.Never)},
		"one of several": {ask(c, 1), ask(d, -1)}, "the same twice": {ask(d, 1), ask(c, 1), ask(d, 2)},
	} {
		answers := make([]rate.Answer, len(asks))
		if err := w.store.Take(w.Context(), asks, answers); !fault.Is(err, fault.CodeInvalid) {
			w.Errorf("%s: %v", what, err)
		}
	}
	w.left("nothing was taken", d, rate.MaxAmount)
	w.left("nothing was taken", c, 10)
	a := w.gets("a lease", ask(c, 1), 1)
	for _, amount := range []int64{-1, rate.MaxAmount + 1} {
		if ok, err := w.store.Return(w.Context(), ask(c, amount), a.Ends); ok || !fault.Is(err, fault.CodeInvalid) {
			w.Errorf("a return of %d: %v, %v", amount, ok, err)
		}
	}
	w.left("nothing came back", c, 9)
}

func keepsGroupsApart(w *world) {
	groups := []string{"a", "A", "a:", "a:b", ":", "a b", "a\x00", "a\x00b", "\x00", "ä", "\xff\xfe", "{a}", "a*", "a\nb", strings.Repeat("x", takes.Longest), strings.Repeat("x", takes.Longest-1), "1", "11", "1:1"}
	for _, d := range w.ofEachKind(1) {
		for _, again := range []bool{false, true} {
			for _, g := range groups {
				if a := w.take(takes.Ask{Limit: d, Group: g, Amount: 1})[0]; a.Passed == again {
					w.Errorf("%s, group %q, again %v: %+v", d.Rule.Limit.Kind, g[:min(len(g), 9)], again, a)
				}
			}
		}
	}
}

func givesNothingForAClockThatGoesBack(w *world) {
	for _, d := range w.ofEachKind(10) {
		kind := string(d.Rule.Limit.Kind)
		now := w.clock.Now()
		w.gets(kind, ask(d, 10), 10)
		for _, back := range []time.Duration{1, time.Second, time.Hour, 24 * time.Hour, 365 * 24 * time.Hour} {
			w.clock.Set(now.Add(-back))
			w.gets(kind+", "+back.String()+" before", part(d, 1), 0)
			w.left(kind+", "+back.String()+" before", d, 0)
		}
		w.clock.Set(now)
	}
	d := w.limit(rate.Limit{Kind: rate.Rolling, Amount: 60, Unit: rate.Minute})
	w.gets("all", ask(d, 60), 60)
	w.clock.Add(-24 * time.Hour)
	w.gets("a day before", ask(d, 1), 0)
	w.clock.Add(time.Second)
	w.gets("a second later it comes back by the clock as it is now", ask(d, 1), 1)
	w.gets("and no more", ask(d, 1), 0)
}

func countsTheLargest(w *world) {
	const most = rate.MaxAmount
	for _, l := range []rate.Limit{
		{Kind: rate.Rolling, Amount: most, Unit: rate.Year, Every: 10}, {Kind: rate.Rolling, Amount: most, Unit: rate.Second}, {Kind: rate.Rolling, Amount: 1, Unit: rate.Year, Every: 10, Burst: most},
		{Kind: rate.Calendar, Amount: most, Unit: rate.Year}, {Kind: rate.Ever, Amount: most}, {Kind: rate.Concurrent, Amount: most, HoldSeconds: rate.Longest},
		{Kind: rate.Concurrent, Amount: most, Refill: 1, Unit: rate.Year},
	} {
		d := w.limit(l)
		w.gets("all but one", ask(d, most-1), most-1)
		w.left("one is left", d, 1)
		w.gets("two", ask(d, 2), 0)
		w.gets("a part of all", part(d, most), 1)
		if a := w.gets("all again", ask(d, most), 0); a.Left != 0 || a.Next <= w.in(0) {
			w.Errorf("%+v: %+v", l, a)
		}
	}
	year := w.limit(rate.Limit{Kind: rate.Rolling, Amount: most, Unit: rate.Year})
	w.gets("a year's", ask(year, most), most)
	w.clock.Add(365 * 24 * time.Hour / 2)
	w.left("half a year later", year, most/2)
	shadow := w.limit(rate.Limit{Kind: rate.Ever, Amount: 1, Shadow: true})
	for range 5 {
		w.gets("in the shadow", ask(shadow, most), most)
	}
}
