package stats

import (
	"encoding/json"
	"math"
	"testing"

	"pgregory.net/rapid"
)

// tick is a stretch with a constant share in which n events happen.
type tick struct {
	n   int64
	rho float64
}

// sequences are shares and sizes that change from tick to tick, small enough to enumerate every outcome.
var sequences = map[string][]tick{
	"one step":        {{1, .1}, {1, .1}, {2, .1}, {1, .1}, {3, .1}, {2, .1}, {2, .1}},
	"nested steps":    {{2, .1}, {1, .1}, {3, .5}, {2, .5}, {1, .95}, {3, .95}},
	"wandering share": {{1, .05}, {2, .4}, {0, .3}, {1, .9}, {4, .2}, {2, .66}, {1, 0}, {2, 1}},
}

// enumerate visits every outcome of the ticks at the given ratio of rates, with its probability.
func enumerate(ticks []tick, ratio float64, visit func(xs []int64, probability float64)) {
	var walk func(i int, xs []int64, probability float64)
	walk = func(i int, xs []int64, probability float64) {
		if i == len(ticks) {
			visit(xs, probability)
			return
		}
		n, rho := ticks[i].n, ticks[i].rho
		p := rho * ratio / (rho*ratio + 1 - rho)
		for x := int64(0); x <= n; x++ {
			chance := binomial(n, x) * math.Pow(p, float64(x)) * math.Pow(1-p, float64(n-x))
			if chance > 0 {
				walk(i+1, append(xs[:i:i], x), probability*chance)
			}
		}
	}
	walk(0, nil, 1)
}

func binomial(n, k int64) float64 {
	c := 1.0
	for i := range k {
		c *= float64(n-i) / float64(i+1)
	}
	return c
}

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s: got %v, want %v ± %v", what, got, want, tolerance)
	}
}

func TestTestIsAMartingaleUnderItsNull(t *testing.T) {
	for name, ticks := range sequences {
		for _, start := range []Test{NewHarmTest(1), NewHarmTest(1.1), NewExclusionTest(2), NewExclusionTest(1.3)} {
			mean := 0.0
			enumerate(ticks, start.Null, func(xs []int64, probability float64) {
				e := start
				for i, x := range xs {
					if i%3 == 2 {
						e.Rebet()
					}
					e.Fold(x, ticks[i].n, ticks[i].rho)
				}
				mean += probability * math.Exp(e.LogE())
			})
			near(t, name+": mean e-value", mean, 1, 1e-9)
		}
	}
}

// Ville's bound, exactly: over all outcomes, the e-value ever passes 1/α with probability at most α, at the null and on its far side.
func TestTestPassesItsThresholdRarely(t *testing.T) {
	cases := []struct {
		start  Test
		ratios []float64
	}{
		{NewHarmTest(1), []float64{1, 0.8, 0.3}},
		{NewHarmTest(1.2), []float64{1.2, 1}},
		{NewExclusionTest(2), []float64{2, 2.5, 8}},
	}
	for name, ticks := range sequences {
		for _, c := range cases {
			for _, ratio := range c.ratios {
				for _, alpha := range []float64{0.3, 0.1, 0.02} {
					passed := 0.0
					enumerate(ticks, ratio, func(xs []int64, probability float64) {
						e, ever := c.start, false
						for i, x := range xs {
							if i%3 == 2 {
								e.Rebet()
							}
							e.Fold(x, ticks[i].n, ticks[i].rho)
							ever = ever || e.LogE() >= -math.Log(alpha)
						}
						if ever {
							passed += probability
						}
					})
					if passed > alpha {
						t.Errorf("%s, null %v, ratio %v: passes 1/%v with probability %v", name, c.start.Null, ratio, alpha, passed)
					}
				}
			}
		}
	}
}

// Events of a finite number of requests are drawn without replacement. The mean must stay at most 1 (Hoeffding 1963).
func TestTestHoldsWithoutReplacement(t *testing.T) {
	for _, c := range []struct{ a, b, n int64 }{{3, 7, 4}, {1, 9, 10}, {5, 5, 6}, {10, 2, 8}} {
		rho, mean := float64(c.a)/float64(c.a+c.b), 0.0
		for x := max(0, c.n-c.b); x <= min(c.a, c.n); x++ {
			e := NewHarmTest(1)
			e.Fold(x, c.n, rho)
			mean += binomial(c.a, x) * binomial(c.b, c.n-x) / binomial(c.a+c.b, c.n) * math.Exp(e.LogE())
		}
		if mean > 1+1e-12 {
			t.Errorf("%+v: mean e-value %v", c, mean)
		}
	}
}

