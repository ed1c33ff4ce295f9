// Package peer holds the judges that Slipway's is compared with: what canary controllers ship, what a team writes in an afternoon, and simpler
// cures for unequal hosts. Each file is one rule and says where it is from. Rules that ship are followed to the letter; published numbers of
// their own tests are in the tests here.
//
// What they are given here that they do not always have in practice: a comparison with the old release at the same time, limits set between
// the true rates with and without harm (for those that need limits), and no steps of weight of their own. They count what access logs
// count (canary.Tick.Ended), all requests.
package peer
