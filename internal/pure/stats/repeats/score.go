package repeats

import "math"

const (
	// terms of the regression: 1, the logarithm of the requests and its square, that of the errors before, and whether there were any.
	terms = 5
	// ridge keeps it solvable where all units are alike.
	ridge = 0.01
	// rounds of weighting anew.
	rounds = 3
	// Units differ by themselves by this variance at least, and errors are no more even than if each came alone.
	leastSpread, leastChance = 0.02, 1
	// mostLog bounds an expected logarithm of errors.
	mostLog = 12
)

// scores are the cells' scores, from the units of both sides together.
func scores(cells []Cell) []float64 {
	f := newFit(cells)
	for range rounds {
		f.expect()
		f.scatter()
	}
	out := make([]float64, len(cells))
	for i := range cells {
		out[i] = math.Max(-most, math.Min(most, f.rest[i]*f.weight[i])) + Shift
	}
	return out
}

// fit is a weighted regression of the logarithms of errors.
type fit struct {
	units  []float64
	x      [][]float64
	y      []float64
	weight []float64 // one over the variance of a unit
	rest   []float64 // what the regression leaves
	mean   []float64 // the errors that it expects
}

func newFit(cells []Cell) *fit {
	n := len(cells)
	f := &fit{units: make([]float64, n), x: make([][]float64, n), y: make([]float64, n), weight: make([]float64, n), rest: make([]float64, n), mean: make([]float64, n)}
	for i, c := range cells {
		requests, had := math.Log1p(Value(c.Requests)), 0.0
		if c.Before > 0 {
			had = 1
		}
		f.units[i] = float64(c.New + c.Old)
		f.x[i] = []float64{1, requests, requests * requests, math.Log(Value(c.Before) + 0.5), had}
		f.y[i] = math.Log(Value(c.Errors) + 0.5)
		f.weight[i] = 1
	}
	return f
}

// expect fits what is expected of each cell.
func (f *fit) expect() {
	w := make([]float64, len(f.units))
	for i, n := range f.units {
		w[i] = n * f.weight[i]
	}
	beta := solve(f.x, f.y, w)
	for i, x := range f.x {
		log := 0.0
		for k, b := range beta {
			log += b * x[k]
		}
		f.rest[i], f.mean[i] = f.y[i]-log, math.Exp(math.Min(log, mostLog))
	}
}

// scatter fits the variance around it: leastSpread or more, and a part that is less the more errors are expected.
func (f *fit) scatter() {
	x, y, w := make([][]float64, len(f.units)), make([]float64, len(f.units)), make([]float64, len(f.units))
	for i, n := range f.units {
		x[i], y[i] = []float64{1, 1 / (f.mean[i] + 1)}, f.rest[i]*f.rest[i]
		w[i] = n * f.weight[i] * f.weight[i]
	}
	beta := solve(x, y, w)
	spread, chance := math.Max(beta[0], leastSpread), math.Max(beta[1], leastChance)
	for i := range f.weight {
		f.weight[i] = 1 / (spread + chance/(f.mean[i]+1))
	}
}

// solve gives the coefficients of weighted least squares, by elimination. The ridge makes the matrix positive definite, so that no pivot is needed.
func solve(x [][]float64, y, w []float64) []float64 {
	p := len(x[0])
	var a [terms][terms + 1]float64
	for i := range p {
		a[i][i] = ridge
	}
	for n, row := range x {
		for i := range p {
			for k := range p {
				a[i][k] += w[n] * row[i] * row[k]
			}
			a[i][p] += w[n] * row[i] * y[n]
		}
	}
	for i := range p {
		for k := range p {
			if k == i {
				continue
			}
			f := a[k][i] / a[i][i]
			for l := i; l <= p; l++ {
				a[k][l] -= f * a[i][l]
			}
		}
	}
	beta := make([]float64, p)
	for i := range p {
		beta[i] = a[i][p] / a[i][i]
	}
	return beta
}