// The textbook form: 10 errors of 40 at a share of .1, one bet.
func TestTestByHand(t *testing.T) {
	e := NewHarmTest(1)
	e.Fold(10, 40, 0.1)
	sum := 0.0
	for d, part := range map[float64]float64{.05: 3, .1: 2, .2: 5, .35: 3, .7: 12, 1.1: 3, 1.6: 2, 2.3: 2} {
		sum += math.Exp(10*d) / math.Pow(0.1*math.Exp(d)+0.9, 40) * part / 32
	}
	near(t, "ln e", e.LogE(), math.Log(0.85*sum+0.15), 1e-12)
}

// A capped test has at most the mean of a free one, and forgets what exceeds the cap.
func TestCapGivesAway(t *testing.T) {
	for name, ticks := range sequences {
		mean := 0.0
		enumerate(ticks, 2, func(xs []int64, probability float64) {
			e := NewExclusionTest(2)
			for i, x := range xs {
				e.Fold(x, ticks[i].n, ticks[i].rho)
				e.Cap(0.5)
			}
			mean += probability * math.Exp(e.LogE())
		})
		if mean > 1+1e-12 {
			t.Errorf("%s: mean e-value %v", name, mean)
		}
	}
	for _, e := range []Test{NewExclusionTest(2), NewHarmTest(1)} {
		e.Fold(50, 100, 0.5)
		low := e.LogE() - 1
		e.Cap(low)
		near(t, "capped", e.LogE(), low, 1e-9)
		e.Cap(low + 5)
		near(t, "not raised", e.LogE(), low, 1e-9)
	}
}

// Harm that begins after much good evidence is found sooner with a new bet.
func TestRebetFindsLateHarm(t *testing.T) {
	kept, renewed := NewHarmTest(1), NewHarmTest(1)
	for _, e := range []*Test{&kept, &renewed} {
		e.Fold(1000, 2000, 0.5)
	}
	renewed.Rebet()
	for _, e := range []*Test{&kept, &renewed} {
		e.Fold(160, 240, 0.5)
	}
	if kept.LogE() > 1 || renewed.LogE() < 5 {
		t.Errorf("ln e %v, with a new bet %v", kept.LogE(), renewed.LogE())
	}
}

func genTick(t *rapid.T) (x, n int64, rho float64) {
	n = rapid.Int64Range(0, 5000).Draw(t, "n")
	return rapid.Int64Range(0, n).Draw(t, "x"), n, rapid.Float64Range(0, 1).Draw(t, "rho")
}

// Tests that were kept before they knew the parts of their stake bet their reserve as usual.
func TestRebetWithoutParts(t *testing.T) {
	old, fresh := NewHarmTest(1), NewHarmTest(1)
	old.Parts = [components]float64{}
	old.Rebet()
	fresh.Rebet()
	if old.LogStake != fresh.LogStake {
		t.Errorf("%v, want %v", old.LogStake, fresh.LogStake)
	}
}

func TestFoldingIsAddition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x1, n1, rho := genTick(t)
		x2, n2, _ := genTick(t)
		apart, together := NewHarmTest(1.1), NewHarmTest(1.1)
		var boundsApart, boundsTogether Bounds
		apart.Fold(x1, n1, rho)
		apart.Fold(0, 0, 0.9) // a gap
		apart.Fold(x2, n2, rho)
		together.Fold(x1+x2, n1+n2, rho)
		boundsApart.Fold(x1, n1, rho)
		boundsApart.Fold(0, 0, 0.9)
		boundsApart.Fold(x2, n2, rho)
		boundsTogether.Fold(x1+x2, n1+n2, rho)
		for k := range apart.LogStake {
			if a, b := apart.LogStake[k], together.LogStake[k]; math.Abs(a-b) > 1e-9*(1+math.Abs(a)) {
				t.Fatalf("bet %d: apart %v, together %v", k, a, b)
			}
		}
		for k := range boundsApart.LogLik {
			if a, b := boundsApart.LogLik[k], boundsTogether.LogLik[k]; math.Abs(a-b) > 1e-9*(1+math.Abs(a)) {
				t.Fatalf("ratio %d: apart %v, together %v", k, a, b)
			}
		}
	})
}

