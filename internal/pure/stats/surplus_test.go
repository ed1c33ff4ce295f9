package stats_test

import (
	"math"
	"testing"

	"github.com/slipwayhq/slipway/internal/pure/stats"
)

func TestSurplusIsTheTailOfABinomial(t *testing.T) {
	for _, c := range []struct{ x, n, y, m int64 }{{1, 10, 0, 90}, {3, 100, 5, 400}, {7, 50, 0, 50}, {2, 30, 20, 300}} {
		q, total, want := float64(c.n)/float64(c.n+c.m), c.x+c.y, 0.0
		for k := c.x; k <= total; k++ {
			want += choose(total, k) * math.Pow(q, float64(k)) * math.Pow(1-q, float64(total-k))
		}
		if got := stats.Surplus(c.x, c.n, c.y, c.m); math.Abs(got-want) > 1e-12 {
			t.Errorf("%+v: %g, want %g", c, got, want)
		}
	}
}

func choose(n, k int64) float64 {
	out := 1.0
	for i := range k {
		out *= float64(n-i) / float64(i+1)
	}
	return out
}

func TestSurplusWithoutAnythingToCompareSaysNothing(t *testing.T) {
	for _, c := range [][4]int64{{0, 10, 5, 10}, {5, 0, 5, 10}, {5, 10, 0, 0}, {5, 10, -1, 10}} {
		if p := stats.Surplus(c[0], c[1], c[2], c[3]); p != 1 {
			t.Errorf("%v: %g", c, p)
		}
	}
}
