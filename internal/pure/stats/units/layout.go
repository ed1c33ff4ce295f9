package units

import "math"

// Layout says who is in which group in one phase, by the units' indexes in the window before. Units in neither are left out. Both
// groups need at least one.
type Layout struct {
	New []int `json:"new"`
	Old []int `json:"old"`
	// Visitors is the part of the visitors who were sent to the new group, in (0, 1), where they stay there; 0 where they are drawn anew
	// with each request. Parts of later phases hold those of earlier ones.
	Visitors float64 `json:"visitors,omitempty"`
}

// row is a phase's difference of log rates as a linear function of the units' deviations: weights of the units, and its mean.
type row struct {
	weight []float64
	mean   float64
}

// contrast gives the row of a layout. A group's rate is the mean of its units' rates, weighted with their requests of before; its logarithm's mean and
// weights follow by the delta method from log-normal rates.
func contrast(l Layout, before []Unit, p posteriors) row {
	r := row{weight: make([]float64, len(before))}
	for _, side := range []struct {
		units []int
		sign  float64
	}{{l.New, 1}, {l.Old, -1}} {
		var total, base, spread float64
		for _, i := range side.units {
			total += exposure(before[i]) * math.Exp(p.mode[i]+p.variance[i]/2)
			base += exposure(before[i])
		}
		for _, i := range side.units {
			w := exposure(before[i]) * math.Exp(p.mode[i]+p.variance[i]/2) / total
			r.weight[i] = side.sign * w
			spread += w * w * math.Expm1(p.variance[i])
		}
		r.mean += side.sign * (math.Log(total/base) - spread/2)
	}
	return r
}

// exposure is a unit's weight in its group: its requests before, or one where it had none.
func exposure(u Unit) float64 { return max(1, float64(u.Requests)) }

// buckets is into how many parts visitors are counted before.
const buckets = 64

// covariance is that of the phases' differences: what the units leave open, and what the drawn visitors do. For nested parts s ≤ t of the visitors the
// latter is τ²/(64·(1 − s)·t), where τ² is the variance between 64 buckets of visitors.
func covariance(layouts []Layout, rows []row, p posteriors, visitors float64) [][]float64 {
	c := make([][]float64, len(rows))
	for j := range rows {
		c[j] = make([]float64, j+1)
		for k := range c[j] {
			for i, v := range p.variance {
				c[j][k] += rows[j].weight[i] * rows[k].weight[i] * math.Expm1(v)
			}
			less, more := min(layouts[j].Visitors, layouts[k].Visitors), max(layouts[j].Visitors, layouts[k].Visitors)
			if less > 0 && more < 1 {
				c[j][k] += visitors / (buckets * (1 - less) * more)
			}
		}
	}
	return c
}
