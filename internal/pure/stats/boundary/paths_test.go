package boundary

import (
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"
)

// seldom runs seeded paths and fails when more of them than alpha, plus three standard errors, ever cross. SLIPWAY_PATHS says how many
// (make paths runs 100,000); the normal test runs few.
func seldom(t *testing.T, name string, few int, alpha float64, crosses func(dice *rand.Rand) bool) {
	t.Helper()
	paths := few
	if n, err := strconv.Atoi(os.Getenv("SLIPWAY_PATHS")); err == nil {
		paths = n
	}
	crossed := 0
	for i := range paths {
		if crosses(rand.New(rand.NewPCG(uint64(i), 2024))) {
			crossed++
		}
	}
	rate, most := float64(crossed)/float64(paths), alpha+3*math.Sqrt(alpha*(1-alpha)/float64(paths))
	t.Logf("%s: %.3f %% of %d paths cross, %.3f %% may", name, 100*rate, paths, 100*most)
	if rate > most {
		t.Errorf("%s: %.3f %% of %d paths cross, which may be %.3f %%", name, 100*rate, paths, 100*most)
	}
}

// poisson draws by Knuth's method, good for small means.
func poisson(dice *rand.Rand, mean float64) float64 {
	n, product := 0.0, dice.Float64()
	for limit := math.Exp(-mean); product > limit; n++ {
		product *= dice.Float64()
	}
	return n
}

// Each mixture over walks that meet its assumption with nothing to spare, looked at after each increment.
func TestMixturesCrossSeldom(t *testing.T) {
	const alpha = 0.05
	for _, c := range []struct {
		name    string
		mixture Mixture
		steps   int
		v       float64
		draw    func(dice *rand.Rand) float64
	}{
		{"normal, two-sided", must(NormalTwoSided(100, alpha)), 400, 1, (*rand.Rand).NormFloat64},
		{"normal, one-sided", must(NormalOneSided(100, alpha)), 400, 1, (*rand.Rand).NormFloat64},
		{"gamma-exponential", must(GammaExponential(100, alpha, 1)), 300, 1, func(dice *rand.Rand) float64 { return dice.ExpFloat64() - 1 }},
		{"gamma-Poisson", must(GammaPoisson(50, alpha, 1)), 300, 0.3, func(dice *rand.Rand) float64 { return poisson(dice, 0.3) - 0.3 }},
		{"beta-binomial, two-sided", must(BetaBinomial(10, alpha, 0.1, 0.9, false)), 300, 0.09, bernoulli(0.1)},
		{"beta-binomial, one-sided", must(BetaBinomial(10, alpha, 0.1, 0.9, true)), 300, 0.09, bernoulli(0.1)},
	} {
		seldom(t, c.name, 1000, alpha, func(dice *rand.Rand) bool {
			s := 0.0
			for i := range c.steps {
				if s += c.draw(dice); c.mixture.LogE(s, c.v*float64(i+1)) >= -math.Log(alpha) {
					return true
				}
			}
			return false
		})
	}
}

// bernoulli draws successes minus their probability.
func bernoulli(p float64) func(dice *rand.Rand) float64 {
	return func(dice *rand.Rand) float64 {
		if dice.Float64() < p {
			return 1 - p
		}
		return -p
	}
}

func TestStitchedBoundariesCrossSeldom(t *testing.T) {
	const alpha, steps = 0.05, 400
	gauss, walk, fifth := make([]float64, steps), make([]float64, steps), make([]float64, steps)
	for i := range gauss {
		gauss[i] = must(PolyStitching(float64(i+1), alpha, 10, 0))
		walk[i] = must(PolyStitching(.09*float64(i+1), alpha, 1, (1-2*.1)/3))
		fifth[i] = must(DoubleStitching(.2, float64(i+1), alpha, 20))
	}
	sums := func(bound []float64, draw func(dice *rand.Rand) float64) func(dice *rand.Rand) bool {
		return func(dice *rand.Rand) bool {
			s := 0.0
			for _, b := range bound {
				if s += draw(dice); s >= b {
					return true
				}
			}
			return false
		}
	}
	seldom(t, "poly stitching, normal", 2000, alpha, sums(gauss, (*rand.Rand).NormFloat64))
	seldom(t, "poly stitching, Bernoulli", 2000, alpha, sums(walk, bernoulli(.1)))
	seldom(t, "double stitching at one quantile", 2000, alpha, sums(fifth, bernoulli(.2)))

	band := must(NewBand(alpha, 20))
	seldom(t, "band", 300, alpha, func(dice *rand.Rand) bool {
		var sorted []float64
		for n := 1; n <= 200; n++ {
			x := dice.Float64()
			i, _ := slices.BinarySearch(sorted, x)
			sorted = slices.Insert(sorted, i, x)
			radius := band.Radius(float64(n))
			for i, x := range sorted {
				if radius < 1 && max(math.Abs(float64(i+1)/float64(n)-x), math.Abs(float64(i)/float64(n)-x)) > radius {
					return true
				}
			}
		}
		return false
	})
}

