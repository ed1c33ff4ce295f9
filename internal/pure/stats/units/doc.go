// Package units compares two groups of units that differ among themselves, such as hosts, some of which were drawn to change: a test
// that does not mistake an unlucky draw for an effect.
//
// # The problem
//
// One host has a slower disk, another more crawlers. A test that takes the two groups for alike becomes ever surer, as counts grow, that
// they differ, and they do: it is the hosts that differ, not the release.
//
// # The model
//
// Unit i has a log rate of its own beside what all share: h_i ~ N(0, σ²). Phase k is a stretch in which the groups stay the same. Of n
// events in phase k, x are in the new group with probability
//
//	p = ρ·exp(c_k + δ) / (ρ·exp(c_k + δ) + 1 − ρ)
//
// where ρ is the new group's share of the requests, c_k the difference of the two groups' log rates, and δ the effect. What each unit did
// in the window before says what c_k may be; the phases share their units, and so the c_k are normal together, with the means and
// covariances that follow from the units' posteriors (Laplace's approximation, and the delta method for a group's mean rate). Visitors
// are drawn, too: where they stay with their group, the spread between buckets of visitors adds its part to the covariance.
//
// σ is not known. It has a prior on a grid, which the units' spread in the window before turns into a posterior, and earlier windows into a
// better prior. The e-value against δ0 is the ratio of two mixtures over σ and c, with bets on δ > δ0 above and δ0 below:
//
//	e = Σ_σ w_σ Σ_j b_j ∫ Π_k L_k(c_k + δ_j) φ_σ(c) dc  /  Σ_σ w_σ ∫ Π_k L_k(c_k + δ0) φ_σ(c) dc
//
// # Guarantee
//
// Where the units' log rates are normal and stay as they were, e is the ratio of two predictive densities of the same data, a nonnegative
// martingale from 1 under the lower one; so P(ever e ≥ 1/α) ≤ α, on average over the draw and the prior of σ. It leans on the model
// where the window before says little, and on the window where it says much. docs/statistics.md has what was measured when it is wrong.
//
// Sources: Lindon & Malek, NeurIPS 2022 (arXiv 2011.03567), for conditioning on the number of events; mixtures under null and
// alternative: Robbins 1970, and Grünwald, de Heide & Koolen, JRSS-B 2024; Laplace's approximation: Tierney & Kadane, JASA 1986.
//
// No I/O, no clock, no randomness. All state is plain exported data that survives JSON bit for bit.
package units
