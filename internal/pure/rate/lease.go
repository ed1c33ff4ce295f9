package rate

// Lease is what is out of a concurrent limit, until when.
type Lease struct {
	Ends   int64 // ns since 1970, whole milliseconds; it names the lease: no two under one key end at the same time
	Amount int64
}

const milli = int64(1_000_000)

// Lease takes want of a concurrent limit, and adds the lease to those that are out. Those that have ended go first.
func (r *Rule) Lease(out []Lease, now, want int64, partial bool) ([]Lease, Answer) {
	out = Ended(out, now)
	used := held(out)
	a := r.grant(used, want, partial)
	if a.Got > 0 {
		out, a.Ends = r.add(out, now, a.Got)
	}
	a.Next, a.Full = now, now
	for _, l := range out {
		a.Full = max(a.Full, l.Ends)
	}
	if a.Over {
		a.Next = r.when(out, want)
	}
	return out, a
}

// add puts a lease behind those that are out. Their names are whole milliseconds, which all clients can carry.
func (r *Rule) add(out []Lease, now, amount int64) ([]Lease, int64) {
	ends := later(now, r.hold)
	if r.hold == 0 { // it comes back when the bucket has refilled so far
		last := now
		for _, l := range out {
			last = max(last, l.Ends)
		}
		ends = later(last, span(amount, r.amount, r.period))
	}
	ends = min(ends, Never-2*milli)
	ends = (ends + milli - 1) / milli * milli
	for taken(out, ends) {
		ends += milli
	}
	return append(out, Lease{Ends: ends, Amount: amount}), ends
}

// Give puts back a lease that was read of what is written down; one that is there already is left.
func Give(out []Lease, l Lease) []Lease {
	if taken(out, l.Ends) {
		return out
	}
	return append(out, l)
}

// Return gives back amount of the lease that ends at the given time, all of it where amount is 0. Left says what is out of it still; ok is false where no such lease is out, as it was returned or
// has ended, or was of less.
func Return(out []Lease, ends, amount int64) (rest []Lease, ok bool) {
	for i, l := range out {
		if l.Ends != ends {
			continue
		}
		switch {
		case amount == 0 || amount == l.Amount:
			return append(out[:i], out[i+1:]...), true
		case amount < 0 || amount > l.Amount:
			return out, false
		}
		out[i].Amount -= amount
		return out, true
	}
	return out, false
}

// Ended leaves out what has come back by itself.
func Ended(out []Lease, now int64) []Lease {
	kept := out[:0]
	for _, l := range out {
		if l.Ends > now {
			kept = append(kept, l)
		}
	}
	return kept
}

func held(out []Lease) (n int64) {
	for _, l := range out {
		n = sum(n, l.Amount)
	}
	return n
}

// Held is how much is out.
func Held(out []Lease) int64 { return held(out) }

func taken(out []Lease, ends int64) bool {
	for _, l := range out {
		if l.Ends == ends {
			return true
		}
	}
	return false
}

// when is the time at which want is free, if nobody returns anything.
func (r *Rule) when(out []Lease, want int64) int64 {
	if want > r.capacity {
		return Never
	}
	at := int64(Never)
	for _, l := range out {
		if l.Ends >= at {
			continue
		}
		used := int64(0)
		for _, o := range out {
			if o.Ends > l.Ends {
				used = sum(used, o.Amount)
			}
		}
		if used+want <= r.capacity {
			at = l.Ends
		}
	}
	return at
}
