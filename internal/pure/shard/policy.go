package shard

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"
)

// Unit is a test that can be run alone, as it waits in a queue.
type Unit struct {
	Name string
	// Estimate of its duration; the zero Estimate if it was never seen.
	Estimate Estimate
	// Size of its tests' source in bytes, as [Sizes] finds it; 0 if that is not known. It says something only of a unit that was never seen.
	Size int64
	// Returns is how many leases it came back from without a result. A unit
	// that came back twice is leased alone: it may be what kills the worker,
	// and must not take others with it.
	Returns int
}

// Policy holds the numbers of guided self-scheduling. Its zero value is
// replaced field by field with the defaults.
type Policy struct {
	// K: a lease holds 1/(K·workers) of the predicted time that is left.
	// Larger means smaller leases. Default 2.5.
	K float64
	// LeaseCost is the time a lease takes besides its units. No lease is
	// planned shorter than ten times this, except the last. Default 50 ms.
	LeaseCost time.Duration
	// MaxUnits in one lease. Default 1,000.
	MaxUnits int
	// MaxBytes of quoted names in one lease, for they go on one command line, which
	// Linux ends at 128 KiB. Default 64 KiB. A longer name is leased alone.
	MaxBytes int
}

const (
	leaseFloor   = 10              // shortest planned lease in lease costs
	unknownGuess = 5 * time.Second // the least that is planned for a unit never seen
	loneReturns  = 2               // Returns from which a unit is leased alone
)

func (p Policy) withDefaults() Policy {
	if !(p.K > 0) {
		p.K = 2.5
	}
	if p.LeaseCost <= 0 {
		p.LeaseCost = 50 * time.Millisecond
	}
	if p.MaxUnits <= 0 {
		p.MaxUnits = 1000
	}
	if p.MaxBytes <= 0 {
		p.MaxBytes = 64 << 10
	}
	return p
}

// Sort puts units in the order in which they are leased: those that came back,
// then those never seen (of unknown size first, then the largest), then the
// longest expected; equal ones by name.
func Sort(units []Unit) {
	slices.SortFunc(units, func(a, b Unit) int {
		return cmp.Or(
			cmp.Compare(b.Returns, a.Returns),
			cmp.Compare(boolInt(a.Estimate.Known()), boolInt(b.Estimate.Known())),
			cmp.Compare(a.unseenSize(), b.unseenSize()),
			cmp.Compare(b.Estimate.Duration(), a.Estimate.Duration()),
			strings.Compare(a.Name, b.Name),
		)
	})
}

// unseenSize orders units that were never seen: 0 for unknown, then the more negative the larger.
func (u Unit) unseenSize() int64 {
	if u.Estimate.Known() || u.Size <= 0 {
		return math.MinInt64
	}
	return -u.Size
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Next returns how many units from the front of waiting, which is in the order
// of [Sort], make the next lease; 0 only if none wait. workers is how many
// share the queue, the asking one included.
//
// The lease is the longest prefix of predicted length at most
// max(remaining/(K·workers), 10·LeaseCost), and at least one unit. It is a
// single unit once there are no more units than workers.
func (p Policy) Next(waiting []Unit, workers int) int {
	p = p.withDefaults()
	workers = max(workers, 1)
	if len(waiting) <= workers || waiting[0].Returns >= loneReturns {
		return min(len(waiting), 1)
	}
	guess := guessUnseen(waiting)
	remaining := time.Duration(0)
	for _, u := range waiting {
		remaining += guess.of(u)
	}
	share := time.Duration(float64(remaining) / (p.K * float64(workers)))
	target := max(share, leaseFloor*p.LeaseCost)

	length, bytes := time.Duration(0), 0
	for i, u := range waiting {
		length += guess.of(u)
		bytes += len(word(u.Name)) + 1
		full := length > target || bytes > p.MaxBytes || i >= p.MaxUnits || u.Returns >= loneReturns
		if i > 0 && full {
			return i
		}
	}
	return len(waiting)
}

// Remaining returns the predicted time of all units one after the other.
func Remaining(units []Unit) time.Duration {
	guess, sum := guessUnseen(units), time.Duration(0)
	for _, u := range units {
		sum += guess.of(u)
	}
	return sum
}

// guess is what is planned for units never seen.
type guess struct {
	mean time.Duration
	root float64 // mean of the square roots of their sizes; 0 if no size is known
}

// guessUnseen takes the length of the longest known unit for the mean of those never seen, but not less than unknownGuess, for a surprise at the end
// costs most. With sizes, a unit's part of it goes by the square root of its size: that large tests take longer is true on the whole, and no more.
func guessUnseen(units []Unit) guess {
	g := guess{mean: unknownGuess}
	sized := 0
	for _, u := range units {
		g.mean = max(g.mean, u.Estimate.Duration())
		if !u.Estimate.Known() && u.Size > 0 {
			g.root += math.Sqrt(float64(u.Size))
			sized++
		}
	}
	g.root /= float64(max(sized, 1))
	return g
}

// of is the predicted length of a unit.
func (g guess) of(u Unit) time.Duration {
	switch {
	case u.Estimate.Known():
		return u.Estimate.Duration()
	case u.Size > 0:
		return time.Duration(float64(g.mean) * math.Sqrt(float64(u.Size)) / g.root)
	}
	return g.mean
}
