package boundary

import (
	"math"
	"testing"
)

// The vectors of confseq's test/uniform_boundaries_unittest.cpp, which it has from an implementation in R. They are given to seven digits, and
// tested there to 1e-5.
const printed = 1e-5

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s: got %.9g, want %.9g ± %g", what, got, want, tolerance)
	}
}

// must is for constructors whose arguments are known to be right.
func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func TestMixturesAsPublished(t *testing.T) {
	near(t, "best rho", BestRho(100, 0.05), 12.60056, printed)
	for _, c := range []struct {
		name         string
		mixture      Mixture
		logE, atHund float64
	}{
		{"normal, two-sided", must(NormalTwoSided(100, 0.05)), -0.6510052, 30.35209},
		{"normal, one-sided", must(NormalOneSided(100, 0.05)), -0.06502391, 27.66071},
		{"gamma-exponential", must(GammaExponential(100, 0.05, 2)), -0.2490165, 33.02017},
		{"gamma-Poisson", must(GammaPoisson(100, 0.05, 2)), -0.06991219, 30.1949},
		{"beta-binomial, two-sided", must(BetaBinomial(100, 0.05, 0.2, 0.8, false)), -0.6941012, 31.4308},
		{"beta-binomial, one-sided", must(BetaBinomial(100, 0.05, 0.2, 0.8, true)), -0.07134019, 28.41238},
	} {
		near(t, c.name+": ln e of 10 at 100", c.mixture.LogE(10, 100), c.logE, printed)
		near(t, c.name+": bound at 100", c.mixture.Bound(100, 0.05), c.atHund, printed)
	}
	// After two observations no sum is large enough: the bound is the greatest there is.
	near(t, "beta-binomial of two", must(BetaBinomial(100, 0.05, 0.2, 0.8, true)).Bound(2*0.2*0.8, 0.05), 2*0.8, printed)
}

func TestStitchingAsPublished(t *testing.T) {
	near(t, "poly stitching, c 3", must(PolyStitching(100, 0.05, 10, 3)), 64.48755, printed)
	near(t, "poly stitching, c -1", must(PolyStitching(100, 0.05, 10, -1)), 28.99389, printed)
	near(t, "band at 1000", must(NewBand(0.05, 100)).Radius(1000), 0.08204769, printed)
	near(t, "double stitching, .5", must(DoubleStitching(0.5, 1000, 0.05, 100)), 68.62803, printed)
	near(t, "double stitching, .9", must(DoubleStitching(0.9, 1000, 0.05, 100)), 43.72119, printed)
	near(t, "double stitching, .1", must(DoubleStitching(0.1, 1000, 0.05, 100)), 59.96521, printed)
}

func TestBernoulliIntervalAsPublished(t *testing.T) {
	for _, c := range []struct {
		successes, n    int64
		nOpt, low, high float64
	}{
		{700, 1000, 100, 0.651629, 0.745949},
		{15, 50, 50, 0.129556, 0.511896},
		{5, 50, 50, 0.013021, 0.269264},
		{1, 50, 50, 0, 0.13489},
		{1, 2, 50, 0, 1},
		{100, 200, 1, 0.328923, 0.671076},
		{0, 1, 50, 0, 1},
		{1, 1, 50, 0, 1},
	} {
		low, high, err := BernoulliInterval(c.successes, c.n, 0.05, c.nOpt)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "low", low, c.low, printed)
		near(t, "high", high, c.high, printed)
	}
}

func TestQuantileTestAsPublished(t *testing.T) {
	count := func(from int) Sample {
		values := make([]float64, 1000)
		for i := range values {
			values[i] = float64(from + i)
		}
		return must(NewSample(values, nil))
	}
	for _, c := range []struct {
		p     float64
		shift int
		want  float64
	}{{0.5, 70, 0.814704}, {0.5, 85, 0.0838055}, {0.5, 100, 0.0054947}, {0.9, 55, 0.0340463}} {
		test := must(NewQuantileTest(c.p, 100, 0.05))
		for _, arms := range [][2]Sample{{count(1), count(1 + c.shift)}, {count(1 + c.shift), count(1)}} {
			near(t, "p-value", min(1, math.Exp(-test.LogE(arms[0], arms[1]))), c.want, printed)
		}
	}
}
