package stats

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

// Closed forms by hand: the prior k·θ₀ has k = 100 and k = 1.
func TestMultinomialByHand(t *testing.T) {
	near(t, "k 100", LogMultinomial([]float64{30, 70}, []float64{.2, .8}, 100), 1.047954, 5e-7)
	near(t, "k 1", LogMultinomial([]float64{15, 35}, []float64{.1, .9}, 1), 4.667898, 5e-7)
	// A uniform prior over two arms makes each number of successes equally likely: 1/(n+1) over the binomial's.
	near(t, "uniform", LogMultinomial([]float64{3, 7}, []float64{.5, .5}, 2), math.Log(1./11/(120*math.Pow(.5, 10))), 1e-12)
	near(t, "no units", LogMultinomial([]float64{0, 0}, []float64{.3, .7}, 100), 0, 0)
}

func TestRisingFactorialKeepsDigits(t *testing.T) {
	for _, c := range [][2]float64{{.5, 3}, {99.9, 17}, {100.1, 17}, {1e4, 40}, {1e10, 5}, {1e15, 3}} {
		sum := 0.0
		for i := range int(c[1]) {
			sum += math.Log(c[0] + float64(i))
		}
		near(t, "ln rising", lnRising(c[0], c[1]), sum, 1e-13*(1+sum))
	}
}

// visitSplits enumerates how units of each tick can fall to three arms, with the probability.
func visitSplits(units []int, shares [][]float64, visit func(ticks [][]float64, probability float64)) {
	var walk func(i int, ticks [][]float64, probability float64)
	walk = func(i int, ticks [][]float64, probability float64) {
		if i == len(units) {
			visit(ticks, probability)
			return
		}
		n := int64(units[i])
		for x := range n + 1 {
			for y := range n - x + 1 {
				z, p := n-x-y, shares[i]
				chance := binomial(n, x) * binomial(n-x, y) * math.Pow(p[0], float64(x)) * math.Pow(p[1], float64(y)) * math.Pow(p[2], float64(z))
				if chance > 0 {
					walk(i+1, append(ticks[:i:i], []float64{float64(x), float64(y), float64(z)}), probability*chance)
				}
			}
		}
	}
	walk(0, nil, 1)
}

// Exactly: whatever the shares do, the mean e-value is 1, and it ever passes 1/α with probability at most α.
func TestSplitIsAMartingale(t *testing.T) {
	units := []int{3, 1, 0, 4, 2, 3}
	shares := [][]float64{{.1, .8, .1}, {.1, .8, .1}, {.3, .3, .4}, {.5, .4, .1}, {.95, 0, .05}, {.2, .2, .6}}
	mean, passed := 0.0, map[float64]float64{.3: 0, .1: 0, .02: 0}
	visitSplits(units, shares, func(ticks [][]float64, probability float64) {
		s := Split{Concentration: 2}
		for i, counts := range ticks {
			if err := s.Fold(counts, shares[i]); err != nil {
				t.Fatal(err)
			}
		}
		mean += probability * math.Exp(s.LogE)
		for alpha := range passed {
			if s.P() <= alpha {
				passed[alpha] += probability
			}
		}
	})
	near(t, "mean e-value", mean, 1, 1e-9)
	for alpha, p := range passed {
		if p > alpha {
			t.Errorf("passes 1/%v with probability %v", alpha, p)
		}
	}
}

// With shares that stay, the ticks do not matter: it is Lindon and Malek's Bayes factor of the totals.
func TestSplitOfConstantShares(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		weights := []float64{1, 6, 3}
		s := Split{Concentration: rapid.Float64Range(.1, 1e4).Draw(t, "concentration")}
		total := make([]float64, 3)
		for range rapid.IntRange(1, 6).Draw(t, "ticks") {
			counts := make([]float64, 3)
			for i := range counts {
				counts[i] = float64(rapid.IntRange(0, 2000).Draw(t, "count"))
				total[i] += counts[i]
			}
			peak := s.Peak
			if err := s.Fold(counts, weights); err != nil {
				t.Fatal(err)
			}
			if s.Peak < peak || s.P() > 1 || s.P() <= 0 && s.Peak < 700 {
				t.Fatalf("peak %v after %v, p %v", s.Peak, peak, s.P())
			}
		}
		if want := LogMultinomial(total, []float64{.1, .6, .3}, s.Concentration); math.Abs(s.LogE-want) > 1e-8*(1+math.Abs(want)) {
			t.Fatalf("ln e %v, want %v", s.LogE, want)
		}
	})
}

