package stats

import "gonum.org/v1/gonum/mathext"

// Surplus is the chance to see new or more events in newAtRisk trials, given old events in oldAtRisk, if both had the same rate: the exact one-sided test of two
// counts. With the same rate each of the events fell on either side by the share of the trials, whatever the rate is.
//
// It is a test of one look at one pair of counts. Where several pairs are looked at, divide the level by their number.
func Surplus(newEvents, newAtRisk, oldEvents, oldAtRisk int64) float64 {
	if newEvents <= 0 || newAtRisk <= 0 || oldAtRisk <= 0 || oldEvents < 0 {
		return 1 // nothing to compare, or nothing seen
	}
	share := float64(newAtRisk) / float64(newAtRisk+oldAtRisk)
	// P(X >= x) of a binomial is the regularized incomplete beta function.
	return mathext.RegIncBeta(float64(newEvents), float64(oldEvents)+1, share)
}
