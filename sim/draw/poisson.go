package draw

import (
	"math"
	"math/rand/v2"
)

// inversionLimit is the mean from which rejection is faster than searching the distribution function.
const inversionLimit = 10

// Poisson draws a count of the given mean, 0 where the mean is not positive. Small means search the distribution function; larger ones
// use transformed rejection with squeeze (Hörmann, "The transformed rejection method for generating Poisson random variables",
// Insurance: Mathematics and Economics 12, 1993: PTRS). Exact up to rounding for means up to about 1e9.
func Poisson(rng *rand.Rand, mean float64) int64 {
	switch {
	case !(mean > 0):
		return 0
	case mean < inversionLimit:
		return searchPoisson(rng, mean, math.Exp(-mean))
	}
	return rejectPoisson(rng, mean)
}

// searchPoisson inverts the distribution function; p0 is exp(-mean).
func searchPoisson(rng *rand.Rand, mean, p0 float64) int64 {
	u, k := rng.Float64(), int64(0)
	for p := p0; u > p && k < 1000; {
		u -= p
		k++
		p *= mean / float64(k)
	}
	return k
}

func rejectPoisson(rng *rand.Rand, mean float64) int64 {
	root := math.Sqrt(mean)
	b := 0.931 + 2.53*root
	a := -0.059 + 0.02483*b
	squeeze := 0.9277 - 3.6224/(b-2)
	for {
		u, v := rng.Float64()-0.5, rng.Float64()
		us := 0.5 - math.Abs(u)
		k := math.Floor((2*a/us+b)*u + mean + 0.43)
		if us >= 0.07 && v <= squeeze {
			return int64(k)
		}
		if k < 0 || us < 0.013 && v > us {
			continue
		}
		inverse := 1.1239 + 1.1328/(b-3.4)
		if math.Log(v*inverse/(a/(us*us)+b)) <= k*math.Log(mean)-mean-logFactorial(k) {
			return int64(k)
		}
	}
}
