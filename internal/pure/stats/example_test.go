package stats_test

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/slipwayhq/slipway/internal/pure/stats"
)

// How many events, both releases together, does it take to rule out a harm if nothing changed?
func ExampleTest_EventsNeeded() {
	for _, ratio := range []float64{1.5, 2, 3} {
		test := stats.NewExclusionTest(ratio)
		fmt.Printf("%g times:", ratio)
		for _, share := range []float64{0.1, 0.5, 0.95} {
			fmt.Printf(" %.0f", test.EventsNeeded(share, 1, 0.05))
		}
		fmt.Println()
	}
	// Output:
	// 1.5 times: 448 181 1065
	// 2 times: 142 63 395
	// 3 times: 51 26 176
}

// The new release was to get a tenth, then half of the requests; it gets a fifth less than that.
func ExampleSplit() {
	var split stats.Split
	for _, minute := range []struct{ counts, weights []float64 }{
		{[]float64{980, 11020}, []float64{1, 9}},
		{[]float64{1010, 10990}, []float64{1, 9}},
		{[]float64{5300, 6700}, []float64{1, 1}},
	} {
		if err := split.Fold(minute.counts, minute.weights); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%.0f requests of %.0f, p %.2g\n", split.Observed[0], split.Expected[0], split.P())
	}
	// Output:
	// 980 requests of 1200, p 6e-10
	// 1990 requests of 2400, p 2.5e-17
	// 7290 requests of 8400, p 2.5e-52
}

// A thousand errors, twenty a visitor: taken for independent, they prove a harm that is not there.
func ExampleClustered() {
	errors := stats.NewClustered(stats.NewHarmTest(1))
	errors.Fold(140, 1000, 0.1) // seven visitors of fifty, where five were to be expected
	dice, buckets := rand.New(rand.NewPCG(1, 1)), make([]int64, 64)
	for range 50 {
		buckets[dice.IntN(64)] += 20
	}
	d, err := stats.DispersionOf(buckets, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("e-value %.0f, in clusters of %.0f: %.1f\n", math.Exp(errors.LogE(1)), d.Factor, math.Exp(errors.LogE(d.Cautious())))
	// Output:
	// e-value 289, in clusters of 25: 0.9
}