// With all traffic on one arm an event says nothing, wherever it happened to be booked.
func TestNoComparisonNoEvidence(t *testing.T) {
	e := NewHarmTest(1.5)
	e.Fold(70, 70, 1)
	e.Fold(0, 70, 0)
	near(t, "ln e", e.LogE(), 0, 1e-12)
}

// Swapping the arms is taking the inverse of every ratio.
func TestArmsAreSymmetric(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, n, rho := genTick(t)
		rho = 0.01 + 0.98*rho
		e := NewHarmTest(1.3)
		swapped := e
		swapped.Null = 1 / e.Null
		for k, r := range e.Alternatives {
			swapped.Alternatives[k] = 1 / r
		}
		e.Fold(x, n, rho)
		swapped.Fold(n-x, n, 1-rho)
		if a, b := e.LogE(), swapped.LogE(); math.Abs(a-b) > 1e-8*(1+math.Abs(a)) {
			t.Fatalf("ln e %v, with arms swapped %v", a, b)
		}
	})
}

func TestStateSurvivesJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before := struct {
			Test   Test
			Bounds Bounds
		}{Test: NewExclusionTest(1.7)}
		for range rapid.IntRange(0, 5).Draw(t, "ticks") {
			x, n, rho := genTick(t)
			before.Test.Fold(x, n, rho)
			before.Bounds.Fold(x, n, rho)
		}
		data, err := json.Marshal(before)
		if err != nil {
			t.Fatal(err)
		}
		after := before
		after.Test = Test{}
		after.Bounds = Bounds{}
		if err := json.Unmarshal(data, &after); err != nil {
			t.Fatal(err)
		}
		if before != after {
			t.Fatalf("JSON changed the state: %s", data)
		}
	})
}

// After as many events as forecast, split exactly as expected, the threshold is reached; after a quarter fewer it is not. In between
// lies that bets add up.
func TestEventsNeededIsWhatItTakes(t *testing.T) {
	for _, null := range []float64{1.5, 2, 3} {
		start := NewExclusionTest(null)
		need := start.EventsNeeded(0.5, 1, 0.05)
		half := int64(need / 2)
		enough, few := start, start
		enough.Fold(half, 2*half, 0.5)
		few.Fold(half*3/4, 2*(half*3/4), 0.5)
		if goal := -math.Log(0.05); enough.LogE() < goal-0.2 || few.LogE() >= goal {
			t.Errorf("null %v: %v events needed, but they give %v and three quarters give %v", null, need, enough.LogE(), few.LogE())
		}
		enough.Fold(half, 2*half, 0.5)
		near(t, "needed when done", enough.EventsNeeded(0.5, 1, 0.05), 0, 0)
		if need := start.EventsNeeded(0, 1, 0.05); !math.IsInf(need, 1) {
			t.Errorf("no share: %v events needed", need)
		}
	}
}

func FuzzTest(f *testing.F) {
	f.Add(int64(3), int64(10), 0.1, int64(5))
	f.Add(int64(1)<<40, int64(1)<<40, 1.0, int64(0))
	f.Add(int64(0), int64(1)<<40, math.SmallestNonzeroFloat64, int64(1)<<40)
	f.Fuzz(func(t *testing.T, x, old int64, rho float64, more int64) {
		if x < 0 || old < 0 || more < 0 || x > 1<<40 || old > 1<<40 || more > 1<<40 || !(rho >= 0 && rho <= 1) {
			t.Skip("not valid input")
		}
		harm, exclusion, bounds := NewHarmTest(1.1), NewExclusionTest(1.8), Bounds{}
		for _, c := range [][2]int64{{x, x + old}, {more, more + old}, {0, more}} {
			harm.Fold(c[0], c[1], rho)
			exclusion.Fold(c[0], c[1], rho)
			bounds.Fold(c[0], c[1], rho)
		}
		upper, _ := bounds.Upper(0.05)
		lower, _ := bounds.Lower(0.05)
		estimate, _ := bounds.Estimate()
		for what, v := range map[string]float64{
			"harm": harm.LogE(), "exclusion": exclusion.LogE(), "upper": upper, "lower": lower, "estimate": estimate,
			"rate": RateBelow(x, x+old, 0.001),
		} {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				t.Errorf("%s is %v", what, v)
			}
		}
		if need := exclusion.EventsNeeded(rho, 1, 0.05); math.IsNaN(need) || need < 0 {
			t.Errorf("events needed: %v", need)
		}
		if need := RequestsForRateBelow(x, x+old, 0.001, rho, 0.05); math.IsNaN(need) || need < 0 {
			t.Errorf("requests needed: %v", need)
		}
	})
}
