package testreport

import "time"

// setDurations fills in Duration where the report did not tell, and Occupied.
//
// The lease took wall; the units say they took r_1 … r_n. If they ran side by
// side (sum r > wall), each gets its proportion of wall. Otherwise each gets
// r_i and an equal part of the rest, which was compilation and start. The sum is
// wall, up to rounding.
func setDurations(results []UnitResult, units []*unitTally, wall time.Duration) {
	n := time.Duration(len(results))
	if n == 0 {
		return
	}
	wall = max(wall, 0)
	told := time.Duration(0)
	for i := range results {
		if results[i].Duration == 0 {
			results[i].Duration = units[i].cases
		}
		told += results[i].Duration
	}
	if told > wall {
		for i := range results {
			results[i].Occupied = time.Duration(float64(wall) * (float64(results[i].Duration) / float64(told)))
		}
		return
	}
	for i := range results {
		results[i].Occupied = results[i].Duration + (wall-told)/n
		if told == 0 {
			results[i].Duration = results[i].Occupied
		}
	}
}
