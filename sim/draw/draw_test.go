package draw

import (
	"math"
	"math/rand/v2"
	"testing"
)

// fits compares counts of outcomes with their probabilities by chi-square; cells that expect under 5 are pooled.
func fits(t *testing.T, what string, counts map[int64]int, n int, p func(k int64) float64) {
	t.Helper()
	chi, cells, restSeen, restExpected := 0.0, 0, float64(n), float64(n)
	for k := int64(0); k < 5000; k++ {
		expected := p(k) * float64(n)
		if expected < 5 {
			continue
		}
		seen := float64(counts[k])
		chi += (seen - expected) * (seen - expected) / expected
		restSeen, restExpected = restSeen-seen, restExpected-expected
		cells++
	}
	if restExpected > 1 {
		chi += (restSeen - restExpected) * (restSeen - restExpected) / restExpected
	}
	if limit := float64(cells) + 4.5*math.Sqrt(2*float64(cells)) + 5; chi > limit {
		t.Errorf("%s: chi-square %.1f with %d cells, limit %.1f", what, chi, cells, limit)
	}
}

func TestPoissonHasItsLaw(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	const n = 50_000
	for _, mean := range []float64{0.01, 0.7, 4, 9.99, 10, 23.5, 400} {
		counts := map[int64]int{}
		for range n {
			counts[Poisson(rng, mean)]++
		}
		fits(t, "Poisson", counts, n, func(k int64) float64 {
			return math.Exp(float64(k)*math.Log(mean) - mean - logFactorial(float64(k)))
		})
	}
	for _, mean := range []float64{0, -1, math.NaN()} {
		if k := Poisson(rng, mean); k != 0 {
			t.Errorf("mean %v gave %d", mean, k)
		}
	}
}

func TestBinomialHasItsLaw(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	const n = 50_000
	for _, c := range []struct {
		trials int64
		p      float64
	}{{1, 0.3}, {20, 0.1}, {40, 0.5}, {300, 0.2}, {1000, 0.93}, {2000, 0.004}} {
		counts := map[int64]int{}
		for range n {
			counts[Binomial(rng, c.trials, c.p)]++
		}
		all := float64(c.trials)
		fits(t, "Binomial", counts, n, func(k int64) float64 {
			if k > c.trials {
				return 0
			}
			x := float64(k)
			return math.Exp(logFactorial(all) - logFactorial(x) - logFactorial(all-x) + x*math.Log(c.p) + (all-x)*math.Log1p(-c.p))
		})
	}
	if Binomial(rng, 7, 0) != 0 || Binomial(rng, 7, 1) != 7 || Binomial(rng, 0, 0.5) != 0 {
		t.Error("the sure cases are not sure")
	}
}

func TestChoiceDrawsByWeight(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	const n = 60_000
	var c Choice
	for _, weights := range [][]float64{{1}, {1, 1, 1}, {0, 3, 1, 0.5, 7}, {1e-9, 1}} {
		c.Set(weights)
		counts, total := map[int64]int{}, 0.0
		for _, w := range weights {
			total += w
		}
		for range n {
			counts[int64(c.Draw(rng))]++
		}
		fits(t, "Choice", counts, n, func(k int64) float64 {
			if int(k) >= len(weights) {
				return 0
			}
			return weights[k] / total
		})
	}
}

func TestSpreadLosesNothing(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	weights := []float64{0, 2, 1, 0, 5, 0.1}
	sum := make([]float64, len(weights))
	const rounds, each = 2000, 50
	for range rounds {
		all := int64(0)
		Spread(rng, each, weights, 8.1, func(i int, n int64) {
			sum[i] += float64(n)
			all += n
		})
		if all != each {
			t.Fatalf("%d of %d", all, each)
		}
	}
	for i, w := range weights {
		mean, p := rounds*each*w/8.1, w/8.1
		if math.Abs(sum[i]-mean) > 4.5*math.Sqrt(mean*(1-p)+1e-9) {
			t.Errorf("box %d: %v, want %v", i, sum[i], mean)
		}
	}
}

func BenchmarkPoisson(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct {
		name string
		mean float64
	}{{"0.2", 0.2}, {"8", 8}, {"20", 20}, {"200", 200}} {
		b.Run(c.name, func(b *testing.B) {
			for range b.N {
				Poisson(rng, c.mean)
			}
		})
	}
}
