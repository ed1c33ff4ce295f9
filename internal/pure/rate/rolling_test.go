package rate_test

import (
	"math/big"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/slipwayhq/slipway/internal/pure/rate"
)

const second = int64(1_000_000_000)

func TestRollingGivesItsBurstAndRefills(t *testing.T) {
	r := compile(t, rate.Limit{Kind: rate.Rolling, Amount: 60, Unit: rate.Minute, Burst: 10})
	var c rate.Cell
	same(t, "a part of the burst", r.Take(&c, start, 7, false), rate.Answer{Got: 7, Passed: true, Left: 3, Next: start, Full: start + 7*second})
	same(t, "the last, near", r.Take(&c, start, 3, false), rate.Answer{Got: 3, Passed: true, Near: true, Next: start, Full: start + 10*second})
	same(t, "one too many", r.Take(&c, start, 1, false), rate.Answer{Over: true, Next: start + second, Full: start + 10*second})
	same(t, "a ns too early", r.Take(&c, start+second-1, 1, false), rate.Answer{Over: true, Next: start + second, Full: start + 10*second})
	same(t, "as soon as it was said", r.Take(&c, start+second, 1, false), rate.Answer{Got: 1, Passed: true, Near: true, Next: start + second, Full: start + 11*second})
	same(t, "a look", r.Take(&c, start+4*second, 0, false), rate.Answer{Passed: true, Left: 3, Next: start + 4*second, Full: start + 11*second})
	same(t, "a part", r.Take(&c, start+4*second, 5, true), rate.Answer{Got: 3, Passed: true, Near: true, Next: start + 4*second, Full: start + 14*second})
	same(t, "a part of nothing", r.Take(&c, start+4*second, 5, true), rate.Answer{Over: true, Next: start + 9*second, Full: start + 14*second})
	same(t, "more than there ever is", r.Take(&c, start+4*second, 11, false), rate.Answer{Over: true, Next: never, Full: start + 14*second})
	if r.Idle(c, start+14*second-1) || !r.Idle(c, start+14*second) {
		t.Error("it is not idle from when it is full")
	}
}

func TestALimitOfNothingGivesNothing(t *testing.T) {
	for _, kind := range []rate.Limit{
		{Kind: rate.Rolling, Unit: rate.Second}, {Kind: rate.Rolling, Unit: rate.Second, Burst: 5}, {Kind: rate.Calendar, Unit: rate.Day}, {Kind: rate.Ever},
	} {
		var c rate.Cell
		a := compile(t, kind).Take(&c, start, 1, true)
		if a.Passed || a.Got != 0 || !a.Over || a.Next != never || a.Left != 0 || c.Used != 0 {
			t.Errorf("%+v: %+v, cell %+v", kind, a, c)
		}
	}
}

func TestTheShadowGivesEverythingAndSaysSo(t *testing.T) {
	r := compile(t, rate.Limit{Kind: rate.Rolling, Amount: 10, Unit: rate.Second, Shadow: true})
	var c rate.Cell
	for _, partial := range []bool{false, true} {
		c = rate.Cell{}
		r.Take(&c, start, 8, false)
		if a := r.Take(&c, start, 5, partial); a.Got != 5 || !a.Passed || !a.Over || a.Left != 2 {
			t.Errorf("partial %v: %+v", partial, a)
		}
		if got := r.Used(c, start); got != 8 { // as where it denies
			t.Errorf("partial %v: %d are used", partial, got)
		}
	}
}

// What a limit in the shadow says of who would be denied is what the same limit denies.
func TestTheShadowDeniesWhomTheLimitWould(t *testing.T) {
	l := rate.Limit{Kind: rate.Rolling, Amount: 60, Unit: rate.Minute, Burst: 1}
	enforced := compile(t, l)
	l.Shadow = true
	shadow := compile(t, l)
	var a, b rate.Cell
	for i := range int64(80) {
		now := start + i*int64(250*time.Millisecond)
		if one, other := enforced.Take(&a, now, 1, false), shadow.Take(&b, now, 1, false); one.Over != other.Over || other.Got != 1 {
			t.Fatalf("ask %d: %+v, in the shadow %+v", i, one, other)
		}
	}
}

func TestNearIsAShareOfWhatThereIs(t *testing.T) {
	r := compile(t, rate.Limit{Kind: rate.Ever, Amount: 10, Near: 0.5})
	var c rate.Cell
	for i := range 10 {
		if a := r.Take(&c, start, 1, false); a.Near != (i >= 4) {
			t.Errorf("take %d is near: %v", i+1, a.Near)
		}
	}
	if a := r.Take(&c, start, 1, false); a.Near || !a.Over {
		t.Errorf("over is not near: %+v", a)
	}
	if a := r.Take(&c, start, 0, false); !a.Near {
		t.Errorf("a look does not say near: %+v", a)
	}
}

