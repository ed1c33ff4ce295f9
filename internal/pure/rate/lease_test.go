package rate_test

import (
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/slipwayhq/slipway/internal/pure/rate"
)

const milli = int64(1_000_000)

func TestLeasesComeBackByThemselves(t *testing.T) {
	r := compile(t, rate.Limit{Kind: rate.Concurrent, Amount: 3, HoldSeconds: 10})
	out, a := r.Lease(nil, start, 2, false)
	same(t, "the first", a, rate.Answer{Got: 2, Passed: true, Left: 1, Next: start, Full: start + 10*second, Ends: start + 10*second})
	out, a = r.Lease(out, start+second, 1, false)
	same(t, "the second", a, rate.Answer{Got: 1, Passed: true, Near: true, Next: start + second, Full: start + 11*second, Ends: start + 11*second})
	out, a = r.Lease(out, start+second, 1, false)
	same(t, "too many", a, rate.Answer{Over: true, Next: start + 10*second, Full: start + 11*second})
	out, a = r.Lease(out, start+second, 3, false)
	same(t, "all", a, rate.Answer{Over: true, Next: start + 11*second, Full: start + 11*second})
	out, a = r.Lease(out, start+second, 4, false)
	same(t, "more than there ever is", a, rate.Answer{Over: true, Next: never, Full: start + 11*second})
	out, a = r.Lease(out, start+10*second, 5, true)
	same(t, "a part, when the first has ended", a, rate.Answer{Got: 2, Passed: true, Near: true, Next: start + 10*second, Full: start + 20*second, Ends: start + 20*second})
	if got := rate.Held(out); got != 3 {
		t.Errorf("%d are out", got)
	}
	if out = rate.Ended(out, start+20*second); len(out) != 0 {
		t.Errorf("at the end of all: %v", out)
	}
}

func TestLeasesComeBackAsTheyRefill(t *testing.T) { // 86,400 a day: one a second
	r := compile(t, rate.Limit{Kind: rate.Concurrent, Amount: 5, Refill: 86400, Unit: rate.Day})
	out, a := r.Lease(nil, start, 2, false)
	if a.Ends != start+2*second {
		t.Errorf("two come back after %d ms", (a.Ends-start)/milli)
	}
	out, a = r.Lease(out, start+second, 3, false)
	if a.Ends != start+5*second || a.Left != 0 {
		t.Errorf("three more come back after %d ms: %+v", (a.Ends-start)/milli, a)
	}
	if _, a = r.Lease(out, start+second, 1, false); a.Passed || a.Next != start+2*second {
		t.Errorf("a sixth: %+v", a)
	}
}

func TestNamesOfLeasesAreUniqueAndWholeMilliseconds(t *testing.T) {
	for _, l := range []rate.Limit{
		{Kind: rate.Concurrent, Amount: 1000, HoldSeconds: 1},
		{Kind: rate.Concurrent, Amount: 1000, Refill: rate.MaxAmount, Unit: rate.Second},
		{Kind: rate.Concurrent, Amount: 1000, Refill: 1, Unit: rate.Year, Every: 10}, // later than time lasts
	} {
		r := compile(t, l)
		var out []rate.Lease
		var a rate.Answer
		for i := range 1000 {
			if out, a = r.Lease(out, start+1, 1, false); a.Got != 1 || a.Ends <= start || a.Ends%milli != 0 {
				t.Fatalf("%+v: lease %d: %+v", l, i, a)
			}
		}
		if !slices.IsSortedFunc(out, func(a, b rate.Lease) int { return int(min(max(a.Ends-b.Ends, -1), 1)) }) || len(out) != 1000 {
			t.Errorf("%+v: %d leases, or not in their order", l, len(out))
		}
		for i := 1; i < len(out); i++ {
			if out[i].Ends == out[i-1].Ends {
				t.Fatalf("%+v: two end at %d", l, out[i].Ends)
			}
		}
	}
}

func TestReturns(t *testing.T) {
	out := []rate.Lease{{Ends: 10, Amount: 4}, {Ends: 20, Amount: 1}}
	for _, c := range []struct {
		ends, amount int64
		ok           bool
		rest         []rate.Lease
	}{
		{10, 0, true, []rate.Lease{{Ends: 10}, {Ends: 20, Amount: 1}}},
		{10, 4, true, []rate.Lease{{Ends: 10}, {Ends: 20, Amount: 1}}},
		{10, 3, true, []rate.Lease{{Ends: 10, Amount: 1}, {Ends: 20, Amount: 1}}},
		{20, 1, true, []rate.Lease{{Ends: 10, Amount: 4}, {Ends: 20}}},
		{10, 5, false, out}, {10, -1, false, out}, {15, 0, false, out}, {0, 0, false, out}, {never, 0, false, out}, {-1, 1, false, out},
	} {
		rest, ok := rate.Return(slices.Clone(out), c.ends, c.amount)
		if ok != c.ok || !slices.Equal(rest, c.rest) {
			t.Errorf("return of %d of %d: %v, %v", c.amount, c.ends, rest, ok)
		}
		if _, again := rate.Return(rest, c.ends, c.amount); again && c.amount != 1 {
			t.Errorf("return of %d of %d again", c.amount, c.ends)
		}
	}
	if _, ok := rate.Return(nil, 10, 0); ok {
		t.Error("a return of nothing")
	}
}

