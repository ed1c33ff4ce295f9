package stats

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func logs(e ...float64) []float64 {
	for i := range e {
		e[i] = math.Log(e[i])
	}
	return e
}

func TestLogMeanByHand(t *testing.T) {
	for _, c := range []struct {
		e, weights []float64
		want       float64
	}{
		{[]float64{2, 40, .5}, []float64{.5, .25, .25}, 11.125},
		{[]float64{30, 7}, []float64{.5, 0}, 15},
		{[]float64{0, 8}, []float64{.5, .5}, 4},
	} {
		mean, err := LogMean(logs(c.e...), c.weights)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "mean", math.Exp(mean), c.want, 1e-9)
	}
	// Far beyond what a float64 could hold.
	mean, err := LogMean([]float64{5000, 4000}, []float64{.5, .5})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "large mean", mean, 5000-math.Ln2, 1e-9)
}

func TestWhoIsNamed(t *testing.T) {
	for _, c := range []struct {
		e               []float64
		bonferroni, ebh []int
	}{
		{[]float64{1, 150, 3, 90}, []int{1, 3}, []int{1, 3}}, // thresholds 80; 80 and 40
		{[]float64{1, 85, 3, 45}, []int{1}, []int{1, 3}},
		{[]float64{45, 1, 45, 1}, nil, []int{0, 2}}, // two of four at 40 each
		{[]float64{39, 39, 1, 1}, nil, nil},
		{[]float64{21, 22, 23, 24}, nil, []int{3, 2, 1, 0}}, // all of them at 20
		{nil, nil, nil},
	} {
		weights := make([]float64, len(c.e))
		for i := range weights {
			weights[i] = .25
		}
		logE := logs(slices.Clone(c.e)...)
		bonferroni, err := Bonferroni(logE, weights, .05)
		if err != nil || !slices.Equal(bonferroni, c.bonferroni) {
			t.Errorf("%v: Bonferroni names %v, %v", c.e, bonferroni, err)
		}
		ebh, err := EBH(logE, .05)
		if err != nil || !slices.Equal(ebh, c.ebh) {
			t.Errorf("%v: e-BH names %v, %v", c.e, ebh, err)
		}
	}
}

// The mean is never later than Bonferroni, and e-BH names at least what equal weights name.
func TestMeanIsNoLaterThanBonferroni(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 8).Draw(t, "n")
		logE, weights, equal, left := make([]float64, n), make([]float64, n), make([]float64, n), 1.0
		for i := range logE {
			logE[i] = rapid.Float64Range(-20, 9).Draw(t, "ln e")
			weights[i] = left * rapid.Float64Range(0, 1).Draw(t, "part")
			left -= weights[i]
			equal[i] = 1 / float64(n)
		}
		mean, err := LogMean(logE, weights)
		named, err2 := Bonferroni(logE, weights, .05)
		if err != nil || err2 != nil || len(named) > 0 && mean < math.Log(20)-1e-12 {
			t.Fatalf("mean %v, Bonferroni names %v, %v, %v", mean, named, err, err2)
		}
		few, err := Bonferroni(logE, equal, .05)
		many, err2 := EBH(logE, .05)
		if err != nil || err2 != nil || len(few) > len(many) {
			t.Fatalf("Bonferroni names %v, e-BH %v, %v, %v", few, many, err, err2)
		}
	})
}

func TestNonsenseIsNotCombined(t *testing.T) {
	for name, err := range map[string]error{
		"mean of NaN":        second(LogMean([]float64{math.NaN()}, []float64{1})),
		"negative weight":    second(LogMean([]float64{0, 0}, []float64{1.5, -.5})),
		"weight NaN":         second(LogMean([]float64{0}, []float64{math.NaN()})),
		"weights above 1":    second(LogMean([]float64{0, 0}, []float64{.6, .6})),
		"a weight too few":   second(LogMean([]float64{0, 0}, []float64{.6})),
		"Bonferroni, weight": second(Bonferroni([]float64{0}, []float64{2}, .05)),
		"Bonferroni, level":  second(Bonferroni([]float64{0}, []float64{1}, 0)),
		"e-BH of NaN":        second(EBH([]float64{math.NaN()}, .05)),
		"e-BH, level":        second(EBH([]float64{0}, 1)),
	} {
		if err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	if named, err := Bonferroni([]float64{math.Inf(1), 9}, []float64{0, .5}, .05); err != nil || !slices.Equal(named, []int{1}) {
		t.Errorf("a vital of weight 0: %v, %v", named, err)
	}
}

func second[T any](_ T, err error) error { return err }

func TestLooksAddUp(t *testing.T) {
	var l Looks
	for _, logE := range logs(4, 0, 40) {
		if err := l.Add(logE, .25); err != nil {
			t.Fatal(err)
		}
	}
	near(t, "sum", l.Sum, 11, 1e-12)
	before := l
	for _, bad := range [][2]float64{{math.NaN(), .1}, {1, 0}, {1, -.1}, {1, .26}, {1, math.NaN()}} {
		if l.Add(bad[0], bad[1]) == nil || l != before {
			t.Errorf("a look of %v was taken", bad)
		}
	}
	if err := l.Add(1e9, .25); err != nil || math.IsInf(l.Sum, 0) {
		t.Errorf("sum %v, %v", l.Sum, err)
	}
}
