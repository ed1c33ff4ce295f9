package peer

import (
	"math"
	"testing"
)

// even fractions of n looks.
func even(n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = float64(i+1) / float64(n)
	}
	return out
}

// The boundaries that are printed everywhere (Reboussin, DeMets, Kim & Lan's ld98 and its heirs): five looks, two sides of 5 % in all. Their
// search, too, ends when a look's probability is right to 1e-7, which is up to 1e-4 of z.
func TestBoundsOfTheTextbooks(t *testing.T) {
	for _, c := range []struct {
		name  string
		looks []float64
		alpha float64
		spend spending
		want  []float64
		digit float64
	}{
		{"O'Brien-Fleming, two sides", even(5), 0.025, fleming, []float64{4.8769, 3.3569, 2.6803, 2.2898, 2.0310}, 1.5e-4},
		{"Pocock, two sides", even(5), 0.025, pocock, []float64{2.4380, 2.4268, 2.4101, 2.3966, 2.3859}, 1.5e-4},
		{"O'Brien-Fleming, one side (SeqBounds.jl's README)", even(4), 0.05, fleming, []float64{3.74955, 2.53993}, 2e-5},
		{"one look is a plain test", []float64{1}, 0.05, pocock, []float64{1.644854}, 1e-6},
	} {
		got := bounds(c.looks, c.alpha, c.spend)
		for i, want := range c.want {
			near(t, c.name, got[i], want, c.digit)
		}
	}
}

// Spotify's arrays. Its search for each bound stops when the probability is right to 1e-7, and spends nothing where less than that is due
// (a bound of 8); so what is compared is what its bounds spend at each look, which must be what is due, and the bounds themselves where
// 1e-7 is little.
func TestBoundsOfSpotify(t *testing.T) {
	var vectors struct {
		Alpha float64
		Cases []struct{ Information, Bounds []float64 }
	}
	read(t, "bounds.json", &vectors)
	if len(vectors.Cases) != 2 {
		t.Fatalf("%d cases", len(vectors.Cases))
	}
	for n, c := range vectors.Cases {
		alpha := vectors.Alpha / 2
		looks := 60 // all of them would take a second, and show the same
		if testing.Short() {
			looks = 20
		}
		w, spent, last := walk{}, 0.0, 0.0
		for k, at := range c.Information[:looks] {
			sd, far := math.Sqrt(at-last), boundsFar*math.Sqrt(at)
			limit := c.Bounds[k] * math.Sqrt(at)
			due := squareSpending(alpha, at) - spent
			if p := w.beyond(limit, sd); math.Abs(p-due) > 1.2e-7 {
				t.Errorf("case %d, look %d: spends %v, due %v", n, k+1, p, due)
			}
			if c.Bounds[k] < boundsFar {
				spent += due
			}
			w, last = w.onward(limit, sd, far), at
		}
		mine := bounds(c.Information[:looks], alpha, squareSpending)
		for k := 10; k < looks; k++ {
			near(t, "bound", mine[k], c.Bounds[k], 0.02)
		}
	}
	// compute_sequential_adjusted_alpha in the same file: two sides of 1 %, information by users who came.
	total := []float64{250, 450, 630, 810}
	for i := range total {
		total[i] /= 810
	}
	for i, b := range bounds(total, 0.005, squareSpending) {
		near(t, "adjusted alpha", math.Erfc(b/math.Sqrt2), []float64{0.00095, 0.00241, 0.00410, 0.00636}[i], 1e-5)
	}
}
