package shard

import (
	"math"
	"time"
)

// alpha is the weight of the newest run in an Estimate.
const alpha = 0.25

// minDuration is the shortest run that is told apart from none.
const minDuration = time.Millisecond

// Estimate is what is known of a unit's duration. The zero Estimate is of a
// unit that was never seen. It is stored as it is; its JSON is stable.
type Estimate struct {
	// LogMean is the weighted mean of ln(seconds).
	LogMean float64 `json:"log_mean"`
	// Runs is how many runs it rests on.
	Runs int `json:"runs"`
}

// Observe returns prev moved by a run of length d: the first run sets the
// mean, each later one moves it by a quarter of the distance in the logarithm.
// Only runs that passed should be observed: a failure is often short.
func Observe(prev Estimate, d time.Duration) Estimate {
	x := math.Log(max(d, minDuration).Seconds())
	if prev.Runs == 0 {
		return Estimate{LogMean: x, Runs: 1}
	}
	return Estimate{LogMean: prev.LogMean + alpha*(x-prev.LogMean), Runs: prev.Runs + 1}
}

// Known reports whether the unit was ever seen.
func (e Estimate) Known() bool { return e.Runs > 0 }

// maxDuration bounds a prediction, so that sums over many units stay finite.
const maxDuration = 24 * time.Hour

// Duration returns the predicted duration; 0 if the unit is not known.
func (e Estimate) Duration() time.Duration {
	if !e.Known() || math.IsNaN(e.LogMean) {
		return 0
	}
	seconds := math.Exp(e.LogMean)
	if seconds >= maxDuration.Seconds() {
		return maxDuration
	}
	return max(minDuration, time.Duration(seconds*float64(time.Second)))
}
