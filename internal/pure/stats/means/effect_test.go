package means

import (
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"testing"
)

// Half a digit of what GrowthBook's tests print, which round to five decimals.
const printed = 0.5000001e-5

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s: got %.9g, want %.9g ± %g", what, got, want, tolerance)
	}
}

// must is for what is known to be right.
func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func sums(n int64, sum, squares float64) Moments {
	return must(FromSums(n, []float64{sum}, []float64{squares}))
}

// The arms of packages/stats/tests/frequentist/test_tests.py in growthbook/growthbook.
func gbOld(n int64) Moments { return sums(n, 1396.87, 52377.9767) }
func gbNew() Moments        { return sums(3461, 2422.7, 134698.29) }

// gbRatio are the arms of its test_sequential_test_runs_ratio_ra: numerator, denominator, and both before.
func gbRatio() (old, new Moments) {
	square := func(mm, dd, pp, qq, mp, dq, pq, md, mq, pd float64) []float64 {
		return []float64{mm, md, mp, mq, md, dd, pd, dq, mp, pd, pp, pq, mq, dq, pq, qq}
	}
	old = must(FromSums(100, []float64{485.112236689623, 679.9093275844917, 192.59138069991536, 290.1398399750233},
		square(2715.484666118136, 4939.424001640236, 460.076026390857, 920.9461385038898, 1113.6215759318352,
			2130.9404074446747, 634.239482353647, 3602.146836776702, 1559.2878434944676, 1460.3181079276983)))
	new = must(FromSums(100, []float64{514.7757826608777, 705.4090874383759, 206.94157227402536, 302.54389139107326},
		square(2994.897482705013, 5291.36604146392, 514.2903702246757, 994.4506208125663, 1237.0953021125997,
			2292.081739775257, 698.4173425817908, 3918.1561431600717, 1701.0287270040265, 1604.0759503266522)))
	return old, new
}

// gbCUPED are the arms of its test_sequential_test_runs_ra: now and before.
func gbCUPED() (old, new Moments) {
	return must(FromSums(3000, []float64{1396.87, 16.87}, []float64{52377.9767, 1, 1, 527.9767})),
		must(FromSums(3461, []float64{2422.7, 22.7}, []float64{134698.29, 1, 1, 1348.29}))
}

func TestWelchAsPublished(t *testing.T) {
	ratioOld, ratioNew := gbRatio()
	for _, c := range []struct {
		name                 string
		metric               Metric
		old, new             Moments
		relative             bool
		estimate, se         float64
		alpha, low, high, pv float64
	}{
		{"relative", Mean, gbOld(3407), gbNew(), true, .70732, .37879, .05, -.03526, 1.44989, .06191},
		{"absolute", Mean, gbOld(3407), gbNew(), false, .29, .12478, .05, .04538, .53462, .02016},
		{"proportions", Mean, must(Proportion(14, 28)), must(Proportion(16, 30)), true, .06667, .2717, .05, -.47767, .61101, .80707},
		{"ratio with CUPED", AdjustedRatio, ratioOld, ratioNew, true, -.0007, .00391, .05, -.00841, .00700, .85771},
		// One-sided tests are the ends of the interval at twice the level, and half of the p-value (or the rest).
		{"one-sided, relative", Mean, gbOld(3000), gbNew(), true, .50336, .33341, .1, -.04514, 1.05186, 2 * .06558},
		{"one-sided, absolute", Mean, gbOld(3000), gbNew(), false, .23438, .12983, .1, .02079, .44796, 2 * .03554},
	} {
		e, err := Compare(c.metric, c.old, c.new, c.relative)
		if err != nil {
			t.Fatal(err)
		}
		near(t, c.name+": estimate", e.Estimate, c.estimate, printed)
		near(t, c.name+": standard error", e.SE, c.se, printed)
		low, high := e.Welch(c.alpha)
		near(t, c.name+": low", low, c.low, printed)
		near(t, c.name+": high", high, c.high, printed)
		near(t, c.name+": p", e.WelchP(0), c.pv, 2*printed)
	}
}

func TestSequencesAsPublished(t *testing.T) {
	ratioOld, ratioNew := gbRatio()
	adjustedOld, adjustedNew := gbCUPED()
	for _, c := range []struct {
		name                       string
		metric                     Metric
		old, new                   Moments
		nOpt                       float64
		estimate, se, low, high, p float64
	}{
		{"means", Mean, gbOld(3000), gbNew(), 1000, .50336, .33341, -.55844, 1.56516, 1},
		{"proportions", Mean, must(Proportion(1396, 3000)), must(Proportion(2422, 3461)), 5000, .50386, .03386, .40098, .60675, 0},
		{"CUPED", AdjustedMean, adjustedOld, adjustedNew, 5000, .50338, .33341, -.50969, 1.51646, 1},
		{"ratio with CUPED", AdjustedRatio, ratioOld, ratioNew, 5000, -.0007, .00391, -.02063, .01923, 1},
	} {
		e, err := Compare(c.metric, c.old, c.new, true)
		if err != nil {
			t.Fatal(err)
		}
		rho := must(Rho(0.05, c.nOpt))
		low, high := e.Interval(0.05, rho)
		near(t, c.name+": estimate", e.Estimate, c.estimate, printed)
		near(t, c.name+": standard error", e.SE, c.se, printed)
		near(t, c.name+": low", low, c.low, printed)
		near(t, c.name+": high", high, c.high, printed)
		near(t, c.name+": p", min(1, math.Exp(-e.LogE(0, rho))), c.p, printed)
	}
}