func TestOverridesCountInTheSameCell(t *testing.T) {
	plain := compile(t, rate.Limit{Kind: rate.Rolling, Amount: 10, Unit: rate.Minute})
	raised := compile(t, rate.Limit{Kind: rate.Rolling, Amount: 100, Unit: rate.Minute})
	lowered := compile(t, rate.Limit{Kind: rate.Rolling, Amount: 5, Unit: rate.Minute})
	var c rate.Cell
	plain.Take(&c, start, 10, false)
	if a := raised.Take(&c, start, 90, false); a.Got != 90 || a.Left != 0 {
		t.Errorf("raised: %+v", a)
	}
	c = rate.Cell{}
	plain.Take(&c, start, 10, false)
	if a := lowered.Take(&c, start, 1, false); a.Passed || a.Left != 0 || a.Next != start+72*second {
		t.Errorf("lowered: %+v", a)
	}
}

func TestTheLargestAmountsDoNotOverflow(t *testing.T) {
	const most = rate.MaxAmount
	for _, l := range []rate.Limit{
		{Kind: rate.Rolling, Amount: most, Unit: rate.Year}, {Kind: rate.Rolling, Amount: most, Unit: rate.Second}, {Kind: rate.Rolling, Amount: most, Unit: rate.Year, Every: 10},
		{Kind: rate.Calendar, Amount: most, Unit: rate.Year}, {Kind: rate.Ever, Amount: most},
	} {
		r := compile(t, l)
		var c rate.Cell
		if a := r.Take(&c, start, most, false); a.Got != most || !a.Passed || a.Left != 0 {
			t.Errorf("%+v: %+v", l, a)
		}
		if a := r.Take(&c, start, most, false); a.Passed || a.Next < start {
			t.Errorf("%+v again: %+v", l, a)
		}
	}
	r := compile(t, rate.Limit{Kind: rate.Rolling, Amount: most, Unit: rate.Year})
	var c rate.Cell
	r.Take(&c, start, most, false)
	if got := r.Used(c, start+365*86400*second/2); got != most/2 {
		t.Errorf("after half a year %d are used", got)
	}
	slow := compile(t, rate.Limit{Kind: rate.Rolling, Amount: 1, Unit: rate.Year, Every: 10, Burst: most})
	c = rate.Cell{}
	if a := slow.Take(&c, start, most, false); a.Full != never || a.Got != most {
		t.Errorf("what takes longer than time lasts: %+v", a)
	}
}

func TestAClockThatGoesBackGivesNothingBack(t *testing.T) {
	for _, l := range []rate.Limit{{Kind: rate.Rolling, Amount: 60, Unit: rate.Minute}, {Kind: rate.Calendar, Amount: 60, Unit: rate.Minute}} {
		r := compile(t, l)
		var c rate.Cell
		r.Take(&c, start, 60, false)
		for _, back := range []int64{1, second, 59 * second, 3600 * second, 365 * 86400 * second} {
			if a := r.Take(&c, start-back, 1, true); a.Passed {
				t.Errorf("%+v gives again %d s before: %+v", l, back/second, a)
			}
		}
		now := start - 365*86400*second // it stays there, and the limit lives by it
		if a := r.Take(&c, now+61*second, 1, false); !a.Passed {
			t.Errorf("%+v is denied for ever by a clock that was ahead: %+v", l, a)
		}
	}
}

func TestATakeOfAConcurrentLimitIsALease(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("it is taken of like of another")
		}
	}()
	compile(t, rate.Limit{Kind: rate.Concurrent, Amount: 1, HoldSeconds: 1}).Take(&rate.Cell{}, start, 1, false)
}

func TestForceTakesWhatWasGiven(t *testing.T) {
	r := compile(t, rate.Limit{Kind: rate.Ever, Amount: 1})
	var c rate.Cell
	r.Force(&c, start, 1)
	r.Force(&c, start, 5)
	if c.Used != 6 || c.At == 0 {
		t.Errorf("the cell is %+v", c)
	}
}

// debt is the exact level of a rolling limit: what is out, times the period.
type debt struct{ level, amount, period *big.Int }

func (d *debt) pass(ns int64) {
	d.level.Sub(d.level, new(big.Int).Mul(big.NewInt(ns), d.amount))
	if d.level.Sign() < 0 {
		d.level.SetInt64(0)
	}
}

