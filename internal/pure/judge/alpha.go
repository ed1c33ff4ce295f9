package judge

import "fmt"

const (
	// fewRollouts: with fewer a month, the allowance is spread as if there were this many.
	fewRollouts = 20
	// The clamps of AlphaFor. Below the lower one a 20 % rise needs several times the traffic for no gain a person would notice.
	minAlpha, maxAlpha = 1e-5, 0.05
)

// AlphaFor turns the knob `false_alarms: 1 a month` into Policy.Alpha: the allowance divided by the rollouts of a month (at least 20, so
// that a quiet month does not make the judge rash), kept between 0.00001 and 0.05. The bound holds for releases that change
// nothing; if all rollouts were such, false rollbacks a month would be at most falseAlarms on average. why says so with the numbers.
// Both arguments must be at least 0; rolloutsPerMonth is best the count of the last 30 days.
func AlphaFor(falseAlarmsPerMonth, rolloutsPerMonth float64) (alpha float64, why string, err error) {
	if !(falseAlarmsPerMonth > 0 && falseAlarmsPerMonth <= 1000) {
		return 0, "", fmt.Errorf("false_alarms %v a month: must be above 0 and at most 1000", falseAlarmsPerMonth)
	}
	if !(rolloutsPerMonth >= 0 && rolloutsPerMonth <= 1e6) {
		return 0, "", fmt.Errorf("rollouts a month %v: must be between 0 and a million", rolloutsPerMonth)
	}
	rollouts := max(rolloutsPerMonth, fewRollouts)
	alpha = min(max(falseAlarmsPerMonth/rollouts, minAlpha), maxAlpha)
	alarms := "alarms"
	if falseAlarmsPerMonth == 1 {
		alarms = "alarm"
	}
	why = fmt.Sprintf("at most %s of good releases come back: %.3g false %s a month over %.0f rollouts", percent(alpha), falseAlarmsPerMonth, alarms, rollouts)
	switch alpha {
	case maxAlpha:
		why += ", and never more than " + percent(maxAlpha)
	case minAlpha:
		why += ", and never less than " + percent(minAlpha)
	}
	return alpha, why, nil
}
