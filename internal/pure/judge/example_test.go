package judge_test

import (
	"fmt"

	"github.com/slipwayhq/slipway/internal/pure/judge"
)

// A tenth of the visitors gets a release whose errors are four times the old one's.
func Example() {
	policy := judge.Standard(judge.ByVisitor, 0.01, nil)
	if err := policy.Validate(); err != nil {
		panic(err)
	}
	state := judge.NewState(policy)
	for second := range int64(60) {
		err := state.Fold(policy, judge.Tick{
			Second: 1_790_000_000 + second, Share: 0.1,
			Counts: map[string]judge.Count{judge.Errors: {New: 4, Old: 9, AtRiskNew: 100, AtRiskOld: 900}},
		})
		if err != nil {
			panic(err)
		}
		if verdict := judge.Judge(policy, state); verdict.Outcome == judge.Regressed {
			fmt.Printf("%s after %d seconds\n%s\n", verdict.Outcome, second+1, verdict.Reasons[0].Text)
			break
		}
	}
	// Output:
	// regressed after 4 seconds
	// errors: 4.0 times the old release's (16 against 4.0 expected); a release that changes nothing shows this, however often one looks, in at most 1 of 630 rollouts
}
