package stats

import (
	"fmt"
	"math"
)

// Dispersion says how many events come together: the variance of counts over the one that independent events would have, which for clusters of sizes m
// is Σm²/Σm. One visitor with twenty errors is a cluster of twenty.
type Dispersion struct {
	// Factor is the estimate, 1 for independent events. 0 when nothing is known.
	Factor float64 `json:"factor"`
	// SE is its standard error, from how the cells differ; large where a few large clusters make the factor.
	SE float64 `json:"se"`
}

// DispersionOf estimates the dispersion from counts in cells that should be alike but for chance, over both arms together (so that it does not depend on who is in
// which arm, and may be taken from the very data that is tested). Best are buckets of a hash of the visitor, since the window before: all that
// one visitor does is in one of them. Seconds see only what comes together within one; use them where there is nothing else. exposure is
// what a cell's count should be in proportion to, such as the requests of a second; nil means all alike. What else makes cells differ (drift over seconds, a bucket of
// busy visitors) enlarges the factor, which is the cautious side.
//
// It is the ratio of sums Σ(c−rx)² / Σ rx(1−x/Σx), r = Σc/Σx, which cells of little exposure do not upset; its standard error is that of the ratio. Wedderburn 1974
// and McCullagh & Nelder 1989 for quasi-likelihood. Errors: fewer than two cells with exposure, negative counts, exposures that are negative or no number.
func DispersionOf(counts []int64, exposure []float64) (Dispersion, error) {
	return DispersionWithin([]Cells{{Counts: counts, Exposure: exposure}})
}

// Cells are counts that should be alike but for chance, and what each should be in proportion to; nil means all alike.
type Cells struct {
	Counts   []int64
	Exposure []float64
}

func (c Cells) exposure(i int) float64 {
	if c.Exposure == nil {
		return 1
	}
	return c.Exposure[i]
}

// DispersionWithin is DispersionOf for several lots of cells with one dispersion, each of which has a rate of its own: what differs between lots (the errors of a bad release, whose share has grown from one
// to the next) is no dispersion. Lots with fewer than two cells say nothing.
func DispersionWithin(lots []Cells) (Dispersion, error) {
	squares, expected, known, events := 0.0, 0.0, 0, 0.0
	var each [][2]float64 // a cell's square, and what it should be
	for _, lot := range lots {
		total, exposed, cells, err := lot.sum()
		if err != nil {
			return Dispersion{}, err
		}
		if cells < 2 {
			continue
		}
		known, events = max(known, cells), events+total
		for i, c := range lot.Counts {
			mean := total * lot.exposure(i) / exposed
			square, should := (float64(c)-mean)*(float64(c)-mean), mean*(1-lot.exposure(i)/exposed)
			squares, expected = squares+square, expected+should
			each = append(each, [2]float64{square, should})
		}
	}
	if known < 2 {
		return Dispersion{}, fmt.Errorf("dispersion of %d cells: needs two at least", known)
	}
	if events == 0 {
		return Dispersion{}, nil
	}
	d := Dispersion{Factor: squares / expected}
	rest := 0.0
	for _, e := range each {
		rest += (e[0] - d.Factor*e[1]) * (e[0] - d.Factor*e[1])
	}
	d.SE = math.Sqrt(rest) / expected
	return d, nil
}

// sum adds up the cells that have exposure.
func (c Cells) sum() (events, exposed float64, cells int, err error) {
	if c.Exposure != nil && len(c.Exposure) != len(c.Counts) {
		return 0, 0, 0, fmt.Errorf("dispersion of %d counts with %d exposures", len(c.Counts), len(c.Exposure))
	}
	for i, n := range c.Counts {
		x := c.exposure(i)
		if n < 0 || !(x >= 0) || math.IsInf(x, 1) {
			return 0, 0, 0, fmt.Errorf("dispersion: impossible count %d with exposure %v", n, x)
		}
		if x > 0 {
			events, exposed, cells = events+float64(n), exposed+x, cells+1
		} else if n > 0 {
			return 0, 0, 0, fmt.Errorf("dispersion: %d events in a cell without exposure", n)
		}
	}
	return events, exposed, cells, nil
}

// Cautious is the factor to divide evidence by: the estimate and two standard errors, at least 1. The second one is for levels of 0.1 % and clusters whose
// sizes differ wildly: the mean cluster is not enough for them.
func (d Dispersion) Cautious() float64 { return max(1, d.Factor+2*d.SE) }

// Clusters is how many events come together where that is clear, as two standard errors above 1, and then cautiously; else 1. For a window before, which is only to be divided by what it
// shows.
func (d Dispersion) Clusters() float64 {
	if d.Factor-2*d.SE <= 1 {
		return 1
	}
	return d.Cautious()
}

// Clustered is a Test for events that come in clusters and cannot be told apart by visitor: quasi-likelihood, the log likelihood of all events so far
// divided by their dispersion. Nothing of it is Rebet or Capped.
//
// What is exact: each cluster falls to the new arm as a whole with probability p, and (1−p+p·e^(δm/f)) ≤ (1−p+p·e^δ)^(m/f) for a cluster of m ≤ f
// events, by convexity of the cumulant. So at any one look the mean of the e-value is at most 1 if no cluster is larger than f; and at all looks
// together if, besides, each cluster begins and ends between two looks and f stays. What is approximate: f is the estimated Σm²/Σm, not the largest m (right to
// the second order of δ), and clusters last. The simulation in dispersion_test.go has clusters of 1, 5 and 20, equal, and log-normal with a standard deviation of
// 1.5, at once or over five minutes; what it finds is in docs/statistics.md. What it costs is inevitable: a cluster is worth one event.
//
// With visitor ids count first events instead (package judge): that is exact.
type Clustered struct {
	// Bets is the test as it began.
	Bets Test `json:"bets"`
	// LogLik is the log likelihood ratio of each alternative, undivided.
	LogLik [components]float64 `json:"log_lik"`
}

// NewClustered makes a clustered version of a harm or exclusion test that has folded nothing yet.
func NewClustered(bets Test) Clustered { return Clustered{Bets: bets} }

// Fold adds a tick: x of n events were in the new arm, whose share was rho in [0, 1]. Needs 0 ≤ x ≤ n.
func (c *Clustered) Fold(x, n int64, rho float64) {
	t := c.Bets
	t.Fold(x, n, rho)
	for k := range c.LogLik {
		c.LogLik[k] += t.LogStake[k] - c.Bets.LogStake[k]
	}
}

// LogE is the ln e-value if events come factor at a time, factor ≥ 1; see Dispersion.Cautious. It may fall when the factor rises: a large cluster has
// shown that what came before was less than it seemed.
func (c *Clustered) LogE(factor float64) float64 {
	t := c.Scaled(factor)
	return t.LogE()
}

// Scaled is the test as it stands if events come factor at a time: one more event of it is a cluster.
func (c *Clustered) Scaled(factor float64) Test {
	t := c.Bets
	for k := range t.LogStake {
		t.LogStake[k] += c.LogLik[k] / factor
	}
	return t
}
