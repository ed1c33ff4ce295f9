package stats

import (
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
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
func poisson(dice *rand.Rand, mean float64) int64 {
	n, product := int64(0), dice.Float64()
	for limit := math.Exp(-mean); product > limit; n++ {
		product *= dice.Float64()
	}
	return n
}

// binomially draws how many of n fall to an arm with share p.
func binomially(dice *rand.Rand, n int64, p float64) (x int64) {
	for range n {
		if dice.Float64() < p {
			x++
		}
	}
	return x
}

// The grid tests through a rollout of three steps, a look at each tick of some three events.
func TestGridTestsCrossSeldom(t *testing.T) {
	const alpha = 0.05
	shares := []float64{.1, .5, .95}
	for _, c := range []struct {
		name  string
		start Test
	}{{"harm", NewHarmTest(1)}, {"harm with margin", NewHarmTest(1.1)}, {"exclusion", NewExclusionTest(2)}} {
		seldom(t, c.name, 1000, alpha, func(dice *rand.Rand) bool {
			e := c.start
			for i := range 300 {
				rho := shares[i/100]
				if i%100 == 0 && i > 0 {
					e.Rebet()
				}
				n := poisson(dice, 3)
				if e.Fold(binomially(dice, n, rho*e.Null/(rho*e.Null+1-rho)), n, rho); e.LogE() >= -math.Log(alpha) {
					return true
				}
			}
			return false
		})
	}
	seldom(t, "bounds", 300, 2*alpha, func(dice *rand.Rand) bool {
		const ratio = 1.5
		var b Bounds
		for i := range 300 {
			rho := shares[i/100]
			n := poisson(dice, 3)
			b.Fold(binomially(dice, n, rho*ratio/(rho*ratio+1-rho)), n, rho)
			if i%20 == 19 {
				upper, okHigh := b.Upper(alpha)
				lower, okLow := b.Lower(alpha)
				if okHigh && upper < ratio || okLow && lower > ratio {
					return true
				}
			}
		}
		return false
	})
	seldom(t, "rate below", 1000, alpha, func(dice *rand.Rand) bool {
		x, n := int64(0), int64(0)
		for range 300 {
			n += 20
			if x += binomially(dice, 20, .01); RateBelow(x, n, .01) >= -math.Log(alpha) {
				return true
			}
		}
		return false
	})
}

// spread draws how n units fall to arms with the given shares.
func spread(dice *rand.Rand, n int64, shares []float64) []float64 {
	counts := make([]float64, len(shares))
	for range n {
		u, i := dice.Float64(), 0
		for i < len(shares)-1 && u >= shares[i] {
			u -= shares[i]
			i++
		}
		counts[i]++
	}
	return counts
}

func TestMultinomialCrossesSeldom(t *testing.T) {
	const alpha = 0.05
	theta := []float64{.2, .3, .5}
	seldom(t, "multinomial", 1000, alpha, func(dice *rand.Rand) bool {
		total := make([]float64, 3)
		for range 100 {
			for i, c := range spread(dice, 10, theta) {
				total[i] += c
			}
			if LogMultinomial(total, theta, 30) >= -math.Log(alpha) {
				return true
			}
		}
		return false
	})
	steps := [][]float64{{.1, .8, .1}, {.5, .4, .1}, {.95, 0, .05}}
	seldom(t, "split of changing shares", 1000, alpha, func(dice *rand.Rand) bool {
		s := Split{Concentration: 30}
		for i := range 150 {
			shares := steps[i/50]
			if i%7 == 3 { // they may change with every tick
				shares = []float64{.3, .3, .4}
			}
			if s.Fold(spread(dice, 10, shares), shares) != nil || s.P() <= alpha {
				return true
			}
		}
		return false
	})
	// Three arms whose rates differ, in a world that drifts: any of the three ratios outside of its interval, ever.
	weights, rates := []float64{.1, .6, .3}, []float64{1.5, 1, .7}
	seldom(t, "intervals of ln ratios", 500, alpha, func(dice *rand.Rand) bool {
		total := make([]float64, 3)
		for i := range 30 {
			for a := range total {
				total[a] += float64(poisson(dice, 10*weights[a]*rates[a]*(1+.5*math.Sin(float64(i)))))
			}
			for a := range 3 {
				b := (a + 1) % 3
				low, high, err := LogRatioInterval(total, weights, 30, alpha, a, b)
				if truth := math.Log(rates[a] / rates[b]); err == nil && (truth < low || truth > high) {
					return true
				}
			}
		}
		return false
	})
}

// Five vitals that share their noise: the mean of their e-values keeps the promise, and so does Bonferroni; the best of them does not.
func TestCombinationsCrossSeldom(t *testing.T) {
	const alpha = 0.05
	weights := []float64{.4, .3, .1, .1, .1}
	path := func(dice *rand.Rand, crosses func(logE []float64) bool) bool {
		vitals := [5]Test{}
		for v := range vitals {
			vitals[v] = NewHarmTest(1)
		}
		logE := make([]float64, len(vitals))
		for range 100 {
			n, rho := poisson(dice, 5), .5
			common := make([]bool, n)
			for i := range common {
				common[i] = dice.Float64() < rho
			}
			for v := range vitals {
				x := int64(0)
				for _, arm := range common { // half of a vital's events are those of the others
					if dice.IntN(2) == 0 {
						arm = dice.Float64() < rho
					}
					if arm {
						x++
					}
				}
				vitals[v].Fold(x, n, rho)
				logE[v] = vitals[v].LogE()
			}
			if crosses(logE) {
				return true
			}
		}
		return false
	}
	seldom(t, "weighted mean", 1000, alpha, func(dice *rand.Rand) bool {
		return path(dice, func(logE []float64) bool {
			mean, err := LogMean(logE, weights)
			return err != nil || mean >= -math.Log(alpha)
		})
	})
	seldom(t, "Bonferroni", 1000, alpha, func(dice *rand.Rand) bool {
		return path(dice, func(logE []float64) bool {
			named, err := Bonferroni(logE, weights, alpha)
			return err != nil || len(named) > 0
		})
	})
	// All are healthy, so any name is a false one, and the fraction of false ones is 1. At one look.
	seldom(t, "e-BH", 1000, alpha, func(dice *rand.Rand) bool {
		looks := 0
		return path(dice, func(logE []float64) bool {
			looks++
			named, err := EBH(logE, alpha)
			return err != nil || looks == 100 && len(named) > 0
		})
	})
}
