package stats_test

import (
	"fmt"

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