// Someone whose answer was lost returns again. Meanwhile another has taken what came back: it is not theirs to return.
func TestAReturnThatIsSentTwiceGivesBackNobodyElses(t *testing.T) {
	for _, l := range []rate.Limit{{Kind: rate.Concurrent, Amount: 2, HoldSeconds: 60}, {Kind: rate.Concurrent, Amount: 2, Refill: 1, Unit: rate.Hour}} {
		r := compile(t, l)
		out, _ := r.Lease(nil, start, 1, false)
		out, mine := r.Lease(out, start, 1, false)
		out, ok := rate.Return(out, mine.Ends, 0)
		out, another := r.Lease(out, start, 1, false)
		if !ok || !another.Passed || another.Left != 0 {
			t.Fatalf("%+v: %v, %+v", l, ok, another)
		}
		if out, ok = rate.Return(out, mine.Ends, 0); ok || rate.Held(out) != 2 {
			t.Errorf("%+v: the second return: %v, %d are out", l, ok, rate.Held(out))
		}
		for range 1000 { // what is remembered has an end
			var a rate.Answer
			out, _ = rate.Return(out, another.Ends, 0)
			out, a = r.Lease(out, start, 1, false)
			another = a
		}
		if len(out) > 70 || rate.Held(out) != 2 {
			t.Errorf("%+v: %d are out, and %d remembered", l, rate.Held(out), len(out))
		}
		if out, _ = rate.Return(out, another.Ends, 0); rate.Held(out) != 1 {
			t.Errorf("%+v: %d are out", l, rate.Held(out))
		}
		if _, a := r.Lease(out, start, 0, false); a.Full != out[0].Ends {
			t.Errorf("%+v: full at %d by what was returned, not at %d", l, a.Full, out[0].Ends)
		}
	}
}

func TestGivePutsBackInOrderAndOnce(t *testing.T) {
	var out []rate.Lease
	for _, ends := range []int64{20, 10, 30, 20} {
		out = rate.Put(out, rate.Lease{Ends: ends, Amount: 1})
	}
	if want := []rate.Lease{{Ends: 10, Amount: 1}, {Ends: 20, Amount: 1}, {Ends: 30, Amount: 1}}; !slices.Equal(out, want) {
		t.Errorf("out are %v", out)
	}
}

// Against a map from names to amounts: whatever is taken and returned at whatever times, no more is out than there is, and Next and Full are right.
func TestLeasesAgainstAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := rate.Limit{Kind: rate.Concurrent, Amount: rapid.Int64Range(0, 20).Draw(t, "amount")}
		if rapid.Bool().Draw(t, "refills") {
			l.Refill, l.Unit = rapid.Int64Range(1, 100).Draw(t, "refill"), rate.Minute
		} else {
			l.HoldSeconds = rapid.Int64Range(1, 10).Draw(t, "hold")
		}
		r := compile(t, l)
		var out []rate.Lease
		model := map[int64]int64{}
		returned := map[int64]bool{}
		var names []int64
		now, latest := start, start
		for range 40 {
			now += rapid.Int64Range(-second, 3*second).Draw(t, "later")
			latest = max(latest, now)
			maps.DeleteFunc(model, func(ends, _ int64) bool { return ends <= now })
			out = rate.Ended(out, now)
			if len(names) > 0 && rapid.Bool().Draw(t, "return") {
				ends, amount := rapid.SampledFrom(names).Draw(t, "name"), rapid.Int64Range(-1, 3).Draw(t, "amount")
				var ok bool
				out, ok = rate.Return(out, ends, amount)
				held, is := model[ends]
				is = is && amount >= 0 && amount <= held
				if ok != is {
					t.Fatalf("return of %d of %d, where %d are out: %v", amount, ends, held, ok)
				}
				if is {
					if model[ends] -= amount; amount == 0 || model[ends] == 0 {
						delete(model, ends)
						returned[ends] = true
					}
				}
				continue
			}
			used, full := int64(0), now
			for ends, n := range model {
				used, full = used+n, max(full, ends)
			}
			want := rapid.Int64Range(0, l.Amount+1).Draw(t, "want")
			var a rate.Answer
			out, a = r.Lease(out, now, want, false)
			if passed := want <= l.Amount-used; a.Passed != passed || a.Left != max(l.Amount-used-a.Got, 0) || passed && a.Got != want {
				t.Fatalf("take of %d where %d of %d are out: %+v", want, used, l.Amount, a)
			}
			if a.Got > 0 {
				if _, twice := model[a.Ends]; twice || a.Ends <= now || returned[a.Ends] && a.Ends > latest {
					t.Fatalf("a lease that ends at %d at %d", a.Ends, now)
				}
				model[a.Ends], full = a.Got, max(full, a.Ends)
				names = append(names, a.Ends)
			}
			if a.Full != full {
				t.Fatalf("full at %d, not %d", a.Full, full)
			}
			if a.Over && want <= l.Amount {
				at := slices.Clone(out)
				if _, early := r.Lease(slices.Clone(at), a.Next-1, want, false); early.Passed {
					t.Fatalf("passes before %d", a.Next)
				}
				if _, just := r.Lease(at, a.Next, want, false); !just.Passed {
					t.Fatalf("does not pass at %d", a.Next)
				}
			}
		}
	})
}
