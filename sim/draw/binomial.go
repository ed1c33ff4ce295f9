package draw

import (
	"math"
	"math/rand/v2"
)

// Binomial draws the number of successes in n trials of probability p. Few expected successes are found by searching the distribution
// function, more by transformed rejection (Hörmann, "The generation of binomial random variates", Journal of Statistical
// Computation and Simulation 46, 1993: BTRS).
func Binomial(rng *rand.Rand, n int64, p float64) int64 {
	switch {
	case n <= 0 || !(p > 0):
		return 0
	case p >= 1:
		return n
	case p > 0.5:
		return n - Binomial(rng, n, 1-p)
	case float64(n)*p < inversionLimit:
		return searchBinomial(rng, n, p)
	}
	return rejectBinomial(rng, float64(n), p)
}

func searchBinomial(rng *rand.Rand, n int64, p float64) int64 {
	odds := p / (1 - p)
	u, k := rng.Float64(), int64(0)
	for q := math.Exp(float64(n) * math.Log1p(-p)); u > q && k < n; {
		u -= q
		k++
		q *= odds * float64(n-k+1) / float64(k)
	}
	return k
}

func rejectBinomial(rng *rand.Rand, n, p float64) int64 {
	spread := math.Sqrt(n * p * (1 - p))
	b := 1.15 + 2.53*spread
	a := -0.0873 + 0.0248*b + 0.01*p
	center := n*p + 0.5
	squeeze := 0.92 - 4.2/b
	for {
		u, v := rng.Float64()-0.5, rng.Float64()
		us := 0.5 - math.Abs(u)
		k := math.Floor((2*a/us+b)*u + center)
		if us >= 0.07 && v <= squeeze {
			return int64(k)
		}
		if k < 0 || k > n {
			continue
		}
		mode := math.Floor((n + 1) * p)
		v *= (2.83 + 5.1/b) * spread / (a/(us*us) + b)
		if math.Log(v) <= logFactorial(mode)+logFactorial(n-mode)-logFactorial(k)-logFactorial(n-k)+(k-mode)*math.Log(p/(1-p)) {
			return int64(k)
		}
	}
}

// smallFactorials are the logarithms that are asked for most.
var smallFactorials = func() (logs [1024]float64) {
	for k := range logs {
		logs[k], _ = math.Lgamma(float64(k) + 1)
	}
	return logs
}()

// logFactorial is ln k! of a whole number.
func logFactorial(k float64) float64 {
	if k < float64(len(smallFactorials)) {
		return smallFactorials[int(k)]
	}
	log, _ := math.Lgamma(k + 1)
	return log
}