func TestBernoulliIntervalCoversAtAllTimes(t *testing.T) {
	const alpha, p = 0.05, 0.2
	seldom(t, "Bernoulli interval", 300, alpha, func(dice *rand.Rand) bool {
		var successes int64
		for n := int64(1); n <= 300; n++ {
			if dice.Float64() < p {
				successes++
			}
			if !slices.Contains([]int64{5, 10, 20, 50, 100, 200, 300}, n) {
				continue
			}
			if low, high, err := BernoulliInterval(successes, n, alpha, 100); err != nil || p < low || p > high {
				return true
			}
		}
		return false
	})
}

// Two arms of latencies that are rounded, so that there are ties, looked at every forty requests.
func TestQuantileTestCrossesSeldom(t *testing.T) {
	const alpha = 0.05
	for _, p := range []float64{.5, .9} {
		test := must(NewQuantileTest(p, 100, alpha))
		seldom(t, "quantile test", 150, alpha, func(dice *rand.Rand) bool {
			var values [2][]float64
			for i := range 400 {
				values[i%2] = append(values[i%2], math.Round(10*math.Exp(dice.NormFloat64())))
				if i%40 == 39 && test.LogE(must(NewSample(values[0], nil)), must(NewSample(values[1], nil))) >= -math.Log(alpha) {
					return true
				}
			}
			return false
		})
	}
}

// The least e-value really is the least: against all values, without the shortcut.
func TestQuantileTestFindsTheLeast(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.IntRange(0, 40), 1, 60)
		var arms [2]Sample
		var all []float64
		for i := range arms {
			var drawn []float64
			for _, v := range values.Draw(t, "values") {
				drawn = append(drawn, float64(v+10*i))
			}
			arms[i], all = must(NewSample(drawn, nil)), append(all, drawn...)
		}
		test := must(NewQuantileTest(rapid.SampledFrom([]float64{.1, .5, .9}).Draw(t, "p"), 20, .05))
		bestA, bestB := test.mostLikely(arms[0].Size()), test.mostLikely(arms[1].Size())
		want := math.Inf(1)
		for _, x := range all {
			for _, x := range []float64{x - .5, x, x + .5} {
				want = min(want, test.arm(arms[0], bestA, x)+test.arm(arms[1], bestB, x))
			}
		}
		if got := test.LogE(arms[0], arms[1]); math.Abs(got-want) > 1e-9 {
			t.Fatalf("ln e %v, want %v", got, want)
		}
	})
}

func TestSamples(t *testing.T) {
	once := must(NewSample([]float64{3, 1, 2, 3, 5}, nil))
	counted := must(NewSample([]float64{1, 2, 3, 4, 5}, []int64{1, 1, 2, 0, 1}))
	for _, s := range []Sample{once, counted} {
		if s.Size() != 5 || s.Quantile(.5) != 3 || s.Quantile(.2) != 1 || s.Quantile(.21) != 2 || s.Quantile(1) != 5 || s.Quantile(0) != 1 {
			t.Errorf("%+v", s)
		}
		for _, c := range [][3]float64{{0, 0, 0}, {1, 0, .2}, {3, .4, .8}, {4, .8, .8}, {9, 1, 1}} {
			if below, upTo := s.fractions(c[0]); below != c[1] || upTo != c[2] {
				t.Errorf("fractions of %v: %v and %v", c[0], below, upTo)
			}
		}
	}
	var empty Sample
	if empty.Quantile(.5) != 0 || must(NewQuantileTest(.5, 10, .05)).LogE(empty, once) != 0 {
		t.Error("an empty sample says something")
	}
}

