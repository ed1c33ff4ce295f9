package means

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// The same by the normal equations of least squares.
func TestCovarianceIsLeastSquares(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 1))
	const n, fresh = 12, 4
	design, now := mat.NewDense(n, 3, nil), mat.NewVecDense(n, nil)
	var arms [2]Moments
	for i := range n {
		isNew := 0
		if i < fresh {
			isNew = 1
		}
		before := rng.NormFloat64()
		y := 1 + .5*float64(isNew) + .8*before + .3*rng.NormFloat64()
		design.SetRow(i, []float64{1, float64(isNew), before})
		now.SetVec(i, y)
		if err := arms[isNew].Add(y, before); err != nil {
			t.Fatal(err)
		}
	}
	var normal, inverse mat.Dense
	normal.Mul(design.T(), design)
	if err := inverse.Inverse(&normal); err != nil {
		t.Fatal(err)
	}
	var moment, beta, fitted mat.VecDense
	moment.MulVec(design.T(), now)
	beta.MulVec(&inverse, &moment)
	fitted.MulVec(design, &beta)
	rss := 0.0
	for i := range n {
		rss += (now.AtVec(i) - fitted.AtVec(i)) * (now.AtVec(i) - fitted.AtVec(i))
	}
	e, err := Covariance(arms[0], arms[1])
	if err != nil {
		t.Fatal(err)
	}
	near(t, "estimate", e.Estimate, beta.AtVec(1), 1e-12)
	near(t, "standard error", e.SE, math.Sqrt(rss/(n-3)*inverse.At(1, 1)), 1e-12)
	if e.DF != n-3 || e.N != n {
		t.Errorf("%v degrees of freedom of %d units", e.DF, e.N)
	}
}

func TestCovarianceNeedsUnits(t *testing.T) {
	few := must(FromSums(2, []float64{3, 3}, []float64{5, 5, 5, 5}))
	alone := must(FromSums(1, []float64{3, 3}, []float64{9, 9, 9, 9}))
	for name, arms := range map[string][2]Moments{"four": {few, few}, "none": {few, {}}, "alike": {must(FromSums(4, []float64{4, 4}, []float64{4, 4, 4, 4})), alone}, "one value": {gbOld(3000), gbNew()}} {
		if _, err := Covariance(arms[0], arms[1]); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
