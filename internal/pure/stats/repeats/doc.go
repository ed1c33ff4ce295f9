// Package repeats tests whether units that were drawn at random err more often on one side, by how often each of them erred.
//
// # The test
//
// Each unit (a visitor) is on the new side with probability s, independently of all others. Sharp null hypothesis: the side changes nothing, so that what a unit does and
// meets, its whole path, is the same on either side, and the draw is independent of all paths. Then for any numbers c_v that are worked out from the paths alone, and any λ,
//
//	E = Π_{v on the new side} e^{λ·c_v}  /  Π_{all v} (1 − s + s·e^{λ·c_v})
//
// has the mean 1 over the draw, whatever the paths are: each factor has. Which units are looked at may depend on the paths, too (here those who erred at all). This is a
// randomisation test (Fisher 1935) in the form of an e-value (Grünwald, de Heide & Koolen, "Safe testing", JRSS-B 2024): the likelihood ratio of a draw whose odds are
// tilted by e^{λ·c_v} to the draw as it was made.
//
// One E is for one look. The same units looked at again are no new ones, and E is no martingale in time: combine looks by a plan (stats.Looks).
//
// # The score
//
// What the c_v are decides about power alone. If errors come r times as often on the new side, the log odds of the draw given a path with a first error and n more among m
// requests are about (Shift + z/σ²)·ln r. z is ln(n + ½) less what the units together lead to expect of somebody with so many requests and so many errors before the draw (least squares,
// weighted); σ² is how widely such units scatter, A + φ/(expected n + 1), A and φ fitted as well: few errors are chance, many are the unit. Shift is for having erred at all,
// which says less the more units do so anyway. All is symmetric: it knows the units of both sides together, and not which are which.
//
// # Units
//
// Counts are given as buckets (Bucket), half an octave wide beyond 4, since they come from edges as sparse histograms. Buckets are a function of the path, so that they
// cost a little power and no validity.
package repeats
