package stats

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// LogMean is the ln of the weighted mean of e-values, Σ wᵢeᵢ, itself an e-value however these depend on each other (Vovk & Wang, "E-values: calibration,
// combination and applications", Annals of Statistics 49(3), 2021, arXiv 1912.06116), and never later at 1/α than any eᵢ at 1/(α·wᵢ). Weights are fixed
// beforehand, at least 0, and add up to at most 1; else an error. An e-value that is not known yet is 1, of logarithm 0.
//
// The mean of e-processes is an e-process if all are so for one and the same history, that of all data together. Vitals that share an unknown (a random
// effect of hosts) are not; then decide by Bonferroni.
func LogMean(logE, weights []float64) (float64, error) {
	if err := checkEvidence(logE, weights); err != nil {
		return 0, err
	}
	terms := make([]float64, 0, len(logE))
	for i, w := range weights {
		if w > 0 {
			terms = append(terms, math.Log(w)+logE[i])
		}
	}
	return logSumExp(terms), nil
}

// Bonferroni names the hypotheses that are rejected each by itself, those with eᵢ ≥ 1/(alpha·wᵢ), strongest first: indexes into logE. The probability of
// any false rejection, ever, is at most alpha, whatever the dependence. Weights as for LogMean.
func Bonferroni(logE, weights []float64, alpha float64) ([]int, error) {
	if err := checkEvidence(logE, weights); err != nil {
		return nil, err
	}
	if err := checkLevel(alpha); err != nil {
		return nil, err
	}
	lead := make([]float64, len(logE))
	for i := range logE {
		lead[i] = math.Inf(-1)
		if weights[i] > 0 {
			lead[i] = logE[i] + math.Log(alpha*weights[i])
		}
	}
	order := strongest(lead)
	return order[:firstFalse(order, func(i int) bool { return lead[i] >= 0 })], nil
}

// EBH names the hypotheses that e-BH rejects, strongest first: the k* largest e-values, k* = max{k : e₍ₖ₎ ≥ K/(alpha·k)} of K (Wang & Ramdas, "False
// discovery rate control with e-values", JRSS-B 84(3), 2022, arXiv 2009.02824). At any one time the expected fraction of false ones among those named is at most
// alpha, whatever the dependence. To name, not to decide: it says what else moved once something is wrong.
func EBH(logE []float64, alpha float64) ([]int, error) {
	if err := checkEvidence(logE, nil); err != nil {
		return nil, err
	}
	if err := checkLevel(alpha); err != nil {
		return nil, err
	}
	order := strongest(logE)
	for k := len(order); k > 0; k-- {
		if logE[order[k-1]] >= math.Log(float64(len(order))/(alpha*float64(k))) {
			return order[:k], nil
		}
	}
	return nil, nil
}

// strongest are the indexes of values, largest first; of equals the first one first.
func strongest(values []float64) []int {
	order := make([]int, len(values))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(values[b], values[a]) })
	return order
}

func firstFalse(order []int, holds func(int) bool) int {
	if n := slices.IndexFunc(order, func(i int) bool { return !holds(i) }); n >= 0 {
		return n
	}
	return len(order)
}

// checkEvidence refuses what is no number, and weights that are not one for each, negative, or more than 1 together.
func checkEvidence(logE, weights []float64) error {
	for i, l := range logE {
		if math.IsNaN(l) {
			return fmt.Errorf("e-value %d is not a number", i+1)
		}
	}
	if weights == nil {
		return nil
	}
	if len(weights) != len(logE) {
		return fmt.Errorf("%d weights for %d e-values", len(weights), len(logE))
	}
	total := 0.0
	for i, w := range weights {
		if !(w >= 0) {
			return fmt.Errorf("weight %d is %v", i+1, w)
		}
		total += w
	}
	if total > 1+1e-9 {
		return fmt.Errorf("weights add up to %v; they may add up to 1", total)
	}
	return nil
}

func checkLevel(alpha float64) error {
	if !(alpha > 0 && alpha < 1) {
		return fmt.Errorf("level %v: must be between 0 and 1", alpha)
	}
	return nil
}

// Looks makes an e-process of e-values that are none together, such as those of the same ten hosts looked at again and again: Σ wₜeₜ over the looks so
// far, with weights that follow a plan made before the first one and add up to at most 1. By Markov's inequality for the sum of all planned looks, Sum ever reaches 1/α
// with probability α at most, however the looks depend on each other. The zero value is ready to use.
type Looks struct {
	// Sum is the e-value so far, Spent the weight so far.
	Sum   float64 `json:"sum"`
	Spent float64 `json:"spent"`
}

// mostLog keeps Sum finite; an e-value of e^690 decides at any level.
const mostLog = 690

// Add takes in the ln e-value of a look and its planned weight, above 0. An error, also for weight beyond 1 together, changes nothing.
func (l *Looks) Add(logE, weight float64) error {
	if math.IsNaN(logE) || !(weight > 0) || l.Spent+weight > 1+1e-9 {
		return fmt.Errorf("a look of ln e-value %v and weight %v after %v: impossible", logE, weight, l.Spent)
	}
	l.Sum += weight * math.Exp(min(logE, mostLog))
	l.Spent += weight
	return nil
}
