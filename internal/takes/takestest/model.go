package takestest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/slipwayhq/slipway/internal/pure/rate"
	"github.com/slipwayhq/slipway/internal/takes"
)

// model is a store of one map, which is asked by one caller at a time.
type model struct {
	cells  map[string]rate.Cell
	leases map[string][]rate.Lease
}

func key(a takes.Ask) string { return fmt.Sprintf("%d %s", a.Limit.Series, a.Group) }

func (m *model) one(a takes.Ask, now, want int64, keep bool) rate.Answer {
	r := a.Limit.For(a.Group)
	if r.Limit.Kind == rate.Concurrent {
		out, answer := r.Lease(slices.Clone(m.leases[key(a)]), now, want, a.Partial)
		if keep {
			m.leases[key(a)] = out
		}
		return answer
	}
	c := m.cells[key(a)]
	answer := r.Take(&c, now, want, a.Partial)
	if keep {
		m.cells[key(a)] = c
	}
	return answer
}

func (m *model) take(asks []takes.Ask, now int64) (answers []rate.Answer, passed bool) {
	passed = true
	for _, a := range asks {
		answer := m.one(a, now, a.Amount, false)
		answers, passed = append(answers, answer), passed && answer.Passed
	}
	for i, a := range asks {
		switch {
		case passed:
			answers[i] = m.one(a, now, a.Amount, true)
		case answers[i].Passed: // it stays as it is, since another refused
			answers[i] = m.one(a, now, 0, false)
		}
	}
	return answers, passed
}

// limits of the model's world. What comes back of each in a ns divides evenly, so that it is no matter how often it is counted.
func (w *world) several() []*rate.Defined {
	all := []*rate.Defined{
		w.limit(rate.Limit{Kind: rate.Rolling, Amount: 10, Unit: rate.Second}),
		w.limit(rate.Limit{Kind: rate.Rolling, Amount: 60, Unit: rate.Minute, Burst: 5}),
		w.limit(rate.Limit{Kind: rate.Rolling, Amount: 5, Unit: rate.Second, Shadow: true}),
		w.limit(rate.Limit{Kind: rate.Calendar, Amount: 8, Unit: rate.Minute}),
		w.limit(rate.Limit{Kind: rate.Calendar, Amount: 20, Unit: rate.Day, Zone: "Asia/Kathmandu"}),
		w.limit(rate.Limit{Kind: rate.Ever, Amount: 60}),
		w.limit(rate.Limit{Kind: rate.Concurrent, Amount: 6, HoldSeconds: 2}),
		w.limit(rate.Limit{Kind: rate.Concurrent, Amount: 6, Refill: 60, Unit: rate.Minute}),
	}
	for _, d := range all {
		l := d.Rule.Limit
		l.Amount *= 2
		d.Overrides = map[string]*rate.Rule{d.Group + ":bea": w.rule(l)}
	}
	return all
}

// Takes and returns of all kinds, in an order that dice give, are answered as the arithmetic alone answers them.
func isAsArithmeticSays(w *world) {
	for seed := range uint64(3) {
		dice := rand.New(rand.NewPCG(seed, 6))
		limits := w.several()
		m := &model{cells: map[string]rate.Cell{}, leases: map[string][]rate.Lease{}}
		var out []lease
		for step := range 250 {
			if dice.IntN(3) == 0 {
				w.clock.Add(time.Duration(dice.IntN(700)) * time.Millisecond)
			}
			what := fmt.Sprintf("seed %d, step %d", seed, step)
			switch n := dice.IntN(20); {
			case n < 4 && len(out) > 0:
				w.modelReturn(what, m, out[dice.IntN(len(out))], dice.Int64N(4))
			case n == 4:
				a := draw(dice, limits)[0]
				delete(m.cells, key(a))
				delete(m.leases, key(a))
				if err := w.store.Forget(w.Context(), a.Limit, a.Group); err != nil {
					w.Fatal(err)
				}
			default:
				out = w.modelTake(what, m, draw(dice, limits), out)
			}
			if w.Failed() {
				return
			}
		}
	}
}

type lease struct {
	of   takes.Ask
	ends int64
}

// draw draws one to four asks, no two alike.
func draw(dice *rand.Rand, limits []*rate.Defined) (asks []takes.Ask) {
	for _, i := range dice.Perm(len(limits))[:1+dice.IntN(2)*dice.IntN(4)] {
		d := limits[i]
		asks = append(asks, takes.Ask{Limit: d, Group: d.Group + []string{"", ":ana", ":bea"}[dice.IntN(3)], Amount: dice.Int64N(5), Partial: dice.IntN(3) == 0})
	}
	return asks
}

func (w *world) modelTake(what string, m *model, asks []takes.Ask, out []lease) []lease {
	want, passed := m.take(asks, w.in(0))
	for i, got := range w.take(asks...) {
		expected := want[i]
		if !passed && expected.Passed { // how full it would have been, nobody needs to know
			got.Full, got.Next, got.Near, got.Over = expected.Full, expected.Next, expected.Near, expected.Over
		}
		if got != expected {
			w.Errorf("%s: %s of %+v, %d (partial %v):\ngot  %+v\nwant %+v", what, asks[i].Group, asks[i].Limit.For(asks[i].Group).Limit, asks[i].Amount, asks[i].Partial, got, expected)
		}
		if got.Ends != 0 {
			out = append(out, lease{asks[i], got.Ends})
		}
	}
	return out
}

func (w *world) modelReturn(what string, m *model, l lease, amount int64) {
	k := key(l.of)
	rest, want := rate.Return(rate.Ended(m.leases[k], w.in(0)), l.ends, amount)
	m.leases[k] = rest
	l.of.Amount = amount
	w.returns(what, l.of, l.ends, want)
}