// A new release that gets 20 % less than its share: what was learned in one step serves the next.
func TestSplitLearnsAcrossSteps(t *testing.T) {
	var kept Split
	fresh, restarted := Split{}, 0.0
	for i := range 40 {
		share := .2 + .02*float64(i) // no two ticks alike
		weights := []float64{share, 1 - share}
		odds := .8 * share / (1 - share)
		counts := []float64{math.Round(200 * odds / (1 + odds)), 0}
		counts[1] = 200 - counts[0]
		if err := kept.Fold(counts, weights); err != nil {
			t.Fatal(err)
		}
		fresh = Split{}
		if err := fresh.Fold(counts, weights); err != nil {
			t.Fatal(err)
		}
		restarted += fresh.LogE
	}
	if kept.LogE < 20 || kept.LogE < restarted+10 {
		t.Errorf("ln e %v, with a fresh prior for each tick %v", kept.LogE, restarted)
	}
}

// Split by visitor, requests are no units: their clusters fire the test on a healthy split. Divided by their dispersion they do not.
func TestClustersBreakTheSplit(t *testing.T) {
	fired, divided := 0, 0
	for i := range 200 {
		dice := rand.New(rand.NewPCG(uint64(i), 5))
		var s Split
		total, buckets, ever := []float64{0, 0}, make([]int64, 64), false
		for range 60 {
			counts := []float64{0, 0}
			for range 10 { // visitors with 1 to 39 requests each
				arm, size := min(dice.IntN(10), 1), 1+dice.IntN(39)
				counts[arm] += float64(size)
				buckets[dice.IntN(64)] += int64(size)
			}
			if err := s.Fold(counts, []float64{1, 9}); err != nil {
				t.Fatal(err)
			}
			d, err := DispersionOf(buckets, nil)
			if err != nil {
				t.Fatal(err)
			}
			total[0], total[1] = total[0]+counts[0], total[1]+counts[1]
			f := d.Cautious()
			ever = ever || LogMultinomial([]float64{total[0] / f, total[1] / f}, []float64{.1, .9}, 100) >= math.Log(20)
		}
		if s.P() <= .05 {
			fired++
		}
		if ever {
			divided++
		}
	}
	if fired < 60 || divided > 10 {
		t.Errorf("of 200 healthy splits %d fire on requests, %d on requests divided by their dispersion", fired, divided)
	}
}

// An interval ends where the least ln e-value of all shares with that ratio is ln 1/α.
func TestLogRatioIntervalEndsAtTheThreshold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		weights := []float64{1, 6, 3}
		counts := make([]float64, 3)
		for i := range counts {
			counts[i] = float64(rapid.IntRange(1, 500).Draw(t, "count"))
		}
		low, high, err := LogRatioInterval(counts, weights, 50, .05, 0, 1)
		if err != nil {
			t.Fatal(err)
		}
		estimate := math.Log(counts[0]/weights[0]) - math.Log(counts[1]/weights[1])
		if !(low < estimate && estimate < high) {
			t.Fatalf("%v is not between %v and %v", estimate, low, high)
		}
		back, forth, err := LogRatioInterval(counts, weights, 50, .05, 1, 0)
		if err != nil || math.Abs(back+high) > 1e-9 || math.Abs(forth+low) > 1e-9 {
			t.Fatalf("the other way round: %v to %v, %v", back, forth, err)
		}
		// Against θ with that ratio and the rest as seen, the Bayes factor under the prior of the intended shares is 1/α.
		n := counts[0] + counts[1] + counts[2]
		for _, delta := range []float64{low, high} {
			odds := math.Exp(delta) * weights[0] / weights[1]
			pair := (counts[0] + counts[1]) / n
			theta := []float64{pair * odds / (1 + odds), pair / (1 + odds), counts[2] / n}
			logE := LogMultinomial(counts, []float64{.1, .6, .3}, 50)
			for i, c := range counts {
				logE += c * (math.Log([]float64{.1, .6, .3}[i]) - math.Log(theta[i]))
			}
			if math.Abs(logE-math.Log(20)) > 1e-6 {
				t.Fatalf("ln e at %v: %v", delta, logE)
			}
		}
	})
}

