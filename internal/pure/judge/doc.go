// Package judge decides whether a new release harms what is counted: the pure heart of a rollout.
//
//	Tick ──Fold──> State ──Judge──> Verdict: regressed | healthy | unknown, with reasons and numbers
//	               (one per rollout, through all steps, restarts nowhere)
//
// # Promise
//
// If the release changes nothing, Judge ever says regressed with a probability of at most Policy.Alpha, however often and whenever
// one asks. Split by visitor or by request this is exact, for any visitors, hosts, retries and drift, because the only
// randomness used is that of the split itself. Split by host it holds while hosts differ by less than Policy.Margin.
// Each vital decides alone at an e-value of 1/(Alpha·Weight), so that vitals may depend on each other in any way.
//
// Healthy means that for every vital a harm of Policy.RuleOut is excluded. That is an estimate with the error ExcludeAlpha under a
// model (equal visitors); docs/statistics.md has what was measured for unequal ones.
//
// # What the caller owes
//
// The policy is fixed before the first tick. Each tick is folded exactly once. A change of the share closes the tick. What is left
// out while processes settle is left out by time, never by host, when visitors or requests were drawn: a host that runs one
// release only sees the visitors of one arm, so that without it the rest is no longer split by the drawn share, and an innocent
// release is called regressed. So fold nothing until all hosts have settled, and from then on everything. By host it is the
// other way round: leave out the host.
//
// No I/O, no clock, no randomness. The same ticks give the same verdict, bit for bit.
package judge