func TestNonsenseIsRefused(t *testing.T) {
	for i, err := range []error{
		second(NormalTwoSided(0, .05)), second(NormalTwoSided(100, 1)), second(NormalOneSided(100, .5)), second(NormalOneSided(math.NaN(), .05)),
		second(GammaExponential(100, .05, 0)), second(GammaExponential(math.Inf(1), .05, 1)), second(GammaPoisson(100, .05, -1)),
		second(GammaPoisson(100, .7, 1)), second(BetaBinomial(100, .05, 0, 1, false)), second(BetaBinomial(100, .6, 1, 1, true)),
		second(PolyStitching(1, .05, 0, 1)), second(NewBand(.05, .5)), second(NewBand(0, 5)), second(DoubleStitching(1, 5, .05, 10)),
		second(DoubleStitching(.5, 5, .05, 0)), second(NewQuantileTest(1, 10, .05)), second(NewQuantileTest(.5, 0, .05)),
		second(NewSample([]float64{math.NaN()}, nil)), second(NewSample([]float64{1}, []int64{-1})), second(NewSample([]float64{1}, []int64{1, 2})),
		second(NewSample([]float64{1, 2}, []int64{math.MaxInt64, 1})), interval(4, 3), interval(-1, 3), interval(0, 0),
	} {
		if err == nil {
			t.Errorf("nonsense %d was taken", i)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func interval(successes, n int64) error {
	_, _, err := BernoulliInterval(successes, n, .05, 10)
	return err
}

// No sum, however absurd, gives a number that is none; and evidence grows with what is evidence.
func TestMixturesAreNumbers(t *testing.T) {
	for name, m := range map[string]Mixture{
		"normal": must(NormalOneSided(100, .05)), "normal, two-sided": must(NormalTwoSided(100, .05)),
		"gamma-exponential": must(GammaExponential(100, .05, 2)), "gamma-Poisson": must(GammaPoisson(100, .05, 2)),
		"beta-binomial": must(BetaBinomial(100, .05, .2, .8, true)), "beta-binomial, two-sided": must(BetaBinomial(100, .05, .2, .8, false)),
	} {
		rapid.Check(t, func(t *rapid.T) {
			v := math.Exp(rapid.Float64Range(-10, 18).Draw(t, "ln v"))
			s := rapid.Float64Range(-6, 6).Draw(t, "deviations") * math.Sqrt(v) * rapid.SampledFrom([]float64{1, 10, 1000}).Draw(t, "times")
			logE := m.LogE(s, v)
			if math.IsNaN(logE) || math.IsInf(logE, 0) {
				t.Fatalf("%s: ln e %v of %v at %v", name, logE, s, v)
			}
			if s < 0 && name != "normal, two-sided" && name != "beta-binomial, two-sided" && logE > 1e-6 {
				t.Fatalf("%s: ln e %v of %v at %v", name, logE, s, v)
			}
			if b := m.Bound(v, .05); math.IsNaN(b) || b <= 0 || m.LogE(b, v) > -math.Log(.05)+1e-6*(1+v) {
				t.Fatalf("%s: bound %v at %v", name, b, v)
			}
		})
		near(t, name+" before the first increment", m.LogE(0, 0), 0, 1e-9)
	}
}

// What takes over where closed forms underflow is a lower bound, and near to them where both can be had.
func TestUnderflowIsCautious(t *testing.T) {
	for _, z := range []float64{-29.9, -30.1, -35} {
		near(t, "ln Φ", LogNormalCDF(z), math.Log(.5*math.Erfc(-z/math.Sqrt2)), 1e-5)
	}
	for _, c := range [][2]float64{{100, 1}, {500, 20}, {2000, 900}} {
		exact := lnLowerIntegral(c[0], c[1])
		if bound := -math.Log(c[0]) - c[1]*c[0]/(c[0]+1); bound > exact+1e-9 || bound < exact-.05*c[1] {
			t.Errorf("lower integral at %v: %v for %v", c, bound, exact)
		}
	}
	for _, c := range [][2]float64{{.5, 20}, {1, 50}, {10, 300}} {
		exact := lnUpperIntegral(c[0], c[1])
		if bound := -c[1] - math.Log(c[1]+max(1-c[0], 0)); bound > exact+1e-9 || bound < exact-.05 {
			t.Errorf("upper integral at %v: %v for %v", c, bound, exact)
		}
	}
	for _, c := range [][3]float64{{300, 2, .8}, {50, .5, .5}, {900, 40, .9}} {
		exact := lnBetaIntegral(c[0], c[1], c[2])
		if bound := c[0]*math.Log(c[2]) - math.Log(c[0]) + max(c[1]-1, 0)*math.Log1p(-c[2]); bound > exact+1e-9 {
			t.Errorf("beta integral at %v: %v for %v", c, bound, exact)
		}
	}
}