// used is what is out, in whole: begun units are out.
func (d *debt) used(rounded int64) int64 {
	n := new(big.Int).Add(d.level, new(big.Int).Mul(big.NewInt(rounded), d.amount))
	n.Add(n, new(big.Int).Sub(d.period, big.NewInt(1)))
	return n.Div(n, d.period).Int64()
}

// Against arithmetic without bounds: never in a taker's favour, and behind the exact level by no more than a ns a take.
func TestRollingIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		unit := rapid.SampledFrom([]rate.Unit{rate.Second, rate.Minute, rate.Hour, rate.Day, rate.Week, rate.Month, rate.Year}).Draw(t, "unit")
		amount := rapid.OneOf(rapid.Int64Range(1, 1000), rapid.Int64Range(1, rate.MaxAmount)).Draw(t, "amount")
		burst := rapid.OneOf(rapid.Just(int64(0)), rapid.Int64Range(1, 2*min(amount, rate.MaxAmount/2))).Draw(t, "burst")
		r := compile(t, rate.Limit{Kind: rate.Rolling, Amount: amount, Unit: unit, Burst: burst})
		period := int64(r.Window())
		d := &debt{new(big.Int), big.NewInt(amount), big.NewInt(period)}
		var c rate.Cell
		now := start
		for i := range int64(rapid.IntRange(1, 40).Draw(t, "takes")) {
			ns := rapid.OneOf(rapid.Int64Range(0, 10), rapid.Int64Range(0, period), rapid.Int64Range(0, 2*(period/amount+1))).Draw(t, "later")
			now += ns
			d.pass(ns)
			want := rapid.OneOf(rapid.Int64Range(0, 3), rapid.Int64Range(0, r.Capacity()+1)).Draw(t, "want")
			partial := rapid.Bool().Draw(t, "partial")
			before := r.Used(c, now)
			if exact := d.used(0); before < exact {
				t.Fatalf("%d are used, by exact arithmetic %d", before, exact)
			} else if late := d.used(i); before > late {
				t.Fatalf("%d are used, by exact arithmetic %d, and %d with a ns lost in each of %d takes", before, exact, late, i)
			}
			a := r.Take(&c, now, want, partial)
			d.level.Add(d.level, new(big.Int).Mul(big.NewInt(a.Got), d.period))
			check(t, r, c, a, now, before, want, partial)
		}
	})
}

// check compares an answer with what was used before.
func check(t *rapid.T, r *rate.Rule, c rate.Cell, a rate.Answer, now, before, want int64, partial bool) {
	free := max(r.Capacity()-before, 0)
	got := int64(0)
	if want <= free {
		got = want
	} else if partial {
		got = free
	}
	passed := got > 0 || want == 0
	if a.Got != got || a.Passed != passed || a.Over == passed || a.Left != free-got || c.Used != before+got {
		t.Fatalf("take of %d (partial %v) with %d of %d used: %+v, cell %+v", want, partial, before, r.Capacity(), a, c)
	}
	if r.Idle(c, a.Full-1) && c.Used > 0 || !r.Idle(c, a.Full) {
		t.Fatalf("it is not full just from %d: %+v", a.Full, c)
	}
	if !a.Over || want > r.Capacity() {
		return
	}
	early, just := c, c
	if r.Take(&early, a.Next-1, want, false).Passed && a.Next > now {
		t.Fatalf("the take passes before %d: %+v", a.Next, c)
	}
	if !r.Take(&just, a.Next, want, false).Passed {
		t.Fatalf("the take does not pass at %d: %+v", a.Next, c)
	}
}

// However the clock jumps, no more is given than the limit at once and what comes back in the time that went forward.
func TestNoClockMakesALimitGiveTooMuch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		amount := rapid.Int64Range(1, 1000).Draw(t, "amount")
		r := compile(t, rate.Limit{Kind: rate.Rolling, Amount: amount, Unit: rate.Minute})
		var c rate.Cell
		now, forward, given := start, int64(0), int64(0)
		for range 50 {
			jump := rapid.Int64Range(-90*second, 90*second).Draw(t, "jump")
			now += jump
			forward += max(jump, 0)
			given += r.Take(&c, now, rapid.Int64Range(0, amount).Draw(t, "want"), true).Got
			most := new(big.Int).Mul(big.NewInt(forward), big.NewInt(amount))
			if given > r.Capacity()+most.Div(most, big.NewInt(60*second)).Int64() {
				t.Fatalf("%d were given of %d a minute in %d ns", given, amount, forward)
			}
		}
	})
}