func TestOneSidedSequencesAsPublished(t *testing.T) {
	rho := must(Rho(0.1, 5000))
	relative := must(Compare(Mean, gbOld(3000), gbNew(), true))
	absolute := must(Compare(Mean, gbOld(3000), gbNew(), false))
	near(t, "relative, lower", relative.Lower(.05, rho), -.42356454602790883, printed)
	near(t, "relative, upper", relative.Upper(.05, rho), 1.4302867177403806, printed)
	near(t, "absolute, lower", absolute.Lower(.05, rho), -.12656844172804982, printed)
	near(t, "absolute, upper", absolute.Upper(.05, rho), .5953217750613832, printed)
	// Its one-sided p-value is the level at which the bound is 0, found by bisection, and .4999 for whatever is above.
	near(t, "absolute, p", bisected(absolute, rho), .46316491943359384, 1e-12)
	if relative.Lower(.4999, rho) > 0 || absolute.Upper(.4999, rho) < 0 {
		t.Error("p-values under .4999")
	}
}

// bisected halves levels as GrowthBook does, which returns the level that it would have tried next after the one where the bound is within a millionth
// of 0; that is why its .463165 is not the exact .463043.
func bisected(e Effect, rho float64) float64 {
	low, high := 1e-5, .4999
	for {
		at := e.Lower((low+high)/2, rho)
		if at < 0 {
			low = (low + high) / 2
		} else {
			high = (low + high) / 2
		}
		if math.Abs(at) < 1e-6 {
			return (low + high) / 2
		}
	}
}

// The vectors of tests/test_shared_models.py in the same place.
func TestThetaAsPublished(t *testing.T) {
	before, now := []float64{.3, .5, .9, 22}, []float64{2, 1, 5, 3}
	var arm Moments
	for i := range before {
		if err := arm.Add(now[i], before[i]); err != nil {
			t.Fatal(err)
		}
	}
	near(t, "theta", must(Theta(AdjustedMean, arm, arm)), .01864, printed)
	flat := must(FromSums(4, []float64{0, 0}, []float64{0, 0, 0, 0}))
	near(t, "theta without variance", must(Theta(AdjustedMean, flat, flat)), 0, 0)
}

// Arms of eight units, with θ = .5. Negating the metric negates the effect alone.
func TestRatioStandardErrorsAsPublished(t *testing.T) {
	arm := func(sign float64, now, of, before, ofBefore []float64) Moments {
		var m Moments
		for i := range now {
			if err := m.Add(sign*now[i], of[i], sign*before[i], ofBefore[i]); err != nil {
				t.Fatal(err)
			}
		}
		return m
	}
	for _, sign := range []float64{1, -1} {
		old := arm(sign, []float64{12, 19, 16, 24, 21, 9, 14, 26}, []float64{1, 2, 1.5, 2.5, 2, 1, 1.5, 2.5},
			[]float64{16, 11, 21, 19, 26, 11, 9, 21}, []float64{1.5, 1, 2, 2, 2.5, 1, 1, 2})
		for _, c := range []struct {
			now          []float64
			estimate, se float64
		}{
			{[]float64{17, 12, 23, 28, 12, 22, 29, 16}, .1039280, .0286196},
			{[]float64{14, 9, 17, 23, 9, 18, 22, 13}, -.1372068, .0223934},
		} {
			new := arm(sign, c.now, []float64{1.5, 1, 2, 2.5, 1, 2, 2.5, 1.5},
				[]float64{11, 17, 22, 27, 10, 27, 21, 16}, []float64{1, 1.5, 2, 2.5, 1, 2.5, 2, 1.5})
			e := must(compare(AdjustedRatio, old, new, .5, true))
			near(t, "effect", e.Estimate, sign*c.estimate, 1e-7)
			near(t, "standard error", e.SE, c.se, 1e-7)
		}
	}
}

