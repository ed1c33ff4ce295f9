package stats

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"
)

func dispersion(t *testing.T, counts []int64, exposure []float64) Dispersion {
	t.Helper()
	d, err := DispersionOf(counts, exposure)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDispersionByHand(t *testing.T) {
	for _, c := range []struct {
		counts   []int64
		exposure []float64
		factor   float64
	}{
		{[]int64{1, 0, 0, 0}, nil, 1},             // one event has no company
		{[]int64{20, 0, 0, 0}, nil, 20},           // one cluster of twenty
		{[]int64{5, 5, 5, 5}, nil, 0},             // more even than chance
		{[]int64{3, 1, 2, 2}, nil, 1. / 3},        // squares 2 over 8·¾
		{[]int64{6, 2}, []float64{3, 1}, 0},       // in proportion
		{[]int64{2, 6}, []float64{3, 1}, 32. / 3}, // squares 2·16 over 6·¼ + 2·¾
		{[]int64{0, 0}, nil, 0},
	} {
		near(t, fmt.Sprint(c.counts), dispersion(t, c.counts, c.exposure).Factor, c.factor, 1e-12)
	}
	near(t, "nothing known", Dispersion{}.Cautious(), 1, 0)
	near(t, "cautious", Dispersion{Factor: 4, SE: .5}.Cautious(), 5, 0)
	for _, err := range []error{
		second(DispersionOf(nil, nil)), second(DispersionOf([]int64{1}, nil)), second(DispersionOf([]int64{1, -1}, nil)),
		second(DispersionOf([]int64{1, 1}, []float64{1})), second(DispersionOf([]int64{1, 1}, []float64{1, math.NaN()})),
		second(DispersionOf([]int64{1, 1, 1}, []float64{1, 1, 0})), second(DispersionOf([]int64{1, 0}, []float64{1, 0})),
	} {
		if err == nil {
			t.Error("nonsense was taken")
		}
	}
}

// The estimate is Σm²/Σm, and its standard error is what it says.
func TestDispersionFindsTheClusters(t *testing.T) {
	for _, size := range []int64{1, 5, 20} {
		mean, square, se := 0.0, 0.0, 0.0
		const runs = 400
		for i := range runs {
			dice := rand.New(rand.NewPCG(uint64(i), 3))
			counts := make([]int64, 64)
			for range 3000 / size {
				counts[dice.IntN(64)] += size
			}
			d := dispersion(t, counts, nil)
			mean, square, se = mean+d.Factor/runs, square+d.Factor*d.Factor/runs, se+d.SE/runs
		}
		near(t, "factor", mean, float64(size), .03*float64(size))
		near(t, "standard error", se, math.Sqrt(square-mean*mean), .15*se)
	}
}

// What is exact: whatever the clusters, if none is larger than the factor, the mean e-value at one look is at most 1.
func TestClusteredIsExactForClustersUpToTheFactor(t *testing.T) {
	sizes := []int64{1, 5, 3, 5, 2, 1, 4, 5, 5, 1}
	for _, start := range []Test{NewHarmTest(1), NewHarmTest(1.2), NewExclusionTest(2)} {
		for _, rho := range []float64{.1, .5, .9} {
			p := rho * start.Null / (rho*start.Null + 1 - rho)
			scaled, plain := 0.0, 0.0
			for arms := range 1 << len(sizes) {
				c, probability := NewClustered(start), 1.0
				for i, m := range sizes {
					x, chance := int64(0), 1-p
					if arms>>i&1 == 1 {
						x, chance = m, p
					}
					c.Fold(x, m, rho)
					probability *= chance
				}
				scaled += probability * math.Exp(c.LogE(5))
				plain += probability * math.Exp(c.LogE(1))
			}
			if scaled > 1+1e-12 {
				t.Errorf("null %v, share %v: mean e-value %v", start.Null, rho, scaled)
			}
			if plain < 1.05 {
				t.Errorf("null %v, share %v: undivided mean e-value %v, so this test cannot fail", start.Null, rho, plain)
			}
		}
	}
	// Divided by 1 it is the test itself.
	c, plain := NewClustered(NewHarmTest(1)), NewHarmTest(1)
	c.Fold(7, 20, .1)
	plain.Fold(7, 20, .1)
	near(t, "undivided", c.LogE(1), plain.LogE(), 1e-12)
}

// clusters is a world without visitor ids: clusters of events, each of one visitor, hence in one arm and one bucket.
type clusters struct {
	size  float64 // mean
	heavy bool    // log-normal sizes with a standard deviation of 1.5, else all equal
	lasts float64 // seconds over which a cluster spreads
	rate  float64 // events a second
	ratio float64 // of the new arm's rate of clusters to the old one's
}

// run gives events of twenty minutes to see, in ticks of ten seconds: how many there were in the new arm, in both, and in each bucket.
func (w clusters) run(dice *rand.Rand, share float64, see func(x, n int64, buckets []int64)) {
	const ticks, tick = 120, 10.0
	var x, n [ticks]int64
	var buckets [ticks][64]int64
	total := w.rate * (share*w.ratio + 1 - share) / w.size
	for at := dice.ExpFloat64() / total; at < ticks*tick; at += dice.ExpFloat64() / total {
		size := int(w.size)
		if w.heavy {
			size = int(math.Ceil(w.size * math.Exp(1.5*dice.NormFloat64()-1.125)))
		}
		isNew, bucket := dice.Float64() < share*w.ratio/(share*w.ratio+1-share), dice.IntN(64)
		for range size {
			i := int((at + w.lasts*dice.Float64()) / tick)
			if i >= ticks {
				continue
			}
			n[i]++
			buckets[i][bucket]++
			if isNew {
				x[i]++
			}
		}
	}
	for i := range ticks {
		see(x[i], n[i], buckets[i][:])
	}
}

// peak is the greatest ln e-value of the twenty minutes, divided by the dispersion or as it is.
func (w clusters) peak(t *testing.T, dice *rand.Rand, divide bool) (most float64) {
	t.Helper()
	c, buckets := NewClustered(NewHarmTest(1)), make([]int64, 64)
	w.run(dice, .1, func(x, n int64, more []int64) {
		c.Fold(x, n, .1)
		factor := 1.0
		if divide {
			for i, m := range more {
				buckets[i] += m
			}
			factor = dispersion(t, buckets, nil).Cautious()
		}
		most = max(most, c.LogE(factor))
	})
	return most
}

func TestClusteredCrossesSeldom(t *testing.T) {
	for _, w := range []clusters{
		{size: 1, rate: 2}, {size: 5, rate: 2}, {size: 20, rate: 2}, {size: 5, rate: 2, lasts: 300}, {size: 20, rate: 2, lasts: 300},
		{size: 5, rate: 10, heavy: true}, {size: 20, rate: 2, heavy: true}, {size: 20, rate: 2, heavy: true, lasts: 300},
	} {
		w.ratio = 1
		name := fmt.Sprintf("clusters of %v, %v a second, over %v s", w.size, w.rate, w.lasts)
		if w.heavy {
			name = "log-normal " + name
		}
		var peaks []float64
		seldom(t, name+", level .05", 200, .05, func(dice *rand.Rand) bool {
			peaks = append(peaks, w.peak(t, dice, true))
			return peaks[len(peaks)-1] >= math.Log(20)
		})
		for _, alpha := range []float64{.01, .001} {
			i := -1
			seldom(t, fmt.Sprintf("%s, level %v", name, alpha), 200, alpha, func(*rand.Rand) bool { i++; return peaks[i] >= -math.Log(alpha) })
		}
		if w.size == 1 {
			continue
		}
		plain := 0
		for i := range 100 {
			if w.peak(t, rand.New(rand.NewPCG(uint64(i), 4)), false) >= math.Log(20) {
				plain++
			}
		}
		t.Logf("%s: undivided %d of 100 cross", name, plain)
		if plain < 15 {
			t.Errorf("%s: undivided %d of 100 cross, so this test cannot fail", name, plain)
		}
	}
}

// What is left of the power: at ten events a second a doubling is found within twenty minutes, in clusters of 20 too.
func TestClusteredFindsHarm(t *testing.T) {
	for size, least := range map[float64]int{1: 99, 5: 99, 20: 95} {
		found := 0
		for i := range 100 {
			w := clusters{size: size, rate: 10, ratio: 2}
			if w.peak(t, rand.New(rand.NewPCG(uint64(i), 6)), true) >= math.Log(20) {
				found++
			}
		}
		if found < least {
			t.Errorf("clusters of %v: a doubling is found in %d of 100 runs", size, found)
		}
	}
}

func TestClusteredSurvivesJSON(t *testing.T) {
	c := NewClustered(NewExclusionTest(1.7))
	c.Fold(3, 50, .1)
	data, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	var read Clustered
	if err := json.Unmarshal(data, &read); err != nil || read != c {
		t.Errorf("JSON changed the state: %s, %v", data, err)
	}
}

// Two lots of cells with rates of their own: what differs between them is no dispersion, what comes together within one is.
func TestDispersionWithinLots(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	lots := func(size int) (lots []Cells, all Cells) {
		for _, rate := range []float64{20, 80} {
			var lot Cells
			for range 40 {
				n := int64(0)
				for range int(distuv.Poisson{Lambda: rate / float64(size), Src: rng}.Rand()) { // clusters
					n += int64(size)
				}
				lot.Counts, lot.Exposure = append(lot.Counts, n), append(lot.Exposure, 1000)
			}
			all.Counts, all.Exposure = append(all.Counts, lot.Counts...), append(all.Exposure, lot.Exposure...)
			lots = append(lots, lot)
		}
		return append(lots, Cells{Counts: []int64{999}, Exposure: []float64{1000}}), all // a lot of one says nothing
	}
	for _, size := range []int{1, 5} {
		apart, all := lots(size)
		within, err := DispersionWithin(apart)
		if err != nil || math.Abs(within.Factor-float64(size)) > 3*within.SE || within.SE > float64(size)/2 {
			t.Errorf("clusters of %d: %+v, %v", size, within, err)
		}
		if mixed, err := DispersionOf(all.Counts, all.Exposure); err != nil || mixed.Factor < 10*within.Factor/float64(size) {
			t.Errorf("clusters of %d, all as one: %+v, %v", size, mixed, err)
		}
	}
	if _, err := DispersionWithin([]Cells{{Counts: []int64{1}}, {Counts: []int64{1}}}); err == nil {
		t.Error("lots of one cell each have a dispersion")
	}
}