func TestLogRatioIntervalWithoutEvents(t *testing.T) {
	for _, c := range []struct {
		counts     []float64
		none, open bool // no lower end, no upper end
	}{{[]float64{0, 0, 9}, true, true}, {[]float64{0, 20, 3}, true, false}, {[]float64{20, 0, 0}, false, true}, {[]float64{7, 7, 0}, false, false}} {
		low, high, err := LogRatioInterval(c.counts, []float64{1, 1, 1}, 10, .05, 0, 1)
		if err != nil || math.IsInf(low, -1) != c.none || math.IsInf(high, 1) != c.open || math.IsNaN(low) || math.IsNaN(high) {
			t.Errorf("%v: %v to %v, %v", c.counts, low, high, err)
		}
	}
}

func TestImpossibleSplitsChangeNothing(t *testing.T) {
	s := Split{}
	if err := s.Fold([]float64{10, 90}, []float64{1, 9}); err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var before Split
	if err := json.Unmarshal(data, &before); err != nil || !reflect.DeepEqual(before, s) {
		t.Fatalf("JSON changed the state: %s, %v", data, err)
	}
	for name, c := range map[string][2][]float64{
		"another number of arms":  {{1, 2, 3}, {1, 1, 1}},
		"a weight too few":        {{1, 2}, {1}},
		"one arm":                 {{1}, {1}},
		"negative":                {{-1, 2}, {1, 1}},
		"not a number":            {{math.NaN(), 2}, {1, 1}},
		"endless":                 {{math.Inf(1), 2}, {1, 1}},
		"huge":                    {{1e300, 2}, {1, 1}},
		"weight not a number":     {{1, 2}, {1, math.NaN()}},
		"weights of 0":            {{0, 0}, {0, 0}},
		"units without any share": {{1, 2}, {0, 1}},
	} {
		if err := s.Fold(c[0], c[1]); err == nil || !reflect.DeepEqual(before, s) {
			t.Errorf("%s: error %v, state %+v", name, err, s)
		}
		if _, _, err := LogRatioInterval(c[0], c[1], 10, .05, 0, 1); err == nil && name != "another number of arms" {
			t.Errorf("%s: an interval", name)
		}
	}
	for _, c := range []struct {
		concentration, alpha float64
		a, b                 int
	}{{0, .05, 0, 1}, {10, 0, 0, 1}, {10, 1, 0, 1}, {10, .05, 0, 0}, {10, .05, -1, 1}, {10, .05, 0, 2}} {
		if _, _, err := LogRatioInterval([]float64{5, 5}, []float64{1, 1}, c.concentration, c.alpha, c.a, c.b); err == nil {
			t.Errorf("%+v: an interval", c)
		}
	}
}

func FuzzSplit(f *testing.F) {
	f.Add(int64(3), int64(90), int64(5), 0.1, 100.0)
	f.Add(int64(1)<<40, int64(0), int64(1)<<40, 0.999, 1e-3)
	f.Fuzz(func(t *testing.T, a, b, c int64, share, concentration float64) {
		if a < 0 || b < 0 || c < 0 || max(a, b, c) > 1<<40 || !(share > 0 && share < 1) || !(concentration > 1e-6 && concentration < 1e9) {
			t.Skip("not valid input")
		}
		s := Split{Concentration: concentration}
		for _, weights := range [][]float64{{share, 1 - share}, {share, 1}, {1, 0}} {
			counts := []float64{float64(a), float64(b)}
			if weights[1] == 0 {
				counts = []float64{float64(c), 0}
			}
			if err := s.Fold(counts, weights); err != nil {
				t.Fatal(err)
			}
		}
		if math.IsNaN(s.LogE) || math.IsInf(s.LogE, 0) || math.IsNaN(s.P()) {
			t.Errorf("ln e %v, p %v", s.LogE, s.P())
		}
		low, high, err := LogRatioInterval([]float64{float64(a), float64(b)}, []float64{share, 1 - share}, concentration, .05, 0, 1)
		if err != nil || math.IsNaN(low) || math.IsNaN(high) || low > high {
			t.Errorf("interval %v to %v, %v", low, high, err)
		}
	})
}
