// Command sim proves by simulation what the judge promises: a release that changes nothing is rolled back in at most Alpha of all
// rollouts, and a harm is found within the time that the table says. Every number comes from the judge's own code, fed with ticks
// as an edge would count them, and from a seed, whatever the number of workers.
//
//	go run ./sim                 # all of it, 10,000 rollouts a cell: minutes
//	go run ./sim -quick          # some hundred a cell: seconds
//	go run ./sim canary          # our judge and its peers on the same streams: docs/canary-benchmark.md
//
// It exits with status 1 when a bound is broken by more than 3 standard errors.
//
// # Why drawing first events alone is the same law
//
// A visitor makes requests by a Poisson process of rate λ. Each request is, independently, of one of a few kinds: fine, failing,
// slow, failing and slow. By the marking theorem (Kingman, Poisson Processes, 1993, section 5.2) the kinds are independent Poisson
// processes with rates λ·q. A visitor's first failing request is therefore exponential with rate λ·q, and given that it is at T, the
// other requests before T are a Poisson process of rate λ·(1−q). Sums of independent Poisson counts are Poisson. So we draw each
// visitor's first times one by one, from the same kinds for all vitals (that is how vitals depend on each other), and the
// remaining requests at risk once per tick, arm and vital, with the sum of the rates as mean. Each vital's counts have exactly
// the law of a simulation request by request; only the Poisson noise of the requests at risk is drawn afresh for each vital.
package main
