package rate

import (
	"cmp"
	"slices"
)

// Lease is what is out of a concurrent limit, until when.
type Lease struct {
	Ends   int64 // ns since 1970, whole milliseconds; it names the lease: no two under one key end at the same time
	Amount int64 // 0: it was returned; only its name is kept
}

// names is how many that were returned are remembered by their names, until they would have ended. A name that is given anew at once would let a return that is sent twice give back what another has taken.
const names = 64

// MaxLeases is how many leases of one key are out at once, at most, whatever they hold: each take looks at all of them.
const MaxLeases = 10_000

const milli = int64(1_000_000)

// farthest is the end of what does not come back in any time that can be written down. As many leases as a limit can give have room for their names behind it.
const farthest = Never - 2*MaxAmount*milli

// Lease takes want of a concurrent limit, and adds the lease to those that are out, which are in the order of their ends. Those that have ended go first.
func (r *Rule) Lease(out []Lease, now, want int64, partial bool) ([]Lease, Answer) {
	out = Ended(out, now)
	used := Held(out)
	a := r.grant(used, want, partial)
	if a.Counted() > 0 && len(out) >= MaxLeases {
		a = Answer{Over: true}
	}
	if a.Counted() > 0 {
		out, a.Ends = r.add(out, now, a.Counted())
	}
	a.Next, a.Full = now, last(out, now)
	if a.Over {
		a.Next = r.when(out, want)
	}
	return out, a
}

// add puts a lease among those that are out. Their names are whole milliseconds, which all clients can carry.
func (r *Rule) add(out []Lease, now, amount int64) ([]Lease, int64) {
	ends := later(now, r.hold)
	if r.hold == 0 { // it comes back when the bucket has refilled so far
		ends = later(last(out, now), span(amount, r.amount, r.period))
	}
	ends = (min(ends, farthest) + milli - 1) / milli * milli
	i, _ := place(out, ends)
	for ; i < len(out) && out[i].Ends == ends; i++ {
		ends += milli
	}
	return slices.Insert(out, i, Lease{Ends: ends, Amount: amount}), ends
}

// last is when everything that is out has ended.
func last(out []Lease, now int64) int64 {
	for _, l := range slices.Backward(out) {
		if l.Amount > 0 {
			return l.Ends
		}
	}
	return now
}

// place is where the lease of a name is, or would be.
func place(out []Lease, ends int64) (int, bool) {
	return slices.BinarySearchFunc(out, ends, func(l Lease, ends int64) int { return cmp.Compare(l.Ends, ends) })
}

// Put makes what is out of a lease what is written down of it; 0: it was returned. Twice does nothing.
func Put(out []Lease, l Lease) []Lease {
	i, there := place(out, l.Ends)
	switch {
	case there:
		out[i].Amount = l.Amount
		return out
	case l.Amount == 0:
		return out
	}
	return slices.Insert(out, i, l)
}

// OutOf is how much is out of the lease that ends at a time.
func OutOf(out []Lease, ends int64) int64 {
	if i, there := place(out, ends); there {
		return out[i].Amount
	}
	return 0
}

// Return gives back amount of the lease that ends at the given time, all of it where amount is 0. ok is false where no such lease is out, as it was returned or has ended, or was of less.
func Return(out []Lease, ends, amount int64) (rest []Lease, ok bool) {
	i, there := place(out, ends)
	switch {
	case !there || out[i].Amount == 0 || amount < 0 || amount > out[i].Amount:
		return out, false
	case amount != 0 && amount != out[i].Amount:
		out[i].Amount -= amount
		return out, true
	}
	out[i].Amount = 0
	returned := func(l Lease) bool { return l.Amount == 0 }
	n := 0
	for _, l := range out {
		if returned(l) {
			n++
		}
	}
	if n > names {
		first := slices.IndexFunc(out, returned) // what ended first is the least likely to be given again
		out = slices.Delete(out, first, first+1)
	}
	return out, true
}

// Ended leaves out what has come back by itself.
func Ended(out []Lease, now int64) []Lease {
	i, there := place(out, now)
	if there {
		i++
	}
	return slices.Delete(out, 0, i)
}

// Held is how much is out.
func Held(out []Lease) (n int64) {
	for _, l := range out {
		n = sum(n, l.Amount)
	}
	return n
}

// when is the time at which want is free, if nobody returns anything.
func (r *Rule) when(out []Lease, want int64) int64 {
	if want > r.capacity {
		return Never
	}
	used := Held(out)
	for _, l := range out {
		if used -= l.Amount; used <= r.capacity-want {
			return l.Ends
		}
	}
	return Never
}
