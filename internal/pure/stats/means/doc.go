// Package means compares the means of two arms: cpu, load, memory, latency, revenue a request. It has the classical interval for one look, and
// those that stay valid however often one looks, for differences and relative effects, of means and of ratios, with and without what the same units did
// before.
//
// # Units
//
// A unit is what was drawn at random: the host for cpu and load, the visitor for revenue; never the sample. A hundred samples of one host are one
// unit. Ten of its minutes are ten units only if its offset from other hosts has been taken out (CUPED with its value before the push) and they do
// not depend on each other.
//
// # What holds when
//
//	Welch                     one look, near-normal means
//	IntervalT, LogET          any number of looks while units arrive; exact for normal values of equal variance
//	Interval, Lower, LogE     any number of looks while units arrive, once there are enough; no assumption on the distribution
//	Bounded                   any number of looks, exact for values between 0 and 1 whatever their distribution
//
// Enough is 30 units in the smaller arm for values that are near normal. For skewed ones, such as times and money, wait for 100 there and tune for 5,000
// in both (the default of GrowthBook): a small arm of skewed values looks calm until its first large one comes. Tuned for 1,000 and looked at from 30
// on, log-normal values (sd 1, a tenth in the new arm) show a false drop on 13 % of paths at a level of 5 %; with what is advised here 4 %. Rises are
// safe either way (under 1 %). Rare events (ones of 5 %: 7 % false drops) are counted, by package stats, not averaged.
//
// All of them look at units that keep arriving. The same ten hosts measured again are not new units: their e-values of several looks may be
// added up (with weights fixed beforehand, see stats.Looks), not maximised.
//
// Means, unlike event counts, suffer from drift: when the share of the new release changes, what all units share (rush hour) no longer falls out of the
// difference of the means. So keep one pair of Moments for each step, and multiply the steps' e-values.
//
// # Sources
//
// Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas, "Time-uniform central limit theory and asymptotic confidence sequences", Annals of Statistics
// 2024 (arXiv 2103.06476v7, whose equation numbers are used here). Lindon, Ham, Tingley & Bojinov, "Anytime-valid linear models and
// regression adjusted causal inference" (arXiv 2210.08589). Deng, Xu, Kohavi & Walker, "Improving the sensitivity of online controlled experiments by
// utilizing pre-experiment data", WSDM 2013. Waudby-Smith & Ramdas, "Estimating means of bounded random variables by betting", JRSS-B 2024. Welch 1947.
//
// It is a package of its own because its units are not events: package stats counts, this one measures.
//
// No I/O, no clock, no randomness. State is plain exported data that survives JSON. No result is NaN for valid input.
package means