// The delta method against the spread of effects over many samples, for each metric and kind of effect.
func TestStandardErrorsAreTrue(t *testing.T) {
	dice := rand.New(rand.NewPCG(3, 1))
	for metric := Mean; metric <= AdjustedRatio; metric++ {
		for _, relative := range []bool{false, true} {
			var effects, variances Moments
			for range 1500 {
				var arms [2]Moments
				for a := range arms {
					for range 60 + 80*a {
						of, ofBefore, host := 5+dice.ExpFloat64(), 4+dice.ExpFloat64(), dice.NormFloat64()
						now, before := of*(3+.3*host)+dice.NormFloat64(), ofBefore*(3+.3*host)+dice.NormFloat64()
						values := [][]float64{{now}, {now, before}, {now, of}, {now, of, before, ofBefore}}[metric]
						if err := arms[a].Add(values...); err != nil {
							t.Fatal(err)
						}
					}
				}
				e := must(Compare(metric, arms[0], arms[1], relative))
				if err := errors.Join(effects.Add(e.Estimate), variances.Add(e.SE*e.SE)); err != nil {
					t.Fatal(err)
				}
			}
			near(t, "true variance over stated one", effects.cov(0, 0)/variances.Mean[0], 1, 0.12)
		}
	}
}

// CUPED takes out what is explained by before, and no more: with a correlation of .8 the variance falls to 1 − .64.
func TestAdjustmentLessensVariance(t *testing.T) {
	dice := rand.New(rand.NewPCG(3, 2))
	var plain, adjusted [2]Moments
	for i := range 20_000 {
		before := dice.NormFloat64()
		now := .8*before + .6*dice.NormFloat64()
		if err := errors.Join(plain[i%2].Add(now), adjusted[i%2].Add(now, before)); err != nil {
			t.Fatal(err)
		}
	}
	a, b := must(Compare(Mean, plain[0], plain[1], false)), must(Compare(AdjustedMean, adjusted[0], adjusted[1], false))
	near(t, "variance left", b.SE*b.SE/(a.SE*a.SE), .36, .02)
}

func TestMomentsMergeAndSurviveJSON(t *testing.T) {
	dice := rand.New(rand.NewPCG(3, 3))
	var all, left, right Moments
	for i := range 50 {
		x, y := 1e6+dice.NormFloat64(), dice.ExpFloat64()
		half := &left
		if i > 20 {
			half = &right
		}
		if err := errors.Join(all.Add(x, y), half.Add(x, y)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(left.Merge(right), left.Merge(Moments{})); err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(left)
	if err != nil {
		t.Fatal(err)
	}
	var read Moments
	if err := json.Unmarshal(data, &read); err != nil {
		t.Fatal(err)
	}
	near(t, "n", float64(read.N), 50, 0)
	for i := range all.Scatter {
		near(t, "scatter", read.Scatter[i], all.Scatter[i], 1e-6)
		near(t, "mean", read.Mean[i/2], all.Mean[i/2], 1e-6)
	}
}

func TestWhatCannotBeCompared(t *testing.T) {
	two, zero := sums(2, 3, 5), sums(5, 0, 10)
	var lonely Moments
	if err := lonely.Add(1); err != nil {
		t.Fatal(err)
	}
	ratio := must(FromSums(3, []float64{3, 0}, []float64{5, 1, 1, 2}))
	for name, c := range map[string]struct {
		metric   Metric
		old, new Moments
		relative bool
		spread   bool // the error is ErrNoSpread
	}{
		"no units":        {Mean, Moments{}, two, false, true},
		"one unit":        {Mean, two, lonely, false, true},
		"no variance":     {Mean, two, sums(2, 2, 2), false, true},
		"old mean of 0":   {Mean, zero, two, true, false},
		"denominator 0":   {Ratio, ratio, ratio, false, false},
		"too few values":  {Ratio, two, two, false, false},
		"no such metric":  {Metric(9), two, two, false, false},
		"values differ":   {Mean, two, ratio, false, false},
		"negative metric": {Metric(-1), two, two, false, false},
	} {
		_, err := Compare(c.metric, c.old, c.new, c.relative)
		if err == nil || errors.Is(err, ErrNoSpread) != c.spread {
			t.Errorf("%s: error %v", name, err)
		}
	}
	before := two.N
	for _, bad := range [][]float64{{}, {1, 2}, {math.NaN()}, {math.Inf(1)}} {
		if err := two.Add(bad...); err == nil || two.N != before {
			t.Errorf("a unit with values %v was taken", bad)
		}
	}
	if err := two.Merge(ratio); err == nil {
		t.Error("units with two values were merged into units with one")
	}
	for _, err := range []error{
		second(FromSums(0, []float64{1}, []float64{1})), second(FromSums(3, []float64{1}, nil)), second(FromSums(3, []float64{math.NaN()}, []float64{1})),
		second(Proportion(4, 3)), second(Proportion(-1, 3)), second(Rho(0, 10)), second(Rho(.05, math.NaN())), second(NewBounded(1)),
	} {
		if err == nil {
			t.Error("nonsense was taken")
		}
	}
}

func second[T any](_ T, err error) error { return err }
