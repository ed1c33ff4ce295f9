package repeats

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// Cell is some units that are alike in all that the score looks at. Errors and Requests are the buckets of those after the unit's first error, Before is the bucket of its
// errors before the draw. New and Old count the units on each side.
type Cell struct {
	Errors   int   `json:"errors"`
	Requests int   `json:"requests"`
	Before   int   `json:"before"`
	New      int64 `json:"new"`
	Old      int64 `json:"old"`
}

// Shift is what having erred at all counts for, in units of what a repeated error that nobody expected does. See the package's doc.
const Shift = 0.25

// shifts are the log ratios that are bet on, stakes how much on each.
var (
	shifts = [...]float64{math.Log(1.2), math.Log(1.5), math.Log(2), math.Log(4)}
	stakes = [...]float64{0.2, 0.3, 0.3, 0.2}
)

// most bounds a score, so that no single unit decides.
const most = 4

// Validate reports a cell that cannot be.
func Validate(cells []Cell) error {
	for i, c := range cells {
		if min(c.Errors, c.Requests, c.Before) < 0 || max(c.Errors, c.Requests, c.Before) > MaxBucket {
			return fmt.Errorf("cell %d: buckets %d, %d, %d; they go from 0 to %d", i+1, c.Errors, c.Requests, c.Before, MaxBucket)
		}
		if min(c.New, c.Old) < 0 || max(c.New, c.Old) > 1<<40 {
			return fmt.Errorf("cell %d: %d and %d visitors are impossible", i+1, c.New, c.Old)
		}
	}
	return nil
}

// LogE is the ln e-value of one look at valid cells against "the side changes nothing", with share the probability of the new side, the same for every unit. It is 0 without
// units, and where the share is 0 or 1. The order of the cells does not matter.
func LogE(cells []Cell, share float64) float64 {
	if !(share > 0 && share < 1) {
		return 0
	}
	cells = slices.DeleteFunc(slices.Clone(cells), func(c Cell) bool { return c.New+c.Old == 0 })
	if len(cells) == 0 {
		return 0
	}
	slices.SortFunc(cells, Compare)
	return bet(cells, scores(cells), share)
}

// Compare orders cells.
func Compare(a, b Cell) int {
	return cmp.Or(cmp.Compare(a.Errors, b.Errors), cmp.Compare(a.Requests, b.Requests), cmp.Compare(a.Before, b.Before), cmp.Compare(a.New, b.New), cmp.Compare(a.Old, b.Old))
}

// bet is the logarithm of the mean of the e-values of all shifts.
func bet(cells []Cell, score []float64, share float64) float64 {
	var logs [len(shifts)]float64
	top := math.Inf(-1)
	for k, shift := range shifts {
		sum := math.Log(stakes[k])
		for i, c := range cells {
			x := shift * score[i]
			sum += float64(c.New)*x - float64(c.New+c.Old)*math.Log1p(share*math.Expm1(x))
		}
		logs[k] = sum
		top = math.Max(top, sum)
	}
	e := 0.0
	for _, l := range logs {
		e += math.Exp(l - top)
	}
	return top + math.Log(e)
}
