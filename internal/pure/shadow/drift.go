package shadow

import (
	"math"

	"github.com/slipwayhq/slipway/internal/pure/stats"
	"github.com/slipwayhq/slipway/internal/pure/stats/units"
)

// The windows, in minutes.
const (
	before  = 60 // compared with
	horizon = 60 // looked at after a deploy, at most
	// spacing is between the moments of history.
	spacing = 60
	// leastBefore and leastAfter are what is needed of each.
	leastBefore = 10
	leastAfter  = 5
	// enough moments of history to know what is usual.
	enough = 12
)

// margin is the ratio of rates above 1 that is no harm: whoever compares with an hour ago cannot see a fifth.
const margin = 0.2

// spans are the lengths of the window after for which it is learned how much it differs from the one before: short windows differ more.
func spans() []int { return []int{2, 5, 10, 20, 40, horizon} }

// history is what a log without deploys taught: for each series and span, how likely each spread between neighbouring windows is.
type history struct {
	settle  int
	moments []int // minutes
	// learnt is indexed by series, span and moment: the logarithm of how likely what was counted there is under each spread.
	learnt [][][]units.Spread
}

// learn takes all moments around which nothing was deployed.
func (c *calendar) learn(deploys []int, settle int) *history {
	h := &history{settle: settle}
	for m := before; m+settle+horizon <= c.n; m += spacing {
		if c.quiet(deploys, m, settle) && c.full(m-before, m) && c.full(m+settle, m+settle+horizon) {
			h.moments = append(h.moments, m)
		}
	}
	for i := range c.series {
		all := make([][]units.Spread, len(spans()))
		for k, span := range spans() {
			for _, m := range h.moments {
				all[k] = append(all[k], c.series[i].learn(m, m+settle, span))
			}
		}
		h.learnt = append(h.learnt, all)
	}
	return h
}

// learn is how likely each spread is by the window before m and the one of so many minutes that begins at after.
func (s *series) learn(m, after, span int) (l units.Spread) {
	x, n := s.between(m-before, m)
	y, k := s.between(after, after+span)
	if x+y > 0 && n > 0 && k > 0 {
		l = units.Learn(l, []units.Unit{{Events: float64(x), Requests: n}, {Events: float64(y), Requests: k}})
	}
	return l
}

// quiet tells whether nothing was deployed from the beginning of the window before to the end of the one after.
func (c *calendar) quiet(deploys []int, m, settle int) bool {
	for _, d := range deploys {
		if d > m-before-settle && d < m+settle+horizon {
			return false
		}
	}
	return true
}

// full tells whether there were requests in most of the minutes.
func (c *calendar) full(a, b int) bool {
	return a >= 0 && b <= c.n && 2*(c.served[b]-c.served[a]) >= b-a
}

// spreads says how much neighbouring windows differ, by series and span, from all moments whose windows do not overlap those around m; n is how many they are.
func (h *history) spreads(m int) (all [][]units.Spread, n int) {
	var taught []int
	for j, other := range h.moments {
		if max(m-other, other-m) >= before+h.settle+horizon {
			taught = append(taught, j)
		}
	}
	for _, series := range h.learnt {
		sums := make([]units.Spread, len(series))
		for k, moments := range series {
			for _, j := range taught {
				for i, w := range moments[j].LogWeight {
					sums[k].LogWeight[i] += w
				}
			}
		}
		all = append(all, sums)
	}
	return all, len(taught)
}

// evidence is the ln e-value for a rise beyond the margin: x of n after, y of k before, where neighbouring windows differ by so much.
func evidence(s units.Spread, x, n, y, k int64) float64 {
	if n == 0 || k == 0 || float64(x)*float64(k) <= (1+margin)*float64(y)*float64(n) {
		return 0
	}
	test := units.New(1+margin, stats.UsualStake())
	test.Begin(units.NewWindow(make([]units.Unit, 2), s), units.Spread{}, units.Layout{New: []int{1}, Old: []int{0}})
	test.Fold(float64(x), float64(x+y), float64(n)/float64(n+k))
	return test.LogE()
}

// spanOf is the shortest span that holds so many minutes.
func spanOf(minutes int) int {
	for i, s := range spans() {
		if minutes <= s {
			return i
		}
	}
	return len(spans()) - 1
}

// finding is what the test of before and after found.
type finding struct {
	called  bool
	series  int
	at      int // the minute after which it was called
	y, k    int64
	x, n    int64
	minutes int     // that were looked at
	shown   float64 // a rise to so many times in all errors would have been called by the end; 0 for none up to 10
}

// after looks minute by minute at what came after m, until end at most, with a window before that begins at from at the earliest.
func (c *calendar) after(m, from, end int, spreads [][]units.Spread, settle int, alpha float64) finding {
	from = max(from, m-before, 0)
	last := min(end, m+settle+horizon, c.n)
	f := finding{minutes: last - m - settle}
	for k := 1; k <= f.minutes; k++ {
		best := math.Inf(-1)
		for i := range c.series {
			s := &c.series[i]
			y, of := s.between(from, m)
			x, n := s.between(m+settle, m+settle+k)
			if x < 3 {
				continue // two errors are no rise, however quiet it was
			}
			if e := evidence(spreads[i][spanOf(k)], x, n, y, of) + math.Log(alpha*s.weight); e >= 0 && e > best {
				best = e
				f.called, f.series, f.at, f.x, f.n, f.y, f.k = true, i, m+settle+k, x, n, y, of
			}
		}
		if f.called {
			return f
		}
	}
	f.shown = c.power(m, from, last, spreads[0], settle, alpha)
	return f
}

// power is the least rise of all errors, of some, that would have been called at the end.
func (c *calendar) power(m, from, last int, spreads []units.Spread, settle int, alpha float64) float64 {
	s := &c.series[0]
	y, k := s.between(from, m)
	_, n := s.between(m+settle, last)
	for _, times := range []float64{1.5, 2, 3, 5, 10} {
		x := int64(math.Round(times * (float64(y) + 0.5) / float64(max(k, 1)) * float64(n)))
		if x >= 3 && x <= n && evidence(spreads[spanOf(last-m-settle)], x, n, y, k)+math.Log(alpha*s.weight) >= 0 {
			return times
		}
	}
	return 0
}
