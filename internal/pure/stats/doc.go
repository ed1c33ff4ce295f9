// Package stats holds the arithmetic of the judge: tests and bounds for the ratio of two event rates that stay valid however
// often one looks, and a latency histogram.
//
// # The one formula
//
// Two arms see the same drifting world. Given that an event happened, it is from the new arm with probability
//
//	p(r) = ρr / (ρr + 1 − ρ)
//
// where ρ is the share of the new arm and r the ratio of its rate to the old one's. With x of n events in the new arm, a ratio r1
// is better supported than r0 by the factor
//
//	(r1/r0)^x · ((ρ·r0 + 1 − ρ) / (ρ·r1 + 1 − ρ))^n
//
// whose mean is at most 1 while the ratio is r0 (or on r0's far side from r1). Products of such factors over ticks, and weighted
// means of such products, are nonnegative supermartingales that start at 1. By Ville's inequality one that reaches 1/α disproves r0
// with an error of at most α, at any stopping time. ρ may change with every tick; a tick without events is the factor 1.
//
// Sources: Lindon & Malek, "Anytime-Valid Inference for Multinomial Count Data", NeurIPS 2022 (arXiv 2011.03567), the reduction to
// the share of events; Hoeffding 1963, Theorem 4, for sampling without replacement (events of a finite number of requests are
// hypergeometric, whose exponential moments the binomial's dominate); Ville 1939.
//
// # Beside it
//
// Split and LogMultinomial are the same for any number of arms whose shares are known: is traffic split as intended? Clustered is the formula for events that
// come in clusters. LogMean, Bonferroni, EBH and Looks combine what several vitals, or several looks, say. Package means compares measurements, package
// boundary holds bounds for sums and quantiles, package units knows hosts that differ: each a package of its own, so that whoever wants one reads one.
//
// # Guarantees
//
// No I/O, no clock, no randomness. All state is plain exported data that survives JSON bit for bit. No result is NaN or infinite
// for valid input.
package stats
