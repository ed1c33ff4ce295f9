// Package boundary holds bounds that a random walk crosses with probability at most α, ever: the uniform boundaries of Howard,
// Ramdas, McAuliffe & Sekhon, "Time-uniform, nonparametric, nonasymptotic confidence sequences", Annals of Statistics 49(2), 2021
// (arXiv 1810.08240), and what Howard & Ramdas build on them for quantiles, "Sequential estimation of quantiles with applications to
// A/B testing and best-arm identification", Bernoulli 28(3), 2022 (arXiv 1906.09712). Propositions and theorems are numbered as in the documentation of
// confseq, the authors' implementation.
//
// # The terms
//
// s is a sum of deviations from what a hypothesis expects, such as successes minus np. v is its intrinsic time: the sum of the
// variances, or of what stands in for them; s is in the unit of the observations, v in its square. A Mixture says how improbable a pair (s, v)
// is as an e-value, at whatever time one looks; its Bound is the s at which that e-value reaches 1/α.
//
// vOpt is the v at which a boundary should be tightest, alphaOpt the level it is tuned for. A boundary holds for every α and v
// however it is tuned; a factor of ten off costs some 10 % of width.
//
// It is a package of its own because it serves other tests, not judges: package stats counts events of two releases and needs none of it.
//
// No I/O, no clock, no randomness. No result is NaN for valid input.
package boundary
